//! `longrun.v1.Backend`: what an API's own side and its workers ask.

mod create;
mod lease;
mod records;
mod reject;
mod strays;
mod watch;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use longrun_api::longrun::v1::{GetRecordRequest, UpdateRecordRequest};
use prost::Message as _;

pub(crate) use self::strays::Strays;

use super::caller::{backend_reads, backend_writes};
use super::{Api, Call, Reply, decode, payload, unimplemented};
use crate::catalog::Service;
use crate::error::{Error, Kind, Result, Violation};
use crate::operation::{Change, Decision, Expected, LeaseToken, Record, RecordName, Refusal};
use crate::store::{Apply, StoreError};
use crate::wire;

pub(super) async fn call(api: &Api, call: &Call, rpc: &str, request: Bytes) -> Result<Reply> {
    let about = service_of(rpc, &request).filter(|name| api.catalog.service(name).is_some());
    let reply = dispatch(api, call, rpc, request).await;
    match about {
        Some(service) => reply.map_err(|error| error.in_domain(&service)),
        None => reply,
    }
}

/// The service that a request names: its first field is a `parent`, a `name`, or a record
/// whose first field is its name.
fn service_of(rpc: &str, request: &Bytes) -> Option<String> {
    let text = match rpc {
        "UpdateRecord" => UpdateRecordRequest::decode(request.clone()).ok()?.record?.name,
        _ => GetRecordRequest::decode(request.clone()).ok()?.name,
    };
    let service = text.strip_prefix("services/")?.split('/').next()?;
    Some(service.to_owned())
}

async fn dispatch(api: &Api, call: &Call, rpc: &str, request: Bytes) -> Result<Reply> {
    match rpc {
        "CreateOperation" => create::create(api, call, decode(request)?).await,
        "GetRecord" => records::get(api, call, decode(request)?).await,
        "ListRecords" => records::list(api, call, decode(request)?).await,
        "UpdateRecord" => write::update(api, call, decode(request)?).await,
        "FinishOperation" => write::finish(api, call, decode(request)?).await,
        "RejectOperation" => reject::reject(api, call, decode(request)?).await,
        "CancelRecord" => write::cancel(api, call, decode(request)?).await,
        "DeleteRecord" => write::delete(api, call, decode(request)?).await,
        "LeaseOperations" => lease::lease(api, call, decode(request)?).await,
        "RenewLease" => lease::renew(api, call, decode(request)?).await,
        "WatchRecords" => watch::watch(api, call, decode(request)?).await,
        "ReleaseLease" => lease::release(api, call, decode(request)?).await,
        _ => Err(unimplemented(&call.method.name)),
    }
}

/// Changes one record: what both services' writes come to.
pub(super) async fn update(
    api: &Api,
    name: &RecordName,
    apply: Apply,
) -> std::result::Result<Arc<Record>, StoreError> {
    let stamp = api.stamping(&name.service);
    let stamped = move |record: &Record, now| Ok(stamp(record, apply(record, now)?));
    let answers = api.store.update(vec![(name.clone(), Box::new(stamped))]).await;
    answers.into_iter().next().unwrap_or(Err(StoreError::NotFound))
}

/// Changes one record for the Backend.
async fn change(api: &Api, name: &RecordName, apply: Apply) -> Result<Arc<Record>> {
    update(api, name, apply).await.map_err(|error| Error::from_store(error, &name.operation))
}

/// The record that a request names, and its service, for a caller who may write it.
fn writable(api: &Api, call: &Call, name: &str) -> Result<(RecordName, Arc<Service>)> {
    let name = record_name(name)?;
    backend_writes(&call.caller, &name.service)?;
    let service = service(api, &name.service)?;
    Ok((name, service))
}

fn readable(api: &Api, call: &Call, name: &str) -> Result<(RecordName, Arc<Service>)> {
    let name = record_name(name)?;
    backend_reads(&call.caller, &name.service)?;
    let service = service(api, &name.service)?;
    Ok((name, service))
}

/// A record's name; a text that can be none's names none.
fn record_name(text: &str) -> Result<RecordName> {
    RecordName::parse(text).map_err(|_| Error::not_found(&text))
}

/// The service in `services/{service}`.
fn service_name(parent: &str) -> Result<&str> {
    parent
        .strip_prefix("services/")
        .filter(|name| !name.is_empty() && !name.contains('/'))
        .ok_or_else(|| {
            Error::invalid("parent", "Invalid value at 'parent': expected `services/{service}`.")
        })
}

fn service(api: &Api, name: &str) -> Result<Arc<Service>> {
    api.catalog.service(name).cloned().ok_or_else(|| {
        let message = format!("No service \"{name}\" is loaded.");
        Error::new(Kind::ServiceNotFound { service: name.to_owned() }, message)
    })
}

/// What the method behind a record declares of its payloads.
fn expected(service: &Service, record: &Record) -> Expected {
    let lro = service.method(&record.method).and_then(|method| method.lro.as_ref());
    Expected {
        response_type: lro
            .and_then(|lro| lro.response.as_ref())
            .map(|one| one.full_name().to_owned()),
        metadata_type: lro
            .and_then(|lro| lro.metadata.as_ref())
            .map(|one| one.full_name().to_owned()),
    }
}

/// An absent token is an empty text on the wire.
fn token(text: &str) -> Option<LeaseToken> {
    (!text.is_empty()).then(|| LeaseToken::new(text))
}

fn record_reply(api: &Api, record: &Record, token: Option<&LeaseToken>) -> Reply {
    let kept = api.pools.kept(record);
    Reply { kept, ..Reply::message(&wire::record(record, token)) }
}

/// Checks the metadata that a request brings.
fn check_metadata(
    service: &Service,
    field: &str,
    metadata: Option<&prost_types::Any>,
    violations: &mut Vec<Violation>,
) {
    if let Some(metadata) = metadata {
        payload::check(service, field, metadata, violations);
    }
}

/// Checks that what a request brings fits into one operation.
fn check_size(api: &Api, field: &str, bytes: usize, violations: &mut Vec<Violation>) {
    let limit = api.limits.operation_bytes_max;
    if bytes > limit {
        let description = format!(
            "Invalid value at '{field}': {bytes} bytes; response, metadata and error together have {limit}."
        );
        violations.push(Violation { field: field.to_owned(), description });
    }
}

/// Refuses a change after which response, metadata and error together are over the limit:
/// what a request brings may fit only by itself.
fn within(limit: usize, decision: Decision) -> Decision {
    let change = decision?;
    if let Change::Put(record) | Change::Remove(record, _) = &change {
        let bytes = record.operation_bytes();
        if bytes > limit {
            return Err(Refusal::TooLarge { bytes, limit });
        }
    }
    Ok(change)
}

fn none_violated(violations: Vec<Violation>) -> Result<()> {
    if violations.is_empty() { Ok(()) } else { Err(Error::violations(violations)) }
}
