//! What the server keeps in memory of its records: the hot map that reads are served from,
//! the waiters that a commit wakes, how long methods take, and when workers asked for work. All
//! but the last learn of a commit before its caller does.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use prost::Message as _;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::operation::{Record, RecordName, State};
use crate::pace::Pace;
use crate::store::{Commit, Found, Observer, Store, StoreError};
use crate::unattended::LeaseCalls;
use crate::wire;

/// A record's version with the bytes that clients are answered with.
#[derive(Debug)]
pub(crate) struct Hot {
    /// The version.
    pub record: Arc<Record>,
    operation: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
}

impl Hot {
    fn new(record: Arc<Record>) -> Self {
        Self { record, operation: OnceLock::new(), json: OnceLock::new() }
    }

    /// The encoded `google.longrunning.Operation`.
    pub(crate) fn operation(&self) -> Bytes {
        let encode = || wire::operation(&self.record).encode_to_vec().into();
        self.operation.get_or_init(encode).clone()
    }

    /// Its JSON as it is printed by default; `print` makes it the first time.
    ///
    /// # Errors
    /// `print`'s.
    pub(crate) fn json<E>(
        &self,
        print: impl FnOnce(&[u8]) -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        if let Some(json) = self.json.get() {
            return Ok(json.clone());
        }
        let json = print(&self.operation())?;
        Ok(self.json.get_or_init(|| json).clone())
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<RecordName, Arc<Hot>> for ByBytes {
    fn weight(&self, name: &RecordName, hot: &Arc<Hot>) -> u64 {
        let any = |payload: &Option<crate::operation::Payload>| {
            payload.as_ref().map_or(0, |payload| payload.value.len())
        };
        let record = &hot.record;
        let outcome = match record.done().map(|done| &done.outcome) {
            Some(crate::operation::Outcome::Response(payload)) => payload.value.len(),
            Some(crate::operation::Outcome::Error(status)) => status.message.len() + 256,
            None => 0,
        };
        // Kept once as the record, once encoded, about twice that as JSON.
        let parts = any(&record.metadata) + outcome;
        (512 + 2 * name.service.len() + any(&record.request) + 4 * parts) as u64
    }
}

/// The hot map, the waiters, the pace of methods and their lease calls.
pub(crate) struct Live {
    hot: Cache<RecordName, Arc<Hot>, ByBytes>,
    records: Signals<RecordName>,
    queues: Signals<(String, String)>,
    feeds: Signals<Option<String>>,
    pace: Pace,
    lease_calls: LeaseCalls,
}

impl Live {
    /// An empty one, whose hot map holds about `bytes_max` bytes.
    #[must_use]
    pub(crate) fn new(bytes_max: u64) -> Self {
        let items = (bytes_max / 2048).clamp(16, 1 << 20) as usize;
        Self {
            hot: Cache::with_weighter(items, bytes_max, ByBytes),
            records: Signals::new(),
            queues: Signals::new(),
            feeds: Signals::new(),
            pace: Pace::default(),
            lease_calls: LeaseCalls::default(),
        }
    }

    /// The latest version, from the hot map or the store.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Gone`], [`StoreError::Rejected`],
    /// [`StoreError::Unavailable`].
    pub(crate) async fn get(
        &self,
        store: &dyn Store,
        name: &RecordName,
    ) -> Result<Arc<Hot>, StoreError> {
        match self.hot.get_value_or_guard_async(name).await {
            Ok(hot) => Ok(hot),
            Err(guard) => {
                let record = match store.get(vec![name.clone()]).await?.pop() {
                    Some(Found::Record(record)) => record,
                    Some(Found::Tombstone(tombstone)) => return Err(StoreError::Gone(tombstone)),
                    Some(Found::Rejected(rejection)) => {
                        return Err(StoreError::Rejected(rejection));
                    }
                    Some(Found::Nothing) | None => return Err(StoreError::NotFound),
                };
                let hot = Arc::new(Hot::new(record));
                // A commit since the read has put a newer version in the guard's place.
                Ok(match guard.insert(hot.clone()) {
                    Ok(()) => hot,
                    Err(stale) => self.hot.get(name).unwrap_or(stale),
                })
            }
        }
    }

    /// A signal at the record's next commit. Register before reading, or it may be missed.
    pub(crate) fn watch_record(&self, name: &RecordName) -> Signal<'_, RecordName> {
        self.records.register(vec![name.clone()])
    }

    /// A signal at the next commit that makes a record of one of the methods leasable.
    pub(crate) fn watch_queue(
        &self,
        service: &str,
        methods: &[String],
    ) -> Signal<'_, (String, String)> {
        let key = |method: &String| (service.to_owned(), method.clone());
        self.queues.register(methods.iter().map(key).collect())
    }

