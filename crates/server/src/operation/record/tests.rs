use super::*;
use crate::operation::samples::{at, payload, record, status, token};

fn lease(expire_time: Timestamp) -> State {
    State::Running(Holder::Worker(Lease {
        worker_id: "w".to_owned(),
        token: token("A").hash(),
        renew_time: at(0),
        duration: Span::seconds(20),
        expire_time,
    }))
}

fn done(outcome: Outcome) -> State {
    let finisher = Finisher::Server;
    State::Done(Done { outcome, finish_time: at(5), finisher, expire_time: at(2000) })
}

#[test]
fn states_have_names_and_a_due_time() {
    let response = Outcome::Response(payload("test.Response", b""));
    let table = [
        (State::Pending { delayed_until: None }, "PENDING", at(1000)),
        (State::Pending { delayed_until: Some(at(9)) }, "PENDING", at(9)),
        (State::Pending { delayed_until: Some(at(1001)) }, "PENDING", at(1000)),
        (State::Running(Holder::Service), "RUNNING", at(1000)),
        (lease(at(20)), "RUNNING", at(20)),
        (lease(at(1020)), "RUNNING", at(1000)),
        (done(response), "SUCCEEDED", at(2000)),
        (done(Outcome::Error(status(4, ""))), "FAILED", at(2000)),
        (done(Outcome::Error(status(1, ""))), "CANCELLED", at(2000)),
    ];
    for (state, name, due) in table {
        let record = Record { state, ..record("x", at(0)) };
        assert_eq!((record.state_name().as_str(), record.due_time()), (name, due));
    }
}

#[test]
fn etags_are_quoted_and_differ_by_version() {
    let mut record = record("x", at(0));
    assert_eq!(record.etag(), "\"1\"");
    record.version = 0xfe;
    assert_eq!(record.etag(), "\"fe\"");
}

#[test]
fn principals_have_two_parts() {
    let (longest, longer) = (format!("a:{}", "s".repeat(510)), format!("a:{}", "s".repeat(511)));
    let table = [
        ("static:alice", true),
        ("corp:alice@example.com", true),
        ("corp:urn:sub:1", true),
        (&longest, true),
        (&longer, false),
        ("alice", false),
        (":alice", false),
        ("static:", false),
        ("", false),
        ("static:a\nb", false),
    ];
    for (text, good) in table {
        let found = Principal::parse(text);
        assert_eq!(found.as_ref().map(Principal::as_str), good.then_some(text));
    }
}

#[test]
fn tokens_are_32_hex_digits_and_are_not_shown() {
    let token = LeaseToken::mint([0xa5; 16]);
    assert_eq!(token.reveal(), "a5".repeat(16));
    assert_eq!(token.hash(), LeaseToken::new(token.reveal()).hash());
    assert_ne!(token.hash(), LeaseToken::mint([0xa6; 16]).hash());
    assert_eq!(format!("{token:?}"), "LeaseToken(…)");
}
