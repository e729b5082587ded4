//! Where both doors lead in: which service is meant, who calls, and what was answered.

use std::sync::Arc;

use http::{HeaderMap, header};
use tokio::sync::watch;
use tonic::service::Routes;

use super::RateLimit;
use super::trace::{TraceId, TraceIds};
use crate::auth::{Authenticator, Caller, CredentialError, Credentials, HostError, check_host};
use crate::catalog::{Ambiguous, Service};
use crate::error::{DOMAIN, Error, Kind, Result};
use crate::service::{Api, REQUEST_ID};

/// All that a connection needs to answer.
pub(crate) struct Entry {
    /// What the calls come to.
    pub(crate) api: Arc<Api>,
    /// The Backend, as a service of its own.
    pub(crate) backend: Arc<Service>,
    /// Who may come in.
    pub(crate) authenticator: Authenticator,
    /// Set where there is no authentication: only known hosts, no other site's pages.
    pub(crate) guard: Option<Guard>,
    /// Calls per principal.
    pub(crate) rate: RateLimit,
    /// Bytes of a request's body.
    pub(crate) request_bytes_max: usize,
    /// Bytes of a status in gRPC trailers.
    pub(crate) error_details_bytes_max: usize,
    /// Health and reflection.
    pub(crate) tonic: Routes,
    /// Names the exchanges.
    pub(crate) traces: TraceIds,
    /// True once the server stops.
    pub(crate) draining: watch::Receiver<bool>,
}

/// The host names that a server without authentication answers to, besides loopback.
pub(crate) struct Guard {
    /// Every service's hosts.
    pub(crate) hosts: Vec<String>,
}

/// The longest Host, Origin or path that is quoted back.
const QUOTED_CHARS_MAX: usize = 256;

impl Entry {
    /// Refuses strange hosts and pages where there is no authentication.
    pub(super) fn check_origin(&self, host: Option<&str>, headers: &HeaderMap) -> Result<()> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let origin = text(headers, header::ORIGIN.as_str());
        let hosts = guard.hosts.iter().map(String::as_str);
        check_host(host.unwrap_or_default(), origin, hosts).map_err(|error| match error {
            HostError::HostNotAllowed => {
                let host = quoted(host.unwrap_or_default());
                let message = format!(
                    "A server without authentication doesn't answer to the host \"{host}\"."
                );
                Error::new(Kind::HostNotAllowed { host }, message)
            }
            HostError::OriginNotAllowed => {
                let origin = quoted(origin.unwrap_or_default());
                let message = format!(
                    "A server without authentication doesn't answer pages of \"{origin}\"."
                );
                Error::new(Kind::OriginNotAllowed { origin }, message)
            }
        })
    }

    /// Who calls, as the headers (and the query's access tokens) say; counted.
    pub(super) fn caller(
        &self,
        headers: &HeaderMap,
        access_tokens: Vec<&str>,
        api_key: bool,
    ) -> Result<Arc<Caller>> {
        let authorization = headers
            .get_all(header::AUTHORIZATION)
            .iter()
            // What isn't text is no token; it must not count as none.
            .map(|value| value.to_str().unwrap_or("?"))
            .collect();
        let credentials = Credentials { authorization, access_tokens, api_key };
        let caller = self.authenticator.authenticate(&credentials).map_err(credential)?;
        self.rate.check(&caller.principal)?;
        Ok(caller)
    }
}

/// What a refused credential means to a caller.
fn credential(error: CredentialError) -> Error {
    let expected = "Expected OAuth 2 access token or other valid authentication credential.";
    match error {
        CredentialError::Missing => Error::new(
            Kind::CredentialsMissing,
            format!("Request is missing required authentication credential. {expected}"),
        ),
        CredentialError::ApiKeyOnly => Error::new(
            Kind::ApiKeyOnly,
            format!("API keys are not supported by this API. {expected}"),
        ),
        CredentialError::Invalid => Error::new(
            Kind::AccessTokenInvalid,
            format!("Request had invalid authentication credentials. {expected}"),
        ),
        CredentialError::Expired => Error::new(
            Kind::AccessTokenExpired,
            format!("Request had an expired authentication credential. {expected}"),
        ),
        CredentialError::Overloaded => Error::new(
            Kind::OverloadedCredentials,
            "Multiple authentication credentials received. Please pass only one.",
        ),
    }
}

/// Several services could be meant.
pub(super) fn ambiguous(ambiguous: Ambiguous) -> Error {
    let hosts = ambiguous.hosts;
    let message =
        format!("Several services could be meant: name one by its host ({}).", hosts.join(", "));
    Error::new(Kind::ServiceAmbiguous { hosts }, message)
}

/// Logs an answer, once, at the edge. Never a token: neither headers nor query are logged.
pub(super) fn log(trace_id: TraceId, door: &str, rpc: &str, outcome: &Result<()>) {
    match outcome {
        Ok(()) => tracing::debug!(%trace_id, door, rpc, "answered"),
        Err(error) => {
            let code = error.code().as_str_name();
            match &error.source {
                Some(source) => {
                    tracing::error!(%trace_id, door, rpc, code, %error, %source, "failed")
                }
                None => tracing::info!(%trace_id, door, rpc, code, %error, "refused"),
            }
        }
    }
}

/// The domain of errors about a service.
pub(super) fn domain(service: Option<&Arc<Service>>) -> &str {
    service.map_or(DOMAIN, |service| service.name.as_str())
}

/// The header `x-longrun-request-id`; several have to be the same.
pub(super) fn request_id(headers: &HeaderMap) -> Result<Option<String>> {
    let mut values = headers.get_all(REQUEST_ID).iter();
    let Some(first) = values.next() else { return Ok(None) };
    match first.to_str() {
        Ok(text) if values.all(|other| other == first) => Ok(Some(text.to_owned())),
        _ => Err(Error::invalid(
            "request_id",
            "Invalid value at 'request_id': the header x-longrun-request-id has several values, or is no text.",
        )),
    }
}

/// A header's text; `None` if it is missing or no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}
