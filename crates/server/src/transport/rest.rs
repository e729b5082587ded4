//! The REST door: HTTP and JSON by the rules of the descriptors. Checks come in the
//! contract's order: route, system parameters, credential, scope, parameters and body.

mod answer;
mod prefer;
mod stream;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, header, request};
use hyper::body::Incoming;
use longrun_transcoding::{
    RouteError, SystemParameters, effective_method, encode_request, split_query,
};
use prost_reflect::MessageDescriptor;

pub(super) use self::answer::unreadable;
use self::answer::{Style, print, probe};
use self::stream::{Form, Printer};
use super::body::{Body, Taken, too_large};
use super::entry::{Arrival, Entry, ambiguous, domain, host, log, request_id, text};
use super::trace::TraceId;
use crate::catalog::{Binding, Method as Rpc, Service, reserved};
use crate::config::Limits;
use crate::error::{Error, Kind, Result};
use crate::service::{
    Body as Answer, Call, Reply, authorize, authorize_backend, authorize_backend_of,
};

const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// What an answer needs to know of its request.
#[derive(Default)]
struct Exchange {
    service: Option<Arc<Service>>,
    rpc: Option<Arc<Rpc>>,
    style: Style,
    trace_id: TraceId,
}

impl Exchange {
    fn rpc(&self) -> Option<&str> {
        self.rpc.as_ref().map(|rpc| rpc.name.as_str())
    }
}

pub(super) async fn answer(
    entry: &Entry,
    arrival: &Arrival,
    request: Request<Incoming>,
) -> Response<Body> {
    let trace_id = entry.traces.of(request.headers());
    let head = request.method() == Method::HEAD;
    let mut exchange = Exchange { trace_id, ..Exchange::default() };
    let mut outcome = Ok(());
    let mut response = match exchange_of(entry, arrival, request, &mut exchange).await {
        Ok(response) => response,
        Err(error) => {
            let service = exchange.service.as_ref();
            let (domain, rpc) = (domain(service), exchange.rpc());
            let service = service.map(|service| &**service);
            let response = answer::error(&error, service, domain, rpc, &exchange.style);
            outcome = Err(error);
            response
        }
    };
    trace_id.put(response.headers_mut());
    log(trace_id, "rest", exchange.rpc().unwrap_or_default(), &outcome);
    if head {
        response = response.map(|_| Body::empty());
    }
    response
}

async fn exchange_of(
    entry: &Entry,
    arrival: &Arrival,
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    entry.check_place(arrival, parts.uri.path())?;
    entry.check_head(&parts.method, &parts.uri, &parts.headers)?;
    let host = host(&parts.uri, &parts.headers);
    entry.check_origin(host, &parts.headers)?;
    let path = parts.uri.path();
    if let Some(response) = probe(entry, path).await {
        return Ok(response);
    }

    // A GET too long for a URL comes as a POST that says so, with the query for a body.
    let (verb, form) = verb(&parts);
    let mut body = Some(body);
    let mut taken = Taken::default();
    let query = match body.take_if(|_| form) {
        Some(body) => {
            taken = entry.read(body, entry.limits.request_bytes_max).await?;
            String::from_utf8(std::mem::take(&mut taken.bytes).into())
                .map_err(|_| Error::invalid("", "The form is not valid UTF-8."))?
        }
        None => parts.uri.query().unwrap_or_default().to_owned(),
    };

    let route = route(entry, host, arrival.bound.as_deref(), &verb, path, exchange)?;
    let lookup = |name: &str| text(&parts.headers, name).map(str::to_owned);
    let (system, mut query) =
        split_query(&query, &lookup).map_err(|one| Error::violations(vec![one]))?;
    exchange.style = Style::of(&system);

    let tokens = system.access_tokens.iter().map(String::as_str).collect();
    let caller = entry.caller(&parts.headers, tokens, system.key.is_some())?;
    if route.backend {
        authorize_backend(&caller, &route.rpc)?;
        if let Some(name) = route.named() {
            exchange.service = entry.api.catalog.service(name).cloned();
            authorize_backend_of(&caller, &route.rpc, name)?;
        }
    } else {
        authorize(&caller, &route.binding.scopes)?;
    }

    if let Some(body) = body {
        taken = entry.read(body, entry.limits.request_bytes_max).await?;
    }
    let (input, output) = route.messages(entry)?;
    check_fields(&system, &output)?;
    let form = Form::of(&system, &parts.headers);
    query.extend(stream::last_event_id(form, &input, &parts.headers, &query));
    let Limits { json_depth_max, request_bytes_max, .. } = entry.limits;
    let rule = &route.binding.rule;
    let request =
        encode_request(&input, rule, &route.captures, &query, &taken.bytes, json_depth_max)
            .map_err(Error::violations)?;
    // JSON may be the shorter of the two: by gRPC the request would be refused.
    if request.len() > request_bytes_max {
        return Err(too_large(request_bytes_max));
    }

    let call = Call {
        service: route.service.clone(),
        method: route.rpc.clone(),
        caller,
        deadline: None,
        wait: prefer::wait(&parts.headers),
        request_id: request_id(&parts.headers)?,
        slots: arrival.slots.clone(),
    };
    let mut reply = entry.api.call(&call, request.into()).await?;
    match reply.body {
        Answer::Stream(messages) => {
            let printer = Printer {
                form,
                style: exchange.style.clone(),
                output,
                binding: route.binding,
                domain: domain(exchange.service.as_ref()).to_owned(),
                rpc: route.rpc.name.clone(),
                trace_id: exchange.trace_id,
                api: entry.api.clone(),
            };
            Ok(stream::response(messages, printer))
        }
        _ => {
            let kept = entry.api.pools.load(&reply.kept).await?;
            let (rule, style) = (&route.binding.rule, &exchange.style);
            let mut bytes = print(&reply, &output, rule, style, kept.fallback())?;
            if let Some(slot) = reply.slot.take() {
                bytes = slot.hold(bytes);
            }
            Ok(respond(&reply, bytes, style))
        }
    }
}

