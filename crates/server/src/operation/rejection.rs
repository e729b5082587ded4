//! Admission: a call may be held until its record is finished or rejected. Until then the
//! record is no operation: workers have it, clients don't see it.

use super::Status;

/// Why a held record came to nothing: what its call is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A worker rejected the call with this.
    Worker(Status),
    /// Nobody said in time what would come of the call.
    Unanswered,
}
