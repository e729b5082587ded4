//! Why the API says no.

use longrun_api::google::rpc::bad_request::FieldViolation;
use longrun_api::google::rpc::{BadRequest, ErrorInfo, Status};
use longrun_client::{Code, WorkError, pack};

use crate::SERVICE;

/// What was asked for can't be had.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// For programs, UPPER_SNAKE.
    pub(crate) reason: &'static str,
    /// For developers.
    pub(crate) message: String,
    /// Which fields of the request are at fault.
    pub(crate) violations: Vec<FieldViolation>,
}

impl Refusal {
    pub(crate) fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), violations: Vec::new() }
    }

    /// There is no such subscription, or none of the caller's.
    pub(crate) fn not_found(name: &str) -> Self {
        let message = format!("There is no subscription `{name}` of yours.");
        Self::new(Code::NotFound, "SUBSCRIPTION_NOT_FOUND", message)
    }

    /// The request's fields are at fault. At least one is.
    pub(crate) fn invalid(violations: Vec<FieldViolation>) -> Self {
        let told = violations.iter().map(|one| format!("`{}`: {}", one.field, one.description));
        let message = told.collect::<Vec<_>>().join(" ");
        Self { violations, ..Self::new(Code::InvalidArgument, "INVALID_SUBSCRIPTION", message) }
    }
}

/// A violation of the field at `path`.
pub(crate) fn violation(path: &str, description: impl Into<String>) -> FieldViolation {
    FieldViolation {
        field: path.to_owned(),
        description: description.into(),
        ..FieldViolation::default()
    }
}

/// The call fails if it is still held, as a call to the API itself would; else its operation does.
impl From<Refusal> for WorkError {
    fn from(refusal: Refusal) -> Self {
        let info = ErrorInfo {
            reason: refusal.reason.to_owned(),
            domain: SERVICE.to_owned(),
            ..ErrorInfo::default()
        };
        let mut details = vec![pack(&info)];
        if !refusal.violations.is_empty() {
            details.push(pack(&BadRequest { field_violations: refusal.violations }));
        }
        let status = Status { code: refusal.code as i32, message: refusal.message, details };
        Self::Rejected(status.into())
    }
}
