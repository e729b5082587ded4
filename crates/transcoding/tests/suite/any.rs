//! `google.protobuf.Any`, both ways, and what may be in one.

use longrun_transcoding::{PrintError, check_any_types, print};
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use super::{COMPACT, descriptor, json, message, pairs, refused};

fn any(url: &str, bytes: &[u8]) -> DynamicMessage {
    let mut any = DynamicMessage::new(descriptor("google.protobuf.Any"));
    any.set_field_by_number(1, Value::String(url.to_owned()));
    any.set_field_by_number(2, Value::Bytes(bytes.to_vec().into()));
    any
}

fn pack(message: &DynamicMessage) -> DynamicMessage {
    let url = format!("type.googleapis.com/{}", message.descriptor().full_name());
    any(&url, &prost::Message::encode_to_vec(message))
}

fn shape_with(field: &str, value: Value) -> DynamicMessage {
    let mut shape = DynamicMessage::new(descriptor("Shape"));
    shape.set_field_by_name(field, value);
    shape
}

#[test]
fn what_is_printed_is_read() {
    let table = [
        "{}",
        r#"{"@type":"type.googleapis.com/shapes.v1.Point"}"#,
        r#"{"@type":"type.googleapis.com/shapes.v1.Point","xAxis":1,"note":"n"}"#,
        r#"{"@type":"example.com/a/b/shapes.v1.Point","xAxis":1}"#,
        r#"{"@type":"/shapes.v1.Point","xAxis":1}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Empty"}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Timestamp","value":"2025-01-01T00:00:00Z"}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1.500s"}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.FieldMask","value":"aB,c"}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"a":[1,null]}}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Value","value":null}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Value","value":"x"}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.ListValue","value":[]}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Int64Value","value":"7"}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.DoubleValue","value":0}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.BoolValue","value":false}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.StringValue","value":""}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.BytesValue","value":"/w=="}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Any","value":{}}"#,
        r#"{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"type.googleapis.com/shapes.v1.Point","xAxis":1}}"#,
        r#"{"@type":"type.googleapis.com/shapes.v1.Shape","payload":{"@type":"type.googleapis.com/shapes.v1.Shape","color":"RED"}}"#,
        r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R","domain":"d","metadata":{"k":"v"}}"#,
    ];
    for text in table {
        let printed = json(&message("google.protobuf.Any", text));
        assert_eq!(printed, text);
        let whole = format!("{{\"payload\":{text},\"payloads\":[{text}]}}");
        let shape = message("Shape", &whole);
        assert_eq!(json(&shape), whole);
        assert_eq!(check_any_types(&shape), Ok(()), "{text}");
    }
}

#[test]
fn both_forms_of_empty_and_any_order_are_read() {
    let table = [
        (
            r#"{"@type": "type.googleapis.com/google.protobuf.Empty", "value": {}}"#,
            r#"{"@type":"type.googleapis.com/google.protobuf.Empty"}"#,
        ),
        (
            r#"{"xAxis": 1, "@type": "type.googleapis.com/shapes.v1.Point", "note": "n"}"#,
            r#"{"@type":"type.googleapis.com/shapes.v1.Point","xAxis":1,"note":"n"}"#,
        ),
        (
            r#"{"value": "1s", "@type": "type.googleapis.com/google.protobuf.Duration"}"#,
            r#"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}"#,
        ),
    ];
    for (text, expected) in table {
        assert_eq!(json(&message("google.protobuf.Any", text)), expected);
    }
    // A message of one's own may have a field `value`.
    let own = r#"{"@type":"type.googleapis.com/shapes.v1.Shape","value":1}"#;
    assert_eq!(json(&message("google.protobuf.Any", own)), own);
}

