//! What a handler knows of the record that it works on.

use std::fmt;
use std::sync::Arc;

use longrun_api::longrun::v1::OperationRecord;
use prost::{Message, Name};
use tokio::sync::watch;

use super::backend::{Backend, Held};
use super::error::lost;
use crate::{ClientError, Payload, pack, patiently};

/// The record, and the way to report on it; clones are the same.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    held: Held,
    record: OperationRecord,
    sequence: u64,
    signals: watch::Sender<Signals>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Signals {
    cancelled: bool,
    lost: bool,
}

impl Context {
    pub(super) fn new(backend: Arc<dyn Backend>, record: OperationRecord, sequence: u64) -> Self {
        let token = record.lease.as_ref().map(|lease| lease.token.clone());
        let held = Held { name: record.name.clone(), token: token.unwrap_or_default() };
        let cancelled = record.cancel_request_time.is_some();
        let signals = watch::Sender::new(Signals { cancelled, lost: false });
        Self { inner: Arc::new(Inner { backend, held, record, sequence, signals }) }
    }

    /// The record as it was when it was leased.
    #[must_use]
    pub fn record(&self) -> &OperationRecord {
        &self.inner.record
    }

    /// The record's name, `services/{service}/{operation name}`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.held.name
    }

    /// Which attempt this is; the first is 1.
    #[must_use]
    pub fn attempt(&self) -> i32 {
        self.inner.record.attempt
    }

    /// How many records this worker had leased before.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.inner.sequence
    }

    /// Reports progress: the operation's metadata from now on. Renews the lease, too.
    ///
    /// # Errors
    /// As the server says: `INVALID_ARGUMENT` when the method's metadata are of another
    /// type, `ABORTED` when the lease is lost.
    pub async fn progress<M: Message + Name>(&self, metadata: &M) -> Result<(), ClientError> {
        self.progress_any(pack(metadata)).await
    }

    /// As [`progress`](Self::progress), of any type.
    ///
    /// # Errors
    /// As [`progress`](Self::progress).
    pub async fn progress_any(&self, metadata: impl Into<Payload>) -> Result<(), ClientError> {
        let metadata = metadata.into();
        patiently(|| self.renew(Some(metadata.clone()))).await
    }

    /// Until somebody asks for a cancel, or the lease is lost. Whoever asked has asked: what
    /// is nearly done may still be finished.
    pub async fn cancelled(&self) {
        self.until(|signals| signals.cancelled).await;
    }

    /// Whether [`cancelled`](Self::cancelled) has come.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.signals.borrow().cancelled
    }

    /// Until the record is another's, or gone.
    pub(super) async fn lost(&self) {
        self.until(|signals| signals.lost).await;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.inner.signals.borrow().lost
    }

    async fn until(&self, came: impl Fn(&Signals) -> bool) {
        // The sender is in `self`: the channel can't close meanwhile.
        let _ = self.inner.signals.subscribe().wait_for(came).await;
    }

    pub(super) async fn renew(&self, metadata: Option<Payload>) -> Result<(), ClientError> {
        let answer = self.inner.backend.renew(&self.inner.held, metadata).await;
        let signals = &self.inner.signals;
        match &answer {
            Ok(true) => signals.send_modify(|signals| signals.cancelled = true),
            Err(error) if lost(error) => {
                signals.send_modify(|signals| *signals = Signals { cancelled: true, lost: true });
            }
            _ => {}
        }
        answer.map(drop)
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.inner.backend
    }

    pub(super) fn held(&self) -> &Held {
        &self.inner.held
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("name", &self.name()).finish_non_exhaustive()
    }
}
