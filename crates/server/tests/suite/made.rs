//! Requests made from their descriptors: all that is required, and what the path binds.

use longrun_server::catalog::{Method, RequestFacts};
use longrun_transcoding::{Body, PrintOptions, Rule, print};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use serde_json::Value as Json;

/// No required field lies deeper.
const DEPTH_MAX: usize = 20;

/// A request that has every required field, and the names that the rule's path wants.
pub fn made(method: &Method, rule: Option<&Rule>) -> Result<DynamicMessage, String> {
    let lro = method.lro.as_ref().ok_or("no long-running method")?;
    let facts = lro.request_facts(&method.input);
    let mut request = message(facts, &method.input, 0)?;
    for (path, pattern) in rule.map(variables).unwrap_or_default() {
        // A name in the resource needs the rest of it.
        let outer = path.split_once('.').and_then(|(outer, _)| {
            let field = method.input.get_field_by_name(outer)?;
            let inner = field.kind().as_message().cloned()?;
            (!request.has_field(&field)).then_some((field, inner))
        });
        if let Some((field, inner)) = outer {
            request.set_field(&field, Value::Message(message(facts, &inner, 1)?));
        }
        bind(&mut request, &path, &pattern.replace("**", "x").replace('*', "x"))?;
    }
    Ok(request)
}

fn message(
    facts: &RequestFacts,
    descriptor: &MessageDescriptor,
    depth: usize,
) -> Result<DynamicMessage, String> {
    if depth > DEPTH_MAX {
        return Err(format!("{} requires itself", descriptor.full_name()));
    }
    let mut message = DynamicMessage::new(descriptor.clone());
    match descriptor.full_name() {
        "google.protobuf.FieldMask" => {
            message.set_field_by_name("paths", Value::List(vec![Value::String("*".to_owned())]));
        }
        "google.protobuf.Value" => {
            message.set_field_by_name("string_value", Value::String("x".to_owned()));
        }
        _ => {}
    }
    for field in facts.required(descriptor) {
        // A oneof has one of its fields.
        let taken = field
            .containing_oneof()
            .is_some_and(|oneof| oneof.fields().any(|other| message.has_field(&other)));
        if taken {
            continue;
        }
        let value = if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let key = match entry.map_entry_key_field().kind() {
                Kind::String => MapKey::String("k".to_owned()),
                Kind::Int32 => MapKey::I32(1),
                Kind::Int64 => MapKey::I64(1),
                kind => return Err(format!("a key of kind {kind:?}")),
            };
            let value = one(facts, &entry.map_entry_value_field(), depth)?;
            Value::Map([(key, value)].into())
        } else if field.is_list() {
            Value::List(vec![one(facts, field, depth)?])
        } else {
            one(facts, field, depth)?
        };
        message.set_field(field, value);
    }
    Ok(message)
}

fn one(facts: &RequestFacts, field: &FieldDescriptor, depth: usize) -> Result<Value, String> {
    Ok(match field.kind() {
        Kind::Bool => Value::Bool(field.name() != "validate_only"),
        Kind::String => Value::String("x".to_owned()),
        Kind::Bytes => Value::Bytes(bytes::Bytes::from_static(b"x")),
        Kind::Double => Value::F64(1.5),
        Kind::Float => Value::F32(1.5),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(1),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(1),
        Kind::Enum(kind) => {
            let last = kind.values().last().ok_or("an enum without values")?;
            Value::EnumNumber(last.number())
        }
        Kind::Message(inner) => Value::Message(message(facts, &inner, depth + 1)?),
    })
}

/// Field paths and patterns of a rule's variables: `{name=projects/*}`, `{name}`.
fn variables(rule: &Rule) -> Vec<(String, String)> {
    let template = rule.template.to_string();
    let variables = template.split('{').skip(1).filter_map(|part| part.split_once('}'));
    variables
        .map(|(variable, _)| variable.split_once('=').unwrap_or((variable, "*")))
        .map(|(path, pattern)| (path.to_owned(), pattern.to_owned()))
        .collect()
}

fn bind(message: &mut DynamicMessage, path: &str, text: &str) -> Result<(), String> {
    let missing = || format!("no field {path}");
    if let Some((first, rest)) = path.split_once('.') {
        let inner = message.get_field_by_name_mut(first).and_then(Value::as_message_mut);
        return bind(inner.ok_or_else(missing)?, rest, text);
    }
    let field = message.descriptor().get_field_by_name(path).ok_or_else(missing)?;
    let value = match field.kind() {
        Kind::String => Value::String(text.to_owned()),
        Kind::Int64 => Value::I64(1),
        Kind::Int32 => Value::I32(1),
        kind => return Err(format!("{path} is of kind {kind:?}")),
    };
    message.set_field(&field, value);
    Ok(())
}

/// The request as a rule wants it: verb, path with query, and body.
pub fn rest_call(
    rule: &Rule,
    request: &DynamicMessage,
) -> Result<(String, String, String), String> {
    let options = PrintOptions { pretty: false, enums_as_ints: false, fields: None };
    let printed = print(request, &options).map_err(|why| format!("{why:?}"))?;
    let mut json: Json = serde_json::from_slice(&printed).map_err(|why| why.to_string())?;
    let mut path = rule.template.to_string();
    for (field, pattern) in variables(rule) {
        let names = json_path(&request.descriptor(), &field)?;
        let value = take(&mut json, &names).ok_or_else(|| format!("{field} isn't set"))?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        path = path.replace(&format!("{{{field}={pattern}}}"), &text);
        path = path.replace(&format!("{{{field}}}"), &text);
    }
    let body = match &rule.body {
        Body::None => None,
        Body::All => Some(std::mem::replace(&mut json, Json::Object(serde_json::Map::new()))),
        Body::Field(field) => take(&mut json, &json_path(&request.descriptor(), field)?),
    };
    let mut query = Vec::new();
    flatten(&json, "", &mut query);
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    Ok((rule.verb.clone(), path, body.map(|body| body.to_string()).unwrap_or_default()))
}

fn json_path(descriptor: &MessageDescriptor, path: &str) -> Result<Vec<String>, String> {
    let mut owner = Some(descriptor.clone());
    let mut names = Vec::new();
    for part in path.split('.') {
        let field = owner.and_then(|owner| owner.get_field_by_name(part));
        let field = field.ok_or_else(|| format!("no field {path}"))?;
        owner = field.kind().as_message().cloned();
        names.push(field.json_name().to_owned());
    }
    Ok(names)
}

/// Takes a field out of a JSON object; objects that it leaves empty stay.
fn take(json: &mut Json, names: &[String]) -> Option<Json> {
    match names {
        [] => None,
        [last] => json.as_object_mut()?.remove(last),
        [first, rest @ ..] => take(json.as_object_mut()?.get_mut(first)?, rest),
    }
}

fn flatten(json: &Json, at: &str, query: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            for (name, inner) in fields {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                flatten(inner, &at, query);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| flatten(item, at, query)),
        Json::String(text) => query.push(format!("{at}={}", text.replace('*', "%2A"))),
        other => query.push(format!("{at}={other}")),
    }
}
