//! Records in one SQLite file: one thread writes, some read beside it.

mod claims;
mod codec;
mod descriptors;
mod feed;
mod lease;
mod leased;
mod open;
mod read;
mod readers;
mod rejections;
mod removal;
mod reply;
mod rows;
mod space;
#[cfg(test)]
mod tests;
mod tombs;
mod write;

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use open::OpenError;

pub use super::Faults;
use super::{
    Apply, Birth, Changes, ChangesQuery, Found, LeaseApply, LeaseQuery, ListQuery, Listed,
    Observer, Store, StoreError, Waiting,
};
use crate::clock::Clock;
use crate::operation::{Digest, Record, RecordName, Span, Timestamp};
use leased::Undo;
use readers::Readers;
use space::Room;
pub use space::{Disk, Space, SystemDisk};
use write::{Job, Queued};

/// How the store is to be opened.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// How long a tombstone outlives its record. 7 days; zero: there are none.
    pub tombstone_retention: Span,
    /// Bytes of records above which no more are created; `None`: any number.
    pub bytes_max: Option<u64>,
    /// The disk; under 5 % free, no records are created.
    pub disk: Arc<dyn Disk>,
    /// Faults to be injected, in tests.
    pub faults: Option<Arc<dyn Faults>>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            tombstone_retention: Span::seconds(7 * 24 * 3600),
            bytes_max: None,
            disk: Arc::new(SystemDisk),
            faults: None,
        }
    }
}

/// Readers beside the writer.
const READERS: usize = 4;
/// Jobs that wait for the writer; further ones wait to be queued.
const QUEUE: usize = 8192;

/// The embedded store.
pub struct EmbeddedStore {
    // The one sender: the writer ends when it goes, whatever callers still hold.
    jobs: Mutex<Option<mpsc::UnboundedSender<Queued>>>,
    queue: Arc<Semaphore>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// For callers.
    readers: Readers,
    /// For what time wants, which no caller's list keeps waiting.
    keeper: Readers,
    clock: Arc<StoreClock>,
    tombstone_retention: Span,
    _lock: std::fs::File,
}

/// A clock that never goes back, over one that may.
struct StoreClock {
    inner: Arc<dyn Clock>,
    last: AtomicI64,
}

impl StoreClock {
    fn now(&self) -> Timestamp {
        let now = self.inner.now().micros();
        Timestamp::from_micros(self.last.fetch_max(now, Ordering::SeqCst).max(now))
    }
}

