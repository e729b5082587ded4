//! What a caller may be told: what was so at some moment between its question and the answer.

use std::collections::BTreeMap;

use bytes::Bytes;
use longrun_api::google::longrunning::{ListOperationsResponse, Operation};
use longrun_api::longrun::v1::{LeaseOperationsResponse, OperationRecord};
use prost::Message as _;

use super::ask::{Ask, By, Hold, What, parent};
use super::kitchen;
use super::model::{Model, Removal, Version, belongs_to, is_an_operation};
use super::rules::is_over;
use super::server::TOMBSTONES;
use crate::error::{Error, Kind, Result};
use crate::operation::{LeaseToken, OperationName, RecordName, Status, Timestamp};
use crate::service::{Body, Reply};
use crate::wire;

/// How far records were when somebody asked: how many versions each had.
pub(super) type Floor = BTreeMap<RecordName, usize>;

/// An answer, and what was so when it came.
pub(super) struct Answer<'a> {
    pub(super) ask: &'a Ask,
    pub(super) floor: &'a Floor,
    /// Whether the server could have held it longer.
    pub(super) early: bool,
    /// The record that it has made, or has made before.
    pub(super) record: Option<&'a RecordName>,
    /// Whether something had gone wrong inside the store.
    pub(super) hurt: bool,
    pub(super) now: Timestamp,
}

/// What the caller knows now.
#[derive(Default)]
pub(super) struct Learned {
    pub(super) names: Vec<RecordName>,
    pub(super) holds: Vec<Hold>,
}

impl Model {
    /// How far the records are that an ask may be answered with.
    pub(super) fn floor(&self, ask: &Ask) -> Floor {
        let entry = |name: &RecordName| Some((name.clone(), self.lives.get(name)?.versions.len()));
        match &ask.what {
            What::List(dish) => {
                let parent = parent(*dish);
                let seen = self.alive.iter().filter(|name| {
                    name.operation.parent.as_str() == parent && self.lives[*name].is_seen_by(ask.by)
                });
                seen.filter_map(entry).collect()
            }
            what => what.name().and_then(entry).into_iter().collect(),
        }
    }

    /// Judges an answer.
    pub(super) fn answered(&self, answer: &Answer<'_>, reply: &Result<Reply>) -> Learned {
        match reply {
            Ok(reply) => match &reply.body {
                Body::Hot(hot) => self.told(answer, hot.operation()),
                Body::Message(bytes) => self.told(answer, bytes.clone()),
                Body::Stream(_) => panic!("nobody asked for a stream"),
            },
            Err(error) => {
                self.refused(answer, error);
                Learned::default()
            }
        }
    }

    fn told(&self, answer: &Answer<'_>, bytes: Bytes) -> Learned {
        let ask = answer.ask;
        let mut learned = Learned::default();
        match &ask.what {
            What::Start { .. } => {
                let name = self.saw(answer, &bytes);
                let first = ask.request_id().and_then(|scope| self.claimant(scope));
                assert!(first.is_none_or(|first| *first == name), "{first:?} ran twice: {ask:?}");
                learned.names.push(name);
            }
            What::Get(name) => assert_eq!(self.saw(answer, &bytes), name.0),
            What::Prefer(name, _) | What::Wait(name, _) => {
                assert_eq!(self.saw(answer, &bytes), name.0);
                let done = Operation::decode(bytes).unwrap().done;
                assert!(done || !answer.early, "answered early, and not done: {ask:?}");
            }
            What::List(dish) => self.saw_list(answer, &parent(*dish), bytes),
            What::Cancel(name) | What::CancelRecord(name) => {
                let last = self.lives[&name.0].last();
                let heard = is_over(last, answer.now) || last.cancel_request_time.is_some();
                assert!(heard, "not cancelled: {last:?}");
            }
            What::Delete(name) | What::DeleteRecord(name) => {
                let life = &self.lives[&name.0];
                let hidden = life.removed.is_some() || life.last().delete_time.is_some();
                assert!(hidden, "not deleted: {:?}", life.last());
            }
            What::Reject { hold, .. } => {
                let removed = self.lives[&hold.name].removed.as_ref();
                let rejected = removed.is_some_and(|(how, _)| matches!(how, Removal::Rejected(_)));
                assert!(rejected, "not rejected: {ask:?}");
            }
            What::Lease { .. } => {
                let records = LeaseOperationsResponse::decode(bytes).unwrap().records;
                assert!(!records.is_empty() || !answer.early, "no work, and early: {ask:?}");
                learned.holds = records.iter().map(|record| self.saw_lease(record)).collect();
            }
            _ => learned.names.push(self.saw_record(answer, bytes)),
        }
        learned
    }

