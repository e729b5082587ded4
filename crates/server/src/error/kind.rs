//! What can go wrong, and the reason of each.

use std::collections::BTreeMap;

use longrun_api::google::rpc::{Code, Status};

use super::{Reason, Violation};

/// What went wrong. Each kind has one reason, but for a worker's rejection, which has its own.
#[derive(Debug)]
pub enum Kind {
    /// No rule reads the path.
    RouteNotFound {
        /// The HTTP verb.
        verb: String,
        /// The path, perhaps shortened.
        path: String,
    },
    /// A rule reads the path, but with another verb.
    MethodNotAllowed {
        /// The HTTP verb.
        verb: String,
        /// The verbs that would do.
        allow: Vec<String>,
    },
    /// The service doesn't serve the RPC.
    MethodUnimplemented {
        /// `pkg.Service/Method`.
        method: String,
    },
    /// Several services could be meant.
    ServiceAmbiguous {
        /// Their hosts.
        hosts: Vec<String>,
    },
    /// No service of that name is loaded.
    ServiceNotFound {
        /// The name.
        service: String,
    },
    /// No credential.
    CredentialsMissing,
    /// An API key, which says nothing of who calls.
    ApiKeyOnly,
    /// A token that nobody gave out.
    AccessTokenInvalid,
    /// A token that has run out.
    AccessTokenExpired,
    /// Two credentials that differ.
    OverloadedCredentials,
    /// The token has none of the method's scopes.
    ScopeInsufficient {
        /// Any one of these would do; none: the method has no scopes, so nobody may call it.
        scopes: Vec<String>,
    },
    /// A server without authentication answers only to names of its own.
    HostNotAllowed {
        /// The host asked for.
        host: String,
    },
    /// A server without authentication answers no other site's pages.
    OriginNotAllowed {
        /// The page's origin.
        origin: String,
    },
    /// The request is wrong, whatever the state of things.
    InvalidArgument {
        /// All that is wrong with it.
        violations: Vec<Violation>,
    },
    /// The request is too large, or has too many headers.
    RequestTooLarge {
        /// The bytes that would have been taken, if those were too many.
        limit_bytes: Option<usize>,
        /// The headers that would have been taken, if those were. Both, where nobody can tell.
        limit_headers: Option<usize>,
    },
    /// The request's body didn't come in time.
    RequestTimeout,
    /// A gRPC message that is compressed.
    CompressionUnsupported,
    /// Partial success makes no sense in one collection.
    PartialSuccessUnsupported,
    /// Not there, or somebody else's: the two can't be told apart.
    OperationNotFound {
        /// The name asked for.
        name: String,
    },
    /// The caller could have seen it, but it was deleted.
    OperationDeleted {
        /// The name asked for.
        name: String,
    },
    /// The caller could have seen it, but its time had come.
    OperationExpired {
        /// The name asked for.
        name: String,
    },
    /// A watch can't go on from so long ago.
    ResumeTokenExpired,
    /// The name is taken.
    OperationAlreadyExists {
        /// The name.
        name: String,
    },
    /// The request id was used for another request.
    RequestIdReused,
    /// An open operation has the exclusive key.
    ExclusiveKeyHeld {
        /// That operation, for those who may read it.
        name: Option<String>,
    },
    /// The operation is finished.
    OperationDone {
        /// The operation.
        name: String,
    },
    /// A leased record changes only under its token.
    LeaseRequired {
        /// The operation.
        name: String,
    },
    /// The token is not the record's, or no longer.
    LeaseLost {
        /// The operation.
        name: String,
    },
    /// A SELF record has no lease.
    ExecutionSelf {
        /// The operation.
        name: String,
    },
    /// The operation is not held, so its call can't be rejected.
    OperationAdmitted {
        /// The operation.
        name: String,
    },
    /// A worker has rejected the call with this.
    Rejected(Status),
    /// No worker has answered a call for validation.
    ValidationUnanswered,
    /// The record has changed.
    EtagMismatch {
        /// The operation.
        name: String,
        /// Its etag now.
        current: String,
    },
    /// Too many calls.
    RateLimitExceeded {
        /// Who makes them.
        subject: String,
        /// Whole seconds until one is taken again.
        retry_seconds: u32,
    },
    /// The store takes no new operations.
    StoreFull {
        /// What it is that has run out: `store_bytes_max` or `disk`.
        limit: &'static str,
    },
    /// No room for another connection, or for the request's body.
    ServerBusy,
    /// The store is away.
    StoreUnavailable,
    /// A bug, or a broken machine.
    Internal,
}

