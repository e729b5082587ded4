//! Slots for large answers: pages, leases, and what a watch has read ahead. Each is made only
//! when there is a slot for it, and has the slot until the client has taken it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::{Api, Call, hold_until};
use crate::error::{Error, Kind, Result};

/// Answers below this size give their slots up at once.
const LARGE_BYTES: usize = 64 << 10;

/// The slots of one connection; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Slots(Arc<Semaphore>);

impl Slots {
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))))
    }

    /// A slot, once one is free: to be taken before anything is read or done for the answer.
    pub(super) async fn take(&self) -> Slot {
        let permit = self.0.clone().acquire_owned().await;
        Slot { _permit: permit.expect("the semaphore is never closed") }
    }

    /// A slot, if one is free.
    pub(super) fn try_take(&self) -> Option<Slot> {
        self.0.clone().try_acquire_owned().ok().map(|permit| Slot { _permit: permit })
    }
}

impl Call {
    /// A slot for the answer, as long as its caller waits and the server runs.
    ///
    /// # Errors
    /// `UNAVAILABLE`: the caller has other answers to take first.
    pub(super) async fn slot(&self, api: &Api) -> Result<Slot> {
        let mut draining = api.draining.clone();
        let until = hold_until(None, self.deadline, Instant::now());
        let taken = tokio::select! {
            biased;
            slot = self.slots.take() => Some(slot),
            // An error means that the server is gone, which is stopping too.
            _ = draining.wait_for(|stop| *stop) => None,
            () = sleep_until(until) => None,
        };
        taken.ok_or_else(|| {
            let message = "Earlier answers on this connection are still to be taken (answers_max); \
                 nothing was changed. Take them, or use another connection.";
            Error::new(Kind::ServerBusy, message)
        })
    }
}

/// A slot for one answer.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// The slot, if an answer of so many bytes is worth one.
    pub(super) fn worth(self, bytes: usize) -> Option<Self> {
        (bytes >= LARGE_BYTES).then_some(self)
    }

    /// The answer, which has the slot until it has left.
    pub(crate) fn hold(self, answer: Bytes) -> Bytes {
        match self.worth(answer.len()) {
            None => answer,
            Some(slot) => Bytes::from_owner(Held { answer, _slot: slot }),
        }
    }
}

struct Held {
    answer: Bytes,
    _slot: Slot,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn large_answers_have_their_slots_until_they_are_gone() {
        let slots = Slots::new(1);
        let small = slots.take().await.hold(Bytes::from_static(b"small"));
        let large = slots.take().await.hold(Bytes::from(vec![7; LARGE_BYTES]));
        assert_eq!((&small[..], large.len(), large[9]), (&b"small"[..], LARGE_BYTES, 7));
        let mut next = pin!(slots.take());
        let rest = large.slice(9..);
        drop(large);
        assert!(next.as_mut().now_or_never().is_none(), "a part of it is still to leave");
        drop(rest);
        assert!(next.now_or_never().is_some(), "it has left");
    }
}