    /// A signal at the next commit that the change feed of a service tells of; of all
    /// services with `None`.
    pub(crate) fn watch_feed(&self, service: Option<&str>) -> Signal<'_, Option<String>> {
        self.feeds.register(vec![service.map(str::to_owned)])
    }

    /// What was learned of methods.
    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// When workers last asked for work.
    pub(crate) fn lease_calls(&self) -> &LeaseCalls {
        &self.lease_calls
    }
}

impl Observer for Live {
    fn committed(&self, commits: &[Commit]) {
        for commit in commits {
            let record = &commit.record;
            let hot = Arc::new(Hot::new(record.clone()));
            if !commit.removed {
                self.hot.insert(record.name.clone(), hot.clone());
            }
            // Whatever else is there goes, even a place where a reader is about to put what
            // it read before: an insert leaves that if the version is too large to be kept.
            if self.hot.peek(&record.name).is_none_or(|kept| !Arc::ptr_eq(&kept, &hot)) {
                self.hot.remove(&record.name);
            }
        }
        let mut changed = BTreeSet::new();
        for Commit { record, removed, visible } in commits {
            self.records.wake(&record.name);
            if *visible {
                changed.insert(record.name.service.as_str());
            }
            if *visible && !removed && has_just_finished(record) {
                self.pace.learn(record);
            }
            if !removed && matches!(record.state, State::Pending { delayed_until: None }) {
                self.queues.wake(&(record.name.service.clone(), record.method.clone()));
            }
        }
        if !changed.is_empty() {
            self.feeds.wake(&None);
        }
        for service in changed {
            self.feeds.wake(&Some(service.to_owned()));
        }
    }
}

/// A later write of labels has a later time.
fn has_just_finished(record: &Record) -> bool {
    record.done().is_some_and(|done| done.finish_time == record.update_time)
}

const SHARDS: usize = 64;

type Shard<K> = Mutex<HashMap<K, (Arc<Notify>, usize)>>;

/// Who waits for what: an entry lives as long as somebody waits for it.
struct Signals<K> {
    hasher: RandomState,
    shards: Vec<Shard<K>>,
}

impl<K: Clone + Eq + std::hash::Hash> Signals<K> {
    fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, (Arc<Notify>, usize)>> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        // A panic elsewhere leaves the map as it was between two whole changes.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, keys: Vec<K>) -> Signal<'_, K> {
        let future = |key: &K| {
            let mut shard = self.shard(key);
            let entry = shard.entry(key.clone()).or_default();
            entry.1 += 1;
            // It counts from its creation, not from its first poll.
            Box::pin(entry.0.clone().notified_owned())
        };
        let futures = keys.iter().map(future).collect();
        Signal { signals: self, keys, futures }
    }

    fn wake(&self, key: &K) {
        if let Some((notify, _)) = self.shard(key).get(key) {
            notify.notify_waiters();
        }
    }
}

/// One registration; dropping it ends it.
pub(crate) struct Signal<'a, K: Clone + Eq + std::hash::Hash> {
    signals: &'a Signals<K>,
    keys: Vec<K>,
    futures: Vec<Pin<Box<OwnedNotified>>>,
}

impl<K: Clone + Eq + std::hash::Hash> Signal<'_, K> {
    /// Returns once the signal has come, even if it came before the call.
    pub(crate) async fn wait(&mut self) {
        futures::future::select_all(self.futures.iter_mut().map(Pin::as_mut)).await;
    }
}

impl<K: Clone + Eq + std::hash::Hash> Drop for Signal<'_, K> {
    fn drop(&mut self) {
        for key in &self.keys {
            if let Entry::Occupied(mut entry) = self.signals.shard(key).entry(key.clone()) {
                entry.get_mut().1 -= 1;
                if entry.get().1 == 0 {
                    entry.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod stress;
#[cfg(test)]
mod tests;
