//! Slots for large answers: pages, leases, and what a watch has read ahead. Each is made only
//! when there is a slot for it, and has the slot until the client has taken it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
}

/// A slot for one answer.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// The answer, which has the slot until it has left.
    pub(crate) fn hold(self, answer: Bytes) -> Bytes {
        if answer.len() < LARGE_BYTES {
            return answer;
        }
        Bytes::from_owner(Held { answer, _slot: self })
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
