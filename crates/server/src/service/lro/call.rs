//! A call of a long-running method: checked, made a record, answered with its operation.

use std::num::NonZeroU32;

use bytes::Bytes;
use longrun_transcoding::decode;
use prost_reflect::{DynamicMessage, Value};

use super::claims::claims;
use super::{metadata, parent, request};
use crate::catalog::Method;
use crate::error::{Error, Kind, Result, Violation};
use crate::operation::{Claimed, Execution, Labels, Payload, RecordName, Span};
use crate::service::birth::{DEADLINE, LEASE, MAX_ATTEMPTS, New, NotBorn, RETENTION, born};
use crate::service::caller::sees;
use crate::service::{Api, Call, Reply, pace};
use crate::store::StoreError;
use crate::wire;

/// Answers a call with its operation, which is durable by then. The caller's scopes have
/// been checked.
///
/// # Errors
/// `INVALID_ARGUMENT` with all that is wrong with the request, and the store's.
pub(in crate::service) async fn call(api: &Api, call: &Call, bytes: Bytes) -> Result<Reply> {
    let new = checked(api, call, bytes)?;
    let record = match born(api, &call.service, new).await {
        Ok(record) => record,
        Err(NotBorn { error: StoreError::Claimed(Claimed::Held(holder)), .. }) => {
            return Err(held(api, call, &holder).await);
        }
        Err(other) => return Err(other.into()),
    };
    // A repeat finds the first call's operation as its client would: it may be deleted.
    let seen = sees(&call.caller, &call.service, &record);
    seen.map_err(|refusal| {
        Error::from_store(StoreError::Refused(refusal), &record.name.operation)
    })?;
    let reply = Reply::message(&wire::operation(&record));
    let retry_seconds = pace::retry_seconds(api, &call.service, &record);
    let kept = api.pools.kept(&record);
    Ok(Reply { retry_seconds, kept, ..reply })
}

/// Somebody has the exclusive key: who, is for those to know who may read it.
async fn held(api: &Api, call: &Call, holder: &RecordName) -> Error {
    let hot = api.live.get(&*api.store, holder).await;
    let seen = hot.is_ok_and(|hot| sees(&call.caller, &call.service, &hot.record).is_ok());
    Error::held(seen.then_some(&holder.operation))
}

fn checked(api: &Api, call: &Call, bytes: Bytes) -> Result<New> {
    let (service, method) = (&call.service, &call.method);
    let message = decode(&method.input, &bytes).map_err(|Violation { description, .. }| {
        Error::invalid("", format!("The request can't be read: {description}."))
    })?;
    let mut violations = request::check(method, &message);
    let parent = parent::parent(service, method, &message);
    let parent = parent.map_err(|violation| violations.push(violation)).unwrap_or_default();
    let principal = &call.caller.principal;
    let claims = claims(method, &message, call.request_id.as_deref(), principal);
    let claims = match (claims, violations.is_empty()) {
        (Ok(claims), true) => claims,
        (Ok(_), false) => return Err(Error::violations(violations)),
        (Err(more), _) => {
            violations.extend(more);
            return Err(Error::violations(violations));
        }
    };
    if validates_only(&message) {
        return Err(validation_unimplemented(method));
    }
    let settings = &method.settings;
    let span = |set: Option<std::time::Duration>, default| set.map_or(default, Span::from);
    let new = New {
        service: service.name.clone(),
        parent,
        id: None,
        method: method.name.clone(),
        owner: Some(principal.clone()),
        request_claim: claims.request_id.map(|id| id.claim(&service.name)),
        exclusive_key: claims.exclusive_key,
        execution: Execution::Leased,
        request: Some(Payload {
            type_url: format!("type.googleapis.com/{}", method.input.full_name()),
            value: bytes,
        }),
        metadata: metadata::initial(method),
        labels: Labels::new(),
        deadline: None,
        expire_time: None,
        max_attempts: settings.max_attempts.map_or(MAX_ATTEMPTS, NonZeroU32::get),
        deadline_default: span(settings.deadline, DEADLINE),
        lease_duration: span(settings.lease_duration, LEASE),
        retention: span(settings.retention, RETENTION),
        descriptors: api.pools.current(&service.name),
    };
    Ok(new)
}

/// Whether the request asks for nothing but an opinion (AIP-163).
fn validates_only(request: &DynamicMessage) -> bool {
    let value = request.get_field_by_name("validate_only");
    value.as_deref().and_then(Value::as_bool) == Some(true)
}

/// Until calls can be held for a worker's opinion, it is refused: the work itself must not
/// be done instead.
fn validation_unimplemented(method: &Method) -> Error {
    let name = method.name.replace('/', ".");
    let message = format!("Method {name} does not serve validate_only here.");
    Error::new(Kind::MethodUnimplemented { method: name }, message)
}
