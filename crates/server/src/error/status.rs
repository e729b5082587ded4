//! An error as callers see it: code, HTTP status, challenge, details.

use longrun_api::google::rpc::{
    self, BadRequest, Code, ErrorInfo, PreconditionFailure, QuotaFailure, ResourceInfo, RetryInfo,
    bad_request, precondition_failure, quota_failure,
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
            // No scope would do for a method that has none.
            Kind::ScopeInsufficient { scopes } if scopes.is_empty() => {
                ", error=\"insufficient_scope\"".to_owned()
            }
            Kind::ScopeInsufficient { scopes } => {
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
        details.extend(self.called_for(code));
        if let Some(seconds) = self.retry_seconds() {
            let delay = prost_types::Duration { seconds: i64::from(seconds), nanos: 0 };
            details.push(any("RetryInfo", &RetryInfo { retry_delay: Some(delay) }));
        }
        rpc::Status { code: code as i32, message: self.message.clone(), details }
    }

    /// The detail that goes with a code besides the `ErrorInfo`, as Google's design guide has it.
    fn called_for(&self, code: Code) -> Option<prost_types::Any> {
        let description = shortened(self.message.clone());
        match code {
            Code::InvalidArgument | Code::OutOfRange => {
                let violation = |one: &Violation| bad_request::FieldViolation {
                    field: shortened(one.field.clone()),
                    description: shortened(one.description.clone()),
                    ..Default::default()
                };
                let field_violations = match &self.kind {
                    Kind::InvalidArgument { violations } => {
                        violations.iter().map(violation).collect()
                    }
                    kind => {
                        let resumes = matches!(kind, Kind::ResumeTokenExpired);
                        let field = if resumes { "resume_token" } else { "" }.to_owned();
                        vec![violation(&Violation { field, description })]
                    }
                };
                Some(any("BadRequest", &BadRequest { field_violations }))
            }
            Code::FailedPrecondition => {
                let violation = precondition_failure::Violation {
                    r#type: self.reason().map_or("", Reason::name).to_owned(),
                    subject: self.kind.resource()?.1.to_owned(),
                    description,
                };
                let failure = PreconditionFailure { violations: vec![violation] };
                Some(any("PreconditionFailure", &failure))
            }
            Code::NotFound | Code::AlreadyExists => {
                let (resource_type, name) = self.kind.resource()?;
                let info = ResourceInfo {
                    resource_type: resource_type.to_owned(),
                    resource_name: shortened(name.to_owned()),
                    owner: String::new(),
                    description,
                };
                Some(any("ResourceInfo", &info))
            }
            Code::ResourceExhausted => {
                let violation = quota_failure::Violation {
                    subject: self.kind.consumer()?.to_owned(),
                    description,
                    ..Default::default()
                };
                Some(any("QuotaFailure", &QuotaFailure { violations: vec![violation] }))
            }
            _ => None,
        }
    }
}

fn any(name: &str, message: &impl prost::Message) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: message.encode_to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lacks_a_scope_is_challenged() {
        let challenge = |scopes: &[&str]| {
            let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
            Error::new(Kind::ScopeInsufficient { scopes }, "").challenge("longrun")
        };
        let start = "Bearer realm=\"longrun\", error=\"insufficient_scope\"";
        assert_eq!(challenge(&["a", "b"]), Some(format!("{start}, scope=\"a b\"")));
        assert_eq!(challenge(&[]), Some(start.to_owned()));
        assert_eq!(Error::new(Kind::OverloadedCredentials, "").challenge("longrun"), None);
    }
}
