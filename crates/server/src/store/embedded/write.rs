//! The one thread that writes. It takes whatever waits, applies each change to the latest
//! version, commits all of it as one batch, tells the observer, then answers. There is no
//! timer: what queues up while a batch reaches the disk is the next one.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::claims::{self, Blocked};
use super::descriptors::{self, Uses};
use super::leased::{Leased, Undo};
use super::reply::{Answer, Reply, answers_reply, send};
use super::space::Room;
use super::{StoreClock, feed, read, tombs};
use crate::operation::{Change, Decision, Digest, Record, RecordName, Span, Timestamp};
use crate::store::{
    Apply, Birth, Commit, Faults, Full, LeaseApply, LeaseQuery, Observer, Step, StoreError,
};

/// What the writer is asked to do.
pub(super) enum Job {
    /// Store new records.
    Create(Vec<Birth>, oneshot::Sender<Vec<Answer>>),
    /// Change records.
    Update(Vec<(RecordName, Apply)>, oneshot::Sender<Vec<Answer>>),
    /// Hand records out.
    Lease(LeaseQuery, LeaseApply, Undo, oneshot::Sender<Result<Leased, StoreError>>),
    /// Keep these descriptor sets.
    Keep(Vec<(Digest, Bytes)>, oneshot::Sender<Result<(), StoreError>>),
    /// Drop what was kept long enough.
    Forget(usize, oneshot::Sender<Result<usize, StoreError>>),
    /// Forget removals up to a place in the feed.
    ForgetRemovals(i64, oneshot::Sender<Result<usize, StoreError>>),
    /// Commit something, however little.
    Ping(oneshot::Sender<Result<(), StoreError>>),
}

/// A job with its place in the queue, which it gives up when the writer takes it. What the store
/// asks of itself has none.
pub(super) struct Queued {
    pub(super) job: Job,
    pub(super) _place: Option<OwnedSemaphorePermit>,
}

/// What a death is called.
const DIED: &str = "injected: died";

/// Jobs in one batch.
const BATCH: usize = 1024;

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) clock: Arc<StoreClock>,
    pub(super) tombstone_retention: Span,
    pub(super) room: Room,
    /// The end of the change feed. A batch that fails leaves a gap in it.
    pub(super) seq: Cell<i64>,
    pub(super) faults: Option<Arc<dyn Faults>>,
    /// What the batch changes of the descriptor sets' counts.
    pub(super) uses: RefCell<Uses>,
    /// Whether a fault has ended it.
    pub(super) dead: bool,
}

