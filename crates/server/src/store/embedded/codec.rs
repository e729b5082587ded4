//! Records as bytes: the store's own messages, which no caller ever sees.

use prost::Message;
use rusqlite::Row;

use crate::operation::{
    Digest, Done, Execution, Finisher, Holder, Id, Lease, OperationName, Outcome, Parent, Payload,
    Principal, Record, RecordName, Rejection, RequestClaim, Span, State, Status, Timestamp,
    TokenHash,
};

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: bytes::Bytes,
}

/// All that writes replace.
#[derive(Clone, PartialEq, Message)]
struct Head {
    #[prost(uint64, tag = "1")]
    version: u64,
    #[prost(bool, tag = "2")]
    own: bool,
    #[prost(int64, tag = "3")]
    update_time: i64,
    #[prost(int64, optional, tag = "4")]
    start_time: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    expire_time: Option<i64>,
    #[prost(int64, optional, tag = "6")]
    delete_time: Option<i64>,
    #[prost(int64, tag = "7")]
    deadline: i64,
    #[prost(int64, optional, tag = "8")]
    cancel_request_time: Option<i64>,
    #[prost(uint32, tag = "9")]
    attempt: u32,
    #[prost(uint32, tag = "10")]
    max_attempts: u32,
    #[prost(int64, tag = "11")]
    lease_duration: i64,
    #[prost(int64, tag = "12")]
    retention: i64,
    #[prost(message, optional, tag = "13")]
    metadata: Option<Any>,
    #[prost(btree_map = "string, string", tag = "14")]
    labels: std::collections::BTreeMap<String, String>,
    #[prost(int64, optional, tag = "15")]
    delayed_until: Option<i64>,
    #[prost(message, optional, tag = "16")]
    lease: Option<Held>,
    #[prost(message, optional, tag = "17")]
    done: Option<Ended>,
    #[prost(string, optional, tag = "18")]
    exclusive_key: Option<String>,
    /// Scope and body, 32 bytes each.
    #[prost(bytes = "vec", tag = "19")]
    request_claim: Vec<u8>,
    /// 32 bytes each.
    #[prost(bytes = "vec", tag = "20")]
    descriptors: Vec<u8>,
    #[prost(int64, optional, tag = "21")]
    hold: Option<i64>,
    #[prost(bool, tag = "22")]
    validation: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Held {
    #[prost(string, tag = "1")]
    worker_id: String,
    #[prost(bytes = "vec", tag = "2")]
    token: Vec<u8>,
    #[prost(int64, tag = "3")]
    renew_time: i64,
    #[prost(int64, tag = "4")]
    duration: i64,
    #[prost(int64, tag = "5")]
    expire_time: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Ended {
    #[prost(int64, tag = "1")]
    finish_time: i64,
    #[prost(int64, tag = "2")]
    expire_time: i64,
    /// Empty: Longrun itself.
    #[prost(bytes = "vec", tag = "3")]
    token: Vec<u8>,
    #[prost(bool, tag = "4")]
    by_service: bool,
}

#[derive(Clone, PartialEq, Message)]
struct End {
    #[prost(message, optional, tag = "1")]
    response: Option<Any>,
    #[prost(int32, tag = "2")]
    code: i32,
    #[prost(string, tag = "3")]
    message: String,
    #[prost(message, repeated, tag = "4")]
    details: Vec<Any>,
}

fn any(payload: &Payload) -> Any {
    Any { type_url: payload.type_url.clone(), value: payload.value.clone() }
}

fn payload(any: Any) -> Payload {
    Payload { type_url: any.type_url, value: any.value }
}

pub(super) fn head(record: &Record) -> Vec<u8> {
    let micros = |time: Timestamp| time.micros();
    let mut head = Head {
        version: record.version,
        own: record.execution == Execution::Service,
        update_time: record.update_time.micros(),
        start_time: record.start_time.map(micros),
        expire_time: record.expire_time.map(micros),
        delete_time: record.delete_time.map(micros),
        deadline: record.deadline.micros(),
        cancel_request_time: record.cancel_request_time.map(micros),
        attempt: record.attempt,
        max_attempts: record.max_attempts,
        lease_duration: record.lease_duration.micros(),
        retention: record.retention.micros(),
        metadata: record.metadata.as_ref().map(any),
        labels: record.labels.clone(),
        exclusive_key: record.exclusive_key.clone(),
        request_claim: record
            .request_claim
            .map(|claim| [claim.scope.0, claim.body.0].concat())
            .unwrap_or_default(),
        descriptors: record.descriptors.iter().flat_map(|digest| digest.0).collect(),
        hold: record.hold.map(micros),
        validation: record.validation,
        ..Head::default()
    };
    match &record.state {
        State::Pending { delayed_until } => head.delayed_until = delayed_until.map(micros),
        State::Running(Holder::Service) => {}
        State::Running(Holder::Worker(lease)) => {
            head.lease = Some(Held {
                worker_id: lease.worker_id.clone(),
                token: lease.token.0.to_vec(),
                renew_time: lease.renew_time.micros(),
                duration: lease.duration.micros(),
                expire_time: lease.expire_time.micros(),
            });
        }
        State::Done(done) => {
            head.done = Some(Ended {
                finish_time: done.finish_time.micros(),
                expire_time: done.expire_time.micros(),
                token: match done.finisher {
                    Finisher::Worker(hash) => hash.0.to_vec(),
                    _ => vec![],
                },
                by_service: done.finisher == Finisher::Service,
            });
        }
    }
    head.encode_to_vec()
}

pub(super) fn request(payload: &Payload) -> Vec<u8> {
    any(payload).encode_to_vec()
}

pub(super) fn outcome(outcome: &Outcome) -> Vec<u8> {
    match outcome {
        Outcome::Response(response) => End { response: Some(any(response)), ..End::default() },
        Outcome::Error(status) => end(status),
    }
    .encode_to_vec()
}

fn end(status: &Status) -> End {
    End {
        response: None,
        code: status.code,
        message: status.message.clone(),
        details: status.details.iter().map(any).collect(),
    }
}

fn status(end: End) -> Status {
    let details = end.details.into_iter().map(payload).collect();
    Status { code: end.code, message: end.message, details }
}

/// A worker's is its status; nobody's answer is nothing.
pub(super) fn rejected(rejection: &Rejection) -> Vec<u8> {
    match rejection {
        Rejection::Worker(status) => end(status).encode_to_vec(),
        Rejection::Unanswered => vec![],
    }
}

pub(super) fn rejection(body: Vec<u8>) -> rusqlite::Result<Rejection> {
    if body.is_empty() {
        return Ok(Rejection::Unanswered);
    }
    let end = End::decode(bytes::Bytes::from(body)).map_err(|_| broken("rejection"))?;
    Ok(Rejection::Worker(status(end)))
}

fn broken(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, what.into())
}

/// A name, of which service, parent and id stand in three columns.
pub(super) fn name(row: &Row<'_>, first: usize) -> rusqlite::Result<RecordName> {
    let text = |index: usize| row.get::<_, String>(first + index);
    let parent = Parent::parse(&text(1)?).map_err(|_| broken("parent"))?;
    let id = Id::parse(&text(2)?).map_err(|_| broken("id"))?;
    Ok(RecordName { service: text(0)?, operation: OperationName { parent, id } })
}

/// The columns that [`record`] reads, in its order.
pub(super) const COLUMNS: &str = "records.row, service, parent, id, owner, method, create_time, \
     head, requests.body, outcomes.body";

/// A record and its row.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<(i64, Record)> {
    let body = |index: usize| {
        row.get::<_, Option<Vec<u8>>>(index).map(|body| body.map(bytes::Bytes::from))
    };
    let time = Timestamp::from_micros;
    let head = Head::decode(body(7)?.unwrap_or_default()).map_err(|_| broken("head"))?;
    let request = body(8)?.map(Any::decode).transpose().map_err(|_| broken("request"))?;
    let end = body(9)?.map(End::decode).transpose().map_err(|_| broken("outcome"))?;
    let hash = |bytes: Vec<u8>| bytes.try_into().map(TokenHash).map_err(|_| broken("token"));

