//! How messages are printed.

use longrun_transcoding::{PrintError, PrintOptions, print};
use prost_reflect::{DynamicMessage, MapKey, Value};

use super::{descriptor, json, message};

/// A shape with one field set, whatever JSON would say to its value.
fn with(field: &str, value: Value) -> DynamicMessage {
    let mut shape = DynamicMessage::new(descriptor("Shape"));
    shape.set_field_by_name(field, value);
    shape
}

/// A message of `google.protobuf` with the first fields set.
fn known(name: &str, values: impl IntoIterator<Item = Value>) -> Value {
    let mut message = DynamicMessage::new(descriptor(&format!("google.protobuf.{name}")));
    for (number, value) in (1..).zip(values) {
        message.set_field_by_number(number, value);
    }
    Value::Message(message)
}

fn timed(name: &str, seconds: i64, nanos: i32) -> Value {
    known(name, [Value::I64(seconds), Value::I32(nanos)])
}

#[test]
fn scalars() {
    let table = [
        (
            "name",
            Value::String("a\"\\\u{1}\n/<ü😀\u{2028}".into()),
            "\"a\\\"\\\\\\u0001\\n/<ü😀\u{2028}\"",
        ),
        ("page_size", Value::I32(-5), "-5"),
        ("total_bytes", Value::I64(i64::MIN), "\"-9223372036854775808\""),
        ("small_count", Value::U32(u32::MAX), "4294967295"),
        ("big_count", Value::U64(u64::MAX), "\"18446744073709551615\""),
        ("is_open", Value::Bool(true), "true"),
        ("data", Value::Bytes(vec![0xff, 0xfe, 0x00].into()), "\"//4A\""),
        ("data", Value::Bytes(vec![0xff].into()), "\"/w==\""),
        ("color", Value::EnumNumber(1), "\"RED\""),
        ("color", Value::EnumNumber(7), "7"),
        ("color", Value::EnumNumber(-1), "-1"),
        ("maybe", Value::I32(0), "0"),
        ("maybe_text", Value::String(String::new()), "\"\""),
        ("text", Value::String(String::new()), "\"\""),
        ("maybe_nothing", Value::EnumNumber(0), "null"),
    ];
    for (field, value, expected) in table {
        let name =
            descriptor("Shape").get_field_by_name(field).expect(field).json_name().to_owned();
        assert_eq!(json(&with(field, value)), format!("{{\"{name}\":{expected}}}"));
    }
}

