//! What became of every record, as the store told its observer, and what may become of one:
//! written from the contract, not from the code that it judges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;

use super::ask::{Ask, By, What, short};
use super::server::TOMBSTONES;
use crate::operation::{
    Digest, Done, Execution, Finisher, Gone, Holder, Outcome, REQUEST_ID_RETENTION, Record,
    RecordName, State, Timestamp, TokenHash,
};
use crate::store::Commit;
use crate::wire;

/// Codes of the server's own outcomes.
const CANCELLED: i32 = 1;
const DEADLINE_EXCEEDED: i32 = 4;
const UNAVAILABLE: i32 = 14;

/// Who made a change.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Asked(Arc<Ask>),
    Reaper,
}

/// A record's versions, from its birth on.
pub(super) struct Life {
    pub(super) versions: Vec<Version>,
    pub(super) removed: Option<(Gone, Timestamp)>,
}

/// One of them, and the operation that clients see of it.
pub(super) struct Version {
    pub(super) record: Arc<Record>,
    pub(super) operation: Bytes,
}

impl Life {
    pub(super) fn last(&self) -> &Arc<Record> {
        &self.versions.last().expect("a life begins with a version").record
    }

    /// Whether a caller may see it now.
    pub(super) fn is_seen_by(&self, by: By) -> bool {
        let last = self.last();
        self.removed.is_none()
            && (by == By::Backend || (belongs_to(last, by) && last.delete_time.is_none()))
    }
}

pub(super) fn belongs_to(record: &Record, by: By) -> bool {
    record.owner.as_ref() == Some(&by.principal())
}

/// All records that ever were.
#[derive(Default)]
pub(super) struct Model {
    pub(super) lives: BTreeMap<RecordName, Life>,
    /// Those that are there.
    pub(super) alive: BTreeSet<RecordName>,
    tokens: BTreeSet<[u8; 32]>,
    /// Open records by their exclusive keys.
    keys: BTreeMap<String, RecordName>,
    /// Records by their request ids' scopes.
    ids: BTreeMap<[u8; 32], RecordName>,
    /// Since when workers could renew: the last start, or the end of the last gap.
    pub(super) serving_since: Option<Timestamp>,
}