impl Kind {
    /// The one place that says what code and what reason a kind has.
    pub(super) fn classify(&self) -> (Code, Option<Reason>) {
        let reason = match self {
            Self::Rejected(status) => {
                return (Code::try_from(status.code).unwrap_or(Code::Unknown), None);
            }
            Self::RouteNotFound { .. } => Reason::RouteNotFound,
            Self::MethodNotAllowed { .. } => Reason::MethodNotAllowed,
            Self::MethodUnimplemented { .. } => Reason::MethodUnimplemented,
            Self::ServiceAmbiguous { .. } => Reason::ServiceAmbiguous,
            Self::ServiceNotFound { .. } => Reason::ServiceNotFound,
            Self::CredentialsMissing | Self::ApiKeyOnly => Reason::CredentialsMissing,
            Self::AccessTokenInvalid => Reason::AccessTokenInvalid,
            Self::AccessTokenExpired => Reason::AccessTokenExpired,
            Self::OverloadedCredentials => Reason::OverloadedCredentials,
            Self::ScopeInsufficient { .. } => Reason::AccessTokenScopeInsufficient,
            Self::HostNotAllowed { .. } => Reason::HostNotAllowed,
            Self::OriginNotAllowed { .. } => Reason::OriginNotAllowed,
            Self::InvalidArgument { .. } => Reason::InvalidArgument,
            Self::RequestTooLarge { .. } => Reason::RequestTooLarge,
            Self::RequestTimeout => Reason::RequestTimeout,
            Self::CompressionUnsupported => Reason::CompressionUnsupported,
            Self::PartialSuccessUnsupported => Reason::PartialSuccessUnsupported,
            Self::OperationNotFound { .. } => Reason::OperationNotFound,
            Self::OperationDeleted { .. } => Reason::OperationDeleted,
            Self::OperationExpired { .. } => Reason::OperationExpired,
            Self::OperationAlreadyExists { .. } => Reason::OperationAlreadyExists,
            Self::RequestIdReused => Reason::RequestIdReused,
            Self::ExclusiveKeyHeld { .. } => Reason::ExclusiveKeyHeld,
            Self::ResumeTokenExpired => Reason::ResumeTokenExpired,
            Self::OperationDone { .. } => Reason::OperationDone,
            Self::LeaseRequired { .. } => Reason::LeaseRequired,
            Self::LeaseLost { .. } => Reason::LeaseLost,
            Self::ExecutionSelf { .. } => Reason::ExecutionSelf,
            Self::OperationAdmitted { .. } => Reason::OperationAdmitted,
            Self::ValidationUnanswered => Reason::ValidationUnanswered,
            Self::EtagMismatch { .. } => Reason::EtagMismatch,
            Self::RateLimitExceeded { .. } => Reason::RateLimitExceeded,
            Self::StoreFull { .. } => Reason::StoreFull,
            Self::ServerBusy => Reason::ServerBusy,
            Self::StoreUnavailable => Reason::StoreUnavailable,
            Self::Internal => Reason::Internal,
        };
        (reason.code(), Some(reason))
    }

    /// Whether it is about who calls: such errors name the service and the method.
    pub(super) fn concerns_caller(&self) -> bool {
        matches!(
            self,
            Self::CredentialsMissing
                | Self::ApiKeyOnly
                | Self::AccessTokenInvalid
                | Self::AccessTokenExpired
                | Self::OverloadedCredentials
                | Self::ScopeInsufficient { .. }
        )
    }

    /// What it is about: the type's URL, and the name.
    pub(super) fn resource(&self) -> Option<(&'static str, &str)> {
        const OPERATION: &str = "type.googleapis.com/google.longrunning.Operation";
        const SERVICE: &str = "type.googleapis.com/google.api.Service";
        match self {
            Self::OperationNotFound { name }
            | Self::OperationDeleted { name }
            | Self::OperationExpired { name }
            | Self::OperationAlreadyExists { name }
            | Self::OperationDone { name }
            | Self::OperationAdmitted { name }
            | Self::LeaseRequired { name }
            | Self::LeaseLost { name }
            | Self::ExecutionSelf { name } => Some((OPERATION, name)),
            Self::ServiceNotFound { service } => Some((SERVICE, service)),
            _ => None,
        }
    }

    /// Whose share of what is limited has run out.
    pub(super) fn consumer(&self) -> Option<&str> {
        match self {
            Self::StoreFull { limit } => Some(limit),
            Self::RateLimitExceeded { subject, .. } => Some(subject),
            _ => None,
        }
    }

    /// The dynamic parts of the message, for programs (AIP-193).
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let one = |key: &str, value: String| BTreeMap::from([(key.to_owned(), value)]);
        let pair = |key: &str, value: &str, other: &str, last: &str| {
            BTreeMap::from([
                (key.to_owned(), value.to_owned()),
                (other.to_owned(), last.to_owned()),
            ])
        };
        match self {
            Self::RouteNotFound { verb, path } => pair("verb", verb, "path", path),
            Self::MethodNotAllowed { verb, allow } => {
                pair("verb", verb, "allow", &allow.join(", "))
            }
            Self::MethodUnimplemented { method } => one("method", method.clone()),
            Self::ServiceAmbiguous { hosts } => one("hosts", hosts.join(" ")),
            Self::ServiceNotFound { service } => one("service", service.clone()),
            Self::ScopeInsufficient { scopes } => one("scopes", scopes.join(" ")),
            Self::HostNotAllowed { host } => one("host", host.clone()),
            Self::OriginNotAllowed { origin } => one("origin", origin.clone()),
            Self::RequestTooLarge { limit_bytes, limit_headers } => {
                let limits = [("limit_bytes", limit_bytes), ("limit_headers", limit_headers)];
                let set = |(key, limit): (&str, &Option<usize>)| {
                    limit.map(|limit| (key.to_owned(), limit.to_string()))
                };
                limits.into_iter().filter_map(set).collect()
            }
            Self::ExclusiveKeyHeld { name: Some(name) } => one("name", name.clone()),
            Self::EtagMismatch { name, current } => pair("name", name, "etag", current),
            Self::StoreFull { limit } => one("limit", (*limit).to_owned()),
            Self::RateLimitExceeded { subject, .. } => one("consumer", subject.clone()),
            other => match other.resource() {
                Some((_, name)) => one("name", name.to_owned()),
                None => BTreeMap::new(),
            },
        }
    }
}
