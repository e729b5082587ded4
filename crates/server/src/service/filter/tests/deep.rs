use prost::Message as _;
use prost_types::Any;

use super::{check, passes, payload, with};
use crate::operation::Payload;

/// An Any in an Any in an Any, and a message of a type in the innermost.
fn nested(levels: usize) -> Payload {
    let mut payload = payload("t.v1.Inner", r#"{"text": "deep"}"#);
    for _ in 0..levels {
        let any = Any { type_url: payload.type_url, value: payload.value.to_vec() };
        let type_url = "type.googleapis.com/google.protobuf.Any".to_owned();
        payload = Payload { type_url, value: any.encode_to_vec().into() };
    }
    payload
}

#[test]
fn anys_within_anys_come_to_an_end() {
    check(&with(nested(1)), &["metadata.text=deep"], &["metadata.text=x"]);
    check(&with(nested(50)), &["metadata.text=deep"], &["metadata.text!=deep"]);
    // Deeper than any payload that is accepted: without an end this were the stack's.
    check(&with(nested(5000)), &["metadata:*"], &["metadata.text=deep", "metadata.text!=deep"]);
}

#[test]
fn lists_within_lists_come_to_an_end() {
    let lists = |levels: usize| {
        let json = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        with(payload("google.protobuf.ListValue", &json))
    };
    assert!(passes(&lists(1), "metadata:1"));
    assert!(passes(&lists(20), "metadata:1"));
    assert!(!passes(&lists(20), "metadata:2"));
}
