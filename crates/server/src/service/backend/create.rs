//! CreateOperation: a record from nothing.

use longrun_api::longrun::v1::{CreateOperationRequest, OperationRecord, operation_record};
use prost::Message as _;

use super::{check_metadata, check_size, none_violated, record_reply, service, service_name};
use crate::catalog::Service;
use crate::error::{Error, Result, Violation};
use crate::operation::{
    Execution, Gone, Id, NewRecord, Parent, Principal, Span, Timestamp, is_exclusive_key,
};
use crate::service::birth::{DEADLINE, LEASE, MAX_ATTEMPTS, RETENTION, born};
use crate::service::caller::backend_writes;
use crate::service::{Api, Call, Reply, payload, request_id};
use crate::wire;

/// The request's type.
const CREATE: &str = "longrun.v1.CreateOperationRequest";
/// The most that a record may ask for.
const MAX_ATTEMPTS_MAX: i32 = 1000;

pub(super) async fn create(
    api: &Api,
    call: &Call,
    request: CreateOperationRequest,
) -> Result<Reply> {
    let parent = service_name(&request.parent)?;
    backend_writes(&call.caller, parent)?;
    let service = service(api, parent)?;
    let encoded = request.encode_to_vec();
    let new = checked(api, call, &service, &encoded, request)?;

    let record = born(api, &service, new).await?;
    // A repeat of what was deleted since: its work goes on, and nobody's call comes to it.
    if record.delete_time.is_some() {
        return Err(Error::gone(&record.name.operation, Gone::Deleted));
    }
    Ok(record_reply(api, &record, None))
}