    fn since(&self, answer: &Answer<'_>, name: &RecordName) -> &[Version] {
        let life = self.lives.get(name);
        let life = life.unwrap_or_else(|| panic!("{name} never was: {:?}", answer.ask));
        let known = answer.floor.get(name).copied().unwrap_or_default();
        &life.versions[known.saturating_sub(1)..]
    }

    /// Judges an operation; answers its name.
    fn saw(&self, answer: &Answer<'_>, bytes: &Bytes) -> RecordName {
        let operation = Operation::decode(bytes.clone()).unwrap();
        let name = full(&operation.name);
        let versions = self.since(answer, &name);
        let seen = versions.iter().any(|version| {
            version.operation == *bytes
                && belongs_to(&version.record, answer.ask.by)
                && is_an_operation(&version.record)
        });
        assert!(seen, "{:?} was told what wasn't so: {operation:?}", answer.ask);
        name
    }

    fn saw_list(&self, answer: &Answer<'_>, parent: &str, bytes: Bytes) {
        let list = ListOperationsResponse::decode(bytes).unwrap();
        assert_eq!(list.next_page_token, "");
        let mut missing = answer.floor.clone();
        for operation in &list.operations {
            let name = self.saw(answer, &operation.encode_to_vec().into());
            assert_eq!(name.operation.parent.as_str(), parent);
            missing.remove(&name);
        }
        for name in missing.keys() {
            let seen = self.lives[name].is_seen_by(answer.ask.by);
            assert!(!seen, "{name} was there all the time, and is not in the list");
        }
    }

    /// Judges a record; answers its name.
    fn saw_record(&self, answer: &Answer<'_>, bytes: Bytes) -> RecordName {
        let ask = answer.ask;
        let mut record = OperationRecord::decode(bytes).unwrap();
        let name = RecordName::parse(&record.name).unwrap();
        if let Some(lease) = &mut record.lease {
            let own = ask.what.token().is_some_and(|token| token.reveal() == lease.token);
            assert!(lease.token.is_empty() || own, "{ask:?} was told another's token");
            lease.token.clear();
        }
        let versions = self.since(answer, &name);
        let seen = versions.iter().find(|version| wire::record(&version.record, None) == record);
        let seen = seen.unwrap_or_else(|| panic!("{ask:?} was told what wasn't so: {record:?}"));
        match &ask.what {
            What::Create { .. } => {
                let first = ask.request_id().and_then(|scope| self.claimant(scope));
                assert!(first.is_none_or(|first| *first == name), "{first:?} ran twice: {ask:?}");
            }
            What::Finish { outcome, .. } => {
                let done = seen.record.done().map(|done| &done.outcome);
                assert_eq!(done, Some(outcome), "acknowledged, and another outcome: {ask:?}");
            }
            what => assert_eq!(what.name(), Some(&name)),
        }
        name
    }

    fn saw_lease(&self, record: &OperationRecord) -> Hold {
        let name = RecordName::parse(&record.name).unwrap();
        let lease = record.lease.as_ref().expect("a leased record has a lease");
        let token = LeaseToken::new(&lease.token);
        let given = self.lives[&name]
            .versions
            .iter()
            .any(|version| version.record.lease().is_some_and(|lease| lease.token == token.hash()));
        assert!(given, "a token that the store doesn't know: {record:?}");
        Hold { name, method: record.method.clone(), token }
    }