impl EmbeddedStore {
    /// Opens the store in a folder, which is made if it isn't there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        dir: &Path,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        options: EmbeddedOptions,
    ) -> Result<Self, OpenError> {
        let lock = open::lock(dir)?;
        let (connection, last, seq) = open::writer(dir)?;
        let clock = Arc::new(StoreClock { inner: clock, last: AtomicI64::new(last) });
        let (readers, keeper) = (Readers::open(dir, READERS)?, Readers::open(dir, 1)?);
        let (sender, receiver) = mpsc::unbounded_channel();
        let tombstone_retention = options.tombstone_retention;
        let writer = write::Writer {
            connection,
            observer,
            clock: clock.clone(),
            tombstone_retention,
            room: Room { dir: dir.to_owned(), disk: options.disk, bytes_max: options.bytes_max },
            seq: seq.into(),
            faults: options.faults,
            dead: false,
            uses: RefCell::default(),
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|error| OpenError::Folder(dir.to_owned(), error))?;
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            queue: Arc::new(Semaphore::new(QUEUE)),
            writer: Mutex::new(Some(thread)),
            readers,
            keeper,
            clock,
            tombstone_retention,
            _lock: lock,
        })
    }

    /// Ends the writer once it has done what was asked of it, and checkpoints. Later calls
    /// answer [`StoreError::Unavailable`].
    pub fn close(&self) {
        drop(locked(&self.jobs).take());
        self.queue.close();
        self.readers.close();
        self.keeper.close();
        if let Some(thread) = locked(&self.writer).take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer had panicked");
        }
    }

    async fn write<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, StoreError> {
        let place = self.queue.clone().acquire_owned().await.map_err(|_| closed())?;
        let (sender, answer) = oneshot::channel();
        let queued = Queued { job: job(sender), _place: Some(place) };
        let sent = locked(&self.jobs).as_ref().is_some_and(|jobs| jobs.send(queued).is_ok());
        if !sent {
            return Err(closed());
        }
        answer.await.map_err(|error| StoreError::Unavailable(Box::new(error)))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// What is behind these locks is whole between any two statements.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

fn all_failed<T>(count: usize, error: &StoreError) -> Vec<Result<T, StoreError>> {
    let text = error.to_string();
    (0..count).map(|_| Err(StoreError::Unavailable(text.clone().into()))).collect()
}

impl Store for EmbeddedStore {
    fn create(&self, births: Vec<Birth>) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>> {
        Box::pin(async move {
            let count = births.len();
            let answer = self.write(|reply| Job::Create(births, reply)).await;
            answer.unwrap_or_else(|error| all_failed(count, &error))
        })
    }

    fn get(&self, names: Vec<RecordName>) -> BoxFuture<'_, Result<Vec<Found>, StoreError>> {
        Box::pin(self.readers.read(move |connection| {
            names.iter().map(|name| read::found(connection, name)).collect()
        }))
    }

    fn list(&self, query: ListQuery) -> BoxFuture<'_, Result<Listed, StoreError>> {
        Box::pin(self.readers.read(move |connection| read::list(connection, &query)))
    }

    fn update(
        &self,
        updates: Vec<(RecordName, Apply)>,
    ) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>> {
        Box::pin(async move {
            let count = updates.len();
            if count == 0 {
                return vec![];
            }
            let answer = self.write(|reply| Job::Update(updates, reply)).await;
            answer.unwrap_or_else(|error| all_failed(count, &error))
        })
    }

    fn lease(
        &self,
        query: LeaseQuery,
        apply: LeaseApply,
        undo: LeaseApply,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
        Box::pin(async move {
            let jobs = locked(&self.jobs).as_ref().map(mpsc::UnboundedSender::downgrade);
            let undo = Undo { apply: undo, jobs: jobs.ok_or_else(closed)? };
            let leased = self.write(|reply| Job::Lease(query, apply, undo, reply)).await??;
            Ok(leased.take())
        })
    }

    fn waiting(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Waiting>, StoreError>> {
        Box::pin(self.keeper.read(move |connection| read::waiting(connection, limit)))
    }

    fn due(&self, limit: usize) -> BoxFuture<'_, Result<Vec<RecordName>, StoreError>> {
        let now = self.clock.now();
        Box::pin(self.keeper.read(move |connection| read::due(connection, now, limit)))
    }

    fn keep_descriptors(
        &self,
        sets: Vec<(Digest, Bytes)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.write(|reply| Job::Keep(sets, reply)).await? })
    }

    fn descriptors(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>> {
        Box::pin(self.readers.read(move |connection| descriptors::get(connection, digest)))
    }

    fn forget(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async move {
            let (now, retention) = (self.clock.now(), self.tombstone_retention);
            // A look beside the writer: mostly there is nothing.
            let due =
                self.keeper.read(move |connection| removal::any_due(connection, now, retention));
            if !due.await? {
                return Ok(0);
            }
            self.write(|reply| Job::Forget(limit, reply)).await?
        })
    }

    fn changes(&self, query: ChangesQuery) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(self.readers.read(move |connection| feed::changes(connection, &query)))
    }

    fn forget_removals(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async move {
            let old =
                self.keeper.read(move |connection| feed::old(connection, before, limit)).await?;
            let Some(old) = old else { return Ok(0) };
            self.write(|reply| Job::ForgetRemovals(old, reply)).await?
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            // Through the writer: a store that can only be read isn't ready.
            self.write(Job::Ping).await?
        })
    }
}
