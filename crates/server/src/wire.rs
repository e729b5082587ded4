//! Records as the messages that callers see, and back.

use longrun_api::google::longrunning::{Operation, operation};
use longrun_api::google::rpc;
use longrun_api::longrun::v1::{OperationRecord, operation_record};
use prost_types::Any;

use crate::operation::{
    Execution, LeaseToken, OperationName, Outcome, Payload, Record, Span, StateName, Status,
    Timestamp,
};

/// The client's view.
#[must_use]
pub(crate) fn operation(record: &Record) -> Operation {
    let done = record.done();
    Operation {
        name: record.name.operation.to_string(),
        metadata: record.metadata.as_ref().map(any),
        done: done.is_some(),
        result: done.map(|done| match &done.outcome {
            Outcome::Response(payload) => operation::Result::Response(any(payload)),
            Outcome::Error(status) => operation::Result::Error(status_message(status)),
        }),
    }
}

/// The service's own view; `token` is for the lease's holder alone.
#[must_use]
pub(crate) fn record(record: &Record, token: Option<&LeaseToken>) -> OperationRecord {
    let time = |time: Timestamp| Some(time.to_proto());
    OperationRecord {
        name: record.name.to_string(),
        operation: Some(operation(record)),
        method: record.method.clone(),
        state: state(record.state_name()) as i32,
        execution: match record.execution {
            Execution::Leased => operation_record::Execution::Leased,
            Execution::Service => operation_record::Execution::Self_,
        } as i32,
        request: record.request.as_ref().map(any),
        owner: record.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
        labels: record.labels.clone().into_iter().collect(),
        exclusive_key: record.exclusive_key.clone().unwrap_or_default(),
        create_time: time(record.create_time),
        start_time: record.start_time.and_then(time),
        update_time: time(record.update_time),
        finish_time: record.done().and_then(|done| time(done.finish_time)),
        expire_time: record
            .done()
            .map(|done| done.expire_time)
            .or(record.expire_time)
            .and_then(time),
        delete_time: record.delete_time.and_then(time),
        deadline: time(record.deadline),
        cancel_request_time: record.cancel_request_time.and_then(time),
        attempt: i32::try_from(record.attempt).unwrap_or(i32::MAX),
        max_attempts: i32::try_from(record.max_attempts).unwrap_or(i32::MAX),
        lease: record.lease().map(|lease| operation_record::Lease {
            worker_id: lease.worker_id.clone(),
            token: token.map(|token| token.reveal().to_owned()).unwrap_or_default(),
            expire_time: time(lease.expire_time),
        }),
        etag: record.etag(),
    }
}

fn state(name: StateName) -> operation_record::State {
    match name {
        StateName::Pending => operation_record::State::Pending,
        StateName::Running => operation_record::State::Running,
        StateName::Succeeded => operation_record::State::Succeeded,
        StateName::Failed => operation_record::State::Failed,
        StateName::Cancelled => operation_record::State::Cancelled,
    }
}

/// As `google.protobuf.Any`.
#[must_use]
pub(crate) fn any(payload: &Payload) -> Any {
    Any { type_url: payload.type_url.clone(), value: payload.value.to_vec() }
}

/// From `google.protobuf.Any`.
#[must_use]
pub(crate) fn payload(any: Any) -> Payload {
    Payload { type_url: any.type_url, value: any.value.into() }
}

/// As `google.rpc.Status`.
#[must_use]
pub(crate) fn status_message(status: &Status) -> rpc::Status {
    rpc::Status {
        code: status.code,
        message: status.message.clone(),
        details: status.details.iter().map(any).collect(),
    }
}

/// From `google.rpc.Status`.
#[must_use]
pub(crate) fn status(status: rpc::Status) -> Status {
    Status {
        code: status.code,
        message: status.message,
        details: status.details.into_iter().map(payload).collect(),
    }
}

/// `None` unless it is a valid `google.protobuf.Duration`; negative ones are `Some(ZERO)`.
#[must_use]
pub(crate) fn span(duration: &prost_types::Duration) -> Option<Span> {
    let seconds = -315_576_000_000..=315_576_000_000;
    let nanos = -999_999_999..=999_999_999;
    let signs_agree = duration.seconds == 0
        || duration.nanos == 0
        || (duration.seconds < 0) == (duration.nanos < 0);
    (seconds.contains(&duration.seconds) && nanos.contains(&duration.nanos) && signs_agree).then(
        || Span::from_micros(duration.seconds * 1_000_000 + i64::from(duration.nanos) / 1_000),
    )
}

/// A name that a caller sent; `None` when it can be no operation's.
#[must_use]
pub(crate) fn operation_name(text: &str) -> Option<OperationName> {
    OperationName::parse(text).ok()
}
