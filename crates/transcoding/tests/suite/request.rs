//! An RPC's request from path, query and body.

use longrun_transcoding::{Rule, build_request};
use prost_reflect::DynamicMessage;

use super::{descriptor, json, pairs};

/// A rule's verb, path and body.
pub(crate) type Parts<'a> = (&'a str, &'a str, &'a str);

/// Names and values, of captures or of a query.
pub(crate) type Named<'a> = &'a [(&'a str, &'a str)];

/// What is asked.
pub(crate) struct Asked<'a> {
    pub(crate) rule: Parts<'a>,
    pub(crate) captures: Named<'a>,
    pub(crate) query: Named<'a>,
    pub(crate) body: &'a str,
}

pub(crate) const GET: Parts<'static> = ("GET", "/v1/{name=shapes/*}", "");
pub(crate) const LIST: Parts<'static> = ("GET", "/v1/shapes", "");
pub(crate) const POST: Parts<'static> = ("POST", "/v1/{name=shapes/*}:draw", "*");
pub(crate) const PATCH: Parts<'static> = ("PATCH", "/v1/{child.name=shapes/*}", "child");
pub(crate) const NAME: Named<'static> = &[("name", "shapes/a")];
pub(crate) const CHILD_NAME: Named<'static> = &[("child.name", "shapes/a")];

impl Asked<'_> {
    fn build(&self) -> Result<String, Vec<(String, String)>> {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        let (verb, path, body) = self.rule;
        let rule = Rule::new(verb, path, body, "").expect(path);
        let built: Result<DynamicMessage, _> = build_request(
            &descriptor("Shape"),
            &rule,
            &owned(self.captures),
            &owned(self.query),
            self.body.as_bytes(),
        );
        built.map(|message| json(&message)).map_err(|violations| owned(&pairs(&violations)))
    }

    pub(crate) fn is(&self, expected: &str) {
        assert_eq!(self.build(), Ok(expected.to_owned()), "{:?} {}", self.query, self.body);
    }

    pub(crate) fn is_refused(&self, expected: &[(&str, &str)]) {
        let refused = self.build().expect_err("it is refused");
        let refused: Vec<(&str, &str)> =
            refused.iter().map(|(field, text)| (field.as_str(), text.as_str())).collect();
        assert_eq!(refused, expected, "{:?} {}", self.query, self.body);
    }
}

pub(crate) fn query<'a>(query: Named<'a>) -> Asked<'a> {
    Asked { rule: LIST, captures: &[], query, body: "" }
}

fn body<'a>(rule: Parts<'a>, captures: Named<'a>, body: &'a str) -> Asked<'a> {
    Asked { rule, captures, query: &[], body }
}

