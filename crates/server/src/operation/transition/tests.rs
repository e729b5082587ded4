//! What the table can't say: which values the changes have.

use super::*;
use crate::operation::StateName;
use crate::operation::samples::{at, expected, payload, record, status, token};

fn now_is(decision: Decision) -> Record {
    match decision {
        Ok(Change::Put(record) | Change::Remove(record, _) | Change::Reject(record, _)) => *record,
        other => panic!("nothing was changed: {other:?}"),
    }
}

fn leased(token_name: &str, attempt: u32, now: Timestamp) -> Record {
    let mut pending = record("x", now);
    pending.attempt = attempt - 1;
    now_is(lease(&pending, &grant(token_name, None), now))
}

fn grant(token_name: &str, duration: Option<Span>) -> Grant {
    Grant { worker_id: "w1".to_owned(), token: token(token_name).hash(), duration }
}

fn renewal(duration: Option<Span>) -> Renewal {
    Renewal { token: Some(token("A")), duration, metadata: None }
}

fn finish_with(outcome: Outcome) -> Finish {
    Finish { token: Some(token("A")), outcome, metadata: None }
}

fn ok() -> Outcome {
    Outcome::Response(payload("test.Response", b"1"))
}

/// Code, message, reason, domain and metadata of an outcome of the server's own.
fn error_of(record: &Record) -> (i32, String, String, String, Vec<(String, String)>) {
    let Some(Done { outcome: Outcome::Error(status), .. }) = record.done() else {
        panic!("no error: {record:?}");
    };
    let [detail] = &status.details[..] else { panic!("no single detail: {status:?}") };
    assert_eq!(detail.type_url, "type.googleapis.com/google.rpc.ErrorInfo");
    let info = ErrorInfo::decode(detail.value.clone()).unwrap();
    let mut metadata: Vec<_> = info.metadata.into_iter().collect();
    metadata.sort();
    (status.code, status.message.clone(), info.reason, info.domain, metadata)
}

fn new(execution: Execution) -> NewRecord {
    NewRecord {
        service: "s".to_owned(),
        parent: Parent::default(),
        id: None,
        method: "pkg.Service/Method".to_owned(),
        owner: None,
        exclusive_key: None,
        request_claim: None,
        descriptors: None,
        execution,
        hold: None,
        validation: false,
        request: None,
        metadata: None,
        labels: Labels::new(),
        deadline: None,
        expire_time: None,
        max_attempts: 5,
        deadline_default: Span::seconds(60),
        lease_duration: Span::seconds(30),
        retention: Span::seconds(7),
    }
}

fn minted() -> Id {
    Id::parse("minted").unwrap()
}

#[test]
fn a_leased_record_begins_pending_and_a_self_one_running() {
    let record = create(&new(Execution::Leased), &minted(), at(0));
    assert_eq!(record.state, State::Pending { delayed_until: None });
    assert_eq!((record.create_time, record.update_time, record.start_time), (at(0), at(0), None));
    assert_eq!((record.deadline, record.attempt, record.version), (at(60), 0, 1));

    let record = create(&new(Execution::Service), &minted(), at(0));
    assert_eq!(record.state, State::Running(Holder::Service));
    assert_eq!(record.start_time, Some(at(0)));

    let given = NewRecord { deadline: Some(at(5)), ..new(Execution::Leased) };
    assert_eq!(create(&given, &minted(), at(0)).deadline, at(5));
}

#[test]
fn a_record_has_the_id_that_was_chosen_or_the_one_that_was_minted() {
    let born = |id: Option<Id>| {
        create(&NewRecord { id, ..new(Execution::Leased) }, &minted(), at(0)).name.to_string()
    };
    assert_eq!(born(None), "services/s/operations/minted");
    assert_eq!(born(Id::parse("chosen").ok()), "services/s/operations/chosen");
}