#[test]
fn what_is_no_any() {
    let needs = "Invalid value at 'payload': an Any needs an \"@type\".";
    let table = [
        (r#"{"xAxis": 1}"#, "payload", needs),
        (r#"{"@type": 1}"#, "payload", needs),
        (r#"{"@type": null}"#, "payload", needs),
        (
            r#"{"@type": "type.googleapis.com/nope.Nope"}"#,
            "payload",
            "Invalid value at 'payload': no descriptor declares the type \"type.googleapis.com/nope.Nope\".",
        ),
        (
            r#"{"@type": "shapes.v1.Point"}"#,
            "payload",
            "Invalid value at 'payload': no descriptor declares the type \"shapes.v1.Point\".",
        ),
        (
            r#"{"@type": ""}"#,
            "payload",
            "Invalid value at 'payload': no descriptor declares the type \"\".",
        ),
        (
            r#"{"@type": "type.googleapis.com/google.protobuf.Duration"}"#,
            "payload",
            "Invalid value at 'payload': a google.protobuf.Duration in an Any stands under \"value\".",
        ),
        (
            r#"{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s", "x": 1}"#,
            "payload",
            "Invalid value at 'payload': a google.protobuf.Duration in an Any stands under \"value\".",
        ),
        (
            r#"{"@type": "type.googleapis.com/google.protobuf.Duration", "value": null}"#,
            "payload",
            "Invalid value at 'payload' (type.googleapis.com/google.protobuf.Duration), null",
        ),
        (
            r#"{"@type": "type.googleapis.com/google.protobuf.Empty", "x": 1}"#,
            "payload",
            "Invalid value at 'payload': a google.protobuf.Empty in an Any stands under \"value\".",
        ),
        (
            r#"{"@type": "type.googleapis.com/google.protobuf.Empty", "value": {"x": 1}}"#,
            "payload",
            "Invalid JSON payload received. Unknown name \"x\" at 'payload': Cannot find field.",
        ),
        (
            r#"{"@type": "type.googleapis.com/shapes.v1.Point", "value": {}}"#,
            "payload",
            "Invalid JSON payload received. Unknown name \"value\" at 'payload': Cannot find field.",
        ),
        (
            r#"{"@type": "type.googleapis.com/shapes.v1.Point", "xAxis": "a"}"#,
            "payload.x_axis",
            "Invalid value at 'payload.x_axis' (TYPE_INT32), \"a\"",
        ),
        (
            r#""x""#,
            "payload",
            "Invalid value at 'payload' (type.googleapis.com/google.protobuf.Any), \"x\"",
        ),
        (
            r#"[]"#,
            "payload",
            "Invalid value at 'payload' (type.googleapis.com/google.protobuf.Any), […]",
        ),
    ];
    for (text, field, why) in table {
        let text = format!("{{\"payload\": {text}}}");
        let refused = refused("Shape", &text);
        assert_eq!(pairs(&refused), [(field, why)], "{text}");
    }
}

#[test]
fn what_can_be_printed_and_what_cannot() {
    let unset = DynamicMessage::new(descriptor("google.protobuf.Any"));
    assert_eq!(json(&unset), "{}");
    let unknown = "type.googleapis.com/nope.Nope";
    let point = "type.googleapis.com/shapes.v1.Point";
    assert_eq!(
        print(&any(unknown, b""), &COMPACT),
        Err(PrintError::UnknownType(unknown.to_owned()))
    );
    assert_eq!(print(&any(point, b"\xff"), &COMPACT), Err(PrintError::BadBytes(point.to_owned())));
}

#[test]
fn payloads_that_nobody_could_read_are_named() {
    let inner = |any: DynamicMessage| pack(&shape_with("payload", Value::Message(any)));
    let late = shape_with("create_time", {
        let mut time = DynamicMessage::new(descriptor("google.protobuf.Timestamp"));
        time.set_field_by_number(1, Value::I64(i64::MAX));
        Value::Message(time)
    });
    let unknown = any("type.googleapis.com/nope.Nope", b"");
    let broken = any("type.googleapis.com/shapes.v1.Point", b"\xff");
    let nope = "no descriptor declares the type \"type.googleapis.com/nope.Nope\"";
    let bare = "no descriptor declares the type \"shapes.v1.Point\"";
    let nameless = "no descriptor declares the type \"\"";
    let invalid = "the value is no valid shapes.v1.Point";
    let range = "the google.protobuf.Timestamp is out of range";
    let table = [
        (unknown.clone(), "payload", nope),
        (any("shapes.v1.Point", b""), "payload", bare),
        (any("", b"x"), "payload", nameless),
        (broken.clone(), "payload", invalid),
        (inner(unknown), "payload.payload", nope),
        (inner(inner(broken)), "payload.payload.payload", invalid),
        (pack(&late), "payload.create_time", range),
    ];
    for (any, field, why) in table {
        let items =
            [pack(&DynamicMessage::new(descriptor("Point"))), any.clone()].map(Value::Message);
        let list = shape_with("payloads", Value::List(items.to_vec()));
        let violation = check_any_types(&list).expect_err(why);
        assert_eq!(violation.field, field.replacen("payload", "payloads[1]", 1));
        let shape = shape_with("payload", Value::Message(any));
        let violation = check_any_types(&shape).expect_err(why);
        assert_eq!(violation.field, field);
        assert!(violation.description.starts_with(why), "{}", violation.description);
        assert!(print(&shape, &COMPACT).is_err() || why == bare || why == nameless, "{why}");
    }
    assert_eq!(check_any_types(&late).expect_err("late").field, "create_time");
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut value = DynamicMessage::new(descriptor("google.protobuf.Value"));
        value.set_field_by_name("number_value", Value::F64(number));
        // Its JSON would be read as another: a text.
        let shape = shape_with("values", Value::List(vec![Value::Message(value)]));
        let violation = check_any_types(&shape).expect_err("JSON has no such number");
        assert_eq!(violation.field, "values[0]");
        assert_eq!(violation.description, "the google.protobuf.Value is out of range");
    }
    assert_eq!(check_any_types(&shape_with("payload", Value::Message(any("", b"")))), Ok(()));
}