impl Writer {
    pub(super) fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Queued>) {
        let mut batch = Vec::new();
        while !self.dead && jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.batch(batch.drain(..).map(|queued| queued.job).collect());
        }
        if self.dead {
            return;
        }
        // Whoever opens it next has no log to read through.
        if let Err(error) = self.connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
            tracing::warn!(%error, "could not checkpoint the store");
        }
    }

    fn batch(&mut self, jobs: Vec<Job>) {
        let mut replies: Vec<Reply> = Vec::with_capacity(jobs.len());
        let mut commits = Vec::new();
        let done = catch_unwind(AssertUnwindSafe(|| self.commit(jobs, &mut replies, &mut commits)));
        let failure = match done {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("a change panicked".to_owned()),
        };
        match failure {
            None => {
                self.observer.committed(&commits);
                replies.into_iter().for_each(|reply| reply(Ok(())));
            }
            Some(text) => {
                self.dead = text.ends_with(DIED);
                tracing::error!(error = text, "the store could not commit");
                if !self.connection.is_autocommit()
                    && let Err(error) = self.connection.execute_batch("ROLLBACK")
                {
                    tracing::error!(%error, "the store could not roll back");
                }
                replies.into_iter().for_each(|reply| reply(Err(&text)));
            }
        }
    }

    /// One transaction. Whatever fails in it fails for every job.
    fn commit(
        &mut self,
        jobs: Vec<Job>,
        replies: &mut Vec<Reply>,
        commits: &mut Vec<Commit>,
    ) -> rusqlite::Result<()> {
        // The answers are found first and sent last; a job that is dropped on the way
        // closes its channel, which its caller reads as Unavailable.
        let connection = &self.connection;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.uses.take();
        let (mut written, mut full) = (false, None);
        for job in jobs {
            match job {
                Job::Create(births, reply) => {
                    let full = match full {
                        Some(full) => full,
                        None => *full.insert(self.room.full(connection)?),
                    };
                    let mut answers = Vec::with_capacity(births.len());
                    for birth in births {
                        answers.push(self.create(&birth, full, commits)?);
                    }
                    replies.push(answers_reply(reply, answers));
                }
                Job::Update(updates, reply) => {
                    let mut answers = Vec::with_capacity(updates.len());
                    for (name, apply) in updates {
                        answers.push(self.update(&name, &apply, commits)?);
                    }
                    replies.push(answers_reply(reply, answers));
                }
                // Whoever has left takes nothing.
                Job::Lease(_, _, _, reply) if reply.is_closed() => {}
                Job::Lease(query, apply, undo, reply) => {
                    let records = self.lease(&query, &apply, commits)?;
                    replies.push(Box::new(move |done| {
                        send(reply, done.map(|()| Leased::new(records, undo)));
                    }));
                }
                Job::Keep(sets, reply) => {
                    written |= descriptors::keep(connection, &sets)?;
                    replies.push(Box::new(move |done| send(reply, done)));
                }
                Job::Forget(limit, reply) => {
                    let count = self.forget(limit)?;
                    written |= count > 0;
                    replies.push(Box::new(move |done| send(reply, done.map(|()| count))));
                }
                Job::ForgetRemovals(through, reply) => {
                    let count = feed::forget(connection, through)?;
                    written |= count > 0;
                    replies.push(Box::new(move |done| send(reply, done.map(|()| count))));
                }
                Job::Ping(reply) => {
                    written = true;
                    replies.push(Box::new(move |done| send(reply, done)));
                }
            }
        }
        if commits.is_empty() && !written {
            // Refusals and looks for work: what they saw is on the disk already.
            return connection.prepare_cached("ROLLBACK")?.execute([]).map(drop);
        }
        self.uses.take().write(connection)?;
        let now = self.clock.now().micros();
        let sql = "UPDATE clock SET now = ?, seq = ?";
        connection.prepare_cached(sql)?.execute([now, self.seq.get()])?;
        if self.faults.as_ref().is_some_and(|faults| faults.commit_fails()) {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
                Some("injected".to_owned()),
            ));
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        self.step(Step::Answer)
    }

    /// Dies here, if a test wants it.
    pub(super) fn step(&self, step: Step) -> rusqlite::Result<()> {
        match &self.faults {
            Some(faults) if faults.dies(step) => Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT),
                Some(DIED.to_owned()),
            )),
            _ => Ok(()),
        }
    }

    fn create(
        &self,
        birth: &Birth,
        full: Option<Full>,
        commits: &mut Vec<Commit>,
    ) -> rusqlite::Result<Answer> {
        let record = match alone(|| birth(self.clock.now())) {
            Ok(record) => record,
            Err(error) => return Ok(Err(error)),
        };
        let claims = record.claims();
        match claims::check(&self.connection, &claims)? {
            Some(Blocked::By(record)) => return Ok(Ok(record)),
            Some(Blocked::Claimed(claimed)) => return Ok(Err(StoreError::Claimed(claimed))),
            None => {}
        }
        if tombs::get(&self.connection, &record.name)?.is_some() {
            return Ok(Err(StoreError::AlreadyExists));
        }
        if let Some(full) = full {
            return Ok(Err(StoreError::Full(full)));
        }
        if !claims.is_empty() {
            self.step(Step::Claim)?;
            for (key, body) in &claims {
                claims::take(&self.connection, *key, &record.name, *body)?;
            }
            self.step(Step::Insert)?;
        }
        if !self.insert(&record)? {
            for (key, _) in &claims {
                claims::release(&self.connection, *key, &record.name)?;
            }
            return Ok(Err(StoreError::AlreadyExists));
        }
        if !claims.is_empty() {
            self.step(Step::Confirm)?;
            for (key, _) in &claims {
                claims::confirm(&self.connection, *key, &record.name)?;
            }
        }
        self.uses.borrow_mut().moved(None, Some(&record));
        let record = Arc::new(record);
        commits.push(Commit { record: record.clone(), removed: false, visible: true });
        Ok(Ok(record))
    }

    pub(super) fn next_seq(&self) -> i64 {
        self.seq.set(self.seq.get() + 1);
        self.seq.get()
    }

    fn update(
        &self,
        name: &RecordName,
        apply: &Apply,
        commits: &mut Vec<Commit>,
    ) -> rusqlite::Result<Answer> {
        let (row, record) = match read::get(&self.connection, name) {
            Ok(Some(found)) => found,
            Ok(None) => {
                let tombstone = tombs::get(&self.connection, name)?;
                return Ok(Err(tombstone.map_or(StoreError::NotFound, StoreError::Gone)));
            }
            Err(error) => return broken(error).map(Err),
        };
        let now = self.now_for(&record);
        self.decided(row, record, |record| apply(record, now), commits)
            .map(|answer| answer.map(|(record, _)| record))
    }

    pub(super) fn now_for(&self, record: &Record) -> Timestamp {
        self.clock.now().max(record.update_time)
    }

    /// Writes a decision; answers the record and whether it changed.
    pub(super) fn decided(
        &self,
        row: i64,
        record: Record,
        decide: impl FnOnce(&Record) -> Decision,
        commits: &mut Vec<Commit>,
    ) -> rusqlite::Result<Result<(Arc<Record>, bool), StoreError>> {
        let decision = match alone(|| decide(&record)) {
            Ok(decision) => decision,
            Err(error) => return Ok(Err(error)),
        };
        Ok(match decision {
            Err(refusal) => Err(StoreError::Refused(refusal)),
            Ok(Change::Keep) => Ok((Arc::new(record), false)),
            Ok(Change::Put(next)) => {
                let visible = next.version != record.version;
                self.replace(row, &record, &next, visible.then(|| self.next_seq()))?;
                self.uses.borrow_mut().moved(Some(&record), Some(&next));
                if next.done().is_some() {
                    self.free_key(&record)?;
                }
                let next = Arc::from(next);
                commits.push(Commit { record: Arc::clone(&next), removed: false, visible });
                Ok((next, true))
            }
            Ok(Change::Remove(last, gone)) => {
                self.remove(row, &last, gone)?;
                self.free_key(&record)?;
                Ok((self.removed(&record, last, commits)?, true))
            }
            Ok(Change::Reject(last, rejection)) => {
                self.reject(row, &last, &rejection)?;
                Ok((self.removed(&record, last, commits)?, true))
            }
        })
    }
}

/// Runs what was handed in: its panic is its own, and no neighbour's.
fn alone<T>(change: impl FnOnce() -> T) -> Result<T, StoreError> {
    let done = catch_unwind(AssertUnwindSafe(change));
    done.map_err(|_| StoreError::Broken("a change panicked".into()))
}

/// A record that can't be read is its own failure; whatever else fails is the batch's.
pub(super) fn broken(error: rusqlite::Error) -> rusqlite::Result<StoreError> {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..) => Ok(StoreError::Broken(Box::new(error))),
        error => Err(error),
    }
}
