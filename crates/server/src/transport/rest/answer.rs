//! What leaves by the REST door: messages, errors, and the probes of an orchestrator.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use longrun_transcoding::{
    Alt, Fallback, FieldMask, PrintOptions, Rule, SystemParameters, print_with, select,
};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use serde_json::json;

use crate::catalog::Service;
use crate::config::Limits;
use crate::error::{DOMAIN, Error, Kind, Result};
use crate::service::{Body as Answer, Reply};
use crate::transport::body::Body;
use crate::transport::entry::{Entry, log};

/// The realm of a challenge.
const REALM: &str = "longrun";

/// How an answer shall look.
#[derive(Clone)]
pub(super) struct Style {
    pretty: bool,
    enums_as_ints: bool,
    proto: bool,
    fields: Option<FieldMask>,
    /// `$.xgafv=1`: the older error format beside the newer.
    legacy_errors: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            pretty: true,
            enums_as_ints: false,
            proto: false,
            fields: None,
            legacy_errors: false,
        }
    }
}

impl Style {
    pub(super) fn of(system: &SystemParameters) -> Self {
        Self {
            pretty: system.pretty,
            enums_as_ints: matches!(system.alt, Alt::Json { enums_as_ints: true }),
            proto: matches!(system.alt, Alt::Proto),
            fields: system.fields.clone(),
            legacy_errors: system.xgafv == 1,
        }
    }

    pub(super) fn pretty(&self) -> bool {
        self.pretty
    }

    /// Pretty only where that is possible.
    pub(super) fn set_pretty(&mut self, possible: bool) {
        self.pretty &= possible;
    }

    /// Whether bytes made before will do.
    fn is_default(&self) -> bool {
        self.pretty && !self.enums_as_ints && !self.proto && self.fields.is_none()
    }
}

/// The bytes of a reply.
pub(super) fn print(
    reply: &Reply,
    output: &MessageDescriptor,
    rule: &Rule,
    style: &Style,
    fallback: Fallback<'_>,
) -> Result<Bytes> {
    match &reply.body {
        Answer::Hot(hot) if style.is_default() && rule.response_body.is_none() => {
            hot.json(|operation| json(operation, output, rule, style, fallback))
        }
        Answer::Hot(hot) if style.proto => proto(&hot.operation(), output, style, fallback),
        Answer::Hot(hot) => json(&hot.operation(), output, rule, style, fallback),
        Answer::Message(message) if style.proto => proto(message, output, style, fallback),
        Answer::Message(message) => json(message, output, rule, style, fallback),
        Answer::Stream(_) => Err(Error::internal("a stream is not one message")),
    }
}

/// A message as protobuf: its own bytes, unless only some fields are wanted.
pub(super) fn proto(
    bytes: &Bytes,
    output: &MessageDescriptor,
    style: &Style,
    fallback: Fallback<'_>,
) -> Result<Bytes> {
    let Some(fields) = &style.fields else { return Ok(bytes.clone()) };
    let message = DynamicMessage::decode(output.clone(), bytes.clone()).map_err(Error::internal)?;
    Ok(select(&message, fields, fallback).encode_to_vec().into())
}

/// A message as JSON.
pub(super) fn json(
    bytes: &[u8],
    output: &MessageDescriptor,
    rule: &Rule,
    style: &Style,
    fallback: Fallback<'_>,
) -> Result<Bytes> {
    let mut message = DynamicMessage::decode(output.clone(), bytes).map_err(Error::internal)?;
    if let Some(Value::Message(inner)) =
        rule.response_body.as_deref().and_then(|field| message.get_field_by_name(field)).as_deref()
    {
        message = inner.clone();
    }
    let options = PrintOptions {
        pretty: style.pretty,
        enums_as_ints: style.enums_as_ints,
        fields: style.fields.as_ref(),
    };
    print_with(&message, &options, fallback).map(Bytes::from).map_err(Error::internal)
}

