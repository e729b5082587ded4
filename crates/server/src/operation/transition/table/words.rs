//! What the table's words stand for: states, events, changes.

use super::*;
use crate::operation::samples::{at, expected, payload, record, status, token};

/// The record in a state: made 100 s ago, finished 10 s ago if it is done; held for 500 s more
/// if it is.
pub(super) fn state(name: &str) -> Record {
    for (prefix, validation) in [("held-", false), ("asked-", true)] {
        if let Some(name) = name.strip_prefix(prefix) {
            return Record { hold: Some(at(500)), validation, ..state(name) };
        }
    }
    let mut record = record("x", at(-100));
    record.deadline = at(1000);
    record.update_time = at(-10);
    record.version = 7;
    let mut lease = |attempt, renew_time: Timestamp| {
        let duration = Span::seconds(20);
        record.attempt = attempt;
        record.start_time = Some(at(-90));
        record.state = State::Running(Holder::Worker(Lease {
            worker_id: "w".to_owned(),
            token: token("A").hash(),
            renew_time,
            duration,
            expire_time: renew_time.plus(duration),
        }));
    };
    match name.trim_end_matches("-c") {
        "leased" => lease(1, at(-5)),
        "last" => lease(3, at(-5)),
        "over" => lease(1, at(-21)),
        "over-last" => lease(3, at(-21)),
        _ => {}
    }
    if name.ends_with("-c") {
        record.cancel_request_time = Some(at(-10));
    }
    if name.starts_with('s') || name.starts_with("xs") {
        record.execution = Execution::Service;
        record.state = State::Running(Holder::Service);
        record.start_time = Some(at(-100));
    }
    if matches!(name, "retried" | "delayed") {
        (record.attempt, record.start_time) = (1, Some(at(-90)));
        let delayed_until = (name == "delayed").then(|| at(10));
        record.state = State::Pending { delayed_until };
    }
    if let Some((finisher, end)) = name.split_once('-').filter(|_| DONE.contains(name)) {
        let finisher = match finisher {
            "w" => Finisher::Worker(token("A").hash()),
            "s" => Finisher::Service,
            _ => Finisher::Server,
        };
        let (finish_time, expire_time) = (at(-10), at(490));
        let outcome = outcome(&[end]).unwrap();
        record.state = State::Done(Done { outcome, finish_time, finisher, expire_time });
    }
    record
}

fn outcome(words: &[&str]) -> Option<Outcome> {
    words.iter().find_map(|word| {
        Some(match *word {
            "ok" => Outcome::Response(payload("test.Response", b"1")),
            "ok2" => Outcome::Response(payload("test.Response", b"2")),
            "ok!" => Outcome::Response(payload("test.Other", b"1")),
            "err" => Outcome::Error(status(9, "1")),
            "err2" => Outcome::Error(status(9, "2")),
            "stop" => Outcome::Error(status(1, "1")),
            _ => return None,
        })
    })
}

fn metadata(words: &[&str]) -> Option<Payload> {
    words.iter().find_map(|word| {
        Some(match *word {
            "m" => payload("test.Metadata", b"new"),
            "same" => payload("test.Metadata", b"old"),
            "m!" => payload("test.Other", b"new"),
            _ => return None,
        })
    })
}

/// The event that is called so, applied to a record.
pub(super) fn apply(event: &str, record: &Record) -> Decision {
    let (event, words) = event.split_once('(').unwrap_or((event, ""));
    let words: Vec<&str> = words.trim_end_matches(')').split(',').collect();
    let has = |word: &str| words.contains(&word);
    let token = ["A", "B"].into_iter().find(|name| has(name)).map(token);
    let seconds = words.iter().find_map(|word| word.strip_suffix('s')?.parse().ok());
    let span = seconds.map(Span::seconds);
    let (now, metadata, outcome) = (at(0), metadata(&words), outcome(&words));
    match event {
        "cancel" => cancel(record, now),
        "delete" => delete(record, now),
        "lease" => {
            let hash = self::token("C").hash();
            lease(record, &Grant { worker_id: "w2".to_owned(), token: hash, duration: span }, now)
        }
        "renew" => renew(record, &Renewal { token, duration: span, metadata }, &expected(), now),
        "release" => {
            let error = outcome.map(|outcome| match outcome {
                Outcome::Error(status) => status,
                Outcome::Response(_) => panic!("an attempt fails with an error"),
            });
            let retry_delay = span.unwrap_or_default();
            release(record, &Release { token, error, retry_delay }, now)
        }
        "reject" => reject(record, &Reject { token, error: status(3, "no") }, now),
        "admit" => admit(record, now),
        "finish" => {
            let outcome = outcome.expect("a finish has an outcome");
            finish(record, &Finish { token, outcome, metadata }, &expected(), &by_bytes, now)
        }
        "update" => {
            let label = |value: &str| Labels::from([("env".to_owned(), value.to_owned())]);
            let written = Update {
                metadata: metadata.map(Some).or(has("no-m").then_some(None)),
                labels: has("l").then(|| label("new")).or(has("l=").then(|| label("old"))),
                expire_time: has("x").then(|| at(700)).or(has("x-past").then(|| at(-50))),
                deadline: has("t").then(|| at(800)).or(has("t-past").then(|| at(-50))),
                etag: has("etag")
                    .then(|| "\"7\"".to_owned())
                    .or(has("stale").then(|| "\"6\"".to_owned())),
                token,
            };
            update(record, &written, &expected(), now)
        }
        "tick" => {
            let now = at(words[0].parse().expect("a tick has a time"));
            tick(record, now, if has("gap") { at(0) } else { at(-100) })
        }
        _ => panic!("no event is called {event}"),
    }
}

