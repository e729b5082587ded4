//! UpdateRecord, FinishOperation, CancelRecord, DeleteRecord.

use longrun_api::longrun::v1::finish_operation_request;
use longrun_api::longrun::v1::{
    CancelRecordRequest, DeleteRecordRequest, FinishOperationRequest, UpdateRecordRequest,
};
use prost::Message as _;

use super::{
    change as apply, check_metadata, check_size, expected, none_violated, record_reply, token,
    within, writable,
};
use crate::error::{Error, Result, Violation};
use crate::operation::{
    Finish, LeaseToken, Outcome, Payload, Record, Timestamp, Update, transition,
};
use crate::service::{Api, Call, Reply, payload};
use crate::wire;

pub(super) async fn finish(
    api: &Api,
    call: &Call,
    request: FinishOperationRequest,
) -> Result<Reply> {
    let (name, service) = writable(api, call, &request.name)?;
    let mut violations = Vec::new();
    let mut bytes = request.metadata.as_ref().map_or(0, |metadata| metadata.value.len());
    let outcome = match request.result {
        Some(finish_operation_request::Result::Response(response)) => {
            payload::check(&service, "response", &response, &mut violations);
            bytes += response.value.len();
            Some(Outcome::Response(wire::payload(response)))
        }
        Some(finish_operation_request::Result::Error(error)) => {
            payload::check_status(&service, "error", &error, &mut violations);
            bytes += error.encoded_len();
            Some(Outcome::Error(wire::status(error)))
        }
        None => None,
    };
    check_metadata(&service, "metadata", request.metadata.as_ref(), &mut violations);
    check_size(api, "result", bytes, &mut violations);
    let Some(outcome) = outcome else {
        let description = "Exactly one of 'response' and 'error' finishes an operation; a success with nothing to say is a google.protobuf.Empty.";
        return Err(Error::invalid("result", description));
    };
    none_violated(violations)?;

    let finish = Finish {
        token: token(&request.lease_token),
        outcome,
        metadata: request.metadata.map(wire::payload),
    };
    let limit = api.limits.operation_bytes_max;
    let event = move |record: &Record, now: Timestamp| {
        let same = |one: &Payload, other: &Payload| payload::same(&service, one, other);
        let expected = expected(&service, record);
        within(limit, transition::finish(record, &finish, &expected, &same, now))
    };
    let record = apply(api, &name, Box::new(event)).await?;
    Ok(record_reply(api, &record, None))
}

pub(super) async fn cancel(api: &Api, call: &Call, request: CancelRecordRequest) -> Result<Reply> {
    let (name, _) = writable(api, call, &request.name)?;
    let record = apply(api, &name, Box::new(transition::cancel)).await?;
    Ok(record_reply(api, &record, None))
}

pub(super) async fn delete(api: &Api, call: &Call, request: DeleteRecordRequest) -> Result<Reply> {
    let (name, _) = writable(api, call, &request.name)?;
    apply(api, &name, Box::new(transition::delete)).await?;
    Ok(Reply::message(&()))
}

pub(super) async fn update(api: &Api, call: &Call, request: UpdateRecordRequest) -> Result<Reply> {
    let name = request.record.as_ref().map(|record| record.name.clone()).unwrap_or_default();
    let (name, service) = writable(api, call, &name)?;
    let update = checked(api, &service, request)?;
    // The lease's holder gets its token back, as from a renewal.
    let held = update.token.clone();
    let event = move |record: &Record, now: Timestamp| {
        transition::update(record, &update, &expected(&service, record), now)
    };
    let record = apply(api, &name, Box::new(event)).await?;
    Ok(record_reply(api, &record, holders(&record, held.as_ref())))
}

/// The token, if it is that of the record's lease.
pub(super) fn holders<'a>(
    record: &Record,
    token: Option<&'a LeaseToken>,
) -> Option<&'a LeaseToken> {
    token.filter(|token| record.lease().is_some_and(|lease| lease.token == token.hash()))
}

fn checked(
    api: &Api,
    service: &crate::catalog::Service,
    request: UpdateRecordRequest,
) -> Result<Update> {
    let record = request.record.unwrap_or_default();
    let metadata = record.operation.and_then(|operation| operation.metadata);
    let mask = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
    let (mut with_metadata, mut with_labels, mut with_expire_time, mut with_deadline) = (
        metadata.is_some(),
        !record.labels.is_empty(),
        record.expire_time.is_some(),
        record.deadline.is_some(),
    );
    let mut violations = Vec::new();
    if !mask.is_empty() {
        (with_metadata, with_labels, with_expire_time, with_deadline) = Default::default();
        for path in &mask {
            match path.as_str() {
                "operation.metadata" => with_metadata = true,
                "labels" => with_labels = true,
                "expire_time" => with_expire_time = true,
                "deadline" => with_deadline = true,
                other => violations.push(Violation {
                    field: "update_mask".to_owned(),
                    description: format!(
                        "Invalid value at 'update_mask': \"{other}\"; expected operation.metadata, labels, expire_time or deadline."
                    ),
                }),
            }
        }
    }
    let mut time = |with: bool, field: &str, value: Option<prost_types::Timestamp>| {
        let time = value.as_ref().and_then(Timestamp::from_proto);
        if with && time.is_none() {
            let description = format!("Invalid value at '{field}': no valid time.");
            violations.push(Violation { field: field.to_owned(), description });
        }
        time.filter(|_| with)
    };
    let expire_time = time(with_expire_time, "record.expire_time", record.expire_time);
    let deadline = time(with_deadline, "record.deadline", record.deadline);
    let labels = with_labels.then(|| record.labels.into_iter().collect());
    if let Some(labels) = &labels {
        super::records::check_labels("record.labels", labels, &mut violations);
    }
    if with_metadata {
        let field = "record.operation.metadata";
        check_metadata(service, field, metadata.as_ref(), &mut violations);
        check_size(api, field, metadata.as_ref().map_or(0, |any| any.value.len()), &mut violations);
    }
    none_violated(violations)?;
    Ok(Update {
        metadata: with_metadata.then(|| metadata.map(wire::payload)),
        labels,
        expire_time,
        deadline,
        etag: (!record.etag.is_empty()).then_some(record.etag),
        token: token(&request.lease_token),
    })
}