impl Model {
    pub(super) fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.alive.iter().map(|name| self.lives[name].last())
    }

    /// A record that waits for a worker of one of the methods.
    pub(super) fn leasable(&self, methods: &[&str]) -> Option<&Arc<Record>> {
        self.records().find(|record| methods.contains(&record.method.as_str()) && is_free(record))
    }

    /// Judges a commit, and remembers it.
    pub(super) fn committed(&mut self, cause: &Cause, commit: &Commit, now: Timestamp) {
        let after = &commit.record;
        let Some(life) = self.lives.get(&after.name) else {
            assert!(!commit.removed, "{cause:?} removed what never was");
            return self.born(cause, after.clone(), now);
        };
        let before = life.last().clone();
        let context = format!("{cause:?} at {now:?}\nbefore {before:?}\nafter  {after:?}");
        assert!(life.removed.is_none(), "changed after its removal: {context}");
        keeps_its_past(&before, after, &context);
        self.has_its_reason(cause, &before, after, commit.removed, now, &context);
        self.hands_out_one_token(cause, &before, after, &context);
        if after.done().is_some()
            && let Some(key) = &after.exclusive_key
            && self.keys.get(key) == Some(&after.name)
        {
            self.keys.remove(key);
        }
        if commit.removed {
            assert!(after.done().is_some(), "removed while it was open: {context}");
            self.alive.remove(&after.name);
        }
        let expired = before.done().is_some() && matches!(cause, Cause::Reaper);
        let gone = if expired { Gone::Expired } else { Gone::Deleted };
        let life = self.lives.get_mut(&after.name).expect("it was there above");
        life.removed = commit.removed.then_some((gone, now));
        life.versions.push(version(after.clone()));
    }

    fn born(&mut self, cause: &Cause, record: Arc<Record>, now: Timestamp) {
        let context = format!("{cause:?} made {record:?}");
        let Cause::Asked(ask) = cause else { panic!("born of nothing: {context}") };
        assert!(
            matches!(ask.what, What::Start { .. } | What::Create { .. }) && record.version == 1,
            "{context}"
        );
        if let Some(key) = &record.exclusive_key {
            let held = self.keys.insert(key.clone(), record.name.clone());
            assert_eq!(held, None, "two open records have one exclusive key: {context}");
        }
        if let Some(claim) = record.request_claim {
            let first = self.ids.insert(claim.scope.0, record.name.clone());
            if let Some(first) = first {
                assert!(self.is_forgotten(&first, now), "{first} ran again: {context}");
            }
        }
        self.alive.insert(record.name.clone());
        let name = record.name.clone();
        self.lives.insert(name, Life { versions: vec![version(record)], removed: None });
    }

    /// Whether a removed record's request id may be forgotten.
    fn is_forgotten(&self, name: &RecordName, now: Timestamp) -> bool {
        let life = &self.lives[name];
        life.removed.is_some_and(|(_, time)| {
            let kept = life.last().create_time.plus(REQUEST_ID_RETENTION);
            now >= time.plus(TOMBSTONES).max(kept)
        })
    }

    /// Whether an open record has an exclusive key.
    pub(super) fn is_held(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The record that was made with a request id, last.
    pub(super) fn claimant(&self, scope: Digest) -> Option<&RecordName> {
        self.ids.get(&scope.0)
    }

    fn hands_out_one_token(
        &mut self,
        cause: &Cause,
        before: &Record,
        after: &Record,
        context: &str,
    ) {
        let Some(lease) = after.lease() else { return };
        if before.lease().is_some_and(|held| held.token == lease.token) {
            return;
        }
        let asked = matches!(cause, Cause::Asked(ask) if matches!(ask.what, What::Lease { .. }));
        assert!(asked && is_free(before), "a second worker was given a record: {context}");
        assert_eq!(after.attempt, before.attempt + 1, "{context}");
        assert!(after.attempt <= after.max_attempts, "one attempt too many: {context}");
        assert!(self.tokens.insert(lease.token.0), "a token was given out twice: {context}");
    }

    /// Whether whoever made the change may make it.
    fn has_its_reason(
        &self,
        cause: &Cause,
        before: &Record,
        after: &Record,
        removed: bool,
        now: Timestamp,
        context: &str,
    ) {
        let ask = match cause {
            Cause::Asked(ask) => ask,
            Cause::Reaper => return self.is_due(before, after, removed, now, context),
        };
        if let Some(name) = ask.what.name() {
            assert_eq!(*name, after.name, "{context}");
        }
        if ask.by != By::Backend {
            assert!(belongs_to(before, ask.by), "changed by somebody else: {context}");
            assert_eq!(before.delete_time, None, "changed behind its deletion: {context}");
        }
        let open = before.done().is_none();
        if let Some(token) = ask.what.token() {
            let held = before.lease().is_some_and(|lease| lease.token == token.hash());
            assert!(held, "a token that isn't its lease's was taken: {context}");
        }
        let same_state = before.state == after.state;
        let cancelled = matches!(after.done(), Some(Done { outcome: Outcome::Error(status), .. }) if status.code == CANCELLED);
        let good = match &ask.what {
            What::Cancel(_) | What::CancelRecord(_) => match &before.state {
                State::Pending { .. } => cancelled,
                State::Running(_) => same_state && after.cancel_request_time.is_some(),
                State::Done(_) => false,
            },
            What::Delete(_) | What::DeleteRecord(_) => {
                same_state && removed != open && after.delete_time.is_some() == open
            }
            What::Label(..) => same_state && before.operation_is_the_same(after),
            What::Deadline(_, deadline) => open && same_state && after.deadline == *deadline,
            What::Expire(..) => before.operation_is_the_same(after),
            What::Lease { methods, .. } => methods.contains(&after.method.as_str()),
            What::Renew { .. } => open && after.lease().is_some(),
            What::Progress { .. } => open && same_state,
            What::Finish { token, outcome, .. } => {
                let by =
                    token.as_ref().map_or(Finisher::Service, |one| Finisher::Worker(one.hash()));
                let own = token.is_some() || before.execution == Execution::Service;
                let done = after.done();
                own && done.is_some_and(|done| done.outcome == *outcome && done.finisher == by)
            }
            What::Release { error, .. } => match (before.cancel_request_time, &after.state) {
                (Some(_), _) => cancelled,
                (None, State::Done(_)) => *error && before.attempt >= before.max_attempts,
                (None, state) => matches!(state, State::Pending { .. }),
            },
            _ => false,
        };
        assert!(good, "a change that nobody asked for: {context}");
    }

    /// Whether time alone may have done it.
    fn is_due(
        &self,
        before: &Record,
        after: &Record,
        removed: bool,
        now: Timestamp,
        context: &str,
    ) {
        let code = match after.done().map(|done| &done.outcome) {
            Some(Outcome::Error(status)) => Some(status.code),
            _ => None,
        };
        let good = match &before.state {
            State::Done(done) => removed && done.expire_time <= now,
            _ if before.deadline <= now => code == Some(DEADLINE_EXCEEDED),
            State::Pending { delayed_until: Some(time) } => *time <= now && is_free(after),
            State::Running(Holder::Worker(lease)) => match after.lease() {
                // Made to last, after a time when nobody could renew.
                Some(longer) => longer.token == lease.token && longer.expire_time > now,
                None => {
                    let since = self.serving_since.expect("a server was started");
                    let ended = now >= lease.expire_time.max(since.plus(lease.duration));
                    ended
                        && if before.cancel_request_time.is_some() {
                            code == Some(CANCELLED)
                        } else if before.attempt < before.max_attempts {
                            is_free(after)
                        } else {
                            code == Some(UNAVAILABLE)
                        }
                }
            },
            _ => false,
        };
        assert!(good, "not time's to do (serving since {:?}): {context}", self.serving_since);
    }

    /// What the store holds after a start: all that was committed before, and nothing else but
    /// what was committed for `dying` when the process died.
    pub(super) fn reopened(&mut self, records: Vec<Record>, dying: Option<&Cause>, now: Timestamp) {
        let found: BTreeSet<_> = records.iter().map(|record| record.name.clone()).collect();
        for record in records {
            let life = self.lives.get(&record.name).filter(|life| life.removed.is_none());
            if life.is_some_and(|life| **life.last() == record) {
                continue;
            }
            let was = life.map(Life::last);
            let cause = dying.unwrap_or_else(|| panic!("{was:?}\ncame back as\n{record:?}"));
            let commit = Commit { record: Arc::new(record), removed: false, visible: true };
            self.committed(cause, &commit, now);
        }
        let lost: Vec<_> = self.alive.difference(&found).cloned().collect();
        for name in lost {
            let life = self.lives.get_mut(&name).expect("what is alive has a life");
            assert!(dying.is_some(), "{} is lost: {:?}", short(&name), life.last());
            life.removed = Some((Gone::Deleted, now));
            self.alive.remove(&name);
        }
    }

    /// After the reaper's pass nothing is left that is over, unless this pass has made it so.
    pub(super) fn nothing_is_overdue(&self, now: Timestamp) {
        for record in self.records() {
            let over = ends(record) <= now && record.update_time < now;
            assert!(!over, "overdue at {now:?}: {record:?}");
        }
    }

    /// The lease that a token is of.
    pub(super) fn is_current(&self, name: &RecordName, token: TokenHash) -> bool {
        let life = self.lives.get(name).filter(|life| life.removed.is_none());
        life.is_some_and(|life| life.last().lease().is_some_and(|lease| lease.token == token))
    }
}

