//! No sequence of events breaks what holds of every record.

use proptest::prelude::*;

use super::*;
use crate::operation::samples::{at, expected, payload, record, status, token};
use crate::operation::{StateName, TokenHash};

/// Which token a writer shows.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    /// The one of the lease that is, or the last that was.
    Latest,
    /// One of an earlier lease.
    Old(usize),
    Unknown,
}

#[derive(Clone, Debug)]
enum Event {
    Pass(i64),
    Cancel,
    Delete,
    Lease(Option<i64>),
    Renew(Shown, Option<u8>, Option<i64>),
    Release(Shown, Option<i32>, i64),
    Finish(Shown, Result<u8, i32>, Option<u8>),
    Reject(Shown),
    Admit,
    Update {
        shown: Shown,
        metadata: Option<Option<u8>>,
        label: Option<u8>,
        expire: Option<i64>,
        deadline: Option<i64>,
        stale: bool,
    },
    Tick {
        gap: bool,
    },
    /// A tick exactly when something runs out.
    Due,
}

fn shown() -> impl Strategy<Value = Shown> {
    prop_oneof![
        1 => Just(Shown::Nothing),
        6 => Just(Shown::Latest),
        2 => any::<usize>().prop_map(Shown::Old),
        1 => Just(Shown::Unknown),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    use proptest::option::{of, weighted};
    let value = || 0..3_u8;
    prop_oneof![
        3 => prop_oneof![0..30_i64, 0..400_i64].prop_map(Event::Pass),
        1 => prop_oneof![shown().prop_map(Event::Reject), Just(Event::Admit)],
        1 => Just(Event::Cancel),
        1 => Just(Event::Delete),
        5 => of(1..60_i64).prop_map(Event::Lease),
        3 => (shown(), of(value()), of(1..60_i64)).prop_map(|(a, b, c)| Event::Renew(a, b, c)),
        3 => (shown(), weighted(0.7, 1..17), prop_oneof![Just(0), 1..30_i64])
            .prop_map(|(a, b, c)| Event::Release(a, b, c)),
        1 => (shown(), prop_oneof![value().prop_map(Ok), (1..4).prop_map(Err)], of(value()))
            .prop_map(|(a, b, c)| Event::Finish(a, b, c)),
        2 => (shown(), of(of(value())), of(value()), of(-100..900_i64),
              weighted(0.1, -100..900_i64), any::<bool>())
            .prop_map(|(shown, metadata, label, expire, deadline, stale)| Event::Update {
                shown, metadata, label, expire, deadline, stale,
            }),
        2 => prop::bool::weighted(0.3).prop_map(|gap| Event::Tick { gap }),
        1 => Just(Event::Due),
    ]
}

/// A record, and what is known of it without looking.
struct World {
    record: Record,
    now: Timestamp,
    serving_since: Timestamp,
    /// Tokens in the order of their leases.
    tokens: Vec<LeaseToken>,
    /// Whether the last of them still holds.
    held: bool,
}

impl World {
    fn show(&self, shown: Shown) -> Option<LeaseToken> {
        match shown {
            Shown::Nothing => None,
            Shown::Latest => self.tokens.last().cloned(),
            Shown::Old(index) => {
                let old = self.tokens.len().saturating_sub(1);
                (old > 0).then(|| self.tokens[index % old].clone())
            }
            Shown::Unknown => Some(token("unknown")),
        }
    }

    fn decide(&mut self, event: &Event) -> (Decision, Option<Option<LeaseToken>>) {
        let data = |full_name: &str, value: &u8| payload(full_name, &[*value]);
        let metadata = |value: &Option<u8>| value.as_ref().map(|v| data("test.Metadata", v));
        let (record, now) = (&self.record, self.now);
        match event {
            Event::Pass(seconds) => {
                self.now = now.plus(Span::seconds(*seconds));
                (Ok(Change::Keep), None)
            }
            Event::Cancel => (cancel(record, now), None),
            Event::Delete => (delete(record, now), None),
            Event::Lease(seconds) => {
                let token = token(&format!("t{}", self.tokens.len()));
                let grant = Grant {
                    worker_id: "w".to_owned(),
                    token: token.hash(),
                    duration: seconds.map(Span::seconds),
                };
                let decision = lease(record, &grant, now);
                if matches!(decision, Ok(Change::Put(_))) {
                    self.tokens.push(token);
                    self.held = true;
                }
                (decision, None)
            }
            Event::Renew(shown, value, seconds) => {
                let renewal = Renewal {
                    token: self.show(*shown),
                    duration: seconds.map(Span::seconds),
                    metadata: metadata(value),
                };
                (renew(record, &renewal, &expected(), now), Some(renewal.token))
            }
            Event::Reject(shown) => {
                let rejected = Reject { token: self.show(*shown), error: status(3, "no") };
                (reject(record, &rejected, now), Some(rejected.token))
            }
            Event::Admit => (admit(record, now), None),
            Event::Release(shown, code, seconds) => {
                let given = Release {
                    token: self.show(*shown),
                    error: code.map(|code| status(code, "failed")),
                    retry_delay: Span::seconds(*seconds),
                };
                (release(record, &given, now), Some(given.token))
            }
            Event::Finish(shown, outcome, value) => {
                let outcome = match outcome {
                    Ok(value) => Outcome::Response(data("test.Response", value)),
                    Err(code) => Outcome::Error(status(*code, "failed")),
                };
                let end = Finish { token: self.show(*shown), outcome, metadata: metadata(value) };
                (finish(record, &end, &expected(), &by_bytes, now), Some(end.token))
            }
            Event::Update { shown, metadata: value, label, expire, deadline, stale } => {
                let written = Update {
                    metadata: value.as_ref().map(metadata),
                    labels: label.map(|label| [("k".to_owned(), label.to_string())].into()),
                    expire_time: expire.map(at),
                    deadline: deadline.map(at),
                    etag: stale.then(|| format!("\"{:x}\"", record.version - 1)),
                    token: self.show(*shown),
                };
                let fenced = written.metadata.is_some().then_some(written.token.clone());
                (update(record, &written, &expected(), now), fenced)
            }
            Event::Tick { gap } => {
                if *gap {
                    self.serving_since = now;
                }
                (tick(record, now, self.serving_since), None)
            }
            Event::Due => {
                self.now = now.max(record.due_time());
                (tick(record, self.now, self.serving_since), None)
            }
        }
    }

    /// Applies the event, if it may happen; false once the record is gone.
    fn step(&mut self, event: &Event) -> Result<bool, TestCaseError> {
        let before = self.record.clone();
        let (decision, fenced) = self.decide(event);
        if let (Some(shown), Ok(_)) = (&fenced, &decision) {
            let right = self.held && shown.as_ref() == self.tokens.last();
            let repeated = before.done().is_some() && decision == Ok(Change::Keep);
            let own = before.execution == Execution::Service && shown.is_none();
            prop_assert!(right || repeated || own, "a wrong token did {event:?}");
        }
        match decision {
            Err(_) | Ok(Change::Keep) => return Ok(true),
            Ok(Change::Put(next)) => self.record = *next,
            Ok(Change::Reject(last, rejection)) => {
                prop_assert_eq!(&*last, &before);
                prop_assert!(before.hold.is_some(), "only a held one is rejected");
                let unanswered = rejection == Rejection::Unanswered;
                prop_assert_eq!(unanswered, !matches!(event, Event::Reject(_)));
                prop_assert!(!unanswered || before.validation);
                return Ok(false);
            }
            Ok(Change::Remove(last, gone)) => {
                prop_assert!(last.done().is_some(), "only what is done is removed");
                if before.done().is_some() {
                    prop_assert_eq!(&*last, &before);
                    let deleted = matches!(event, Event::Delete);
                    prop_assert!(before.due_time() <= self.now || deleted);
                    prop_assert_eq!(gone == Gone::Deleted, deleted);
                } else {
                    prop_assert!(before.delete_time.is_some() && gone == Gone::Deleted);
                    moved(&before, &last)?;
                }
                return Ok(false);
            }
        }
        self.held &= self.record.lease().is_some();
        moved(&before, &self.record)?;
        self.stands()?;
        Ok(true)
    }

    /// What holds of every record.
    fn stands(&self) -> Result<(), TestCaseError> {
        let record = &self.record;
        let holder = record.lease().map(|lease| lease.token);
        let held = self.tokens.last().map(LeaseToken::hash).filter(|_| self.held);
        prop_assert_eq!(holder, held, "exactly the latest token holds, while it holds");
        prop_assert!(record.attempt <= record.max_attempts);
        prop_assert!(record.create_time <= record.update_time && record.update_time <= self.now);
        let own = record.execution == Execution::Service;
        prop_assert!(record.hold.is_none() || !own && record.done().is_none());
        prop_assert_eq!(record.start_time.is_some(), own || !self.tokens.is_empty());
        match &record.state {
            State::Pending { .. } => {
                prop_assert!(!own && record.cancel_request_time.is_none());
                prop_assert!(record.attempt < record.max_attempts);
            }
            State::Running(Holder::Service) => prop_assert!(own),
            State::Running(Holder::Worker(_)) => prop_assert!(!own && record.attempt > 0),
            State::Done(done) => {
                let cancelled = matches!(&done.outcome, Outcome::Error(error) if error.code == 1);
                prop_assert_eq!(record.state_name() == StateName::Cancelled, cancelled);
                prop_assert!(done.finish_time <= done.expire_time);
                prop_assert!(record.delete_time.is_none(), "a deleted one goes when it is done");
            }
        }
        // Nothing runs out before the due time, and something does then.
        let (due, never) = (record.due_time(), at(-1_000_000));
        let early = Timestamp::from_micros(due.micros() - 1);
        prop_assert_eq!(tick(record, early, never), Ok(Change::Keep));
        prop_assert_ne!(tick(record, due, never), Ok(Change::Keep));
        Ok(())
    }
}

/// What everybody may see of a record.
fn seen(record: &Record) -> Record {
    let mut seen = record.clone();
    (seen.version, seen.update_time) = (0, at(0));
    match &mut seen.state {
        State::Pending { delayed_until } => *delayed_until = None,
        State::Running(Holder::Worker(lease)) => {
            *lease = Lease {
                worker_id: lease.worker_id.clone(),
                token: TokenHash([0; 32]),
                renew_time: at(0),
                duration: Span::ZERO,
                expire_time: at(0),
            };
        }
        State::Running(Holder::Service) | State::Done(_) => {}
    }
    seen
}

/// What holds of every change.
fn moved(before: &Record, next: &Record) -> Result<(), TestCaseError> {
    let visible = seen(before) != seen(next);
    prop_assert_eq!(next.version, before.version + u64::from(visible));
    prop_assert!(next.update_time >= before.update_time);
    prop_assert!(visible || next.update_time == before.update_time);
    if let Some(done) = before.done() {
        let after = next.done().expect("what is done stays done");
        let told = |done: &Done| (done.outcome.clone(), done.finish_time, done.finisher);
        prop_assert_eq!(told(done), told(after));
        prop_assert_eq!(&before.metadata, &next.metadata);
        prop_assert_eq!(before.deadline, next.deadline);
    }
    prop_assert!(next.hold.is_none() || next.hold == before.hold, "a hold only ends");
    for (was, is) in [
        (before.delete_time, next.delete_time),
        (before.cancel_request_time, next.cancel_request_time),
        (before.start_time, next.start_time),
    ] {
        prop_assert!(was.is_none() || was == is, "a time that was set stays");
    }
    let fixed = |record: &Record| {
        let made = (record.name.clone(), record.method.clone(), record.owner.clone());
        let bounds = (record.max_attempts, record.lease_duration, record.retention);
        (made, bounds, record.execution, record.request.clone(), record.create_time)
    };
    prop_assert_eq!(fixed(before), fixed(next));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_sequence_of_events_breaks_an_invariant(
        own in prop::bool::weighted(0.2),
        hold in proptest::option::of((1..300_i64, any::<bool>())),
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut record = record("x", at(0));
        if own {
            record.execution = Execution::Service;
            (record.state, record.start_time) = (State::Running(Holder::Service), Some(at(0)));
        }
        if let Some((seconds, validation)) = hold.filter(|_| !own) {
            (record.hold, record.validation) = (Some(at(seconds)), validation);
        }
        let tokens = vec![];
        let mut world =
            World { record, now: at(0), serving_since: at(-1_000), tokens, held: false };
        world.stands()?;
        for event in &events {
            if !world.step(event)? {
                break;
            }
        }
    }
}
