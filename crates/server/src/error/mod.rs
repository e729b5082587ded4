//! One error for the whole server: a kind that decides reason and details, a message for the
//! caller, and a source for the log.

mod kind;
mod status;

use std::fmt;

pub use kind::Kind;

use crate::operation::{Claimed, Gone, OperationName, Refusal};
pub use crate::reason::Reason;
use crate::store::{Full, StoreError};

/// The domain of errors that belong to no service.
pub const DOMAIN: &str = "longrun.local";

/// A call that failed. (An operation that failed is an `Outcome`, never one of these.)
#[derive(Debug)]
pub struct Error {
    /// What went wrong.
    pub kind: Kind,
    /// English, for the caller's developer.
    pub message: String,
    /// The service that it is about, where the call itself says no other.
    pub domain: Option<String>,
    /// What went wrong inside: logged, never sent.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What is wrong with one field (`google.rpc.BadRequest.FieldViolation`).
pub type Violation = longrun_transcoding::Violation;

/// A call's result.
pub type Result<T> = std::result::Result<T, Error>;

/// The longest text in an error, in bytes: longer than any name, and short enough for
/// trailers. What a caller sent may be a megabyte.
const TEXT_BYTES_MAX: usize = 2048;

/// The most that is said of one request.
const VIOLATIONS_MAX: usize = 100;

/// The text, cut if it is too long.
fn shortened(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX - "…".len()).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

impl Error {
    /// An error without an inner source.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: shortened(message.into()), domain: None, source: None }
    }

    /// `INVALID_ARGUMENT` for one field.
    pub fn invalid(field: &str, description: impl Into<String>) -> Self {
        let description = description.into();
        Self::violations(vec![Violation { field: field.to_owned(), description }])
    }

    /// `INVALID_ARGUMENT` for several fields: the message joins their descriptions.
    #[must_use]
    pub fn violations(mut violations: Vec<Violation>) -> Self {
        violations.truncate(VIOLATIONS_MAX);
        let lines: Vec<&str> = violations.iter().map(|one| one.description.as_str()).collect();
        let message = lines.join("\n");
        Self::new(Kind::InvalidArgument { violations }, message)
    }

    /// The `NOT_FOUND` of an operation, the same whether it is missing or hidden.
    #[must_use]
    pub fn not_found(name: &impl fmt::Display) -> Self {
        let name = name.to_string();
        let message = format!("Operation \"{name}\" was not found.");
        Self::new(Kind::OperationNotFound { name }, message)
    }

    /// The `NOT_FOUND` of an operation that was there, for those who could see it.
    #[must_use]
    pub fn gone(name: &impl fmt::Display, gone: Gone) -> Self {
        let name = name.to_string();
        match gone {
            Gone::Deleted => {
                let message = format!("Operation \"{name}\" was deleted.");
                Self::new(Kind::OperationDeleted { name }, message)
            }
            Gone::Expired => {
                let message = format!("Operation \"{name}\" has expired.");
                Self::new(Kind::OperationExpired { name }, message)
            }
        }
    }

