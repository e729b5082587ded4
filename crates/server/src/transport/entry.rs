//! Where both doors lead in: which service is meant, who calls, and what was answered.

use std::sync::Arc;

use http::header::AsHeaderName;
use http::{HeaderMap, HeaderName, Method, Uri, header};
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};
use tonic::service::Routes;

use super::body::{self, Taken, busy};
use super::limit::RateLimit;
use super::trace::{TraceId, TraceIds};
use crate::auth::{Authenticator, Caller, CredentialError, Credentials, HostError, check_host};
use crate::catalog::{Ambiguous, Service};
use crate::config::Limits;
use crate::error::{DOMAIN, Error, Kind, Result};
use crate::service::{Api, REQUEST_ID, Slots};

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
    /// What the transport bears.
    pub(crate) limits: Limits,
    /// A permit for each byte of the bodies of requests that are not answered.
    pub(crate) memory: Semaphore,
    /// Health and reflection.
    pub(crate) tonic: Routes,
    /// Names the exchanges.
    pub(crate) traces: TraceIds,
    /// True once the server stops.
    pub(crate) draining: watch::Receiver<bool>,
}

/// How a request came in.
pub(super) struct Arrival {
    /// `[[service]] listen`: it means this service.
    pub(super) bound: Option<Arc<str>>,
    /// Whether its connection is one too many.
    pub(super) full: bool,
    /// Its connection's, for large answers.
    pub(super) slots: Slots,
}

/// The host names that a server without authentication answers to, besides loopback.
pub(crate) struct Guard {
    /// Every service's hosts.
    pub(crate) hosts: Vec<String>,
}

/// The longest Host, Origin or path that is quoted back.
const QUOTED_CHARS_MAX: usize = 256;

impl Entry {
    /// Refuses every request of a connection that is one too many, but whether this lives.
    pub(super) fn check_place(&self, arrival: &Arrival, path: &str) -> Result<()> {
        if arrival.full && path != "/livez" { Err(busy()) } else { Ok(()) }
    }

    /// Refuses requests whose head is too large.
    pub(super) fn check_head(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<()> {
        let Limits { uri_bytes_max, headers_max, header_bytes_max, .. } = self.limits;
        let path_bytes = uri.path_and_query().map_or(0, |path| path.as_str().len());
        let refuse = |limit_bytes, limit_headers, what: String| {
            let kind = Kind::RequestTooLarge { limit_bytes, limit_headers };
            Err(Error::new(kind, format!("The request is too large: {what}.")))
        };
        if path_bytes > uri_bytes_max {
            let what = format!("path and query are over {uri_bytes_max} bytes (uri_bytes_max)");
            refuse(Some(uri_bytes_max), None, what)
        } else if headers.len() > headers_max {
            let what = format!("it has more than {headers_max} headers (headers_max)");
            refuse(None, Some(headers_max), what)
        } else {
            // A header's colon, space and line end are four bytes more.
            let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
            let bytes = method.as_str().len() + path_bytes + fields.sum::<usize>();
            if bytes <= header_bytes_max {
                return Ok(());
            }
            let what = format!("its headers are over {header_bytes_max} bytes (header_bytes_max)");
            refuse(Some(header_bytes_max), None, what)
        }
    }

    /// Reads a body of at most `bytes_max` bytes.
    pub(super) async fn read(&self, incoming: Incoming, bytes_max: usize) -> Result<Taken<'_>> {
        body::read(incoming, bytes_max, &self.limits, &self.memory).await
    }

    /// Refuses strange hosts and pages where there is no authentication.
    pub(super) fn check_origin(&self, host: Option<&str>, headers: &HeaderMap) -> Result<()> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let origin = text(headers, header::ORIGIN);
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
    let mut values = headers.get_all(HeaderName::from_static(REQUEST_ID)).iter();
    let Some(first) = values.next() else { return Ok(None) };
    match first.to_str() {
        Ok(text) if values.all(|other| other == first) => Ok(Some(text.to_owned())),
        _ => Err(Error::invalid(
            "request_id",
            "Invalid value at 'request_id': the header x-longrun-request-id has several values, or is no text.",
        )),
    }
}

/// The host that a request is for: HTTP/2's `:authority`, or `Host`.
pub(super) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let authority = uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| text(headers, header::HOST))
}

/// A header's text; `None` if it is missing or no text.
pub(super) fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}
