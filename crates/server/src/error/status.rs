//! An error as callers see it: code, HTTP status, challenge, details.

use longrun_api::google::rpc::{
    self, BadRequest, Code, ErrorInfo, QuotaFailure, RetryInfo, bad_request, quota_failure,
};

use super::{Error, Kind, Reason, Violation, shortened};
use crate::reason::http_status;

impl Error {
    /// Why, for programs; `None`: as a worker says.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.kind.classify().1
    }

    /// The canonical code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.kind.classify().0
    }

    /// The HTTP status.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        let (code, reason) = self.kind.classify();
        reason.map_or_else(|| http_status(code), Reason::http_status)
    }

    /// Whole seconds after which the call may be made again.
    #[must_use]
    pub fn retry_seconds(&self) -> Option<u32> {
        match self.kind {
            Kind::RateLimitExceeded { retry_seconds, .. } => Some(retry_seconds),
            Kind::StoreUnavailable | Kind::ServerBusy | Kind::ValidationUnanswered => Some(1),
            // Operations expire, and somebody may make room.
            Kind::StoreFull { .. } => Some(60),
            _ => None,
        }
    }

    /// The `WWW-Authenticate` challenge (RFC 6750 §3).
    #[must_use]
    pub fn challenge(&self, realm: &str) -> Option<String> {
        let tail = match &self.kind {
            Kind::CredentialsMissing | Kind::ApiKeyOnly => String::new(),
            Kind::AccessTokenInvalid | Kind::AccessTokenExpired => {
                ", error=\"invalid_token\"".to_owned()
            }
            Kind::ScopeInsufficient { scopes } if !scopes.is_empty() => {
                format!(", error=\"insufficient_scope\", scope=\"{}\"", scopes.join(" "))
            }
            _ => return None,
        };
        Some(format!("Bearer realm=\"{realm}\"{tail}"))
    }

    /// As `google.rpc.Status`, with an `ErrorInfo` of `domain` and what the code calls for; a
    /// worker's rejection is passed on as it is.
    #[must_use]
    pub fn to_status(&self, domain: &str, method: Option<&str>) -> rpc::Status {
        if let Kind::Rejected(status) = &self.kind {
            return status.clone();
        }
        let (code, reason) = self.kind.classify();
        let domain = self.domain.as_deref().unwrap_or(domain);
        let mut metadata = self.kind.metadata();
        if self.kind.concerns_caller() {
            metadata.insert("service".to_owned(), domain.to_owned());
            if let Some(method) = method {
                metadata.insert("method".to_owned(), method.replace('/', "."));
            }
        }
        let info = ErrorInfo {
            reason: reason.map_or("", Reason::name).to_owned(),
            domain: domain.to_owned(),
            metadata: metadata.into_iter().map(|(key, value)| (key, shortened(value))).collect(),
        };
        let mut details = vec![any("ErrorInfo", &info)];
        match &self.kind {
            Kind::InvalidArgument { violations } => {
                let violation = |one: &Violation| bad_request::FieldViolation {
                    field: shortened(one.field.clone()),
                    description: shortened(one.description.clone()),
                    ..Default::default()
                };
                let field_violations = violations.iter().map(violation).collect();
                details.push(any("BadRequest", &BadRequest { field_violations }));
            }
            Kind::StoreFull { limit } => {
                let violation = quota_failure::Violation {
                    subject: (*limit).to_owned(),
                    description: self.message.clone(),
                    ..Default::default()
                };
                details.push(any("QuotaFailure", &QuotaFailure { violations: vec![violation] }));
            }
            Kind::RateLimitExceeded { subject, .. } => {
                let violation = quota_failure::Violation {
                    subject: subject.clone(),
                    description: self.message.clone(),
                    ..Default::default()
                };
                details.push(any("QuotaFailure", &QuotaFailure { violations: vec![violation] }));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_seconds() {
            let delay = prost_types::Duration { seconds: i64::from(seconds), nanos: 0 };
            details.push(any("RetryInfo", &RetryInfo { retry_delay: Some(delay) }));
        }
        rpc::Status { code: code as i32, message: self.message.clone(), details }
    }
}

fn any(name: &str, message: &impl prost::Message) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: message.encode_to_vec(),
    }
}
