//! The noun. What an operation is, what can happen to it, and what then becomes of it.
//!
//! Pure: no async, no clock, no I/O, no framework. Time comes in as an argument and
//! everything that can go wrong is a [`Refusal`].

mod change;
mod claim;
pub mod filter;
mod name;
mod page;
mod record;
mod rejection;
mod resume;
#[cfg(test)]
pub(crate) mod samples;
mod time;
mod tombstone;
pub mod transition;

pub use change::{Change, Decision, Refusal};
pub use claim::{
    Claim, ClaimKey, ClaimKind, Claimed, Digest, REQUEST_ID_RETENTION, RequestClaim, Verdict,
    is_exclusive_key, judge,
};
pub use filter::{Compare, Filter, FilterError, Term};
pub use name::{Id, NameError, OperationName, Parent, RecordName};
pub use page::{PageError, PageSize, PageToken, page_digest};
pub use record::{
    Done, Execution, Finisher, Holder, Labels, Lease, LeaseToken, Outcome, Payload, Principal,
    Record, State, StateName, Status, TokenHash,
};
pub use rejection::Rejection;
pub use resume::{ResumeError, ResumeToken};
pub use time::{Span, Timestamp};
pub use tombstone::{Gone, OwnerDigest, Tombstone};
pub use transition::{Expected, Finish, Grant, NewRecord, Reject, Release, Renewal, Update};
