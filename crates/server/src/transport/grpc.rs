//! The gRPC door: calls of any RPC in the catalog, one message in, one or many out, as
//! bytes. Framing is the five bytes of the gRPC over HTTP/2 protocol; health and reflection
//! are tonic's.

mod stream;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use longrun_api::google::rpc;
use prost::Message as _;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::body::{Body, Taken, too_large};
use super::entry::{Arrival, Entry, ambiguous, domain, host, log, request_id, text};
use super::trace::TraceId;
use crate::catalog::Service;
use crate::error::{Error, Kind, Result};
use crate::service::{self, Call, Reply, authorize, authorize_backend, unimplemented};

/// The bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
/// What the trailers of an error take beside its message and details, generously.
const TRAILERS_BYTES: usize = 512;
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Whether a request comes to this door: by another verb, it is none of the protocol's.
pub(super) fn is_grpc<B>(request: &Request<B>) -> bool {
    let kind = text(request.headers(), header::CONTENT_TYPE);
    request.method() == Method::POST
        && kind.is_some_and(|kind| {
            kind.strip_prefix("application/grpc")
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
        })
}

pub(super) async fn answer(
    entry: &Entry,
    arrival: &Arrival,
    request: Request<Incoming>,
) -> Response<Body> {
    let trace_id = entry.traces.of(request.headers());
    let rpc = request.uri().path().strip_prefix('/').unwrap_or_default().to_owned();
    if let Some(open) = builtin(&rpc) {
        return tonic(entry, arrival, request, open, trace_id).await;
    }
    let mut service = None;
    let result = call(entry, arrival, request, &rpc, &mut service).await;
    let edge = Edge::new(entry, domain(service.as_ref()), rpc, trace_id);
    let (mut response, outcome) = match result {
        Err(error) => (edge.error_response(&error), Err(error)),
        Ok(Reply { body: service::Body::Stream(messages), .. }) => {
            let body = Body::stream(stream::frames(messages, edge.clone()));
            (grpc_response(body), Ok(()))
        }
        Ok(reply) => (reply_response(reply), Ok(())),
    };
    trace_id.put(response.headers_mut());
    log(trace_id, "grpc", &edge.rpc, &outcome);
    response
}

async fn call(
    entry: &Entry,
    arrival: &Arrival,
    request: Request<Incoming>,
    rpc: &str,
    found: &mut Option<Arc<Service>>,
) -> Result<Reply> {
    let (parts, body) = request.into_parts();
    entry.check_place(arrival, parts.uri.path())?;
    entry.check_head(&parts.method, &parts.uri, &parts.headers)?;
    let host = host(&parts.uri, &parts.headers);
    entry.check_origin(host, &parts.headers)?;
    let deadline = text(&parts.headers, TIMEOUT).and_then(timeout);
    let deadline = deadline.map(|timeout| Instant::now() + timeout);

    let backend = rpc.starts_with("longrun.v1.Backend/");
    let service = if backend {
        entry.backend.clone()
    } else {
        let resolved = entry
            .api
            .catalog
            .resolve_grpc(host, arrival.bound.as_deref(), rpc)
            .map_err(ambiguous)?;
        resolved.cloned().ok_or_else(|| unimplemented(rpc))?
    };
    *found = (!backend).then(|| service.clone());
    let method = service.method(rpc).ok_or_else(|| unimplemented(rpc))?;
    let caller = entry.caller(&parts.headers, vec![], false)?;
    if backend {
        authorize_backend(&caller, method)?;
    } else {
        authorize(&caller, &method.scopes)?;
    }
    let mut taken = message(entry, body).await?;
    let message = std::mem::take(&mut taken.bytes);
    let request_id = request_id(&parts.headers)?;
    let (service, method) = (service.clone(), method.clone());
    let slots = arrival.slots.clone();
    let call = Call { service, method, caller, deadline, wait: None, request_id, slots };
    entry.api.call(&call, message).await
}

/// The one message of a unary request.
async fn message(entry: &Entry, body: Incoming) -> Result<Taken<'_>> {
    let limit = entry.limits.request_bytes_max;
    let mut taken = entry.read(body, limit.saturating_add(PREFIX_BYTES)).await?;
    let frame = &mut taken.bytes;
    if frame.len() < PREFIX_BYTES {
        return Err(Error::invalid("", "The request has no gRPC message."));
    }
    let compressed = frame.get_u8() != 0;
    let length = frame.get_u32() as usize;
    if compressed {
        let text = "Compressed messages are not supported: send them as they are.";
        return Err(Error::new(Kind::CompressionUnsupported, text));
    }
    if length > limit {
        return Err(too_large(limit));
    }
    if length != frame.len() {
        return Err(Error::invalid("", "The request is not exactly one gRPC message."));
    }
    Ok(taken)
}

fn reply_response(reply: Reply) -> Response<Body> {
    let message = match &reply.body {
        service::Body::Hot(hot) => hot.operation(),
        service::Body::Message(message) => message.clone(),
        service::Body::Stream(_) => Bytes::new(),
    };
    let mut data = frame(message);
    if let Some(slot) = reply.slot {
        data = slot.hold(data);
    }
    let body = Body::Whole { data: Some(data), trailers: Some(good()) };
    let mut response = grpc_response(body);
    if let Some(seconds) = reply.retry_seconds {
        response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
    }
    response
}