    /// A broken invariant; the caller learns no more than that.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let message = "An internal error has occurred. It is in the server's log.".to_owned();
        Self { kind: Kind::Internal, message, domain: None, source: Some(source.into()) }
    }

    /// What the store's answer about `name` means to a caller.
    #[must_use]
    pub fn from_store(error: StoreError, name: &OperationName) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(name),
            StoreError::Gone(tombstone) => Self::gone(name, tombstone.gone),
            StoreError::Rejected(_) => Self::not_found(name),
            StoreError::AlreadyExists => {
                let name = name.to_string();
                let message = format!("Operation \"{name}\" already exists.");
                Self::new(Kind::OperationAlreadyExists { name }, message)
            }
            StoreError::Claimed(claimed) => Self::from_claimed(claimed),
            StoreError::Full(full) => Self::full(full),
            StoreError::Refused(refusal) => Self::from_refusal(refusal, name),
            StoreError::Broken(source) => Self::internal(source),
            StoreError::Unavailable(source) => Self::unavailable(source),
        }
    }

    /// The store is away.
    #[must_use]
    pub fn unavailable(source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let message = "The store is unavailable; nothing was changed. Try again.".to_owned();
        Self { kind: Kind::StoreUnavailable, message, domain: None, source: Some(source) }
    }

    fn full(full: Full) -> Self {
        let (limit, why) = match full {
            Full::Bytes { limit_bytes } => {
                ("store_bytes_max", format!("its limit of {limit_bytes} bytes is reached"))
            }
            Full::Disk { percent_min } => {
                ("disk", format!("less than {percent_min} % of its disk is free"))
            }
        };
        let message = format!("The store takes no new operations: {why}.");
        Self::new(Kind::StoreFull { limit }, message)
    }

    /// An open operation has the exclusive key; its name is for those who may read it.
    #[must_use]
    pub fn held(by: Option<&OperationName>) -> Self {
        let name = by.map(ToString::to_string);
        let message = match &name {
            Some(name) => {
                format!("The exclusive key is held by operation \"{name}\" until that is done.")
            }
            None => "The exclusive key is held by another operation until that is done.".to_owned(),
        };
        Self::new(Kind::ExclusiveKeyHeld { name }, message)
    }

    fn from_claimed(claimed: Claimed) -> Self {
        match claimed {
            Claimed::Reused => Self::new(
                Kind::RequestIdReused,
                "The request id was used for another request: take a fresh one for each.",
            ),
            Claimed::Gone(name, gone) => Self::gone(&name.operation, gone),
            Claimed::Held(name) => Self::held(Some(&name.operation)),
        }
    }

    fn from_refusal(refusal: Refusal, name: &OperationName) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(name),
            Refusal::Gone(gone) => Self::gone(name, gone),
            Refusal::Done => Self::new(
                Kind::OperationDone { name: name.to_string() },
                format!("Operation \"{name}\" is done; its outcome doesn't change again."),
            ),
            Refusal::LeaseRequired => Self::new(
                Kind::LeaseRequired { name: name.to_string() },
                format!("Operation \"{name}\" changes only under its lease: send lease_token."),
            ),
            Refusal::LeaseLost => Self::new(
                Kind::LeaseLost { name: name.to_string() },
                format!("The lease on operation \"{name}\" is not, or no longer, this token's."),
            ),
            Refusal::TokenOnSelf => Self::invalid(
                "lease_token",
                format!(
                    "Operation \"{name}\" is its service's own and has no lease: leave lease_token out."
                ),
            ),
            Refusal::ExecutionSelf => Self::new(
                Kind::ExecutionSelf { name: name.to_string() },
                format!(
                    "Operation \"{name}\" is its service's own: it has no lease to renew, release or reject."
                ),
            ),
            Refusal::Admitted => Self::new(
                Kind::OperationAdmitted { name: name.to_string() },
                format!(
                    "Operation \"{name}\" is not held for admission, or no longer: finish it with the error instead."
                ),
            ),
            Refusal::EtagMismatch { current } => Self::new(
                Kind::EtagMismatch { name: name.to_string(), current },
                format!("Operation \"{name}\" has changed since it was read: read it again."),
            ),
            Refusal::WrongType { field, expected, actual } => Self::invalid(
                field,
                format!("Invalid value at '{field}': expected a {expected}, got a {actual}."),
            ),
            Refusal::TooLarge { bytes, limit } => Self::invalid(
                "",
                format!(
                    "Response, metadata and error of operation \"{name}\" would be {bytes} bytes; together they have {limit}."
                ),
            ),
        }
    }

    /// The same error, said in the name of a service.
    #[must_use]
    pub fn in_domain(self, service: &str) -> Self {
        Self { domain: Some(service.to_owned()), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, reason) = self.kind.classify();
        let why = reason.map_or_else(|| code.as_str_name(), Reason::name);
        write!(f, "{why}: {}", self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|inner| inner.as_ref() as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_sent_is_quoted_in_part() {
        let fits = "é".repeat(TEXT_BYTES_MAX / 2);
        assert_eq!(shortened(fits.clone()), fits);
        let cut = shortened(format!("x{fits}"));
        assert!(cut.len() <= TEXT_BYTES_MAX && cut.ends_with("é…"), "{}", cut.len());

        let error = Error::not_found(&"n".repeat(1 << 20));
        let one = |field: String| Violation { description: field.repeat(2), field };
        let many = (0..1000).map(|_| one("v".repeat(10_000))).collect();
        for error in [error, Error::violations(many)] {
            let status = error.to_status(DOMAIN, None);
            assert_eq!(status.message.len(), TEXT_BYTES_MAX);
            let bytes: usize = status.details.iter().map(|detail| detail.value.len()).sum();
            assert!(bytes < (2 * VIOLATIONS_MAX + 1) * (TEXT_BYTES_MAX + 64), "{bytes}");
        }
    }
}