/// A response with a body of the style's kind.
pub(super) fn response(status: u16, bytes: Bytes, style: &Style) -> Response<Body> {
    let kind =
        if style.proto { "application/x-protobuf" } else { "application/json; charset=UTF-8" };
    let length = bytes.len();
    let mut response = Response::new(Body::bytes(bytes));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The envelope of AIP-193, with the code's canonical HTTP status.
pub(super) fn error(
    error: &Error,
    service: Option<&Service>,
    domain: &str,
    rpc: Option<&str>,
    style: &Style,
) -> Response<Body> {
    let bytes = error_bytes(error, service, domain, rpc, style);
    let mut response = response(error.http_status(), bytes, style);
    let headers = response.headers_mut();
    let mut insert = |name, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    if let Some(challenge) = error.challenge(REALM) {
        insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = error.retry_seconds() {
        insert(header::RETRY_AFTER, seconds.to_string());
    }
    if let Kind::MethodNotAllowed { allow, .. } = &error.kind {
        insert(header::ALLOW, allow.join(", "));
    }
    response
}

/// An error's body.
pub(super) fn error_bytes(
    error: &Error,
    service: Option<&Service>,
    domain: &str,
    rpc: Option<&str>,
    style: &Style,
) -> Bytes {
    let status = error.to_status(domain, rpc);
    if style.proto {
        return status.encode_to_vec().into();
    }
    envelope(error, error.http_status(), &status, service, style).into()
}

/// An error as the status of a `google.rpc.StreamBody`.
pub(super) fn stream_status(error: &Error, domain: &str, rpc: &str) -> Bytes {
    let mut bytes = Vec::new();
    prost::encoding::message::encode(2, &error.to_status(domain, Some(rpc)), &mut bytes);
    bytes.into()
}

/// What goes out in place of hyper's own answer to what isn't HTTP, which has no body. It
/// keeps that answer's headers.
pub(in crate::transport) fn unreadable(entry: &Entry, head: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let Limits { header_bytes_max, headers_max, .. } = entry.limits;
    let refusal = if head.get(9..12) == Some("400") {
        Error::invalid("", "The request is not valid HTTP.")
    } else {
        let message = format!(
            "The request's headers are larger than {header_bytes_max} bytes (header_bytes_max), or \
             more than {headers_max} (headers_max)."
        );
        let (limit_bytes, limit_headers) = (Some(header_bytes_max), Some(headers_max));
        Error::new(Kind::RequestTooLarge { limit_bytes, limit_headers }, message)
    };
    let trace_id = entry.traces.of(&HeaderMap::new());
    let mut response = error(&refusal, None, DOMAIN, None, &Style::default());
    trace_id.put(response.headers_mut());
    log(trace_id, "rest", "", &Err(refusal));

    let mut bytes = b"HTTP/1.1 400 Bad Request\r\n".to_vec();
    for (name, value) in response.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let own = |line: &&str| !line.is_empty() && !line.starts_with("content-length:");
    for line in head.split("\r\n").skip(1).filter(own) {
        bytes.extend([line.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    if let Body::Whole { data: Some(data), .. } = response.body() {
        bytes.extend_from_slice(data);
    }
    bytes
}

fn envelope(
    error: &Error,
    http: u16,
    status: &longrun_api::google::rpc::Status,
    service: Option<&Service>,
    style: &Style,
) -> Vec<u8> {
    let mut inner = json!({
        "code": http,
        "message": error.message,
        "status": error.code().as_str_name(),
        "details": status.details.iter().map(|any| detail(any, service)).collect::<Vec<_>>(),
    });
    if style.legacy_errors {
        inner["errors"] = json!([{
            "message": error.message,
            "domain": "global",
            "reason": legacy_reason(http),
        }]);
    }
    let envelope = json!({ "error": inner });
    let mut bytes = if style.pretty {
        serde_json::to_vec_pretty(&envelope)
    } else {
        serde_json::to_vec(&envelope)
    }
    .unwrap_or_default();
    if style.pretty {
        bytes.push(b'\n');
    }
    bytes
}

/// One detail as JSON: a standard one, or one of the service's own in a worker's rejection.
fn detail(any: &prost_types::Any, service: Option<&Service>) -> serde_json::Value {
    static STANDARD: LazyLock<DescriptorPool> = LazyLock::new(|| {
        DescriptorPool::decode(longrun_api::DESCRIPTORS)
            .expect("the descriptors were compiled with the program")
    });
    let options = PrintOptions { pretty: false, enums_as_ints: false, fields: None };
    let print = || {
        let pool = service.map_or(&*STANDARD, Service::pool);
        let descriptor = pool.get_message_by_name("google.protobuf.Any")?;
        let message = DynamicMessage::decode(descriptor, any.encode_to_vec().as_slice()).ok()?;
        serde_json::from_slice(&longrun_transcoding::print(&message, &options).ok()?).ok()
    };
    print().unwrap_or_else(|| json!({ "@type": any.type_url }))
}

/// The word that the older format has for an HTTP status.
fn legacy_reason(http: u16) -> &'static str {
    match http {
        401 => "authError",
        403 => "insufficientPermissions",
        404 => "notFound",
        409 => "conflict",
        429 => "rateLimitExceeded",
        500..=599 => "backendError",
        _ => "badRequest",
    }
}

/// `/livez` and `/readyz`, for whoever asks.
pub(super) async fn probe(entry: &Entry, path: &str) -> Option<Response<Body>> {
    let (status, text) = match path {
        "/livez" => (200, "ok\n"),
        "/readyz" if *entry.draining.borrow() => (503, "stopping\n"),
        "/readyz" => match entry.api.ready().await {
            Ok(()) => (200, "ok\n"),
            Err(_) => (503, "the store is unavailable\n"),
        },
        _ => return None,
    };
    let mut response = response(status, Bytes::from_static(text.as_bytes()), &Style::default());
    let kind = HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Some(response)
}