fn version(record: Arc<Record>) -> Version {
    let operation = wire::operation(&record).encode_to_vec().into();
    Version { record, operation }
}

/// When something about a record is over.
fn ends(record: &Record) -> Timestamp {
    match &record.state {
        State::Done(done) => done.expire_time,
        State::Pending { delayed_until: Some(time) } => record.deadline.min(*time),
        State::Running(Holder::Worker(lease)) => record.deadline.min(lease.expire_time),
        _ => record.deadline,
    }
}

/// Whether a worker may lease it.
fn is_free(record: &Record) -> bool {
    matches!(record.state, State::Pending { delayed_until: None })
}

/// What no change may change.
fn keeps_its_past(before: &Record, after: &Record, context: &str) {
    let born = |record: &Record| {
        (
            record.method.clone(),
            record.owner.clone(),
            record.request.clone(),
            (record.request_claim, record.exclusive_key.clone()),
            (record.create_time, record.execution),
        )
    };
    assert_eq!(born(before), born(after), "{context}");
    assert!(after.update_time >= before.update_time, "time went back: {context}");
    let steps = after.version - before.version;
    assert!(steps <= 1, "{context}");
    let kept = |was: Option<Timestamp>, is: Option<Timestamp>| was.is_none() || was == is;
    assert!(kept(before.delete_time, after.delete_time), "{context}");
    assert!(kept(before.cancel_request_time, after.cancel_request_time), "{context}");
    assert!(kept(before.start_time, after.start_time), "{context}");
    if let Some(was) = before.done() {
        let is = after.done().unwrap_or_else(|| panic!("done is final: {context}"));
        let ended = |done: &Done| (done.outcome.clone(), done.finish_time, done.finisher);
        assert_eq!(ended(was), ended(is), "done is final: {context}");
        assert_eq!(before.metadata, after.metadata, "done is final: {context}");
    }
}

impl Record {
    fn operation_is_the_same(&self, other: &Self) -> bool {
        wire::operation(self) == wire::operation(other)
    }
}
