//! What may become of a record, and why not.

use super::{Gone, Record, Rejection};

/// What an event makes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing changes.
    Keep,
    /// The record is now this.
    Put(Box<Record>),
    /// The record goes, and why; this was its last version, for the answer.
    Remove(Box<Record>, Gone),
    /// The record goes as if it had never been, and its call is answered with this; the
    /// version is its last.
    Reject(Box<Record>, Rejection),
}

/// Why an event may not happen. Each has one reason in `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It isn't there, or not for this caller.
    NotFound,
    /// It was this caller's to see, and is gone for clients.
    Gone(Gone),
    /// It is done, and the event would change that.
    Done,
    /// A leased record changes only under its token, and none was sent.
    LeaseRequired,
    /// The token isn't the record's, or is no longer.
    LeaseLost,
    /// A SELF record has no leases, so no token can be right.
    TokenOnSelf,
    /// A SELF record can't be renewed, released or rejected.
    ExecutionSelf,
    /// The call isn't held, or no longer: it can't be rejected.
    Admitted,
    /// The record has changed since the caller read it.
    EtagMismatch {
        /// The etag that it has now.
        current: String,
    },
    /// A payload isn't of the type that the method declares.
    WrongType {
        /// Path of the field, in snake_case.
        field: &'static str,
        /// Full name of the declared type.
        expected: String,
        /// Full name of the type that was sent.
        actual: String,
    },
    /// The record would hold more than it may.
    TooLarge {
        /// What response, metadata and error would come to.
        bytes: usize,
        /// What they may.
        limit: usize,
    },
}

/// An event applied: the change, or why not.
pub type Decision = Result<Change, Refusal>;