#[test]
fn floats_are_short_and_come_back() {
    let table = [
        (1.0, "1"),
        (-2.0, "-2"),
        (0.1, "0.1"),
        (1.5, "1.5"),
        (1e16, "10000000000000000"),
        (1e17, "1e17"),
        (1e21, "1e21"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
        (5e-324, "5e-324"),
        (0.00001, "0.00001"),
        (0.000001, "1e-6"),
        (123456789.125, "123456789.125"),
        (9007199254740993.0, "9007199254740992"),
        (f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ];
    for (value, expected) in table {
        let printed = json(&with("ratio", Value::F64(value)));
        assert_eq!(printed, format!("{{\"ratio\":{expected}}}"));
        let back = message("Shape", &printed);
        assert_eq!(json(&back), printed);
    }
    let table = [
        (0.1, "0.1"),
        (16777216.0, "16777216"),
        (3.4028235e38, "3.4028235e38"),
        (1e-45, "1e-45"),
        (f32::NAN, "\"NaN\""),
        (f32::NEG_INFINITY, "\"-Infinity\""),
    ];
    for (value, expected) in table {
        let printed = json(&with("weight", Value::F32(value)));
        assert_eq!(printed, format!("{{\"weight\":{expected}}}"));
        assert_eq!(json(&message("Shape", &printed)), printed);
    }
    // Where a field has presence, the sign of zero stays.
    assert_eq!(json(&message("Shape", r#"{"doubleValue": -0.0}"#)), r#"{"doubleValue":-0}"#);
    assert_eq!(json(&message("Shape", r#"{"value": -0}"#)), r#"{"value":-0}"#);
}

#[test]
fn defaults_are_left_out_and_set_messages_stay() {
    let table = [
        ("{}", "{}"),
        (
            r#"{"name": "", "pageSize": 0, "ratio": 0, "isOpen": false, "data": "", "color": 0}"#,
            "{}",
        ),
        (r#"{"tags": [], "labels": {}, "points": []}"#, "{}"),
        (r#"{"point": {}, "corner": {}, "empty": {}}"#, r#"{"point":{},"corner":{},"empty":{}}"#),
        (r#"{"points": [{}, {"xAxis": 1}, {}]}"#, r#"{"points":[{},{"xAxis":1},{}]}"#),
        (r#"{"number": 0}"#, r#"{"number":0}"#),
        (r#"{"payload": {}, "config": {}, "list": []}"#, r#"{"config":{},"list":[],"payload":{}}"#),
        (
            r#"{"colors": ["COLOR_UNSPECIFIED", 0]}"#,
            r#"{"colors":["COLOR_UNSPECIFIED","COLOR_UNSPECIFIED"]}"#,
        ),
    ];
    for (text, expected) in table {
        assert_eq!(json(&message("Shape", text)), expected);
    }
}

#[test]
fn fields_come_by_number_and_map_entries_by_key() {
    let text = r#"{
        "ttl": "1s", "color": "RED", "name": "n",
        "labels": {"b": "1", "a": "2", "": "0", "ä": "3", "B": "4"},
        "byNumber": {"10": "x", "-1": "y", "9": "z"},
        "byBigNumber": {"10": "x", "9": "y"},
        "byFlag": {"true": "x", "false": "y"}
    }"#;
    let expected = concat!(
        r#"{"name":"n","color":"RED","labels":{"":"0","B":"4","a":"2","b":"1","ä":"3"},"#,
        r#""byNumber":{"-1":"y","9":"z","10":"x"},"byFlag":{"false":"y","true":"x"},"#,
        r#""byBigNumber":{"9":"y","10":"x"},"ttl":"1s"}"#,
    );
    assert_eq!(json(&message("Shape", text)), expected);
}

#[test]
fn times_have_no_three_six_or_nine_digits() {
    let table = [
        ("create_time", timed("Timestamp", 1_758_718_960, 0), "\"2025-09-24T13:02:40Z\""),
        (
            "create_time",
            timed("Timestamp", 1_758_718_960, 158_090_000),
            "\"2025-09-24T13:02:40.158090Z\"",
        ),
        ("create_time", timed("Timestamp", 0, 1), "\"1970-01-01T00:00:00.000000001Z\""),
        ("create_time", timed("Timestamp", -1, 100_000_000), "\"1969-12-31T23:59:59.100Z\""),
        ("ttl", timed("Duration", 1, 5_000_000), "\"1.005s\""),
        ("ttl", timed("Duration", 0, -500_000_000), "\"-0.500s\""),
        ("ttl", timed("Duration", 0, 0), "\"0s\""),
    ];
    for (field, value, expected) in table {
        let name = if field == "ttl" { "ttl" } else { "createTime" };
        assert_eq!(json(&with(field, value)), format!("{{\"{name}\":{expected}}}"));
    }
    let options = PrintOptions { pretty: true, enums_as_ints: false, fields: None };
    for (field, name, seconds, nanos) in [
        ("create_time", "Timestamp", i64::MAX, 0),
        ("create_time", "Timestamp", -62_135_596_801, 0),
        ("create_time", "Timestamp", 0, -1),
        ("create_time", "Timestamp", 0, i32::MAX),
        ("ttl", "Duration", 315_576_000_001, 0),
        ("ttl", "Duration", 1, -1),
        ("ttl", "Duration", 0, i32::MIN),
    ] {
        let printed = print(&with(field, timed(name, seconds, nanos)), &options);
        let Err(PrintError::OutOfRange(full)) = printed else { panic!("{printed:?}") };
        assert_eq!(full, format!("google.protobuf.{name}"));
    }
}

#[test]
fn well_known_types() {
    let paths = ["a_b", "c.d_e_f", "*"].map(|path| Value::String(path.to_owned()));
    assert_eq!(
        json(&with("update_mask", known("FieldMask", [Value::List(paths.to_vec())]))),
        r#"{"updateMask":"aB,c.dEF,*"}"#
    );
    assert_eq!(json(&with("update_mask", known("FieldMask", []))), r#"{"updateMask":""}"#);
    // Whole numbers have no fraction, and what a Value doesn't say is null.
    let text =
        r#"{"config":{"a":null,"b":1,"c":1.5,"d":"x","e":true,"f":{"g":[]},"h":[1,[2,{}],null]}}"#;
    assert_eq!(json(&message("Shape", text)), text);
    let unset = Value::Map([(MapKey::String("k".into()), known("Value", []))].into());
    assert_eq!(json(&with("config", known("Struct", [unset]))), r#"{"config":{"k":null}}"#);
    // JSON has no word for this number; a text is better than no answer.
    let nan = known("Value", []);
    let Value::Message(mut nan) = nan else { panic!("{nan:?}") };
    nan.set_field_by_name("number_value", Value::F64(f64::NAN));
    assert_eq!(json(&with("value", Value::Message(nan))), r#"{"value":"NaN"}"#);
    for text in [
        r#"{"value":null,"values":[null,1,"x",{}]}"#,
        r#"{"valueByName":{"a":null,"b":[null]}}"#,
        r#"{"doubleValue":0,"int64Value":"0","uint64Value":"7","int32Value":0}"#,
        r#"{"floatValue":0.5,"uint32Value":0,"boolValue":false,"stringValue":"","bytesValue":""}"#,
    ] {
        assert_eq!(json(&message("Shape", text)), text);
    }
}

#[test]
fn enums_as_numbers_at_every_depth() {
    let text = r#"{
        "color": "RED", "colors": ["BLUE", "COLOR_UNSPECIFIED", 9],
        "child": {"color": "BLUE"}, "colorByName": {"a": "RED"}, "value": null, "maybeNothing": null,
        "payload": {
            "@type": "type.googleapis.com/google.protobuf.Any",
            "value": {"@type": "type.googleapis.com/shapes.v1.Shape", "color": "RED"}
        }
    }"#;
    let options = PrintOptions { pretty: false, enums_as_ints: true, fields: None };
    let printed = print(&message("Shape", text), &options).expect("it can be printed");
    let expected = concat!(
        r#"{"color":1,"colors":[2,0,9],"child":{"color":2},"colorByName":{"a":1},"value":null,"#,
        r#""payload":{"@type":"type.googleapis.com/google.protobuf.Any","#,
        r#""value":{"@type":"type.googleapis.com/shapes.v1.Shape","color":1}},"maybeNothing":null}"#,
    );
    assert_eq!(String::from_utf8(printed).expect("JSON is UTF-8"), expected);
}

#[test]
fn pretty_is_two_spaces_and_a_final_newline() {
    let text = r#"{"name": "n", "tags": ["a", "b"], "point": {}, "labels": {"k": "v"}, "points": [{"xAxis": 1}],
        "payload": {"@type": "type.googleapis.com/google.protobuf.Empty"}, "list": []}"#;
    let expected = r#"{
  "name": "n",
  "tags": [
    "a",
    "b"
  ],
  "point": {},
  "points": [
    {
      "xAxis": 1
    }
  ],
  "labels": {
    "k": "v"
  },
  "list": [],
  "payload": {
    "@type": "type.googleapis.com/google.protobuf.Empty"
  }
}
"#;
    let options = PrintOptions { pretty: true, enums_as_ints: false, fields: None };
    let pretty = |text: &str| {
        let bytes = print(&message("Shape", text), &options).expect("it can be printed");
        String::from_utf8(bytes).expect("JSON is UTF-8")
    };
    assert_eq!(pretty(text), expected);
    assert_eq!(pretty("{}"), "{}\n");
}

#[test]
fn unknown_fields_are_left_out() {
    let mut bytes = prost::Message::encode_to_vec(&message("Point", r#"{"xAxis": 1}"#));
    bytes.extend([0xf8, 0x07, 0x05]);
    let point = DynamicMessage::decode(descriptor("Point"), bytes.as_slice()).expect("it is one");
    assert_eq!(json(&point), r#"{"xAxis":1}"#);
    assert_eq!(prost::Message::encode_to_vec(&point), bytes);
}
