//! Records on their way to whoever leased them. If that one leaves before they arrive, nobody
//! knows their tokens: they are given back at once, and not only when the leases run out.

use std::sync::Arc;

use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::sync::oneshot;

use super::write::{Job, Queued};
use crate::operation::{Record, Timestamp};
use crate::store::{Apply, LeaseApply};

/// How leases are given back.
pub(super) struct Undo {
    pub(super) apply: LeaseApply,
    pub(super) jobs: WeakUnboundedSender<Queued>,
}

/// Records that were leased, to be [taken](Self::take).
pub(super) struct Leased {
    records: Vec<Arc<Record>>,
    undo: Option<Undo>,
}

impl Leased {
    pub(super) fn new(records: Vec<Arc<Record>>, undo: Undo) -> Self {
        Self { records, undo: Some(undo) }
    }

    pub(super) fn take(mut self) -> Vec<Arc<Record>> {
        self.undo = None;
        std::mem::take(&mut self.records)
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let Some(Undo { apply, jobs }) = self.undo.take() else { return };
        // Without a writer the leases run out.
        let Some(jobs) = jobs.upgrade().filter(|_| !self.records.is_empty()) else { return };
        let apply = Arc::new(apply);
        let undo = |(place, record): (usize, &Arc<Record>)| {
            let apply = apply.clone();
            let undo = move |record: &Record, now: Timestamp| apply(place, record, now);
            (record.name.clone(), Box::new(undo) as Apply)
        };
        let undone = self.records.iter().enumerate().map(undo).collect();
        let (nobody, _) = oneshot::channel();
        let _ = jobs.send(Queued { job: Job::Update(undone, nobody), _place: None });
    }
}
