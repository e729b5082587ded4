use super::table::FULL;
use super::{check, done, passes, payload, with};
use crate::operation::samples::{at, record, status};
use crate::operation::{Outcome, Payload, Record, Status};

#[test]
fn anys_are_read_by_their_types() {
    let full = with(payload("t.v1.All", FULL));
    let passing = [
        "metadata.@type=t.v1.All",
        "metadata.@type=type.googleapis.com/t.v1.All",
        "metadata.@type:t.v1.*",
        "metadata.@type=*All",
        "metadata.@type!=t.v1.Inner",
        "metadata.@type=type.googleapis.com/t.v1.*",
        "metadata.detail.@type=t.v1.Inner",
        "metadata.detail.text=in",
        "metadata.detail.count>2",
        "metadata.detail:text",
        "metadata.detail.@type:*",
        "metadata.details.@type:google.protobuf.Duration",
        "metadata.details.text:in",
        "metadata.details:3s",
        "metadata.details:text",
    ];
    let others = [
        "metadata.@type=t.v1",
        "metadata.@type=All",
        "metadata.@type!=t.v1.All",
        "metadata.@type=example.com/t.v1.All",
        "metadata.@type!=*All",
        "metadata.detail.@type!=t.v1.Inner",
        "metadata.detail.@type.x=1",
        "metadata.detail.none=1",
        "metadata.details.@type=t.v1.Inner",
        "metadata.details:4s",
        "metadata.inner.@type=t.v1.Inner",
        "metadata.detail.@type<z",
    ];
    check(&full, &passing, &others);
    // Of a type that nobody knows there is only its name.
    let type_url = "example.com/no.Such".to_owned();
    let unknown = with(Payload { type_url, value: b"\x0a\x01a".as_slice().into() });
    let passing = [
        "metadata:*",
        "metadata.@type=no.Such",
        "metadata.@type=example.com/no.Such",
        "metadata.@type=type.googleapis.com/no.Such",
        "metadata.@type!=t.v1.All",
        "NOT metadata.text=a",
    ];
    check(&unknown, &passing, &["metadata.text=a", "metadata.text!=a", "metadata:text"]);
    let broken = Payload { value: b"\xff".as_slice().into(), ..payload("t.v1.All", "{}") };
    check(&with(broken), &["metadata.@type=t.v1.All"], &["metadata.small=0", "metadata.small!=1"]);
}

#[test]
fn responses_and_errors_are_those_of_the_outcome() {
    let response = Outcome::Response(payload("t.v1.Inner", r#"{"text": "made", "count": 2}"#));
    let succeeded = Record { state: done(response), ..record("x", at(0)) };
    let passing = [
        "response:*",
        "response.@type=t.v1.Inner",
        "response.text=made",
        "response.count>1",
        "response:text",
        "NOT error:*",
        "NOT error.code=5",
        "response.text=made AND state=SUCCEEDED",
    ];
    let others =
        ["error:*", "error.code!=5", "error.message!=x", "response.text=x", "response.@type=x"];
    check(&succeeded, &passing, &others);

    let details = vec![
        payload("google.rpc.ErrorInfo", r#"{"reason": "QUOTA", "metadata": {"zone": "a"}}"#),
        payload("google.rpc.RetryInfo", r#"{"retryDelay": "5s"}"#),
    ];
    let status = Status { details, ..status(8, "out of disk") };
    let failed = Record { state: done(Outcome::Error(status)), ..record("x", at(0)) };
    let passing = [
        "error:*",
        "error.code=8",
        "error.code>7",
        "error.code!=5",
        "error.code:*",
        "error.message='out of *'",
        "error.message!=x",
        "error.details:*",
        "error.details.reason:QUOTA",
        "error.details.metadata.zone:a",
        "error.details.@type:google.rpc.RetryInfo",
        "error.details.retry_delay:5s",
        "NOT response:*",
        "error.details:reason",
    ];
    let others = [
        "error.code=5",
        "error.message=out",
        "error.details.reason:DISK",
        "response:*",
        "response.x!=1",
        "error.details.@type:t.v1.All",
    ];
    check(&failed, &passing, &others);

    let open = record("x", at(0));
    let others = ["error:*", "error.code=0", "error.code!=5", "response:*", "response.@type!=x"];
    check(&open, &["NOT error.code=0"], &others);
}

#[test]
fn precedence_is_that_of_the_grammar() {
    let record = with(payload("t.v1.All", FULL));
    let (yes, no) = ("metadata.small=-5", "metadata.small=0");
    for bits in 0..8_u8 {
        let [a, b, c] = [1, 2, 4].map(|bit| bits & bit != 0);
        let text = |value: bool| if value { yes } else { no };
        let (x, y, z) = (text(a), text(b), text(c));
        assert_eq!(passes(&record, &format!("{x} AND {y} OR {z}")), a && (b || c));
        assert_eq!(passes(&record, &format!("{x} OR {y} AND {z}")), (a || b) && c);
        assert_eq!(passes(&record, &format!("{x} {y} OR NOT {z}")), a && (b || !c));
        assert_eq!(passes(&record, &format!("NOT ({x} {y}) OR {z}")), !(a && b) || c);
        assert_eq!(passes(&record, &format!("-{x} ({y} AND {z})")), !a && (b && c));
    }
}
