//! What holds for everything: what is printed is read as it was, and nothing panics.

use longrun_transcoding::{
    FieldMask, Router, Template, build_request, check_any_types, parse, print, split_query,
};
use proptest::prelude::*;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use super::{COMPACT, descriptor, json};

/// The JSON of an arbitrary `google.protobuf.Value`.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>()
            .prop_filter("JSON has no other numbers", |value| value.is_finite())
            .prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::hash_map(any::<String>(), inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_struct() -> impl Strategy<Value = serde_json::Value> {
    prop::collection::hash_map(any::<String>(), any_json(), 0..8)
        .prop_map(|map| serde_json::Value::Object(map.into_iter().collect()))
}

/// Two values say the same: numbers are doubles, objects have no order.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// A message as its bytes have it, which leave defaults out.
fn decoded(message: &DynamicMessage) -> DynamicMessage {
    let bytes = prost::Message::encode_to_vec(message);
    DynamicMessage::decode(message.descriptor(), bytes.as_slice()).expect("they are its own bytes")
}

/// Reads a message, prints it, reads that and prints it again: both texts are the same.
/// (The bytes in an Any needn't be: the entries of a map have no order.)
fn is_stable(name: &str, text: &str) -> String {
    let first = parse(text.as_bytes(), &descriptor(name)).expect(text);
    let printed = json(&first);
    let second = parse(printed.as_bytes(), &descriptor(name)).expect(&printed);
    assert_eq!(json(&second), printed, "{text}");
    printed
}

/// A message of `google.protobuf` with the first two numbers set.
fn timed(name: &str, seconds: i64, nanos: i32) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor(&format!("google.protobuf.{name}")));
    message.set_field_by_number(1, Value::I64(seconds));
    message.set_field_by_number(2, Value::I32(nanos));
    message
}