#[test]
fn a_hold_begins_with_its_record() {
    for validation in [false, true] {
        let hold = Some(Span::seconds(6));
        let new = NewRecord { hold, validation, ..new(Execution::Leased) };
        let held = create(&new, &minted(), at(0));
        assert_eq!(held.hold, Some(at(6)));
        assert!(held.is_hidden());
        assert_eq!(held.due_time(), at(6));
        let leased = now_is(lease(&held, &grant("A", Some(Span::seconds(3))), at(0)));
        assert_eq!(leased.due_time(), at(3));
        let admitted = Record { hold: None, ..leased };
        assert!(!admitted.is_hidden());
        let finish_it = finish_with(Outcome::Response(payload("test.Response", b"")));
        let done = now_is(finish(&admitted, &finish_it, &expected(), &by_bytes, at(4)));
        assert_eq!(done.validation, validation, "what it was for is still known");
    }
}

#[test]
fn a_lease_lasts_as_long_as_asked_for_or_as_the_record_says() {
    for (asked, seconds) in [(None, 20), (Some(Span::seconds(3)), 3)] {
        let record = now_is(lease(&record("x", at(0)), &grant("A", asked), at(1)));
        let held = Lease {
            worker_id: "w1".to_owned(),
            token: token("A").hash(),
            renew_time: at(1),
            duration: Span::seconds(seconds),
            expire_time: at(1 + seconds),
        };
        assert_eq!(record.lease(), Some(&held));
        assert_eq!((record.start_time, record.attempt), (Some(at(1)), 1));
    }
}

#[test]
fn a_renewal_counts_from_now_and_remembers_a_new_duration() {
    let record = leased("A", 1, at(0));
    let record = now_is(renew(&record, &renewal(None), &expected(), at(10)));
    assert_eq!(record.lease().map(|lease| lease.expire_time), Some(at(30)));
    let record = now_is(renew(&record, &renewal(Some(Span::seconds(5))), &expected(), at(11)));
    assert_eq!(record.lease().map(|lease| lease.expire_time), Some(at(16)));
    let record = now_is(renew(&record, &renewal(None), &expected(), at(12)));
    assert_eq!(record.lease().map(|lease| lease.expire_time), Some(at(17)));
    assert_eq!((record.version, record.update_time), (2, at(0)), "bare renewals aren't seen");
}

#[test]
fn a_released_record_rests_and_then_is_leased_again() {
    let error = Some(status(14, "later"));
    let delay = Release { token: Some(token("A")), error, retry_delay: Span::seconds(5) };
    let resting = now_is(release(&leased("A", 1, at(0)), &delay, at(1)));
    assert_eq!(resting.state, State::Pending { delayed_until: Some(at(6)) });
    assert_eq!(resting.due_time(), at(6));
    let awake = now_is(tick(&resting, at(6), at(0)));
    assert_eq!(awake.etag(), resting.etag());
    let again = now_is(lease(&awake, &grant("B", None), at(7)));
    assert_eq!((again.attempt, again.start_time), (2, Some(at(0))));
}

#[test]
fn the_last_attempts_error_is_the_outcome_and_its_worker_the_finisher() {
    let error = status(8, "no more");
    let failure = Release {
        token: Some(token("A")),
        error: Some(error.clone()),
        retry_delay: Span::seconds(5),
    };
    let record = now_is(release(&leased("A", 3, at(0)), &failure, at(1)));
    let done = record.done().unwrap();
    assert_eq!(done.outcome, Outcome::Error(error));
    assert_eq!(done.finisher, Finisher::Worker(token("A").hash()));
    assert_eq!(release(&record, &failure, at(2)), Err(Refusal::Done));
}

#[test]
fn a_cancelled_record_says_so() {
    let record = now_is(cancel(&record("x", at(0)), at(1)));
    assert_eq!(record.state_name(), StateName::Cancelled);
    let message = "The operation was cancelled.".to_owned();
    let expected = (1, message, "OPERATION_CANCELLED".to_owned(), "s".to_owned(), vec![]);
    assert_eq!(error_of(&record), expected);
    assert_eq!(record.cancel_request_time, Some(at(1)));
    assert_eq!(record.done().map(|done| done.finisher), Some(Finisher::Server));
}

