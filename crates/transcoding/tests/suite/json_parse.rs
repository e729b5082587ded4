//! What JSON is read, and what is said of the rest.

use super::{json, message, pairs, refused};

/// Each text is read as a shape that prints as the other.
fn reads(table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(json(&message("Shape", text)), *expected, "{text}");
    }
}

/// Each text is refused, with these fields and descriptions.
fn refuses(table: &[(&str, &[(&str, &str)])]) {
    for (text, expected) in table {
        let refused = refused("Shape", text);
        assert_eq!(pairs(&refused), *expected, "{text}");
    }
}

#[test]
fn either_case_and_lenient_numbers() {
    reads(&[
        (r#"{"pageSize": 5}"#, r#"{"pageSize":5}"#),
        (r#"{"page_size": 5}"#, r#"{"pageSize":5}"#),
        (r#"{"pageSize": "5"}"#, r#"{"pageSize":5}"#),
        (r#"{"pageSize": 5.0}"#, r#"{"pageSize":5}"#),
        (r#"{"pageSize": 5e0}"#, r#"{"pageSize":5}"#),
        (r#"{"pageSize": -0}"#, "{}"),
        (r#"{"pageSize": -0.0}"#, "{}"),
        (r#"{"totalBytes": 9007199254740993}"#, r#"{"totalBytes":"9007199254740993"}"#),
        (r#"{"totalBytes": "-9223372036854775808"}"#, r#"{"totalBytes":"-9223372036854775808"}"#),
        (r#"{"bigCount": 18446744073709551615}"#, r#"{"bigCount":"18446744073709551615"}"#),
        (r#"{"ratio": "1.5", "weight": 2}"#, r#"{"ratio":1.5,"weight":2}"#),
        (r#"{"ratio": "NaN", "weight": "-Infinity"}"#, r#"{"ratio":"NaN","weight":"-Infinity"}"#),
        (
            r#"{"color": "BLUE", "colors": [1, "RED", 7, 2.0]}"#,
            r#"{"color":"BLUE","colors":["RED","RED",7,"BLUE"]}"#,
        ),
        (r#"{"data": "_-4", "bytesValue": "-_"}"#, r#"{"data":"/+4=","bytesValue":"+w=="}"#),
        (r#"{"updateMask": "page_size, isOpen"}"#, r#"{"updateMask":"pageSize,isOpen"}"#),
        (
            r#"{"createTime": "2025-01-01T02:00:00.5+02:00"}"#,
            r#"{"createTime":"2025-01-01T00:00:00.500Z"}"#,
        ),
        ("\u{20}\t\r\n{ \"name\" : \"n\" }\n", r#"{"name":"n"}"#),
        (r#"{"name": "\ud83d\ude00\u00fc\/\u0000"}"#, "{\"name\":\"😀ü/\\u0000\"}"),
    ]);
}

#[test]
fn null_is_absence_but_for_the_types_that_have_it() {
    reads(&[
        (r#"{"name": null, "pageSize": null, "point": null, "tags": null, "labels": null}"#, "{}"),
        (
            r#"{"createTime": null, "payload": null, "config": null, "list": null, "int32Value": null}"#,
            "{}",
        ),
        (r#"{"values": null, "valueByName": null}"#, "{}"),
        (r#"{"text": null, "number": 1, "corner": null}"#, r#"{"number":1}"#),
        (r#"{"value": null}"#, r#"{"value":null}"#),
        (r#"{"nothing": null}"#, "{}"),
        (r#"{"maybeNothing": null}"#, r#"{"maybeNothing":null}"#),
        (r#"{"nothing": "NULL_VALUE"}"#, "{}"),
        (
            r#"{"values": [null], "config": {"a": null}}"#,
            r#"{"config":{"a":null},"values":[null]}"#,
        ),
    ]);
    refuses(&[
        (
            r#"{"tags": ["a", null]}"#,
            &[("tags[1]", "Invalid value at 'tags[1]' (TYPE_STRING), null")],
        ),
        (
            r#"{"labels": {"k": null}}"#,
            &[("labels[\"k\"]", "Invalid value at 'labels[\"k\"]' (TYPE_STRING), null")],
        ),
        (
            r#"{"points": [null]}"#,
            &[(
                "points[0]",
                "Invalid value at 'points[0]' (type.googleapis.com/shapes.v1.Point), null",
            )],
        ),
    ]);
}

#[test]
fn values_of_another_kind() {
    refuses(&[
        (
            r#"{"pageSize": 5.5}"#,
            &[("page_size", "Invalid value at 'page_size' (TYPE_INT32), 5.5")],
        ),
        (
            r#"{"page_size": 2147483648}"#,
            &[("page_size", "Invalid value at 'page_size' (TYPE_INT32), 2147483648")],
        ),
        (
            r#"{"pageSize": "abc"}"#,
            &[("page_size", "Invalid value at 'page_size' (TYPE_INT32), \"abc\"")],
        ),
        (
            r#"{"pageSize": true}"#,
            &[("page_size", "Invalid value at 'page_size' (TYPE_INT32), true")],
        ),
        (
            r#"{"totalBytes": 1e19}"#,
            &[("total_bytes", "Invalid value at 'total_bytes' (TYPE_INT64), 1e19")],
        ),
        (
            r#"{"smallCount": -1}"#,
            &[("small_count", "Invalid value at 'small_count' (TYPE_UINT32), -1")],
        ),
        (r#"{"name": 5}"#, &[("name", "Invalid value at 'name' (TYPE_STRING), 5")]),
        (
            r#"{"isOpen": "true"}"#,
            &[("is_open", "Invalid value at 'is_open' (TYPE_BOOL), \"true\"")],
        ),
        (r#"{"isOpen": 1}"#, &[("is_open", "Invalid value at 'is_open' (TYPE_BOOL), 1")]),
        (r#"{"data": "!"}"#, &[("data", "Invalid value at 'data' (TYPE_BYTES), \"!\"")]),
        (
            r#"{"color": "red"}"#,
            &[("color", "Invalid value at 'color' (type.googleapis.com/shapes.v1.Color), \"red\"")],
        ),
        (
            r#"{"color": 1.5}"#,
            &[("color", "Invalid value at 'color' (type.googleapis.com/shapes.v1.Color), 1.5")],
        ),
        (r#"{"tags": "a"}"#, &[("tags", "Invalid value at 'tags' (TYPE_STRING), \"a\"")]),
        (r#"{"name": ["a"]}"#, &[("name", "Invalid value at 'name' (TYPE_STRING), […]")]),
        (
            r#"{"point": []}"#,
            &[("point", "Invalid value at 'point' (type.googleapis.com/shapes.v1.Point), […]")],
        ),
        (
            r#"{"labels": []}"#,
            &[(
                "labels",
                "Invalid value at 'labels' (type.googleapis.com/shapes.v1.Shape.LabelsEntry), […]",
            )],
        ),
        (
            r#"{"byNumber": {"a": "x"}}"#,
            &[("by_number", "Invalid value at 'by_number' (TYPE_INT32), \"a\"")],
        ),
        (
            r#"{"byFlag": {"True": "x"}}"#,
            &[("by_flag", "Invalid value at 'by_flag' (TYPE_BOOL), \"True\"")],
        ),
        (
            r#"{"ttl": "5"}"#,
            &[(
                "ttl",
                "Invalid value at 'ttl' (type.googleapis.com/google.protobuf.Duration), \"5\"",
            )],
        ),
        (
            r#"{"createTime": 0}"#,
            &[(
                "create_time",
                "Invalid value at 'create_time' (type.googleapis.com/google.protobuf.Timestamp), 0",
            )],
        ),
        (
            r#"{"updateMask": ["a"]}"#,
            &[(
                "update_mask",
                "Invalid value at 'update_mask' (type.googleapis.com/google.protobuf.FieldMask), […]",
            )],
        ),
        (
            r#"{"config": []}"#,
            &[(
                "config",
                "Invalid value at 'config' (type.googleapis.com/google.protobuf.Struct), […]",
            )],
        ),
        (
            r#"{"list": {}}"#,
            &[(
                "list",
                "Invalid value at 'list' (type.googleapis.com/google.protobuf.ListValue), {…}",
            )],
        ),
        (
            r#"{"int32Value": "x"}"#,
            &[(
                "int32_value",
                "Invalid value at 'int32_value' (type.googleapis.com/google.protobuf.Int32Value), \"x\"",
            )],
        ),
    ]);
}

#[test]
fn every_wrong_thing_is_said_with_its_path() {
    refuses(&[
        (
            r#"{"foo": 1}"#,
            &[("", "Invalid JSON payload received. Unknown name \"foo\": Cannot find field.")],
        ),
        (
            r#"{"child": {"points": [{"x": 1}]}, "byName": {"a": {"Y": 1}}}"#,
            &[
                (
                    "child.points[0]",
                    "Invalid JSON payload received. Unknown name \"x\" at 'child.points[0]': Cannot find field.",
                ),
                (
                    "by_name[\"a\"]",
                    "Invalid JSON payload received. Unknown name \"Y\" at 'by_name[\"a\"]': Cannot find field.",
                ),
            ],
        ),
        (
            r#"{"sizes": [1, "x", 2, true], "foo": 1, "pageSize": "y"}"#,
            &[
                ("sizes[1]", "Invalid value at 'sizes[1]' (TYPE_INT32), \"x\""),
                ("sizes[3]", "Invalid value at 'sizes[3]' (TYPE_INT32), true"),
                ("", "Invalid JSON payload received. Unknown name \"foo\": Cannot find field."),
                ("page_size", "Invalid value at 'page_size' (TYPE_INT32), \"y\""),
            ],
        ),
        ("[]", &[("", "Invalid value (type.googleapis.com/shapes.v1.Shape), […]")]),
        ("null", &[("", "Invalid value (type.googleapis.com/shapes.v1.Shape), null")]),
    ]);
    // What a client wrote is shown in part, however long it is.
    let long = "x".repeat(10_000);
    let text = format!(
        "{{\"labels\": {{\"{long}\": 1}}, \"{long}\": 1, \"name\": [], \"pageSize\": \"{long}\"}}"
    );
    for violation in refused("Shape", text) {
        assert!(violation.field.len() < 300 && violation.description.len() < 300, "{violation:?}");
    }
}

#[test]
fn a_field_is_given_once() {
    let twice = "Invalid value at 'page_size': the field is given twice.";
    refuses(&[
        (r#"{"pageSize": 1, "page_size": 1}"#, &[("page_size", twice)]),
        (r#"{"page_size": 0, "pageSize": 0}"#, &[("page_size", twice)]),
        (r#"{"page_size": null, "pageSize": 1}"#, &[("page_size", twice)]),
        (
            r#"{"isOpen": true, "is_open": true}"#,
            &[("is_open", "Invalid value at 'is_open': the field is given twice.")],
        ),
        (
            r#"{"child": {"createTime": null, "create_time": null}}"#,
            &[(
                "child.create_time",
                "Invalid value at 'child.create_time': the field is given twice.",
            )],
        ),
        (
            r#"{"byNumber": {"1": "a", "01": "b"}}"#,
            &[(
                "by_number[\"01\"]",
                "Invalid value at 'by_number[\"01\"]': the key is given twice.",
            )],
        ),
    ]);
}

#[test]
fn one_member_of_a_oneof() {
    let text = |path: &str, name: &str| {
        format!(
            "Invalid value{path} (oneof), oneof field 'kind' is already set. Cannot set '{name}'"
        )
    };
    refuses(&[
        (r#"{"text": "a", "number": 1}"#, &[("", &text("", "number"))]),
        (r#"{"number": 0, "text": ""}"#, &[("", &text("", "text"))]),
        (r#"{"corner": {}, "center": {}}"#, &[("", &text("", "center"))]),
        (r#"{"child": {"text": "a", "corner": {}}}"#, &[("child", &text(" at 'child'", "corner"))]),
    ]);
}

#[test]
fn broken_json_says_where() {
    let table: [(&[u8], &str); 27] = [
        (b"", "EOF while parsing a value at line 1 column 0"),
        (b"{", "EOF while parsing an object at line 1 column 1"),
        (b"{\"a\"", "EOF while parsing an object at line 1 column 4"),
        (b"{\"a\": }", "expected value at line 1 column 7"),
        (b"{\n  \"name\": nope\n}", "expected ident at line 2 column 12"),
        (b"{} {}", "trailing characters at line 1 column 4"),
        (b"{}x", "trailing characters at line 1 column 3"),
        (b"{\"name\": \"a\",}", "trailing comma at line 1 column 14"),
        (b"{'name': 1}", "key must be a string at line 1 column 2"),
        (b"{name: 1}", "key must be a string at line 1 column 2"),
        (b"{\"tags\": [1,]}", "trailing comma at line 1 column 13"),
        (b"{\"a\": 01}", "invalid number at line 1 column 8"),
        (b"{\"a\": 1.}", "invalid number at line 1 column 9"),
        (b"{\"a\": .5}", "expected value at line 1 column 7"),
        (b"{\"a\": +5}", "expected value at line 1 column 7"),
        (b"{\"a\": NaN}", "expected value at line 1 column 7"),
        (b"{\"a\": 1e400}", "number out of range at line 1 column 11"),
        (
            b"{\"name\": \"a\tb\"}",
            "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 12",
        ),
        (b"{\"name\": \"\\x\"}", "invalid escape at line 1 column 12"),
        (b"{\"name\": \"\\ud83d\"}", "lone leading surrogate in hex escape at line 1 column 17"),
        (b"{\"name\": \"\\udc00\"}", "lone leading surrogate in hex escape at line 1 column 16"),
        (b"{\"name\": \"\\ud83dx\"}", "lone leading surrogate in hex escape at line 1 column 17"),
        (b"{\"name\": \"\\ud83d\\n\"}", "lone leading surrogate in hex escape at line 1 column 18"),
        (b"{\"name\": \"\xff\"}", "invalid unicode code point at line 1 column 11"),
        (b"{\"a\": 1, \"b\": 2, \"a\": 3}", "duplicate key \"a\" at line 1 column 20"),
        (
            b"{\"config\": {\"k\": [{\"x\": 1,\n\"x\": 1}]}}",
            "duplicate key \"x\" at line 2 column 3",
        ),
        (b"\xef\xbb\xbf{}", "expected value at line 1 column 1"),
    ];
    for (text, why) in table {
        let shown = String::from_utf8_lossy(text);
        let refused = refused("Shape", text);
        let expected = format!("Invalid JSON payload received. {why}");
        assert_eq!(pairs(&refused), [("", expected.as_str())], "{shown}");
    }
}