fn snake_path() -> impl Strategy<Value = String> {
    let word = "[a-z][a-z0-9]{0,4}(_[a-z][a-z0-9]{0,3}){0,3}";
    prop::collection::vec(word, 1..4).prop_map(|words| words.join("."))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn structs_come_back(value in any_struct()) {
        let printed = is_stable("google.protobuf.Struct", &value.to_string());
        let back: serde_json::Value = serde_json::from_str(&printed).expect("it is JSON");
        prop_assert!(same(&value, &back), "{value} became {back}");
    }

    #[test]
    fn structs_in_anys_come_back(value in any_struct()) {
        let text = format!("{{\"@type\":\"type.googleapis.com/google.protobuf.Struct\",\"value\":{value}}}");
        is_stable("google.protobuf.Any", &text);
    }

    #[test]
    fn timestamps_come_back(seconds in -62_135_596_800i64..=253_402_300_799, nanos in 0i32..1_000_000_000, digits in 0u32..10) {
        let nanos = nanos - nanos % 10i32.pow(9 - digits.min(9));
        let time = timed("Timestamp", seconds, nanos);
        let text = json(&time);
        let back = parse(text.as_bytes(), &descriptor("google.protobuf.Timestamp"));
        prop_assert!(back.is_ok_and(|back| decoded(&back) == decoded(&time)), "{}", text);
        is_stable("google.protobuf.Timestamp", &text);
    }

    #[test]
    fn durations_come_back(seconds in 0i64..=315_576_000_000, nanos in 0i32..1_000_000_000, negative: bool) {
        let sign = if negative { -1 } else { 1 };
        let duration = timed("Duration", seconds * i64::from(sign), nanos * sign);
        let text = json(&duration);
        let back = parse(text.as_bytes(), &descriptor("google.protobuf.Duration"));
        prop_assert!(back.is_ok_and(|back| decoded(&back) == decoded(&duration)), "{}", text);
        is_stable("google.protobuf.Duration", &text);
    }

    #[test]
    fn times_out_of_range_are_an_error_and_no_panic(seconds: i64, nanos: i32) {
        for name in ["Timestamp", "Duration"] {
            let time = timed(name, seconds, nanos);
            prop_assert_eq!(print(&time, &COMPACT).is_ok(), check_any_types(&time).is_ok());
        }
    }

    #[test]
    fn field_masks_come_back(paths in prop::collection::vec(snake_path(), 0..6)) {
        let mut mask = DynamicMessage::new(descriptor("google.protobuf.FieldMask"));
        let values = paths.iter().cloned().map(Value::String).collect();
        mask.set_field_by_number(1, Value::List(values));
        let text = json(&mask);
        let back = parse(text.as_bytes(), &descriptor("google.protobuf.FieldMask"));
        prop_assert!(back.is_ok_and(|back| decoded(&back) == decoded(&mask)), "{}", text);
        is_stable("google.protobuf.FieldMask", &text);
    }

    #[test]
    fn numbers_come_back(double: f64, float: f32, int: i64, uint: u64) {
        // A field without presence can't tell -0 from its default.
        let (double, float) = (double + 0.0, float + 0.0);
        let mut shape = DynamicMessage::new(descriptor("Shape"));
        shape.set_field_by_name("ratio", Value::F64(double));
        shape.set_field_by_name("weight", Value::F32(float));
        shape.set_field_by_name("total_bytes", Value::I64(int));
        shape.set_field_by_name("big_count", Value::U64(uint));
        let text = json(&shape);
        let back = parse(text.as_bytes(), &descriptor("Shape")).expect(&text);
        prop_assert_eq!(json(&back), text);
        for field in ["ratio", "weight"] {
            let bits = |message: &DynamicMessage| match message.get_field_by_name(field).as_deref() {
                Some(Value::F64(value)) if !value.is_nan() => value.to_bits(),
                Some(Value::F32(value)) if !value.is_nan() => value.to_bits().into(),
                _ => 0,
            };
            prop_assert_eq!(bits(&back), bits(&shape), "{}", field);
        }
    }

    #[test]
    fn bytes_and_text_come_back(data: Vec<u8>, name: String, labels: std::collections::HashMap<String, String>) {
        let mut shape = DynamicMessage::new(descriptor("Shape"));
        shape.set_field_by_name("data", Value::Bytes(data.into()));
        shape.set_field_by_name("name", Value::String(name));
        let labels = labels.into_iter().map(|(key, value)| (prost_reflect::MapKey::String(key), Value::String(value)));
        shape.set_field_by_name("labels", Value::Map(labels.collect()));
        let text = json(&shape);
        let back = parse(text.as_bytes(), &descriptor("Shape"));
        prop_assert!(back.is_ok_and(|back| decoded(&back) == decoded(&shape)), "{}", text);
    }

    #[test]
    fn no_bytes_panic_the_parser(bytes: Vec<u8>) {
        for name in ["Shape", "google.protobuf.Any", "google.protobuf.Value"] {
            let _ = parse(&bytes, &descriptor(name));
        }
    }

    #[test]
    fn no_document_panics_the_parser(value in any_json(), field in prop::sample::select(FIELDS)) {
        let text = format!("{{\"{field}\": {value}}}");
        if let Ok(message) = parse(text.as_bytes(), &descriptor("Shape")) {
            // Whatever is read can be printed, and is then the same.
            is_stable("Shape", &json(&message));
            prop_assert_eq!(check_any_types(&message), Ok(()));
        }
    }

    #[test]
    fn no_wire_bytes_panic_the_printer(bytes: Vec<u8>) {
        if let Ok(message) = DynamicMessage::decode(descriptor("Shape"), bytes.as_slice()) {
            let printed = print(&message, &COMPACT);
            prop_assert!(printed.is_ok() || check_any_types(&message).is_err());
        }
    }

    #[test]
    fn no_request_panics_the_router(path in "(/[a-z%:.2Ff*]{0,6}){0,8}", raw in "[a-z0-9$%&=+.;]{0,40}") {
        let mut router = Router::new();
        for path in ["/v1/{name=operations/**}", "/v1/{name=**/operations/*}:wait", "/{a}/{b=**}"] {
            let template = Template::parse(path).expect(path);
            router.insert("GET", &template, ()).expect(path);
        }
        if let Ok(found) = router.find("GET", &path)
            && let Ok((_, query)) = split_query(&raw, &|_| None)
        {
            let rule = longrun_transcoding::Rule::new("GET", "/v1/{name}", "", "").expect("a rule");
            let _ = build_request(&descriptor("Shape"), &rule, &found.captures, &query, b"");
        }
    }

    #[test]
    fn no_text_panics_a_template_or_a_mask(text in "[/a-z{}=*:.,()@]{0,30}", other: String) {
        for text in [&text, &other] {
            if let Ok(template) = Template::parse(text) {
                prop_assert_eq!(&template.to_string(), text);
                let _ = template.variable_matches("a", "b/c");
            }
            if let Ok(mask) = FieldMask::parse(text) {
                let _ = mask.validate(&descriptor("Shape"));
            }
        }
    }
}

/// Every field of a shape that isn't plain text.
const FIELDS: &[&str] = &[
    "pageSize",
    "totalBytes",
    "bigCount",
    "ratio",
    "weight",
    "isOpen",
    "data",
    "color",
    "tags",
    "sizes",
    "colors",
    "point",
    "points",
    "labels",
    "byNumber",
    "byFlag",
    "byName",
    "colorByName",
    "number",
    "maybe",
    "createTime",
    "ttl",
    "updateMask",
    "config",
    "value",
    "list",
    "payload",
    "payloads",
    "empty",
    "nothing",
    "values",
    "valueByName",
    "maybeNothing",
    "doubleValue",
    "floatValue",
    "int64Value",
    "boolValue",
    "stringValue",
    "bytesValue",
];
