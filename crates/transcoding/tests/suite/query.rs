//! An RPC's request from a query: which names it may have, and what their texts are.

use super::request::{Asked, CHILD_NAME, GET, NAME, PATCH, query};

#[test]
fn a_query_names_fields_in_either_case() {
    let table: [(&[(&str, &str)], &str); 22] = [
        (&[], "{}"),
        (&[("pageSize", "5")], r#"{"pageSize":5}"#),
        (&[("page_size", "5")], r#"{"pageSize":5}"#),
        (&[("pageSize", "5.0")], r#"{"pageSize":5}"#),
        (&[("pageSize", "-0")], "{}"),
        (&[("totalBytes", "9223372036854775807")], r#"{"totalBytes":"9223372036854775807"}"#),
        (&[("ratio", "1.5"), ("weight", "NaN")], r#"{"ratio":1.5,"weight":"NaN"}"#),
        (&[("isOpen", "true")], r#"{"isOpen":true}"#),
        (&[("isOpen", "false")], "{}"),
        (&[("data", "_-4")], r#"{"data":"/+4="}"#),
        (&[("color", "RED")], r#"{"color":"RED"}"#),
        (&[("color", "2")], r#"{"color":"BLUE"}"#),
        (&[("color", "7")], r#"{"color":7}"#),
        (&[("tags", "a"), ("tags", ""), ("tags", "b")], r#"{"tags":["a","","b"]}"#),
        (&[("sizes", "1"), ("name", "n"), ("sizes", "2")], r#"{"name":"n","sizes":[1,2]}"#),
        (&[("colors", "RED"), ("colors", "2")], r#"{"colors":["RED","BLUE"]}"#),
        (&[("point.xAxis", "1"), ("point.note", "n")], r#"{"point":{"xAxis":1,"note":"n"}}"#),
        (&[("point.x_axis", "1")], r#"{"point":{"xAxis":1}}"#),
        (
            &[("child.point.note", "n"), ("child.child.name", "m")],
            r#"{"child":{"point":{"note":"n"},"child":{"name":"m"}}}"#,
        ),
        (
            &[("createTime", "2025-01-01T00:00:00Z"), ("ttl", "1.5s")],
            r#"{"createTime":"2025-01-01T00:00:00Z","ttl":"1.500s"}"#,
        ),
        (&[("updateMask", "name,point.xAxis")], r#"{"updateMask":"name,point.xAxis"}"#),
        (
            &[("times", "2025-01-01T00:00:00Z"), ("times", "2025-01-02T00:00:00Z")],
            r#"{"times":["2025-01-01T00:00:00Z","2025-01-02T00:00:00Z"]}"#,
        ),
    ];
    for (pairs, expected) in table {
        query(pairs).is(expected);
    }
}

#[test]
fn wrappers_and_optional_fields_keep_their_defaults() {
    let table: [(&[(&str, &str)], &str); 5] = [
        (&[("maybe", "0"), ("maybeText", "")], r#"{"maybe":0,"maybeText":""}"#),
        (&[("text", "")], r#"{"text":""}"#),
        (&[("boolValue", "false"), ("int64Value", "0")], r#"{"int64Value":"0","boolValue":false}"#),
        (&[("stringValue", ""), ("bytesValue", "")], r#"{"stringValue":"","bytesValue":""}"#),
        (
            &[("doubleValue", "Infinity"), ("uint32Value", "7")],
            r#"{"doubleValue":"Infinity","uint32Value":7}"#,
        ),
    ];
    for (pairs, expected) in table {
        query(pairs).is(expected);
    }
}

#[test]
fn an_empty_value_says_nothing() {
    let names = [
        "name",
        "pageSize",
        "totalBytes",
        "ratio",
        "isOpen",
        "data",
        "color",
        "maybe",
        "createTime",
        "ttl",
        "updateMask",
        "boolValue",
        "int32Value",
        "point.xAxis",
    ];
    for name in names {
        query(&[(name, "")]).is("{}");
    }
}

#[test]
fn an_unknown_name_in_the_query() {
    let text = |name: &str| {
        format!(
            "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be found in request message."
        )
    };
    let names = [
        "foo",
        "",
        "Name",
        "page-size",
        "pageSize ",
        "name.x",
        "point",
        "point.",
        "point.foo",
        ".name",
        "point..note",
        "labels",
        "labels.a",
        "points",
        "points.note",
        "tags.x",
        "payload",
        "config",
        "config.a",
        "value",
        "list",
        "empty",
        "tags[]",
        "tags[0]",
    ];
    for name in names {
        query(&[(name, "x")]).is_refused(&[("", &text(name))]);
    }
    let both = [text("foo"), text("bar")];
    query(&[("foo", "1"), ("name", "n"), ("bar", "2")])
        .is_refused(&[("", &both[0]), ("", &both[1])]);
}

#[test]
fn bad_values_in_the_query() {
    let table = [
        ("pageSize", "abc", "page_size", r#"Invalid value at 'page_size' (TYPE_INT32), "abc""#),
        (
            "page_size",
            "2147483648",
            "page_size",
            r#"Invalid value at 'page_size' (TYPE_INT32), "2147483648""#,
        ),
        ("pageSize", "5.5", "page_size", r#"Invalid value at 'page_size' (TYPE_INT32), "5.5""#),
        (
            "totalBytes",
            "9223372036854775808",
            "total_bytes",
            r#"Invalid value at 'total_bytes' (TYPE_INT64), "9223372036854775808""#,
        ),
        (
            "smallCount",
            "-1",
            "small_count",
            r#"Invalid value at 'small_count' (TYPE_UINT32), "-1""#,
        ),
        ("bigCount", "x", "big_count", r#"Invalid value at 'big_count' (TYPE_UINT64), "x""#),
        ("ratio", "inf", "ratio", r#"Invalid value at 'ratio' (TYPE_DOUBLE), "inf""#),
        ("weight", "1e39", "weight", r#"Invalid value at 'weight' (TYPE_FLOAT), "1e39""#),
        ("isOpen", "True", "is_open", r#"Invalid value at 'is_open' (TYPE_BOOL), "True""#),
        ("isOpen", "1", "is_open", r#"Invalid value at 'is_open' (TYPE_BOOL), "1""#),
        ("data", "!", "data", r#"Invalid value at 'data' (TYPE_BYTES), "!""#),
        (
            "color",
            "red",
            "color",
            r#"Invalid value at 'color' (type.googleapis.com/shapes.v1.Color), "red""#,
        ),
        (
            "point.xAxis",
            "x",
            "point.x_axis",
            r#"Invalid value at 'point.x_axis' (TYPE_INT32), "x""#,
        ),
        (
            "ttl",
            "5",
            "ttl",
            r#"Invalid value at 'ttl' (type.googleapis.com/google.protobuf.Duration), "5""#,
        ),
        (
            "createTime",
            "now",
            "create_time",
            r#"Invalid value at 'create_time' (type.googleapis.com/google.protobuf.Timestamp), "now""#,
        ),
        (
            "updateMask",
            "a b",
            "update_mask",
            r#"Invalid value at 'update_mask' (type.googleapis.com/google.protobuf.FieldMask), "a b""#,
        ),
    ];
    for (name, value, field, text) in table {
        query(&[(name, value)]).is_refused(&[(field, text)]);
    }
    query(&[("sizes", "1"), ("sizes", "x"), ("sizes", ""), ("isOpen", "no")]).is_refused(&[
        ("sizes[1]", r#"Invalid value at 'sizes[1]' (TYPE_INT32), "x""#),
        ("sizes[2]", r#"Invalid value at 'sizes[2]' (TYPE_INT32), """#),
        ("is_open", r#"Invalid value at 'is_open' (TYPE_BOOL), "no""#),
    ]);
}

#[test]
fn a_field_is_given_once() {
    let twice = "Invalid value at 'page_size': the field is given more than once.";
    query(&[("pageSize", "1"), ("pageSize", "1")]).is_refused(&[("page_size", twice)]);
    query(&[("pageSize", "1"), ("page_size", "2")]).is_refused(&[("page_size", twice)]);
    query(&[("pageSize", ""), ("pageSize", "1")]).is_refused(&[("page_size", twice)]);

    let by_path = "Invalid value at 'name': the path gives it; leave it out of the query.";
    for value in ["shapes/a", "shapes/b", ""] {
        let asked = Asked { rule: GET, captures: NAME, query: &[("name", value)], body: "" };
        asked.is_refused(&[("name", by_path)]);
    }
    let nested = "Invalid value at 'child.name': the path gives it; leave it out of the query.";
    let asked =
        Asked { rule: PATCH, captures: CHILD_NAME, query: &[("child.name", "x")], body: "" };
    asked.is_refused(&[("child.name", nested)]);
}
