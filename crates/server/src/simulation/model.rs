//! What became of every record, as the store told its observer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;

use super::ask::{Ask, By, What, short};
use super::rules::{Write, ends, is_free, is_over};
use super::server::TOMBSTONES;
use crate::operation::{
    Digest, REQUEST_ID_RETENTION, Record, RecordName, Status, Timestamp, TokenHash,
};
use crate::store::Commit;
use crate::wire;

/// Who made a change.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Asked(Arc<Ask>),
    Reaper,
}

/// A record's versions, from its birth on.
pub(super) struct Life {
    pub(super) versions: Vec<Version>,
    pub(super) removed: Option<(Removal, Timestamp)>,
}

/// How a record went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    Deleted,
    Expired,
    /// As if it had never been; its calls fail with this, or because nobody said anything.
    Rejected(Option<Status>),
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
            && (by == By::Backend || (belongs_to(last, by) && is_an_operation(last)))
    }
}

pub(super) fn belongs_to(record: &Record, by: By) -> bool {
    record.owner.as_ref() == Some(&by.principal())
}

/// Whether clients see it, if it is theirs.
pub(super) fn is_an_operation(record: &Record) -> bool {
    record.delete_time.is_none() && record.hold.is_none()
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
    pub(super) fn leasable(&self, methods: &[&str], now: Timestamp) -> Option<&Arc<Record>> {
        let waits = |record: &Record| is_free(record) && !is_over(record, now);
        self.records().find(|record| methods.contains(&record.method.as_str()) && waits(record))
    }

    /// Judges a commit, and remembers it.
    pub(super) fn committed(&mut self, cause: &Cause, commit: &Commit, now: Timestamp) {
        let after = &commit.record;
        let Some(life) = self.lives.get(&after.name) else {
            assert!(!commit.removed, "{cause:?} removed what never was");
            return self.born(cause, after.clone(), now);
        };
        let before = life.last().clone();
        assert!(life.removed.is_none(), "{cause:?} changed {before:?} after its removal");
        let removed = commit.removed;
        let serving_since = self.serving_since.expect("a server was started");
        let write = Write { cause, before: &before, after, removed, now, serving_since };
        write.judge();
        if write.gives_a_lease()
            && let Some(lease) = after.lease()
        {
            assert!(self.tokens.insert(lease.token.0), "a token was given out twice: {write:?}");
        }
        if after.done().is_some() {
            self.free_key(after);
        }
        let removal = match cause {
            Cause::Asked(ask) if write.is_a_rejection() => Removal::Rejected(ask.what.rejection()),
            Cause::Reaper if write.is_a_rejection() => Removal::Rejected(None),
            Cause::Reaper if before.done().is_some() => Removal::Expired,
            _ => Removal::Deleted,
        };
        let life = self.lives.get_mut(&after.name).expect("it was there above");
        life.versions.push(version(after.clone()));
        if commit.removed {
            self.removed(&after.name, removal, now);
        }
    }

    fn removed(&mut self, name: &RecordName, removal: Removal, now: Timestamp) {
        let life = self.lives.get_mut(name).expect("what is removed has been");
        let last = life.last().clone();
        self.alive.remove(name);
        life.removed = Some((removal.clone(), now));
        if let (Removal::Rejected(_), Some(claim)) = (removal, last.request_claim) {
            self.ids.remove(&claim.scope.0);
        }
        self.free_key(&last);
    }

    fn free_key(&mut self, record: &Record) {
        if let Some(key) = &record.exclusive_key
            && self.keys.get(key) == Some(&record.name)
        {
            self.keys.remove(key);
        }
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
        life.removed.as_ref().is_some_and(|(_, time)| {
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
            let last = self.lives[&name].last();
            let removal = match dying {
                None => panic!("{} is lost: {last:?}", short(&name)),
                Some(Cause::Asked(ask)) if last.hold.is_some() => {
                    Removal::Rejected(ask.what.rejection())
                }
                Some(Cause::Reaper) if last.hold.is_some() => Removal::Rejected(None),
                Some(Cause::Reaper) if last.done().is_some() => Removal::Expired,
                Some(_) => Removal::Deleted,
            };
            self.removed(&name, removal, now);
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