#[test]
fn one_member_of_a_oneof() {
    query(&[("corner.note", "n"), ("corner.xAxis", "1")])
        .is(r#"{"corner":{"xAxis":1,"note":"n"}}"#);
    let text = |name: &str| {
        format!("Invalid value (oneof), oneof field 'kind' is already set. Cannot set '{name}'")
    };
    query(&[("text", "a"), ("number", "1")]).is_refused(&[("", &text("number"))]);
    query(&[("corner.note", "a"), ("center.note", "b")]).is_refused(&[("", &text("center.note"))]);
    query(&[("number", "0"), ("center.note", "b")]).is_refused(&[("", &text("center.note"))]);
    let nested = "Invalid value at 'child' (oneof), oneof field 'kind' is already set. Cannot set 'child.number'";
    query(&[("child.text", "a"), ("child.number", "1")]).is_refused(&[("child", nested)]);
    // From the path, too.
    let rule = ("POST", "/v1/{text=shapes/*}", "*");
    let asked = body(rule, &[("text", "shapes/a")], r#"{"number": 1}"#);
    asked.is_refused(&[("", &text("text"))]);
    let rule = ("POST", "/v1/{corner.note=shapes/*}", "*");
    let asked = body(rule, &[("corner.note", "shapes/a")], r#"{"center": {}}"#);
    asked.is_refused(&[("", &text("corner.note"))]);
}

#[test]
fn a_path_gives_its_fields() {
    let table: [(Parts<'_>, Named<'_>, &str); 5] = [
        (GET, NAME, r#"{"name":"shapes/a"}"#),
        (
            ("GET", "/v1/{page_size}/{color}/{is_open}", ""),
            &[("page_size", "7"), ("color", "RED"), ("is_open", "true")],
            r#"{"pageSize":7,"isOpen":true,"color":"RED"}"#,
        ),
        (("GET", "/v1/{name=**}/shapes", ""), &[("name", "")], "{}"),
        (
            ("GET", "/v1/{point.note}/{create_time}", ""),
            &[("point.note", "n"), ("create_time", "2025-01-01T00:00:00Z")],
            r#"{"point":{"note":"n"},"createTime":"2025-01-01T00:00:00Z"}"#,
        ),
        (("GET", "/v1/{tags}", ""), &[("tags", "t")], r#"{"tags":["t"]}"#),
    ];
    for (rule, captures, expected) in table {
        body(rule, captures, "").is(expected);
    }
    let asked = body(("GET", "/v1/{page_size}", ""), &[("page_size", "x")], "");
    asked.is_refused(&[("page_size", r#"Invalid value at 'page_size' (TYPE_INT32), "x""#)]);
    let unknown = r#"Invalid JSON payload received. Unknown name "point": Cannot find field."#;
    body(("GET", "/v1/{point}", ""), &[("point", "x")], "").is_refused(&[("", unknown)]);
}

#[test]
fn a_body_is_the_whole_request() {
    let table = [
        ("", r#"{"name":"shapes/a"}"#),
        (" \n", r#"{"name":"shapes/a"}"#),
        ("{}", r#"{"name":"shapes/a"}"#),
        (r#"{"name": "shapes/a"}"#, r#"{"name":"shapes/a"}"#),
        (r#"{"name": ""}"#, r#"{"name":"shapes/a"}"#),
        (r#"{"name": null, "pageSize": null}"#, r#"{"name":"shapes/a"}"#),
        (
            r#"{"page_size": 1, "isOpen": true}"#,
            r#"{"name":"shapes/a","pageSize":1,"isOpen":true}"#,
        ),
    ];
    for (text, expected) in table {
        body(POST, NAME, text).is(expected);
    }
    let conflict = "The binding value \"shapes/a\" of the field 'name' is conflicting with the value \"shapes/b\" in the body.";
    body(POST, NAME, r#"{"name": "shapes/b"}"#).is_refused(&[("name", conflict)]);
    let conflict = "The binding value \"7\" of the field 'page_size' is conflicting with the value \"8\" in the body.";
    let rule = ("POST", "/v1/{page_size}", "*");
    body(rule, &[("page_size", "7")], r#"{"pageSize": 8}"#).is_refused(&[("page_size", conflict)]);
    body(rule, &[("page_size", "7")], r#"{"pageSize": 7}"#).is(r#"{"pageSize":7}"#);

    // With all of it in the body, a query has nothing but system parameters.
    let asked = Asked { rule: POST, captures: NAME, query: &[("pageSize", "1")], body: "{}" };
    asked.is_refused(&[(
        "",
        "Invalid JSON payload received. Unknown name \"pageSize\": Cannot bind query parameter. Field 'pageSize' could not be found in request message.",
    )]);
}

#[test]
fn a_body_is_one_field() {
    let table = [
        ("", r#"{"child":{"name":"shapes/a"}}"#),
        ("{}", r#"{"child":{"name":"shapes/a"}}"#),
        ("null", r#"{"child":{"name":"shapes/a"}}"#),
        (r#"{"name": "shapes/a", "pageSize": 2}"#, r#"{"child":{"name":"shapes/a","pageSize":2}}"#),
    ];
    for (text, expected) in table {
        body(PATCH, CHILD_NAME, text).is(expected);
    }
    let asked = Asked {
        rule: PATCH,
        captures: CHILD_NAME,
        query: &[("updateMask", "pageSize"), ("isOpen", "true")],
        body: r#"{"pageSize": 2}"#,
    };
    asked.is(r#"{"isOpen":true,"child":{"name":"shapes/a","pageSize":2},"updateMask":"pageSize"}"#);
    // What the body holds, the query doesn't.
    for name in ["child.pageSize", "child.point.note"] {
        let text = format!(
            "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be found in request message."
        );
        let asked = Asked { rule: PATCH, captures: CHILD_NAME, query: &[(name, "2")], body: "{}" };
        asked.is_refused(&[("", &text)]);
    }
    let conflict = "The binding value \"shapes/a\" of the field 'child.name' is conflicting with the value \"b\" in the body.";
    body(PATCH, CHILD_NAME, r#"{"name": "b"}"#).is_refused(&[("child.name", conflict)]);

    // Of any kind.
    let table = [
        ("tags", r#"["a","b"]"#, r#"{"tags":["a","b"]}"#),
        ("labels", r#"{"a":"b"}"#, r#"{"labels":{"a":"b"}}"#),
        ("name", r#""n""#, r#"{"name":"n"}"#),
        ("config", r#"{"a":1}"#, r#"{"config":{"a":1}}"#),
        ("value", "null", r#"{"value":null}"#),
        ("ttl", r#""1s""#, r#"{"ttl":"1s"}"#),
    ];
    for (field, text, expected) in table {
        body(("POST", "/v1/shapes", field), &[], text).is(expected);
    }
    let unknown = r#"Invalid JSON payload received. Unknown name "nope": Cannot find field."#;
    body(("POST", "/v1/shapes", "nope"), &[], "{}").is_refused(&[("", unknown)]);
}

#[test]
fn without_a_body_in_the_rule_there_is_none() {
    body(GET, NAME, "").is(r#"{"name":"shapes/a"}"#);
    for text in ["{}", " ", "{", r#"{"name": "shapes/a"}"#] {
        body(GET, NAME, text).is_refused(&[("", "The request body must be empty.")]);
    }
}

#[test]
fn what_is_wrong_with_a_body() {
    let table: [(&str, &[(&str, &str)]); 9] = [
        (
            r#"{"foo": 1}"#,
            &[("", r#"Invalid JSON payload received. Unknown name "foo": Cannot find field."#)],
        ),
        (
            r#"{"point": {"Foo": 1}}"#,
            &[(
                "point",
                r#"Invalid JSON payload received. Unknown name "Foo" at 'point': Cannot find field."#,
            )],
        ),
        (
            r#"{"child": {"points": [{}, {"x": 1}]}}"#,
            &[(
                "child.points[1]",
                r#"Invalid JSON payload received. Unknown name "x" at 'child.points[1]': Cannot find field."#,
            )],
        ),
        (
            r#"{"pageSize": "abc"}"#,
            &[("page_size", r#"Invalid value at 'page_size' (TYPE_INT32), "abc""#)],
        ),
        (
            r#"{"child": {"point": {"xAxis": true}}}"#,
            &[("child.point.x_axis", "Invalid value at 'child.point.x_axis' (TYPE_INT32), true")],
        ),
        (
            r#"{"name": "x", "pageSize": 1, "page_size": 1}"#,
            &[
                ("page_size", "Invalid value at 'page_size': the field is given twice."),
                (
                    "name",
                    "The binding value \"shapes/a\" of the field 'name' is conflicting with the value \"x\" in the body.",
                ),
            ],
        ),
        (
            r#"{"a": 1"#,
            &[(
                "",
                "Invalid JSON payload received. EOF while parsing an object at line 1 column 7",
            )],
        ),
        (
            "\n [1]",
            &[(
                "",
                r#"Invalid JSON payload received. Unknown name "": Root element must be a message at line 2 column 2"#,
            )],
        ),
        (
            "null",
            &[(
                "",
                r#"Invalid JSON payload received. Unknown name "": Root element must be a message at line 1 column 1"#,
            )],
        ),
    ];
    for (text, expected) in table {
        body(POST, NAME, text).is_refused(expected);
    }
    let field: [(&str, &[(&str, &str)]); 3] = [
        (
            r#"{"foo": 1}"#,
            &[(
                "child",
                r#"Invalid JSON payload received. Unknown name "foo" at 'child': Cannot find field."#,
            )],
        ),
        (
            r#"{"point": {"x_axis": 1.5}}"#,
            &[("child.point.x_axis", "Invalid value at 'child.point.x_axis' (TYPE_INT32), 1.5")],
        ),
        ("[]", &[("child", "Invalid value at 'child' (type.googleapis.com/shapes.v1.Shape), […]")]),
    ];
    for (text, expected) in field {
        body(PATCH, CHILD_NAME, text).is_refused(expected);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_up_to_a_hundred() {
    let asked = Asked {
        rule: PATCH,
        captures: CHILD_NAME,
        query: &[("pageSize", "x"), ("foo", "1")],
        body: r#"{"name": "other", "bar": 1}"#,
    };
    let fields: Vec<String> =
        asked.build().expect_err("four things").into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["child", "child.name", "", "page_size"]);

    let names: Vec<String> = (0..500).map(|at| format!("\"x{at}\": 1")).collect();
    let text = format!("{{{}}}", names.join(","));
    assert_eq!(body(POST, NAME, &text).build().expect_err("500 names").len(), 100);
}
