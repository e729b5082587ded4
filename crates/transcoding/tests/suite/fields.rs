//! Partial responses: the `fields` parameter.

use longrun_transcoding::{Fallback, FieldMask, PrintOptions, print, select};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};

use super::{COMPACT, descriptor, message};

const WHOLE: &str = r#"{
    "name": "n", "pageSize": 3, "isOpen": true,
    "tags": ["t", "u"],
    "point": {"xAxis": 1, "note": "p"},
    "points": [{"xAxis": 1, "note": "q"}, {"note": "r"}],
    "child": {"name": "c", "point": {"xAxis": 2, "note": "s"}},
    "labels": {"a": "1", "b": "2"},
    "byName": {"a": {"xAxis": 1, "note": "v"}, "b": {"xAxis": 2}},
    "createTime": "2025-01-01T00:00:00Z",
    "config": {"k": {"deep": 1, "wide": 2}, "l": [{"deep": 3, "wide": 4}]},
    "payload": {"@type": "type.googleapis.com/shapes.v1.Point", "xAxis": 7, "note": "w"},
    "payloads": [{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}]
}"#;

fn masked(mask: &str) -> String {
    let mask = FieldMask::parse(mask).expect(mask);
    mask.validate(&descriptor("Shape")).expect("every field exists");
    let options = PrintOptions { pretty: false, enums_as_ints: false, fields: Some(&mask) };
    let bytes = print(&message("Shape", WHOLE), &options).expect("it can be printed");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[test]
fn only_what_is_selected_is_shown() {
    let table = [
        ("name", r#"{"name":"n"}"#),
        ("pageSize", r#"{"pageSize":3}"#),
        ("page_size", r#"{"pageSize":3}"#),
        ("isOpen,name", r#"{"name":"n","isOpen":true}"#),
        ("name,name", r#"{"name":"n"}"#),
        ("color", "{}"),
        ("point", r#"{"point":{"xAxis":1,"note":"p"}}"#),
        ("point.note", r#"{"point":{"note":"p"}}"#),
        ("point/note", r#"{"point":{"note":"p"}}"#),
        ("point(note)", r#"{"point":{"note":"p"}}"#),
        ("point(note,xAxis)", r#"{"point":{"xAxis":1,"note":"p"}}"#),
        ("point(note),name", r#"{"name":"n","point":{"note":"p"}}"#),
        ("point.note,point.x_axis", r#"{"point":{"xAxis":1,"note":"p"}}"#),
        ("child(point/note)", r#"{"child":{"point":{"note":"s"}}}"#),
        ("child.point.*", r#"{"child":{"point":{"xAxis":2,"note":"s"}}}"#),
        ("child(*)", r#"{"child":{"name":"c","point":{"xAxis":2,"note":"s"}}}"#),
        ("tags", r#"{"tags":["t","u"]}"#),
        ("points.note", r#"{"points":[{"note":"q"},{"note":"r"}]}"#),
        ("points.xAxis", r#"{"points":[{"xAxis":1},{}]}"#),
        ("createTime", r#"{"createTime":"2025-01-01T00:00:00Z"}"#),
        // What is selected twice is selected once.
        ("point,point.note", r#"{"point":{"xAxis":1,"note":"p"}}"#),
        ("point.note,point", r#"{"point":{"xAxis":1,"note":"p"}}"#),
        // A number has no `note`, and a message without one is empty.
        (
            "*/note",
            concat!(
                r#"{"point":{"note":"p"},"points":[{"note":"q"},{"note":"r"}],"child":{},"#,
                r#""labels":{},"byName":{},"createTime":"2025-01-01T00:00:00Z","config":{},"#,
                r#""payload":{"@type":"type.googleapis.com/shapes.v1.Point","note":"w"},"#,
                r#""payloads":[{"@type":"type.googleapis.com/google.protobuf.Duration"}]}"#,
            ),
        ),
        // Below a map stand its keys.
        ("labels", r#"{"labels":{"a":"1","b":"2"}}"#),
        ("labels.a", r#"{"labels":{"a":"1"}}"#),
        ("labels(b,c)", r#"{"labels":{"b":"2"}}"#),
        ("byName.a", r#"{"byName":{"a":{"xAxis":1,"note":"v"}}}"#),
        ("byName.a.note", r#"{"byName":{"a":{"note":"v"}}}"#),
        ("by_name.*.xAxis", r#"{"byName":{"a":{"xAxis":1},"b":{"xAxis":2}}}"#),
        ("config.k", r#"{"config":{"k":{"deep":1,"wide":2}}}"#),
        ("config.k.wide", r#"{"config":{"k":{"wide":2}}}"#),
        ("config.l.deep", r#"{"config":{"l":[{"deep":3}]}}"#),
        // An Any says what it is, whatever is shown of it.
        (
            "payload",
            r#"{"payload":{"@type":"type.googleapis.com/shapes.v1.Point","xAxis":7,"note":"w"}}"#,
        ),
        (
            "payload.note",
            r#"{"payload":{"@type":"type.googleapis.com/shapes.v1.Point","note":"w"}}"#,
        ),
        ("payload(@type)", r#"{"payload":{"@type":"type.googleapis.com/shapes.v1.Point"}}"#),
        (
            "payloads.value",
            r#"{"payloads":[{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}]}"#,
        ),
        (
            "payloads.other",
            r#"{"payloads":[{"@type":"type.googleapis.com/google.protobuf.Duration"}]}"#,
        ),
    ];
    for (mask, expected) in table {
        assert_eq!(masked(mask), expected, "{mask}");
    }
}

/// What [`masked`] shows, by way of protobuf.
fn selected(mask: &str) -> String {
    let mask = FieldMask::parse(mask).expect(mask);
    let part = select(&message("Shape", WHOLE), &mask, Fallback::None);
    let part = DynamicMessage::decode(descriptor("Shape"), &*part.encode_to_vec());
    let bytes = print(&part.expect("its own bytes"), &COMPACT).expect("it can be printed");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[test]
fn protobuf_is_selected_as_json_is() {
    let masks = [
        "*",
        "name,*",
        "name",
        "page_size",
        "color",
        "point.note",
        "child(point/note)",
        "child(*)",
        "tags",
        "points.xAxis",
        "createTime",
        "labels.a",
        "byName.a.note",
        "by_name.*.xAxis",
        "config.k",
        "config.k.wide",
        "config.l.deep",
        "payload",
        "payload.note",
        "payload(@type)",
        "payloads",
        "payloads.value",
    ];
    for mask in masks {
        assert_eq!(selected(mask), masked(mask), "{mask}");
    }
    // A number has no `note`. What is empty isn't there in protobuf, or is its default.
    let point = r#"{"@type":"type.googleapis.com/shapes.v1.Point","note":"w"}"#;
    let payloads = r#"[{"@type":"type.googleapis.com/google.protobuf.Duration","value":"0s"}]"#;
    let rest = format!(r#""config":{{}},"payload":{point},"payloads":{payloads}"#);
    let expected = format!(
        r#"{{"point":{{"note":"p"}},"points":[{{"note":"q"}},{{"note":"r"}}],"child":{{}},"createTime":"2025-01-01T00:00:00Z",{rest}}}"#
    );
    assert_eq!(selected("*/note"), expected);
}

#[test]
fn what_nobody_can_read_is_selected_whole() {
    let mut whole = message("Shape", "{}");
    let any = message("Shape", WHOLE).get_field_by_name("payload").expect("it is set").into_owned();
    let Value::Message(mut any) = any else { panic!("{any:?}") };
    any.set_field_by_name("type_url", Value::String("x/no.Such".to_owned()));
    whole.set_field_by_name("payload", Value::Message(any));
    whole.set_field_by_name("name", Value::String("n".to_owned()));
    let mask = FieldMask::parse("payload.note").expect("a mask");
    let part = select(&whole, &mask, Fallback::None);
    whole.clear_field_by_name("name");
    assert_eq!(part, whole);
}

#[test]
fn a_star_is_everything() {
    let whole = masked("*");
    let options = PrintOptions { pretty: false, enums_as_ints: false, fields: None };
    let bytes = print(&message("Shape", WHOLE), &options).expect("it can be printed");
    assert_eq!(whole.as_bytes(), bytes);
    for mask in ["*,name", "name,*", "*,point.note", "point.note,*"] {
        assert_eq!(masked(mask), whole, "{mask}");
    }
}

#[test]
fn bad_selectors_say_which() {
    let table = [
        ("nope", "nope"),
        ("name,nope", "nope"),
        ("Name", "Name"),
        ("point.nope", "nope"),
        ("point(note,nope)", "nope"),
        ("name.x", "name"),
        ("tags.x", "tags"),
        ("points.nope", "nope"),
        ("byName.a.nope", "nope"),
        ("labels.a.b", "a"),
        ("child.child.child.nope", "nope"),
        ("@type", "@type"),
    ];
    for (text, selector) in table {
        let mask = FieldMask::parse(text).expect(text);
        let violation = mask.validate(&descriptor("Shape")).expect_err(text);
        assert_eq!(violation.field, "fields", "{text}");
        assert_eq!(violation.description, format!("Invalid field selection {selector}"), "{text}");
    }
}

#[test]
fn what_is_no_mask() {
    let table = [
        "", ",", "a,", ",a", "a,,b", "a.", ".a", "a..b", "a/", "a(", "a()", "a(b", "a(b))", "a)",
        "a(b)c", "a(b).c", "(a)", "a b", "a, b", "ä", "a%", "a[0]", "a:b",
    ];
    for text in table {
        let violation = FieldMask::parse(text).expect_err(text);
        assert_eq!(violation.field, "fields", "{text}");
        assert_eq!(violation.description, format!("Invalid field selection {text}"));
    }
}

#[test]
fn masks_have_a_size_and_a_depth() {
    let long = |bytes: usize| "a".repeat(bytes);
    assert!(FieldMask::parse(&long(4096)).is_ok());
    let refused = FieldMask::parse(&long(4097)).expect_err("too long");
    assert_eq!(refused.description, "Invalid field selection: more than 4096 bytes");

    let deep = |levels: usize| vec!["a"; levels].join(".");
    assert!(FieldMask::parse(&deep(33)).is_ok());
    for text in [deep(34), "a(".repeat(2_000), "a/".repeat(2_000)] {
        let refused = FieldMask::parse(&text).expect_err("too deep");
        assert!(refused.description.starts_with("Invalid field selection a"));
        assert!(refused.description.len() < 300);
    }
    // Free messages and recursive ones end where the mask does.
    let mask = FieldMask::parse(&vec!["child"; 33].join(".")).expect("33 levels");
    assert_eq!(mask.validate(&descriptor("Shape")), Ok(()));
    for text in ["config.a.b.c", "value.a.b", "list.a.b", "payload.a.b"] {
        let mask = FieldMask::parse(text).expect(text);
        assert_eq!(mask.validate(&descriptor("Shape")), Ok(()), "{text}");
    }
}