    fn refused(&self, answer: &Answer<'_>, error: &Error) {
        let (ask, now) = (answer.ask, answer.now);
        let life = ask.what.name().and_then(|name| self.lives.get(name));
        let last = life.map(|life| life.last());
        let good = match &error.kind {
            Kind::StoreUnavailable => answer.hurt,
            Kind::OperationNotFound { .. }
            | Kind::OperationDeleted { .. }
            | Kind::OperationExpired { .. } => self.is_hidden(answer, &error.kind),
            Kind::OperationDone { .. } => last.is_some_and(|last| is_over(last, now)),
            Kind::LeaseLost { name } => {
                let token = ask.what.token().expect("who has none has lost none");
                !self.is_current(&full(name), token.hash())
            }
            Kind::LeaseRequired { .. } => ask.what.token().is_none(),
            Kind::InvalidArgument { .. } => {
                matches!(ask.what, What::Create { deadline: Some(end), .. } if end <= now)
            }
            Kind::OperationAdmitted { .. } => last.is_some_and(|last| last.hold.is_none()),
            Kind::Rejected(status) => self.was_rejected(ask, &Some(wire::status(status.clone()))),
            Kind::ValidationUnanswered => self.was_rejected(ask, &None),
            // Whether they are the case was judged when the store was asked.
            Kind::ExclusiveKeyHeld { .. } => ask.exclusive_key().is_some(),
            Kind::RequestIdReused => ask.request_id().is_some(),
            Kind::EtagMismatch { .. } => matches!(ask.what, What::Label(_, _, Some(_))),
            _ => false,
        };
        assert!(good, "{ask:?} was refused at {now:?}: {error:?}\nlast {last:?}");
    }

    /// Whether a call's record was rejected with this.
    fn was_rejected(&self, ask: &Ask, status: &Option<Status>) -> bool {
        let What::Start { rpc, .. } = &ask.what else { return false };
        self.lives.values().any(|life| {
            let last = life.last();
            let how = life.removed.as_ref().map(|(how, _)| how);
            how == Some(&Removal::Rejected(status.clone()))
                && belongs_to(last, ask.by)
                && last.method == *rpc
        })
    }

    /// Whether what somebody didn't find is gone, or not theirs, and that is what they learn.
    fn is_hidden(&self, answer: &Answer<'_>, kind: &Kind) -> bool {
        let (ask, now) = (answer.ask, answer.now);
        let claimed = || self.claimant(ask.request_id()?);
        let of_its_own = || answer.record;
        let name = ask.what.name().or_else(of_its_own).or_else(claimed);
        let Some((name, life)) = name.and_then(|name| self.lives.get_key_value(name)) else {
            return matches!(kind, Kind::OperationNotFound { .. });
        };
        let backend = ask.by == By::Backend;
        let own = backend || belongs_to(life.last(), ask.by);
        let was_held = self.since(answer, name).iter().any(|one| one.record.hold.is_some());
        match (kind, &life.removed) {
            (Kind::OperationNotFound { .. }, Some((how, time))) => {
                let forgotten = time.plus(TOMBSTONES) <= now;
                // To all but its calls a rejected record was never there.
                let own_call = matches!(ask.what, What::Start { .. });
                let rejected = matches!(how, Removal::Rejected(_));
                !own || forgotten || (!own_call && (rejected || (!backend && was_held)))
            }
            (Kind::OperationNotFound { .. }, None) => !own || (!backend && was_held),
            (Kind::OperationDeleted { .. }, Some((how, _))) => own && *how == Removal::Deleted,
            (Kind::OperationExpired { .. }, Some((how, _))) => own && *how == Removal::Expired,
            // To a repeat of its creation, too, it is gone.
            (Kind::OperationDeleted { .. }, None) => {
                let repeats = matches!(ask.what, What::Create { .. });
                own && (repeats && life.last().delete_time.is_some() || !life.is_seen_by(ask.by))
            }
            _ => false,
        }
    }
}

fn full(operation: &str) -> RecordName {
    let operation = OperationName::parse(operation).unwrap();
    RecordName { service: kitchen::NAME.to_owned(), operation }
}
