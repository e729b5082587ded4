//! Where records are kept. A store knows bytes, keys and transactions; what an event
//! makes of a record it is told as a pure change.

#[cfg(test)]
pub mod conformance;
pub mod embedded;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::operation::{
    Decision, Filter, Parent, Principal, Record, RecordName, Refusal, Timestamp,
};

/// Makes a record, given the store's now. It may run again after a conflict, so it is pure.
pub type Birth = Box<dyn Fn(Timestamp) -> Record + Send + Sync>;

/// Decides what becomes of the latest version of a record, given the store's now, which is
/// never before the record's update time. It may run again after a conflict, so it is pure.
/// What a record is born with stays: its name, method, owner, request and create time; and
/// so does its outcome.
pub type Apply = Box<dyn Fn(&Record, Timestamp) -> Decision + Send + Sync>;

/// Records in one place that survive what the machine does not.
///
/// Whatever a call answers is durable by then. All calls are batches: answers stand in
/// the order of what was asked, and one refusal doesn't touch its neighbours.
pub trait Store: Send + Sync + 'static {
    /// Creates records; a name that is taken is [`StoreError::AlreadyExists`].
    fn create(&self, births: Vec<Birth>) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>>;

    /// Reads the latest committed versions.
    fn get(
        &self,
        names: Vec<RecordName>,
    ) -> BoxFuture<'_, Result<Vec<Option<Arc<Record>>>, StoreError>>;

    /// Reads one page, in order.
    fn list(&self, query: ListQuery) -> BoxFuture<'_, Result<Vec<Record>, StoreError>>;

    /// Changes records; answers what each is now (its last version, if it was removed).
    fn update(
        &self,
        updates: Vec<(RecordName, Apply)>,
    ) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>>;

    /// Changes up to `query.limit` pending records that aren't delayed, oldest first,
    /// each of them once and by nobody else. `apply` is told the record's place in the batch.
    fn lease(
        &self,
        query: LeaseQuery,
        apply: LeaseApply,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>>;

    /// Names of records whose due time has come, the longest due first.
    fn due(&self, limit: usize) -> BoxFuture<'_, Result<Vec<RecordName>, StoreError>>;

    /// What changed after a place in the feed, in the order of the commits: of each record
    /// its latest version alone.
    fn changes(&self, query: ChangesQuery) -> BoxFuture<'_, Result<Changes, StoreError>>;

    /// Forgets removals from before `before`, at most `limit` of them; answers how many.
    fn forget_removals(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// The store's time; it never goes back.
    fn now(&self) -> Timestamp;

    /// Whether the store can be written to.
    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// As [`Apply`], told the record's place in the batch from 0.
pub type LeaseApply = Box<dyn Fn(usize, &Record, Timestamp) -> Decision + Send + Sync>;

/// Which records to lease.
#[derive(Clone, Debug)]
pub struct LeaseQuery {
    /// The service.
    pub service: String,
    /// Methods, at least one.
    pub methods: Vec<String>,
    /// At most so many.
    pub limit: usize,
    /// At most so many bytes of payloads together, but always one record.
    pub bytes_max: usize,
}

/// Which records to list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// The service; `None` is all.
    pub service: Option<String>,
    /// Only those right under this parent; `None` is all.
    pub parent: Option<Parent>,
    /// Only this principal's.
    pub owner: Option<Principal>,
    /// Deleted ones that are still open, too.
    pub deleted: bool,
    /// Only those that it lets through.
    pub filter: Filter,
    /// Which end comes first.
    pub order: Order,
    /// Only those behind this place.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: usize,
}

/// By create time, then name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `create_time desc`
    NewestFirst,
    /// `create_time`
    OldestFirst,
}

/// A place in a list: the key of the last record seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its create time.
    pub create_time: Timestamp,
    /// Its name.
    pub name: RecordName,
}

/// A place in the change feed: every visible write has one of its own, and a later commit's
/// is greater. It may have gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence(pub u64);

/// Which part of the change feed to read.
#[derive(Clone, Debug)]
pub struct ChangesQuery {
    /// The service; `None` is all.
    pub service: Option<String>,
    /// Only what comes behind this place; `None` is the end, behind which nothing comes yet.
    pub after: Option<Sequence>,
    /// At most so many.
    pub limit: usize,
    /// At most so many bytes of payloads together, but always one record.
    pub bytes_max: usize,
}

/// A part of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The changes, in order.
    pub changes: Vec<(Sequence, Changed)>,
    /// How far this part goes: up to here nothing is missing.
    pub through: Sequence,
    /// Whether more was there already behind it.
    pub more: bool,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is this now.
    Put(Arc<Record>),
    /// It is gone.
    Removed(RecordName),
}

/// Learns of every commit, in order, before the caller that made it does.
pub trait Observer: Send + Sync + 'static {
    /// These versions are durable now.
    fn committed(&self, commits: &[Commit]);
}

/// One record's new version.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The version; the last one if it was removed.
    pub record: Arc<Record>,
    /// Whether the record is gone.
    pub removed: bool,
    /// Whether the change feed tells of it: it doesn't of a bare renewal.
    pub visible: bool,
}

/// Why a store did not do what it was asked.
#[derive(Debug)]
pub enum StoreError {
    /// No such record.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The change refused.
    Refused(Refusal),
    /// The store can't be reached or written; nothing was changed.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such record"),
            Self::AlreadyExists => f.write_str("the name is taken"),
            Self::Refused(refusal) => write!(f, "refused: {refusal:?}"),
            Self::Unavailable(source) => write!(f, "the store is unavailable: {source}"),
        }
    }
}

impl std::error::Error for StoreError {}