    let state = if let Some(done) = head.done {
        let end = end.ok_or_else(|| broken("outcome"))?;
        State::Done(Done {
            outcome: match end.response {
                Some(response) => Outcome::Response(payload(response)),
                None => Outcome::Error(status(end)),
            },
            finish_time: time(done.finish_time),
            finisher: match (done.by_service, done.token.is_empty()) {
                (true, _) => Finisher::Service,
                (false, true) => Finisher::Server,
                (false, false) => Finisher::Worker(hash(done.token)?),
            },
            expire_time: time(done.expire_time),
        })
    } else if let Some(held) = head.lease {
        State::Running(Holder::Worker(Lease {
            worker_id: held.worker_id,
            token: hash(held.token)?,
            renew_time: time(held.renew_time),
            duration: Span::from_micros(held.duration),
            expire_time: time(held.expire_time),
        }))
    } else if head.own {
        State::Running(Holder::Service)
    } else {
        State::Pending { delayed_until: head.delayed_until.map(time) }
    };

    let owner = row.get::<_, Option<String>>(4)?;
    let record = Record {
        name: name(row, 1)?,
        method: row.get(5)?,
        owner: owner
            .map(|text| Principal::parse(&text).ok_or_else(|| broken("owner")))
            .transpose()?,
        exclusive_key: head.exclusive_key,
        request_claim: match head.request_claim.as_chunks::<32>() {
            ([], []) => None,
            ([scope, body], []) => {
                Some(RequestClaim { scope: Digest(*scope), body: Digest(*body) })
            }
            _ => return Err(broken("request claim")),
        },
        descriptors: head.descriptors.as_chunks::<32>().0.iter().map(|one| Digest(*one)).collect(),
        execution: if head.own { Execution::Service } else { Execution::Leased },
        state,
        hold: head.hold.map(time),
        validation: head.validation,
        request: request.map(payload),
        metadata: head.metadata.map(payload),
        labels: head.labels,
        create_time: time(row.get(6)?),
        start_time: head.start_time.map(time),
        update_time: time(head.update_time),
        expire_time: head.expire_time.map(time),
        delete_time: head.delete_time.map(time),
        deadline: time(head.deadline),
        cancel_request_time: head.cancel_request_time.map(time),
        attempt: head.attempt,
        max_attempts: head.max_attempts,
        lease_duration: Span::from_micros(head.lease_duration),
        retention: Span::from_micros(head.retention),
        version: head.version,
    };
    Ok((row.get(0)?, record))
}
