//! Who waits for what: everybody for a record or a feed, one after the other for work.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

const SHARDS: usize = 64;

pub(super) type Shard<K> = Mutex<HashMap<K, (Arc<Notify>, usize)>>;

/// Who waits for what: an entry lives as long as somebody waits for it.
pub(super) struct Signals<K> {
    hasher: RandomState,
    pub(super) shards: Vec<Shard<K>>,
}

impl<K: Clone + Eq + Hash> Signals<K> {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, (Arc<Notify>, usize)>> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        // A panic elsewhere leaves the map as it was between two whole changes.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(&self, keys: Vec<K>) -> Signal<'_, K> {
        let future = |key: &K| {
            let mut shard = self.shard(key);
            let entry = shard.entry(key.clone()).or_default();
            entry.1 += 1;
            let mut signal = Box::pin(entry.0.clone().notified_owned());
            // It counts from here, not from its first poll.
            signal.as_mut().enable();
            signal
        };
        let futures = keys.iter().map(future).collect();
        Signal { signals: self, keys, futures }
    }

    /// For everybody who waits.
    pub(super) fn wake(&self, key: &K) {
        if let Some((notify, _)) = self.shard(key).get(key) {
            notify.notify_waiters();
        }
    }

    /// For the one who has waited longest. If that one leaves without having looked, it is for
    /// the next.
    pub(super) fn wake_one(&self, key: &K) {
        if let Some((notify, _)) = self.shard(key).get(key) {
            notify.notify_one();
        }
    }
}

/// One registration; dropping it ends it.
pub(crate) struct Signal<'a, K: Clone + Eq + Hash> {
    signals: &'a Signals<K>,
    keys: Vec<K>,
    futures: Vec<Pin<Box<OwnedNotified>>>,
}

impl<K: Clone + Eq + Hash> Signal<'_, K> {
    /// Returns once the signal has come, even if it came before the call.
    pub(crate) async fn wait(&mut self) {
        self.index().await;
    }

    async fn index(&mut self) -> usize {
        futures::future::select_all(self.futures.iter_mut().map(Pin::as_mut)).await.1
    }
}

/// Service and method.
pub(super) type Queue = (String, String);

impl<'a> Signal<'a, Queue> {
    /// Returns once there is a turn, even if it came before the call.
    pub(crate) async fn turn(&mut self) -> Turn<'a> {
        let index = self.index().await;
        Turn { queues: self.signals, queue: Some(self.keys[index].clone()) }
    }
}

/// A turn to look for work. There are as many turns as there is work that nobody has looked for;
/// one that is dropped before its [end](Self::end) is passed on.
pub(crate) struct Turn<'a> {
    queues: &'a Signals<Queue>,
    queue: Option<Queue>,
}

impl Turn<'_> {
    /// The method whose work it was given for.
    pub(crate) fn method(&self) -> &str {
        self.queue.as_ref().map_or("", |(_, method)| method)
    }

    /// It was used: that work is taken, by whomever.
    pub(crate) fn end(mut self) {
        self.queue = None;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            self.queues.wake_one(queue);
        }
    }
}

impl<K: Clone + Eq + Hash> Drop for Signal<'_, K> {
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
