//! Admission: a call may be held until its record is finished or rejected. Until then the
//! record is no operation: workers have it, clients don't see it.

use super::{Status, Timestamp};

/// What makes a record no operation yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When it ends, if nothing has ended it before.
    pub until: Timestamp,
    /// What its end makes of the record.
    pub end: HoldEnd,
}

/// What the end of a hold makes of a record that was neither finished nor rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldEnd {
    /// An operation, open.
    Admit,
    /// Nothing: the call asked what would come of it (AIP-163), and nobody said.
    Remove,
}

/// Why a held record came to nothing: what its call is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A worker rejected the call with this.
    Worker(Status),
    /// Nobody said in time what would come of the call.
    Unanswered,
}