#[test]
fn a_lost_worker_is_named_with_its_attempt_and_last_renewal() {
    let record = leased("A", 3, at(0));
    let record = now_is(renew(&record, &renewal(None), &expected(), at(100)));
    let record = now_is(tick(&record, at(120), at(0)));
    let (code, message, reason, _, metadata) = error_of(&record);
    assert_eq!((code, reason.as_str()), (14, "WORKER_LOST"));
    assert_eq!(
        message,
        "Worker \"w1\" was lost on attempt 3, the last one; it last renewed its lease at 2023-11-14T22:15:00Z."
    );
    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let pairs =
        [("attempt", "3"), ("last_renew_time", "2023-11-14T22:15:00Z"), ("worker_id", "w1")];
    assert_eq!(metadata, pairs.map(pair));
}

#[test]
fn a_passed_deadline_is_told_and_voids_the_lease() {
    let record = now_is(tick(&leased("A", 1, at(0)), at(1000), at(1000)));
    let (code, message, reason, _, metadata) = error_of(&record);
    assert_eq!((code, reason.as_str()), (4, "OPERATION_DEADLINE_EXCEEDED"));
    assert_eq!(message, "The operation was not done by its deadline, 2023-11-14T22:30:00Z.");
    assert_eq!(metadata, [("deadline".to_owned(), "2023-11-14T22:30:00Z".to_owned())]);
    let late = finish(&record, &finish_with(ok()), &expected(), &by_bytes, at(1001));
    assert_eq!(late, Err(Refusal::Done));
}

#[test]
fn a_deadline_set_in_the_past_ends_the_record_at_the_next_look() {
    let past = Update { deadline: Some(at(-5)), ..Update::default() };
    let record = now_is(update(&leased("A", 1, at(0)), &past, &expected(), at(1)));
    assert_eq!(record.due_time(), at(-5));
    let record = now_is(tick(&record, at(1), at(0)));
    assert_eq!(record.state_name(), StateName::Failed);
}

#[test]
fn a_done_record_is_kept_for_its_retention_unless_a_time_was_set_before() {
    for (set, expires) in [(None, 505), (Some(at(90)), 90), (Some(at(3)), 5)] {
        let mut record = leased("A", 1, at(0));
        record.expire_time = set;
        assert_eq!(record.due_time(), at(20), "an open record never expires");
        let record = now_is(finish(&record, &finish_with(ok()), &expected(), &by_bytes, at(5)));
        let done = record.done().unwrap();
        assert_eq!((done.finish_time, done.expire_time), (at(5), at(expires)), "{set:?}");
    }
}

#[test]
fn a_done_records_expire_time_is_never_before_its_finish() {
    let record =
        now_is(finish(&leased("A", 1, at(0)), &finish_with(ok()), &expected(), &by_bytes, at(5)));
    for (asked, expires) in [(at(2), at(5)), (at(6), at(6)), (at(9000), at(9000))] {
        let written = Update { expire_time: Some(asked), ..Update::default() };
        let record = now_is(update(&record, &written, &expected(), at(7)));
        assert_eq!(record.done().map(|done| done.expire_time), Some(expires));
        assert_eq!(record.due_time(), expires);
    }
}

#[test]
fn times_never_go_back_though_now_does() {
    let mut before = leased("A", 1, at(0));
    before.update_time = at(50);
    let record = now_is(cancel(&before, at(10)));
    assert_eq!((record.update_time, record.version), (at(50), 3));
    let record = now_is(finish(&before, &finish_with(ok()), &expected(), &by_bytes, at(10)));
    assert_eq!(record.done().map(|done| done.finish_time), Some(at(50)));
    assert_eq!(record.update_time, at(50));
}

#[test]
fn a_repeat_says_the_same_under_another_type_url() {
    let with = |type_url: &str, value: &'static [u8]| {
        Outcome::Response(Payload { type_url: type_url.to_owned(), value: value.into() })
    };
    let first = finish_with(with("type.googleapis.com/test.Response", b"1"));
    let record = now_is(finish(&leased("A", 1, at(0)), &first, &expected(), &by_bytes, at(1)));
    let table = [
        ("example.com/types/test.Response", &b"1"[..], Ok(Change::Keep)),
        ("type.googleapis.com/test.Response", b"2", Err(Refusal::Done)),
        ("type.googleapis.com/test.Other", b"1", Err(Refusal::Done)),
    ];
    for (type_url, value, decision) in table {
        let repeat = finish_with(with(type_url, value));
        assert_eq!(finish(&record, &repeat, &expected(), &by_bytes, at(2)), decision, "{type_url}");
    }
}

