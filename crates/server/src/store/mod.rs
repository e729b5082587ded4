//! Where records are kept. A store knows bytes, keys and transactions; what an event
//! makes of a record it is told as a pure change.

#[cfg(test)]
pub mod conformance;
pub mod embedded;
mod faults;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

pub use faults::{Faults, Step};

use crate::operation::{
    Claimed, Decision, Digest, Filter, Parent, Principal, Record, RecordName, Refusal, Rejection,
    Span, Timestamp, Tombstone,
};

/// Makes a record, given the store's now. It may run again after a conflict, so it is pure.
pub type Birth = Box<dyn Fn(Timestamp) -> Record + Send + Sync>;

/// Decides what becomes of the latest version of a record, given the store's now, which is
/// never before the record's update time. It may run again after a conflict, so it is pure.
/// What a record is born with stays: its name, method, owner, request, claims and create
/// time; and so does its outcome.
pub type Apply = Box<dyn Fn(&Record, Timestamp) -> Decision + Send + Sync>;

/// Records in one place that survive what the machine does not.
///
/// Whatever a call answers is durable by then. All calls are batches: answers stand in
/// the order of what was asked, and one refusal doesn't touch its neighbours.
pub trait Store: Send + Sync + 'static {
    /// Creates records; a name that a record or a tombstone has is
    /// [`StoreError::AlreadyExists`].
    ///
    /// What a record claims ([`Record::claims`]) is checked before, in its order, and taken:
    /// a repeated request answers the record that is there, and anything else is
    /// [`StoreError::Claimed`]. An exclusive key is free again once its record is done; a
    /// request id is kept as long as the record or its tombstone, and a day at least. A store
    /// that can't do all of it at once takes the claims, inserts the record and confirms the
    /// claims one after another; it may die between any two ([`Step`]).
    fn create(&self, births: Vec<Birth>) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>>;

    /// Reads the latest committed versions, or what is left of them.
    fn get(&self, names: Vec<RecordName>) -> BoxFuture<'_, Result<Vec<Found>, StoreError>>;

    /// Reads a part of a list, in order.
    fn list(&self, query: ListQuery) -> BoxFuture<'_, Result<Listed, StoreError>>;

    /// Changes records; answers what each is now (its last version, if it was removed).
    ///
    /// A rejected record leaves no tombstone and no claim, but for [`REJECTION_RETENTION`] its
    /// rejection under its name, for the calls that wait for it.
    fn update(
        &self,
        updates: Vec<(RecordName, Apply)>,
    ) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>>;

    /// Changes up to `query.limit` pending records that aren't delayed, oldest first,
    /// each of them once and by nobody else. `apply` is told the record's place in the answer.
    ///
    /// A caller that drops the call while the leases are made doesn't learn of them: `undo`,
    /// told the same places, changes the records once more.
    fn lease(
        &self,
        query: LeaseQuery,
        apply: LeaseApply,
        undo: LeaseApply,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>>;

    /// Methods with records that [`lease`](Self::lease) would change, in the order of service
    /// and name: at most `limit` methods, each of them counted up to `limit`.
    fn waiting(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Waiting>, StoreError>>;

    /// Names of records whose due time has come, the longest due first.
    fn due(&self, limit: usize) -> BoxFuture<'_, Result<Vec<RecordName>, StoreError>>;

    /// Keeps these descriptor sets, each under its digest, and drops those that are neither
    /// among them nor any record's ([`Record::descriptors`]). For the start of a server.
    fn keep_descriptors(&self, sets: Vec<(Digest, Bytes)>)
    -> BoxFuture<'_, Result<(), StoreError>>;

    /// A descriptor set that was kept.
    fn descriptors(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>>;

    /// Drops up to `limit` things that were kept about removed records long enough; answers
    /// how many. What is dropped is no change of any record: no observer is told.
    fn forget(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>>;
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

/// How long a rejection is kept at least: longer than it takes the calls that wait for it, on
/// whatever server, to read it.
pub const REJECTION_RETENTION: Span = Span::seconds(300);

/// What is under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record, in its latest version.
    Record(Arc<Record>),
    /// A record was there.
    Tombstone(Tombstone),
    /// A held record was there until just now: for its calls, and nobody else.
    Rejected(Rejection),
    /// Nothing that is remembered.
    Nothing,
}

impl Found {
    /// The record, if there is one.
    #[must_use]
    pub fn record(self) -> Option<Arc<Record>> {
        match self {
            Self::Record(record) => Some(record),
            Self::Tombstone(_) | Self::Rejected(_) | Self::Nothing => None,
        }
    }
}

/// As [`Apply`], told the place from 0 that the record has in the answer if it changes.
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

/// Work of one method that waits for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// How many records wait.
    pub count: usize,
    /// The create time of the one that is leased first.
    pub since: Timestamp,
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
    /// Those too that clients don't see ([`Record::is_hidden`]).
    pub hidden: bool,
    /// Only those that it lets through.
    pub filter: Filter,
    /// Which end comes first.
    pub order: Order,
    /// Only those behind this place.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: usize,
    /// At most so many bytes of payloads together, but always one record.
    pub bytes_max: usize,
    /// At most so many rows are looked at, whether they are let through or not; at least one.
    pub rows_max: usize,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its records, in order.
    pub records: Vec<Record>,
    /// The place behind which the list goes on, which may be far behind the last record;
    /// `None` where it ends.
    pub rest: Option<Cursor>,
    /// How many rows were looked at.
    pub rows: usize,
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

impl Cursor {
    /// A record's place.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self { create_time: record.create_time, name: record.name.clone() }
    }
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

/// Why a store has no room for new records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// It may not grow any more.
    Bytes {
        /// What it may hold.
        limit_bytes: u64,
    },
    /// Too little of its disk is free.
    Disk {
        /// What has to be free.
        percent_min: u64,
    },
}

/// Why a store did not do what it was asked.
#[derive(Debug)]
pub enum StoreError {
    /// No such record.
    NotFound,
    /// The record was removed.
    Gone(Tombstone),
    /// The held record was rejected: to all but its calls it was never there.
    Rejected(Rejection),
    /// The name is taken.
    AlreadyExists,
    /// What the record claims is somebody else's.
    Claimed(Claimed),
    /// There is no room for another record.
    Full(Full),
    /// The change refused.
    Refused(Refusal),
    /// This record can't be read, or its change is at fault; its neighbours are as they should be.
    Broken(Box<dyn std::error::Error + Send + Sync>),
    /// The store can't be reached or written; nothing was changed.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such record"),
            Self::Gone(tombstone) => write!(f, "the record is gone: {:?}", tombstone.gone),
            Self::Rejected(rejection) => write!(f, "the call was rejected: {rejection:?}"),
            Self::AlreadyExists => f.write_str("the name is taken"),
            Self::Claimed(claimed) => write!(f, "claimed already: {claimed:?}"),
            Self::Full(Full::Bytes { limit_bytes }) => {
                write!(f, "the store may hold {limit_bytes} bytes (store_bytes_max), and does")
            }
            Self::Full(Full::Disk { percent_min }) => {
                write!(f, "less than {percent_min} % of the store's disk is free")
            }
            Self::Refused(refusal) => write!(f, "refused: {refusal:?}"),
            Self::Broken(source) => write!(f, "the record is broken: {source}"),
            Self::Unavailable(source) => write!(f, "the store is unavailable: {source}"),
        }
    }
}

impl std::error::Error for StoreError {}