/// The verb that counts, and whether the query comes from the body.
fn verb(parts: &request::Parts) -> (Cow<'_, str>, bool) {
    let kind = text(&parts.headers, header::CONTENT_TYPE);
    let overriding = text(&parts.headers, METHOD_OVERRIDE);
    let (verb, form) = effective_method(parts.method.as_str(), overriding, parts.uri.query(), kind);
    (if verb == "HEAD" { "GET".into() } else { verb }, form)
}

/// Where a request leads.
struct Route {
    service: Arc<Service>,
    rpc: Arc<Rpc>,
    binding: Arc<Binding>,
    captures: Vec<(String, String)>,
    /// Whether it is the Backend's, whose scopes depend on the record.
    backend: bool,
}

impl Route {
    /// The service that a path of the Backend names; `-` is all.
    fn named(&self) -> Option<&str> {
        let named = self.captures.iter().find_map(|(_, value)| value.strip_prefix("services/"));
        named?.split('/').next().filter(|_| self.backend)
    }

    /// The request's and the response's type. On the Backend they come from the descriptors
    /// of the service that the path names, which can read its payloads.
    fn messages(&self, entry: &Entry) -> Result<(MessageDescriptor, MessageDescriptor)> {
        let Rpc { input, output, .. } = &*self.rpc;
        if !self.backend {
            return Ok((input.clone(), output.clone()));
        }
        let name = self.named().unwrap_or_default();
        let pool = match entry.api.catalog.service(name) {
            Some(service) => service.pool(),
            // Records of every service.
            None if name == "-" => entry.api.catalog.union_pool(),
            None => return Ok((input.clone(), output.clone())),
        };
        let own = |like: &MessageDescriptor| {
            let name = like.full_name();
            let found = pool.get_message_by_name(name);
            found.ok_or_else(|| Error::internal(format!("no descriptor of {name}")))
        };
        Ok((own(input)?, own(output)?))
    }
}

fn route(
    entry: &Entry,
    host: Option<&str>,
    bound: Option<&str>,
    verb: &str,
    path: &str,
    exchange: &mut Exchange,
) -> Result<Route> {
    let backend = path.starts_with("/longrun/");
    let service = if backend {
        entry.backend.clone()
    } else if reserved(path) {
        return Err(no_route(verb, path));
    } else {
        let resolved =
            entry.api.catalog.resolve_rest(host, bound, verb, path).map_err(ambiguous)?;
        let Some(service) = resolved else {
            let broken = entry.api.catalog.bad_path(verb, path);
            return Err(broken.map_or_else(|| no_route(verb, path), bad_path));
        };
        service.clone()
    };
    if !backend {
        exchange.service = Some(service.clone());
    }
    let found = service.route(verb, path).map_err(|error| match error {
        RouteError::NotFound => no_route(verb, path),
        RouteError::MethodNotAllowed { allow } => {
            let message = format!("{verb} is not allowed here; allowed: {}.", allow.join(", "));
            Error::new(Kind::MethodNotAllowed { verb: verb.to_owned(), allow }, message)
        }
        RouteError::BadPath(what) => bad_path(what),
    })?;
    exchange.rpc = Some(found.method.clone());
    Ok(Route {
        rpc: found.method.clone(),
        binding: found.binding.clone(),
        captures: found.captures,
        backend,
        service: service.clone(),
    })
}

fn bad_path(what: String) -> Error {
    Error::invalid("", what)
}

fn no_route(verb: &str, path: &str) -> Error {
    let path: String = path.chars().take(256).collect();
    let message = format!("No rule reads {verb} {path}.");
    Error::new(Kind::RouteNotFound { verb: verb.to_owned(), path }, message)
}

fn check_fields(system: &SystemParameters, output: &MessageDescriptor) -> Result<()> {
    match &system.fields {
        Some(fields) => fields.validate(output).map_err(|one| Error::violations(vec![one])),
        None => Ok(()),
    }
}

fn respond(reply: &Reply, bytes: Bytes, style: &Style) -> Response<Body> {
    let mut response = answer::response(200, bytes, style);
    if let Some(seconds) = reply.retry_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(waited) = reply.waited
        && let Ok(applied) = HeaderValue::try_from(format!("wait={}", waited.as_secs()))
    {
        response.headers_mut().insert(prefer::PREFERENCE_APPLIED, applied);
    }
    response
}