#[test]
fn a_repeated_error_is_compared_whole() {
    let full = Status { details: vec![payload("test.Detail", b"1")], ..status(9, "no") };
    let first = finish_with(Outcome::Error(full.clone()));
    let record = now_is(finish(&leased("A", 1, at(0)), &first, &expected(), &by_bytes, at(1)));
    let table = [
        (full.clone(), Ok(Change::Keep)),
        (Status { code: 10, ..full.clone() }, Err(Refusal::Done)),
        (Status { message: String::new(), ..full.clone() }, Err(Refusal::Done)),
        (Status { details: vec![], ..full.clone() }, Err(Refusal::Done)),
        (Status { details: vec![payload("test.Detail", b"2")], ..full }, Err(Refusal::Done)),
    ];
    for (error, decision) in table {
        let repeat = finish_with(Outcome::Error(error.clone()));
        assert_eq!(finish(&record, &repeat, &expected(), &by_bytes, at(2)), decision, "{error:?}");
    }
}

#[test]
fn refusals_say_what_they_are_about() {
    let wrong = finish_with(Outcome::Response(payload("test.Other", b"")));
    let refusal =
        finish(&leased("A", 1, at(0)), &wrong, &expected(), &by_bytes, at(1)).unwrap_err();
    let (expected_type, actual) = ("test.Response".to_owned(), "test.Other".to_owned());
    let wrong_type = Refusal::WrongType { field: "response", expected: expected_type, actual };
    assert_eq!(refusal, wrong_type);

    let stale = Update { etag: Some("\"1\"".to_owned()), ..Update::default() };
    let refusal = update(&leased("A", 1, at(0)), &stale, &expected(), at(1)).unwrap_err();
    assert_eq!(refusal, Refusal::EtagMismatch { current: "\"2\"".to_owned() });

    let any = Expected::default();
    assert!(
        finish(&leased("A", 1, at(0)), &wrong, &any, &by_bytes, at(1)).is_ok(),
        "no type is declared"
    );
}

#[test]
fn the_descriptors_of_what_an_event_brings_are_noted_once() {
    let [old, new] = [b"old", b"new"].map(|text| crate::operation::Digest::of(&[text]));
    let before = Record { descriptors: vec![old], ..leased("A", 1, at(0)) };
    let noted = |decision: Decision, digest| {
        now_is(Ok(noted(&before, decision.unwrap(), digest))).descriptors
    };
    let brings = || finish(&before, &finish_with(ok()), &expected(), &by_bytes, at(1));
    assert_eq!(noted(brings(), Some(new)), [old, new]);
    assert_eq!(noted(brings(), Some(old)), [old]);
    assert_eq!(noted(brings(), None), [old]);
    assert_eq!(noted(cancel(&before, at(1)), Some(new)), [old], "a cancel brings no payload");
    let deleted = Record { delete_time: Some(at(1)), ..before.clone() };
    let decision = finish(&deleted, &finish_with(ok()), &expected(), &by_bytes, at(1));
    assert_eq!(noted(decision, Some(new)), [old, new], "the last version, too");
}

#[test]
fn outcomes_of_other_bytes_may_be_the_same() {
    let record =
        now_is(finish(&leased("A", 1, at(0)), &finish_with(ok()), &expected(), &by_bytes, at(1)));
    let repeat = finish_with(Outcome::Response(payload("test.Response", b"other")));
    let decided = |same: Same<'_>| finish(&record, &repeat, &expected(), same, at(2));
    assert_eq!(decided(&|_, _| true), Ok(Change::Keep));
    assert_eq!(decided(&|_, _| false), Err(Refusal::Done));
    let other = finish_with(Outcome::Response(payload("test.Other", b"other")));
    let decided = finish(&record, &other, &expected(), &|_, _| true, at(2));
    assert_eq!(decided, Err(Refusal::Done), "another type is never the same");
}