/// A message behind its prefix: not compressed, so long.
fn frame(message: Bytes) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put(message);
    frame.freeze()
}

/// The trailers of what went well.
fn good() -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))])
}

/// What an error needs to know of its call.
#[derive(Clone)]
struct Edge {
    domain: String,
    details_bytes_max: usize,
    rpc: String,
    trace_id: TraceId,
}

impl Edge {
    fn new(entry: &Entry, domain: &str, rpc: String, trace_id: TraceId) -> Self {
        let details_bytes_max = entry.limits.error_details_bytes_max;
        Self { domain: domain.to_owned(), details_bytes_max, rpc, trace_id }
    }

    fn status(&self, error: &Error) -> tonic::Status {
        let mut status = error.to_status(&self.domain, Some(&self.rpc));
        if wire_bytes(&status) > self.details_bytes_max {
            // The first says the reason, but a worker's may be any.
            status.details.truncate(1);
            let message = shortened(&status.message);
            status.message = format!("{message} (further details were too large)");
            status.details.retain(|detail| detail.encoded_len() <= self.details_bytes_max);
        }
        let details = Bytes::from(status.encode_to_vec());
        tonic::Status::with_details(tonic::Code::from(status.code), status.message, details)
    }

    /// An error at once is trailers only, which clients may retry.
    fn error_response(&self, error: &Error) -> Response<Body> {
        let mut response = self.status(error).into_http::<tonic::body::Body>().map(Body::Tonic);
        let headers = response.headers_mut();
        if let Some(seconds) = error.retry_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(error.kind, Kind::CompressionUnsupported) {
            headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        }
        response
    }
}

/// Bytes of the trailers that say a status: its message, and the whole of it in base64.
/// gRPC's C core, and what is built on it, refuses answers with more than 8 KiB of them by
/// chance.
fn wire_bytes(status: &rpc::Status) -> usize {
    let escaped = |byte: &u8| if matches!(byte, b' '..=b'~' if *byte != b'%') { 1 } else { 3 };
    let message: usize = status.message.as_bytes().iter().map(escaped).sum();
    TRAILERS_BYTES + message + status.encoded_len().div_ceil(3) * 4
}

fn shortened(message: &str) -> String {
    message.chars().take(512).collect()
}

fn grpc_response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Health is open; reflection tells of every service, so it takes a caller.
fn builtin(rpc: &str) -> Option<bool> {
    if rpc.starts_with("grpc.health.v1.Health/") {
        Some(true)
    } else if rpc.starts_with("grpc.reflection.") {
        Some(false)
    } else {
        None
    }
}

async fn tonic(
    entry: &Entry,
    arrival: &Arrival,
    request: Request<Incoming>,
    open: bool,
    trace_id: TraceId,
) -> Response<Body> {
    let rpc = request.uri().path().trim_start_matches('/').to_owned();
    let mut outcome = Ok(());
    let mut response = match admit(entry, arrival, request, open).await {
        Ok(request) => match entry.tonic.clone().oneshot(request).await {
            Ok(response) => response.map(Body::Tonic),
            Err(never) => match never {},
        },
        Err(error) => {
            let edge = Edge::new(entry, domain(None), rpc.clone(), trace_id);
            let response = edge.error_response(&error);
            outcome = Err(error);
            response
        }
    };
    trace_id.put(response.headers_mut());
    log(trace_id, "grpc", &rpc, &outcome);
    response
}

/// What goes on to tonic: a caller's, or what is open to all once it is complete, so that
/// nobody unknown can keep it waiting.
async fn admit(
    entry: &Entry,
    arrival: &Arrival,
    request: Request<Incoming>,
    open: bool,
) -> Result<Request<tonic::body::Body>> {
    let (parts, body) = request.into_parts();
    entry.check_place(arrival, parts.uri.path())?;
    entry.check_head(&parts.method, &parts.uri, &parts.headers)?;
    entry.check_origin(host(&parts.uri, &parts.headers), &parts.headers)?;
    let body = if open {
        let limit = entry.limits.request_bytes_max.saturating_add(PREFIX_BYTES);
        tonic::body::Body::new(Full::new(entry.read(body, limit).await?.bytes))
    } else {
        entry.caller(&parts.headers, vec![], false)?;
        tonic::body::Body::new(body)
    };
    Ok(Request::from_parts(parts, body))
}

/// `grpc-timeout`: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_eight_digits_and_a_unit() {
        let table = [
            ("10S", Some(Duration::from_secs(10))),
            ("2M", Some(Duration::from_secs(120))),
            ("1H", Some(Duration::from_secs(3600))),
            ("250m", Some(Duration::from_millis(250))),
            ("5u", Some(Duration::from_micros(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("100000000n", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("-5S", None),
            ("5ü", None),
        ];
        for (text, expected) in table {
            assert_eq!(timeout(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_grpc_content_types_come_in() {
        let table = [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;x=y", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ];
        for (kind, expected) in table {
            let mut request = Request::post("/").header("content-type", kind).body(()).unwrap();
            assert_eq!(is_grpc(&request), expected, "{kind}");
            *request.method_mut() = Method::GET;
            assert!(!is_grpc(&request), "{kind}");
        }
    }
}
