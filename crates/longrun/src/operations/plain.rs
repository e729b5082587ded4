//! An operation in JSON without its service's descriptors: for servers whose REST paths
//! differ from the usual, where only gRPC is left.

use longrun_api::google::longrunning::{Operation, operation};
use longrun_api::google::rpc;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Any, Struct};
use serde_json::{Map, Value, json};

/// As `google.longrunning.Operation`.
pub(in crate::operations) fn operation(operation: &Operation) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(operation.name));
    if let Some(metadata) = &operation.metadata {
        fields.insert("metadata".to_owned(), any(metadata));
    }
    if operation.done {
        fields.insert("done".to_owned(), json!(true));
    }
    match &operation.result {
        Some(operation::Result::Error(error)) => fields.insert("error".to_owned(), status(error)),
        Some(operation::Result::Response(response)) => {
            fields.insert("response".to_owned(), any(response))
        }
        None => None,
    };
    Value::Object(fields)
}

fn status(status: &rpc::Status) -> Value {
    let mut fields = Map::new();
    fields.insert("code".to_owned(), json!(status.code));
    fields.insert("message".to_owned(), json!(status.message));
    if !status.details.is_empty() {
        fields.insert("details".to_owned(), status.details.iter().map(any).collect());
    }
    Value::Object(fields)
}

/// The type always; the content where it is a `Struct`, which describes itself.
fn any(any: &Any) -> Value {
    let name = any.type_url.rsplit('/').next().unwrap_or_default();
    match (name, Struct::decode(&*any.value)) {
        ("google.protobuf.Struct", Ok(fields)) => {
            json!({ "@type": any.type_url, "value": object(fields) })
        }
        _ => json!({ "@type": any.type_url }),
    }
}

fn object(fields: Struct) -> Value {
    fields.fields.into_iter().map(|(key, value)| (key, plain(value.kind))).collect()
}

fn plain(kind: Option<Kind>) -> Value {
    match kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(truth)) => json!(truth),
        // Proto3 JSON prints whole numbers without a fraction.
        Some(Kind::NumberValue(number)) if number.fract() == 0.0 && number.abs() < 1e15 => {
            json!(number as i64)
        }
        Some(Kind::NumberValue(number)) => json!(number),
        Some(Kind::StringValue(text)) => json!(text),
        Some(Kind::StructValue(fields)) => object(fields),
        Some(Kind::ListValue(list)) => {
            list.values.into_iter().map(|value| plain(value.kind)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_it_can() {
        let number = |number| prost_types::Value { kind: Some(Kind::NumberValue(number)) };
        let progress = Struct {
            fields: [("percent".to_owned(), number(50.0)), ("rate".to_owned(), number(0.5))].into(),
        };
        let open = Operation {
            name: "operations/a".to_owned(),
            metadata: Some(Any {
                type_url: "type.googleapis.com/google.protobuf.Struct".to_owned(),
                value: progress.encode_to_vec(),
            }),
            ..Operation::default()
        };
        assert_eq!(
            operation(&open),
            json!({
                "name": "operations/a",
                "metadata": {
                    "@type": "type.googleapis.com/google.protobuf.Struct",
                    "value": { "percent": 50, "rate": 0.5 },
                },
            })
        );
        let error = rpc::Status { code: 5, message: "no".to_owned(), details: vec![] };
        let failed = Operation {
            done: true,
            result: Some(operation::Result::Error(error)),
            ..Operation::default()
        };
        assert_eq!(
            operation(&failed),
            json!({ "name": "", "done": true, "error": { "code": 5, "message": "no" } })
        );
    }
}