/// What the decision made of the record, as a cell says it.
pub(super) fn told(before: &Record, decision: Decision) -> String {
    match decision {
        Err(Refusal::NotFound | Refusal::Gone(_)) => "NOT-FOUND".to_owned(),
        Err(Refusal::Done) => "DONE".to_owned(),
        Err(Refusal::LeaseRequired) => "REQUIRED".to_owned(),
        Err(Refusal::LeaseLost) => "LOST".to_owned(),
        Err(Refusal::TokenOnSelf) => "TOKEN".to_owned(),
        Err(Refusal::ExecutionSelf) => "SELF".to_owned(),
        Err(Refusal::Admitted) => "ADMITTED".to_owned(),
        Err(Refusal::EtagMismatch { current }) if current == "\"7\"" => "ETAG".to_owned(),
        Err(Refusal::EtagMismatch { current }) => format!("ETAG {current}?"),
        Err(Refusal::WrongType { .. }) => "TYPE".to_owned(),
        // The service says so, of a decision that was made.
        Err(Refusal::TooLarge { .. }) => "LARGE".to_owned(),
        Ok(Change::Keep) => "=".to_owned(),
        Ok(Change::Put(next)) => changes(before, &next),
        Ok(Change::Remove(last, Gone::Expired)) if *last == *before => "exp".to_owned(),
        Ok(Change::Remove(_, Gone::Expired)) => "exp?".to_owned(),
        Ok(Change::Remove(last, Gone::Deleted)) if *last == *before => "gone".to_owned(),
        Ok(Change::Remove(last, Gone::Deleted)) => format!("gone:{}", changes(before, &last)),
        Ok(Change::Reject(last, _)) if *last != *before => "rejected?".to_owned(),
        Ok(Change::Reject(_, Rejection::Worker(error))) if error == status(3, "no") => {
            "no".to_owned()
        }
        Ok(Change::Reject(_, Rejection::Worker(error))) => format!("{error:?}?"),
        Ok(Change::Reject(_, Rejection::Unanswered)) => "void".to_owned(),
    }
}

fn changes(before: &Record, next: &Record) -> String {
    let state = |record: &Record| match &record.state {
        State::Pending { delayed_until: None } => "pend",
        State::Pending { delayed_until: Some(_) } => "wait",
        State::Running(_) => "run",
        State::Done(done) => match &done.outcome {
            Outcome::Response(_) => "ok",
            Outcome::Error(status) if status.code == 1 => "canc",
            Outcome::Error(_) => "fail",
        },
    };
    let token = |record: &Record| record.lease().map(|lease| lease.token);
    let renewed = |record: &Record| record.lease().map(|lease| lease.renew_time);
    let lease_end = |record: &Record| record.lease().map(|lease| lease.expire_time);
    let expire_time = |record: &Record| record.done().map(|done| done.expire_time);
    let same_state = state(before) == state(next) && token(before) == token(next);
    let expires = next.expire_time != before.expire_time
        || same_state && expire_time(next) != expire_time(before);
    let letters: String = [
        ('a', next.attempt == before.attempt + 1),
        ('A', next.attempt + 1 == before.attempt),
        ('s', next.start_time != before.start_time),
        ('r', same_state && renewed(next) != renewed(before)),
        (
            'e',
            same_state && renewed(next) == renewed(before) && lease_end(next) != lease_end(before),
        ),
        ('h', next.hold != before.hold),
        ('c', next.cancel_request_time != before.cancel_request_time),
        ('d', next.delete_time != before.delete_time),
        ('m', next.metadata != before.metadata),
        ('l', next.labels != before.labels),
        ('x', expires),
        ('t', next.deadline != before.deadline),
        ('v', next.version == before.version + 1 && next.update_time > before.update_time),
    ]
    .into_iter()
    .filter_map(|(letter, changed)| changed.then_some(letter))
    .collect();
    assert_eq!(next.version == before.version, next.update_time == before.update_time);
    assert!(next.hold.is_none() || next.hold == before.hold, "a hold only ends");
    match (same_state, letters.as_str()) {
        (true, _) => letters,
        (false, "") => state(next).to_owned(),
        (false, _) => format!("{}:{letters}", state(next)),
    }
}

/// The cells of a table: event, state, what is expected.
pub(super) fn cells(
    table: &'static str,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let mut lines = table.lines().filter(|line| !line.is_empty());
    let states: Vec<&str> = lines.next().expect("a table has a head").split_whitespace().collect();
    lines.flat_map(move |line| {
        let (event, cells) = line.split_once(' ').expect("an event has cells");
        let cells: Vec<&str> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), states.len(), "{event}");
        states.clone().into_iter().zip(cells).map(move |(state, cell)| (event, state, cell))
    })
}
