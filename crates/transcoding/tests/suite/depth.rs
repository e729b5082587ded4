//! Messages in messages: what is too deep is refused, and what isn't fits on a stack of two
//! megabytes, which is what a test and a worker thread of the server have.

use longrun_transcoding::{PrintError, Rule, build_request, check_any_types, decode, print};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};

use super::{COMPACT, descriptor, json, message, pairs, refused};

const ANY: &str = "google.protobuf.Any";
const TYPE_OF_ANY: &str = r#""@type":"type.googleapis.com/google.protobuf.Any""#;

/// A text in `levels` openings and as many closings.
fn nested(open: &str, inner: &str, close: &str, levels: usize) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

/// Whether what was read is printed as it was, decodes again and passes the check.
fn is_whole(name: &str, text: &str) {
    let read = message(name, text);
    let bytes = read.encode_to_vec();
    let again = DynamicMessage::decode(descriptor(name), bytes.as_slice()).expect(text);
    for message in [read, again] {
        assert_eq!(json(&message), text);
        assert_eq!(check_any_types(&message), Ok(()));
    }
}

#[test]
fn the_deepest_that_is_read_is_whole() {
    is_whole("Shape", &format!("{{{}}}", nested(r#""child":{"#, r#""name":"n""#, "}", 99)));
    is_whole("Shape", &nested(r#"{"child":"#, r#"{"times":["2025-01-01T00:00:00Z"]}"#, "}", 98));
    is_whole("google.protobuf.Value", &nested("[", "", "]", 50));
    is_whole("google.protobuf.Struct", &nested(r#"{"k":"#, "1", "}", 50));
    is_whole("Shape", &format!("{{\"config\":{}}}", nested(r#"{"k":"#, "1", "}", 50)));
    is_whole("google.protobuf.ListValue", &nested(r#"[{"k":"#, "1", "}]", 25));
    is_whole(ANY, &nested(&format!("{{{TYPE_OF_ANY},\"value\":"), "{}", "}", 99));
    is_whole(
        ANY,
        &nested(r#"{"@type":"type.googleapis.com/shapes.v1.Shape","payload":"#, "{}", "}", 50),
    );
    is_whole(
        "Shape",
        &nested(
            r#"{"payloads":[{"@type":"type.googleapis.com/shapes.v1.Shape","payloads":["#,
            r#"{"@type":"type.googleapis.com/google.protobuf.Empty"}"#,
            "]}]}",
            1,
        ),
    );
}

#[test]
fn more_than_a_hundred_levels_of_json_say_where() {
    let hundred = nested("[", "", "]", 100);
    let table = [
        (nested("[", "", "]", 101), "line 1 column 102"),
        (nested("{\"a\":", "1", "}", 101), "line 1 column 501"),
        (format!("{{\"config\": {{\"a\":\n{hundred}}}}}"), "line 2 column 99"),
        (nested("[", "", "]", 100_000), "line 1 column 101"),
        ("[".repeat(1_000_000), "line 1 column 101"),
        ("{\"a\":".repeat(200_000), "line 1 column 501"),
    ];
    for (text, place) in table {
        let refused = refused("Shape", text);
        let expected =
            format!("Invalid JSON payload received. more than 100 levels of nesting at {place}");
        assert_eq!(pairs(&refused), [("", expected.as_str())]);
    }
    let refused = refused("Shape", hundred);
    assert_eq!(refused[0].description, "Invalid value (type.googleapis.com/shapes.v1.Shape), […]");
}

#[test]
fn what_no_library_would_decode_again_is_refused() {
    // A level of JSON is two of messages here: a Value, and the list or Struct in it.
    for (name, text) in [
        ("google.protobuf.Value", nested("[", "", "]", 51)),
        ("google.protobuf.Struct", nested(r#"{"k":"#, "1", "}", 51)),
        ("google.protobuf.Value", nested("[", "", "]", 100)),
        ("Shape", format!("{{\"config\": {}}}", nested(r#"{"k":"#, "1", "}", 51))),
        (
            ANY,
            format!(
                "{{\"@type\":\"type.googleapis.com/google.protobuf.Value\",\"value\":{}}}",
                nested("[", "", "]", 60)
            ),
        ),
    ] {
        let refused = refused(name, text);
        let [violation] = refused.as_slice() else { panic!("{refused:?}") };
        assert!(
            violation.description.ends_with(": more than 100 levels of nesting"),
            "{violation:?}"
        );
        assert!(violation.description.contains(&format!("'{}'", violation.field)));
    }
}

#[test]
fn a_query_goes_no_deeper() {
    let build = |name: &str| {
        let rule = Rule::new("GET", "/v1/shapes", "", "").expect("a rule");
        let query = [(name.to_owned(), "n".to_owned())];
        build_request(&descriptor("Shape"), &rule, &[], &query, b"")
    };
    let deepest = build(&format!("{}name", "child.".repeat(99))).expect("a hundred fields");
    let again = DynamicMessage::decode(descriptor("Shape"), deepest.encode_to_vec().as_slice());
    assert!(again.is_ok_and(|again| again == deepest));
    for levels in [100, 100_000] {
        let refused = build(&format!("{}name", "child.".repeat(levels)));
        let refused = refused.map(|_| ()).expect_err("too deep");
        let start = "Invalid JSON payload received. Unknown name \"child.child.";
        assert!(refused[0].description.starts_with(start), "{}", refused[0].description);
        assert!(refused[0].description.len() < 400);
    }
}

/// Anys in Anys, made without JSON.
fn anys(levels: usize, inside: &str) -> DynamicMessage {
    let mut any = DynamicMessage::new(descriptor(ANY));
    for _ in 0..levels {
        let mut inner = DynamicMessage::new(descriptor(inside));
        if inside == ANY {
            inner = any;
        } else {
            inner.set_field_by_name("payloads", Value::List(vec![Value::Message(any)]));
        }
        any = DynamicMessage::new(descriptor(ANY));
        any.set_field_by_number(
            1,
            Value::String(format!("type.googleapis.com/{}", descriptor(inside).full_name())),
        );
        any.set_field_by_number(2, Value::Bytes(inner.encode_to_vec().into()));
    }
    any
}

#[test]
fn nested_anys_end() {
    // What the check takes is printed, the deepest too.
    for (inside, levels) in [(ANY, 100), ("Shape", 50)] {
        let deepest = anys(levels, inside);
        assert_eq!(check_any_types(&deepest), Ok(()), "{inside}");
        assert!(print(&deepest, &COMPACT).is_ok(), "{inside}");
        let refused = check_any_types(&anys(levels + 1, inside)).expect_err(inside);
        assert_eq!(refused.description, "more than 100 levels of nesting");
    }
    for (inside, levels) in [(ANY, 5_000), ("Shape", 2_000)] {
        let endless = anys(levels, inside);
        assert_eq!(print(&endless, &COMPACT), Err(PrintError::TooDeep));
        assert!(check_any_types(&endless).is_err());
    }
    // A hundred levels in the last of a hundred Anys, and no stack ends.
    let deep = message("Shape", &nested(r#"{"child":"#, "{}", "}", 99));
    let mut any = DynamicMessage::new(descriptor(ANY));
    any.set_field_by_number(1, Value::String("type.googleapis.com/shapes.v1.Shape".to_owned()));
    any.set_field_by_number(2, Value::Bytes(deep.encode_to_vec().into()));
    for _ in 0..150 {
        let mut outer = DynamicMessage::new(descriptor(ANY));
        outer.set_field_by_number(1, Value::String(format!("type.googleapis.com/{ANY}")));
        outer.set_field_by_number(2, Value::Bytes(any.encode_to_vec().into()));
        any = outer;
    }
    assert_eq!(print(&any, &COMPACT), Err(PrintError::TooDeep));
    assert!(check_any_types(&any).is_err());
}

/// No clock is looked at: with as much work for each value as the key is long, this would not
/// end, as that is a terabyte.
#[test]
fn large_documents_take_no_longer_than_their_size() {
    let values = vec!["1"; 90_000].join(",");
    let key = "k".repeat(12_000_000);
    let text = format!("{{\"config\": {{\"{key}\": [{values}]}}, \"pageSize\": \"x\"}}");
    assert_eq!(refused("Shape", text).len(), 1);
}

#[test]
fn a_large_text_in_many_anys_is_whole() {
    let key = "k".repeat(500_000);
    let text = nested(&format!("{{{TYPE_OF_ANY},\"value\":"), "{}", "}", 90).replace(
        "{}",
        &format!("{{\"@type\":\"type.googleapis.com/shapes.v1.Point\",\"note\":\"{key}\"}}"),
    );
    assert_eq!(json(&message(ANY, &text)), text);
}

#[test]
fn messages_in_one_document_have_a_number() {
    let list = |length: usize| format!("[{}]", vec!["0"; length].join(","));
    let read = message("google.protobuf.ListValue", &list(100_000));
    assert_eq!(json(&read).len(), 200_001);
    let refused = refused("Shape", format!("{{\"list\": {}}}", list(500_000)));
    let why = "Invalid value at 'list[99999]': more than 100000 messages in all";
    assert_eq!(pairs(&refused), [("list[99999]", why)]);
    // What isn't a message is far smaller.
    let read = message("Shape", &format!("{{\"sizes\": {}}}", list(500_000)));
    assert_eq!(json(&read).len(), 1_000_011);
}

#[test]
fn messages_in_bytes_are_counted_before_they_are_decoded() {
    let list = |one: &[u8], count: usize| one.repeat(count);
    let within = |url: &str, bytes: &[u8]| {
        let mut any = DynamicMessage::new(descriptor(ANY));
        any.set_field_by_number(1, Value::String(format!("type.googleapis.com/{url}")));
        any.set_field_by_number(2, Value::Bytes(bytes.to_vec().into()));
        any.encode_to_vec()
    };
    // Empty values, texts that nobody declares, groups.
    let (values, unknown, groups) = (&[10, 0][..], &[122, 1, 7][..], &[123, 124][..]);
    let check = |name: &str, bytes: &[u8]| {
        decode(&descriptor(name), bytes).and_then(|message| check_any_types(&message))
    };
    for one in [values, unknown, groups] {
        let name = "google.protobuf.ListValue";
        assert_eq!(check(name, &list(one, 100_000)), Ok(()), "{one:?}");
        for (name, bytes) in [(name, list(one, 100_001)), (ANY, within(name, &list(one, 100_001)))]
        {
            let refused = check(name, &bytes).expect_err("too many");
            assert_eq!(refused.description, "more than 100000 messages in all", "{one:?}");
        }
    }
    let broken = check("Shape", &[0xff; 100]).expect_err("no message");
    assert!(
        broken.description.starts_with("the value is no valid shapes.v1.Shape: "),
        "{broken:?}"
    );
}
