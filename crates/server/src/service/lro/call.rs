//! A call of a long-running method: checked, made a record, answered with its operation.

use std::num::NonZeroU32;

use bytes::Bytes;
use longrun_transcoding::decode;

use super::claims::{Claims, claims, request_claim};
use super::{admission, metadata, parent, request};
use crate::error::{Error, Result, Violation};
use crate::operation::{Claimed, Execution, Labels, NewRecord, Payload, RecordName, Span};
use crate::service::birth::{DEADLINE, LEASE, MAX_ATTEMPTS, NotBorn, RETENTION, born};
use crate::service::caller::{sees, told};
use crate::service::{Api, Call, Reply, pace};
use crate::store::StoreError;
use crate::wire;

/// Answers a call with its operation, which is durable by then and held no longer. The caller's
/// scopes have been checked.
///
/// # Errors
/// `INVALID_ARGUMENT` with all that is wrong with the request, a worker's rejection, and the
/// store's.
pub(in crate::service) async fn call(api: &Api, call: &Call, bytes: Bytes) -> Result<Reply> {
    let new = checked(api, call, bytes)?;
    let record = match born(api, &call.service, new).await {
        Ok(record) => record,
        Err(NotBorn { error: StoreError::Claimed(Claimed::Held(holder)), .. }) => {
            return Err(held(api, call, &holder).await);
        }
        Err(other) => return Err(other.into()),
    };
    let name = record.name.clone();
    let record = match admission::settled(api, call, record).await {
        Ok(record) => record,
        Err(StoreError::Rejected(rejection)) => return Err(admission::rejected(rejection)),
        Err(other) => {
            let other = told(&call.caller, &call.service, other);
            return Err(Error::from_store(other, &name.operation));
        }
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

fn checked(api: &Api, call: &Call, bytes: Bytes) -> Result<NewRecord> {
    let (service, method) = (&call.service, &call.method);
    let message = decode(&method.input, &bytes).map_err(|Violation { description, .. }| {
        Error::invalid("", format!("The request can't be read: {description}."))
    })?;
    let mut violations = request::check(method, &message);
    let parent = parent::parent(service, method, &message);
    let parent = parent.map_err(|violation| violations.push(violation)).unwrap_or_default();
    let principal = &call.caller.principal;
    let Claims { request_id, exclusive_key } =
        claims(method, &message, call.request_id.as_deref(), &mut violations);
    if !violations.is_empty() {
        return Err(Error::violations(violations));
    }
    let settings = &method.settings;
    let span = |set: Option<std::time::Duration>, default| set.map_or(default, Span::from);
    let new = NewRecord {
        service: service.name.clone(),
        parent,
        id: None,
        method: method.name.clone(),
        owner: Some(principal.clone()),
        request_claim: request_id
            .map(|id| request_claim(&service.name, method, principal, &id, &message)),
        exclusive_key,
        execution: Execution::Leased,
        hold: admission::hold(method),
        validation: false,
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
    Ok(if admission::validates_only(&message) { admission::validation(new) } else { new })
}