fn checked(
    api: &Api,
    call: &Call,
    service: &Service,
    encoded: &[u8],
    request: CreateOperationRequest,
) -> Result<NewRecord> {
    let mut violations = Vec::new();
    let mut refuse = |field: &str, description: String| {
        let description = format!("Invalid value at '{field}': {description}");
        violations.push(Violation { field: field.to_owned(), description });
    };

    let record = request.record.unwrap_or_default();
    for field in not_writable(&record) {
        refuse(&format!("record.{field}"), "only the server sets it.".to_owned());
    }
    let id = match request.operation_id.as_str() {
        "" => None,
        text => Id::parse(text).map_err(|error| refuse("operation_id", format!("{error}."))).ok(),
    };
    let parent = match Parent::parse(&request.operation_parent) {
        Ok(parent) if service.reads_operations_under(parent.as_str()) => parent,
        Ok(parent) => {
            let text = format!(
                "no GetOperation binding of {} reads operations under \"{}\".",
                service.name,
                parent.as_str()
            );
            refuse("operation_parent", text);
            Parent::default()
        }
        Err(error) => {
            refuse("operation_parent", format!("{error}."));
            Parent::default()
        }
    };
    let owner = match record.owner.as_str() {
        "" => None,
        text => {
            let owner = Principal::parse(text);
            if owner.is_none() {
                refuse("record.owner", format!("\"{text}\" is no principal, `alias:subject`."));
            }
            owner
        }
    };
    let execution = match operation_record::Execution::try_from(record.execution) {
        Ok(operation_record::Execution::Self_) => Execution::Service,
        Ok(_) => Execution::Leased,
        Err(_) => {
            refuse("record.execution", format!("{} is no Execution.", record.execution));
            Execution::Leased
        }
    };
    let mut time = |field: &str, value: &Option<prost_types::Timestamp>| {
        let value = value.as_ref()?;
        let time = Timestamp::from_proto(value).filter(|time| *time > api.store.now());
        if time.is_none() {
            refuse(field, "no valid time in the future.".to_owned());
        }
        time
    };
    let deadline = time("record.deadline", &record.deadline);
    let expire_time = time("record.expire_time", &record.expire_time);
    if execution == Execution::Service && record.deadline.is_none() {
        refuse("record.deadline", "required where execution is SELF.".to_owned());
    }
    if !(0..=MAX_ATTEMPTS_MAX).contains(&record.max_attempts) {
        refuse("record.max_attempts", format!("expected 1 to {MAX_ATTEMPTS_MAX}."));
    }
    let metadata = record.operation.and_then(|operation| operation.metadata);
    let declared: Vec<_> = service.methods().filter(|method| method.lro.is_some()).collect();
    let method = declared.iter().find(|method| method.name == record.method);
    if record.method.is_empty() && service.name != crate::catalog::LOCAL {
        refuse("record.method", "required: the RPC that the operation stands for.".to_owned());
    } else if !declared.is_empty() && method.is_none() {
        let names: Vec<&str> = declared.iter().map(|method| method.name.as_str()).collect();
        refuse("record.method", format!("expected one of {}.", names.join(", ")));
    } else if record.method.len() > 512 {
        refuse("record.method", "over 512 bytes.".to_owned());
    }
    if let (Some(method), Some(request)) = (method, &record.request) {
        let expected = method.input.full_name();
        let actual = payload::full_name(&request.type_url);
        if actual != expected {
            refuse("record.request", format!("expected a {expected}, got a {actual}."));
        }
    }
    if let (Some(lro), Some(metadata)) = (method.and_then(|method| method.lro.as_ref()), &metadata)
    {
        let actual = payload::full_name(&metadata.type_url);
        if let Some(expected) = &lro.metadata
            && expected.full_name() != actual
        {
            let text = format!("expected a {}, got a {actual}.", expected.full_name());
            refuse("record.operation.metadata", text);
        }
    }
    let exclusive_key = Some(record.exclusive_key).filter(|key| !key.is_empty());
    if exclusive_key.as_ref().is_some_and(|key| !is_exclusive_key(key)) {
        refuse("record.exclusive_key", "over 1,024 bytes, or with control characters.".to_owned());
    }
    let header = call.request_id.as_deref();
    let request_id = request_id::of("request_id", &request.request_id, header, &mut violations);
    let labels = record.labels.into_iter().collect();
    super::records::check_labels("record.labels", &labels, &mut violations);
    if let Some(request) = &record.request {
        payload::check(service, "record.request", request, &mut violations);
    }
    check_metadata(service, "record.operation.metadata", metadata.as_ref(), &mut violations);
    let bytes = metadata.as_ref().map_or(0, |metadata| metadata.value.len());
    check_size(api, "record.operation.metadata", bytes, &mut violations);
    none_violated(violations)?;
    let claim = |id: &str| request_id::claim(call, service, id, CREATE, encoded, "request_id");
    let request_claim = request_id.map(claim).transpose()?;

    let settings = method.map(|method| method.settings.clone()).unwrap_or_default();
    let span = |set: Option<std::time::Duration>, default| set.map_or(default, Span::from);
    Ok(NewRecord {
        service: service.name.clone(),
        parent,
        id,
        method: record.method,
        owner,
        exclusive_key,
        request_claim,
        execution,
        hold: None,
        validation: false,
        request: record.request.map(wire::payload),
        metadata: metadata.map(wire::payload),
        labels,
        deadline,
        expire_time,
        max_attempts: match record.max_attempts {
            0 => settings.max_attempts.map_or(MAX_ATTEMPTS, std::num::NonZeroU32::get),
            attempts => attempts.unsigned_abs(),
        },
        deadline_default: span(settings.deadline, DEADLINE),
        lease_duration: span(settings.lease_duration, LEASE),
        retention: span(settings.retention, RETENTION),
        descriptors: api.pools.current(&service.name),
    })
}

/// The fields that a caller has set and must not.
fn not_writable(record: &OperationRecord) -> Vec<&'static str> {
    let operation = record.operation.clone().unwrap_or_default();
    let set = [
        ("name", !record.name.is_empty()),
        ("operation.name", !operation.name.is_empty()),
        ("operation.done", operation.done),
        ("operation.result", operation.result.is_some()),
        ("state", record.state != 0),
        ("create_time", record.create_time.is_some()),
        ("start_time", record.start_time.is_some()),
        ("update_time", record.update_time.is_some()),
        ("finish_time", record.finish_time.is_some()),
        ("delete_time", record.delete_time.is_some()),
        ("cancel_request_time", record.cancel_request_time.is_some()),
        ("attempt", record.attempt != 0),
        ("lease", record.lease.is_some()),
        ("etag", !record.etag.is_empty()),
    ];
    set.into_iter().filter(|(_, set)| *set).map(|(field, _)| field).collect()
}
