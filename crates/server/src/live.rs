//! What the server keeps in memory of its records: the hot map that reads are served from,
//! the waiters that a commit wakes, how long methods take, and when workers asked for work. All
//! but the last learn of a commit before its caller does.

mod signals;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use prost::Message as _;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

pub(crate) use signals::Turn;
use signals::{Queue, Signal, Signals};

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
        let Record { request, labels, .. } = &*hot.record;
        let request = request.as_ref().map_or(0, |request| request.value.len());
        let labels: usize = labels.iter().map(|(key, value)| 64 + key.len() + value.len()).sum();
        // Kept once as the record, once encoded, about twice that as JSON.
        let operation = 4 * hot.record.operation_bytes();
        (512 + 2 * name.service.len() + labels + request + operation) as u64
    }
}

/// The hot map, the waiters, the pace of methods and their lease calls.
pub(crate) struct Live {
    hot: Cache<RecordName, Arc<Hot>, ByBytes>,
    records: Signals<RecordName>,
    queues: Signals<Queue>,
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

    /// A turn at the next commit that makes a record of one of the methods leasable: each such
    /// commit gives one turn, to whoever has waited longest.
    pub(crate) fn watch_queue(&self, service: &str, methods: &[String]) -> Signal<'_, Queue> {
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
                self.queues.wake_one(&(record.name.service.clone(), record.method.clone()));
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

#[cfg(test)]
mod stress;
#[cfg(test)]
mod tests;
