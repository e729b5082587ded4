//! How work goes wrong: for good, or so that it may be tried again.

use std::fmt;
use std::time::Duration;

use longrun_api::google::rpc;
use prost::Message as _;
use tonic::Code;

use crate::{ClientError, Failure};

/// Why a handler has no response.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkError {
    /// The operation fails with this.
    Failed(Failure),
    /// The call itself fails with this, if it is still held for admission: its operation never
    /// was. If not, the operation fails.
    Rejected(Failure),
    /// The attempt fails; the operation only with its last one.
    Retry(Retry),
    /// The worker is not fit for its work, and this says why: it lacks a program, a file, a right.
    /// The record is given back, the attempt doesn't count, and the worker leases no more: it
    /// drains, and [`Worker::run`](crate::Worker::run) fails with `FAILED_PRECONDITION`.
    Unfit(String),
}

/// A failed attempt that gives the record back.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// What went wrong: the operation's error, if this was the last attempt.
    pub failure: Failure,
    /// How long the record rests before somebody gets it again.
    pub delay: Duration,
}

impl WorkError {
    /// The operation fails.
    #[must_use]
    pub fn failed(code: Code, message: impl Into<String>) -> Self {
        Self::Failed(Failure::new(code, message))
    }

    /// The call fails, or else the operation.
    #[must_use]
    pub fn rejected(code: Code, message: impl Into<String>) -> Self {
        Self::Rejected(Failure::new(code, message))
    }

    /// The operation ends as cancelled: what a handler says that has stopped on request.
    #[must_use]
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self::failed(Code::Cancelled, message)
    }
}

impl Retry {
    /// A failed attempt; the next one may follow at once.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { failure: Failure::new(code, message), delay: Duration::ZERO }
    }

    /// Lets the record rest first.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl From<Retry> for WorkError {
    fn from(retry: Retry) -> Self {
        Self::Retry(retry)
    }
}

impl From<rpc::Status> for WorkError {
    fn from(status: rpc::Status) -> Self {
        Self::Failed(status.into())
    }
}

/// A call that failed inside a handler, such as a progress report: what may pass is tried
/// again.
impl From<ClientError> for WorkError {
    fn from(error: ClientError) -> Self {
        called(error.code, Failure::new(error.code, error.to_string()))
    }
}

/// As from a [`ClientError`], with the status's details.
impl From<tonic::Status> for WorkError {
    fn from(status: tonic::Status) -> Self {
        let details = rpc::Status::decode(status.details()).unwrap_or_default().details;
        let error = ClientError::from(status);
        let (code, message) = (error.code as i32, error.message);
        called(error.code, rpc::Status { code, message, details }.into())
    }
}

fn called(code: Code, failure: Failure) -> WorkError {
    match passing(code) || code == Code::Aborted {
        true => WorkError::Retry(Retry { failure, delay: Duration::ZERO }),
        false => WorkError::Failed(failure),
    }
}

/// Whether the same call may go well a little later.
pub(super) fn passing(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded)
}

/// Whether the record is no longer this worker's: leased again, done, or gone.
pub(super) fn lost(error: &ClientError) -> bool {
    match error.code {
        Code::Aborted => {
            matches!(error.reason.as_deref(), Some("LEASE_LOST" | "LEASE_REQUIRED"))
        }
        Code::FailedPrecondition => error.reason.as_deref() == Some("OPERATION_DONE"),
        Code::NotFound => true,
        _ => false,
    }
}

/// Whether there is no held call any more that could be rejected.
pub(super) fn admitted(error: &ClientError) -> bool {
    error.code == Code::FailedPrecondition && error.reason.as_deref() == Some("OPERATION_ADMITTED")
}

impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = match self {
            Self::Failed(failure)
            | Self::Rejected(failure)
            | Self::Retry(Retry { failure, .. }) => failure,
            Self::Unfit(why) => return f.write_str(why),
        };
        match failure {
            Failure::Status(status) => f.write_str(&status.message),
            Failure::Json(status) => f.write_str(status["message"].as_str().unwrap_or_default()),
        }
    }
}

impl std::error::Error for WorkError {}
