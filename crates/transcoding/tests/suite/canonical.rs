//! The one form of a message.

use longrun_transcoding::canonical;
use prost_reflect::{DynamicMessage, Value};

use super::{descriptor, message};

const STRUCT: &str = "google.protobuf.Struct";
const ANY: &str = "google.protobuf.Any";

#[test]
fn the_order_of_a_maps_keys_does_not_count() {
    let keys: Vec<String> = (0..40).map(|key| format!("\"k{key}\":{key}")).collect();
    let text = format!("{{{}}}", keys.join(","));
    // Each decoded map has an order of its own.
    let first = canonical(&message(STRUCT, &text));
    for _ in 0..20 {
        let bytes = prost::Message::encode_to_vec(&message(STRUCT, &text));
        let again =
            DynamicMessage::decode(descriptor(STRUCT), bytes.as_slice()).expect("it is one");
        assert_eq!(canonical(&again), first);
    }
    let nested = format!(r#"{{"@type":"type.googleapis.com/{STRUCT}","value":{text}}}"#);
    let first = canonical(&message(ANY, &nested));
    for _ in 0..20 {
        assert_eq!(canonical(&message(ANY, &nested)), first);
    }
}

#[test]
fn what_differs_has_another_form() {
    let forms = [
        (STRUCT, r#"{}"#),
        (STRUCT, r#"{"a":1}"#),
        (STRUCT, r#"{"a":2}"#),
        (STRUCT, r#"{"a":"1"}"#),
        (STRUCT, r#"{"a":null}"#),
        (STRUCT, r#"{"a":[]}"#),
        (STRUCT, r#"{"a":[1,2]}"#),
        (STRUCT, r#"{"a":[2,1]}"#),
        (STRUCT, r#"{"a":[[1],[2]]}"#),
        (STRUCT, r#"{"a":1,"b":2}"#),
        (STRUCT, r#"{"a":2,"b":1}"#),
        (ANY, r#"{"@type":"type.googleapis.com/shapes.v1.Point","xAxis":1}"#),
        (ANY, r#"{"@type":"type.googleapis.com/shapes.v1.Point","xAxis":2}"#),
        (ANY, r#"{"@type":"type.googleapis.com/google.protobuf.Empty"}"#),
    ]
    .map(|(name, json)| (json, canonical(&message(name, json))));
    for (index, (json, form)) in forms.iter().enumerate() {
        for (other, same) in &forms[index + 1..] {
            assert_ne!(form, same, "{json} and {other}");
        }
    }
}

#[test]
fn an_anys_host_does_not_count_but_its_type_does() {
    let of = |url: &str| canonical(&message(ANY, &format!(r#"{{"@type":"{url}","xAxis":1}}"#)));
    assert_eq!(of("type.googleapis.com/shapes.v1.Point"), of("example.com/a/shapes.v1.Point"));
    let raw = |name: &str| {
        let mut any = DynamicMessage::new(descriptor(ANY));
        any.set_field_by_number(1, Value::String(format!("type.googleapis.com/{name}")));
        any.set_field_by_number(2, Value::Bytes(vec![1, 2, 3].into()));
        canonical(&any)
    };
    assert_ne!(raw("no.Such"), raw("no.Other"), "what can't be read counts as it is");
}

#[test]
fn unknown_fields_count() {
    let decode =
        |bytes: &[u8]| DynamicMessage::decode(descriptor(STRUCT), bytes).expect("it is one");
    let forms =
        [&[][..], &[0xf8, 0x7f, 1], &[0xf8, 0x7f, 2]].map(|bytes| canonical(&decode(bytes)));
    assert_ne!(forms[0], forms[1]);
    assert_ne!(forms[1], forms[2]);
}
