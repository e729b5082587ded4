//! What time alone does to records: leases and deadlines run out, delays end, done
//! operations expire, what was kept of removed ones is forgotten. One pass looks at what is due; nothing is scanned.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::operation::{Change, Record, Span, Timestamp, transition};
use crate::store::{Apply, Store, StoreError};

/// Between two passes.
const INTERVAL: Duration = Duration::from_millis(500);
/// A longer silence than this may have cost workers their renewals.
const GAP: Span = Span::seconds(5);
/// How long a quiet store is taken for one that can be written.
const PROBE: Span = Span::seconds(2);
/// Records per batch.
const BATCH: usize = 512;
/// Removals are told of for a day ([`ResumeToken`]); an hour more is for who is just reading.
///
/// [`ResumeToken`]: crate::operation::ResumeToken
const REMOVALS_KEPT: Span = Span::seconds(25 * 3600);
/// Batches per pass: what is left comes in the next one.
const BATCHES: usize = 64;

/// Sets the server's own fields in what a change writes.
pub(crate) type Stamp = Arc<dyn Fn(&Record, Change) -> Change + Send + Sync>;

/// Looks at what is due, again and again.
pub(crate) struct Reaper {
    store: Arc<dyn Store>,
    stamp: Stamp,
    last_pass: AtomicI64,
    serving_since: AtomicI64,
}

impl Reaper {
    /// A reaper for a server that starts now.
    #[must_use]
    pub(crate) fn new(store: Arc<dyn Store>, stamp: Stamp) -> Self {
        let now = AtomicI64::new(store.now().micros());
        let serving_since = AtomicI64::new(now.load(Ordering::Relaxed));
        Self { store, stamp, last_pass: now, serving_since }
    }

    /// One pass: how many records were due.
    ///
    /// # Errors
    /// The store's, when it can't say what is due or be written: the pass didn't happen.
    pub(crate) async fn pass(&self) -> Result<usize, StoreError> {
        let mut seen = 0;
        for _ in 0..BATCHES {
            let names = self.store.due(BATCH).await?;
            let now = self.store.now();
            let last = Timestamp::from_micros(self.last_pass.load(Ordering::Relaxed));
            if now.since(last) > GAP {
                self.serving_since.store(now.micros(), Ordering::Relaxed);
            }
            let since = Timestamp::from_micros(self.serving_since.load(Ordering::Relaxed));
            let count = names.len();
            if count == 0 {
                if now.since(last) < PROBE {
                    break;
                }
                // A store that can't be written takes no renewals either.
                self.store.ready().await?;
            }
            let tick = |name| {
                let stamp = self.stamp.clone();
                let event = move |record: &Record, now: Timestamp| {
                    // The silence may have begun behind the look at the clock above.
                    let since = if now.since(last) > GAP { now } else { since };
                    transition::tick(record, now, since).map(|change| stamp(record, change))
                };
                (name, Box::new(event) as Apply)
            };
            let ticks = names.iter().cloned().map(tick).collect();
            for (name, answer) in names.iter().zip(self.store.update(ticks).await) {
                match answer {
                    Err(error @ StoreError::Unavailable(_)) => return Err(error),
                    // The others are not to wait for it.
                    Err(error @ StoreError::Broken(_)) => {
                        tracing::error!(%name, %error, "the reaper passes over a record");
                    }
                    _ => {}
                }
            }
            // Only now: a pass that failed, or hung, leaves a gap.
            self.last_pass.store(now.micros(), Ordering::Relaxed);
            seen += count;
            if count < BATCH {
                break;
            }
        }
        self.forget_removals().await?;
        for _ in 0..BATCHES {
            if self.store.forget(BATCH).await? < BATCH {
                break;
            }
        }
        Ok(seen)
    }

    async fn forget_removals(&self) -> Result<(), StoreError> {
        let before = self.store.now().minus(REMOVALS_KEPT);
        for _ in 0..BATCHES {
            if self.store.forget_removals(before, BATCH).await? < BATCH {
                break;
            }
        }
        Ok(())
    }

    /// Passes until the server stops.
    pub(crate) async fn run(self, mut draining: watch::Receiver<bool>) {
        loop {
            if let Err(error) = self.pass().await {
                tracing::error!(%error, "the reaper could not pass");
            }
            // An error means that the server is gone, which is stopping too.
            if tokio::time::timeout(INTERVAL, draining.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
