//! What may go wrong on purpose, in tests.

/// Injects faults into a store.
pub trait Faults: Send + Sync + 'static {
    /// Whether the next commit fails.
    fn commit_fails(&self) -> bool {
        false
    }

    /// Whether the store dies here: what it has not committed is lost, nobody is answered,
    /// and it does nothing more until it is opened again.
    fn dies(&self, step: Step) -> bool {
        let _ = step;
        false
    }
}

/// Where a store may die while it makes a record with claims, or rejects one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is written yet.
    Claim,
    /// The claims are taken, the record is not there.
    Insert,
    /// The record is there, the claims are not confirmed.
    Confirm,
    /// All is done; the caller doesn't know.
    Answer,
    /// The rejected record is gone, its claims are not free.
    Free,
}

impl Step {
    /// Those of a birth, in order.
    pub const BIRTH: [Self; 4] = [Self::Claim, Self::Insert, Self::Confirm, Self::Answer];
    /// Those of a rejection, in order.
    pub const REJECTION: [Self; 2] = [Self::Free, Self::Answer];
}
