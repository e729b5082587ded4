//! What each event makes of a record. The order of checks is the contract's: done, token,
//! etag, state, then what depends on the record.

mod admission;
mod client;
mod finish;
#[cfg(test)]
mod invariants;
mod lease;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
mod tick;
mod update;

use longrun_api::google::rpc::ErrorInfo;
use prost::Message as _;

pub use admission::{Reject, admit, reject};
pub use client::{cancel, delete};
pub use finish::{Expected, Finish, Same, by_bytes, finish};
pub use lease::{Grant, Release, Renewal, lease, release, renew};
pub use tick::tick;
pub use update::{Update, update};

use super::{
    Change, Decision, Digest, Done, Execution, Finisher, Gone, Holder, Id, Labels, Lease,
    LeaseToken, OperationName, Outcome, Parent, Payload, Principal, Record, RecordName, Refusal,
    Rejection, RequestClaim, Span, State, Status, Timestamp,
};
use crate::reason::Reason;

/// What a record is made from.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// The service.
    pub service: String,
    /// The operation's parent.
    pub parent: Parent,
    /// The id, if somebody chose it.
    pub id: Option<Id>,
    /// `pkg.Service/Method`.
    pub method: String,
    /// Whose operation it is.
    pub owner: Option<Principal>,
    /// No other open record of its service shall have this one.
    pub exclusive_key: Option<String>,
    /// The request id of the call that makes it.
    pub request_claim: Option<RequestClaim>,
    /// Who does the work.
    pub execution: Execution,
    /// How long its call is held at most.
    pub hold: Option<Span>,
    /// Whether its call asks only what would come of it.
    pub validation: bool,
    /// The RPC's request.
    pub request: Option<Payload>,
    /// Metadata to begin with.
    pub metadata: Option<Payload>,
    /// The backend's marks.
    pub labels: Labels,
    /// When it fails if it is still open; after `deadline_default` if not given.
    pub deadline: Option<Timestamp>,
    /// When it is forgotten, once done.
    pub expire_time: Option<Timestamp>,
    /// How many attempts it has.
    pub max_attempts: u32,
    /// How long it may stay open.
    pub deadline_default: Span,
    /// How long its leases last.
    pub lease_duration: Span,
    /// How long it is kept once done.
    pub retention: Span,
    /// The descriptors that its payloads were checked against.
    pub descriptors: Option<Digest>,
}

/// A record's beginning: a SELF one is born running. It gets `minted` if nobody chose its id.
#[must_use]
pub fn create(new: &NewRecord, minted: &Id, now: Timestamp) -> Record {
    let own = new.execution == Execution::Service;
    let id = new.id.as_ref().unwrap_or(minted).clone();
    Record {
        name: RecordName {
            service: new.service.clone(),
            operation: OperationName { parent: new.parent.clone(), id },
        },
        method: new.method.clone(),
        owner: new.owner.clone(),
        exclusive_key: new.exclusive_key.clone(),
        request_claim: new.request_claim,
        execution: new.execution,
        state: if own {
            State::Running(Holder::Service)
        } else {
            State::Pending { delayed_until: None }
        },
        hold: new.hold.map(|span| now.plus(span)),
        validation: new.validation,
        request: new.request.clone(),
        metadata: new.metadata.clone(),
        labels: new.labels.clone(),
        create_time: now,
        start_time: own.then_some(now),
        update_time: now,
        expire_time: new.expire_time,
        delete_time: None,
        deadline: new.deadline.unwrap_or_else(|| now.plus(new.deadline_default)),
        cancel_request_time: None,
        attempt: 0,
        max_attempts: new.max_attempts,
        lease_duration: new.lease_duration,
        retention: new.retention,
        descriptors: new.descriptors.into_iter().collect(),
        version: 1,
    }
}

/// The record with a change that everybody may see: version and update time move.
fn changed(record: &Record, now: Timestamp, change: impl FnOnce(&mut Record)) -> Record {
    let mut next = record.clone();
    change(&mut next);
    next.version += 1;
    next.update_time = now.max(record.update_time);
    next
}

/// Notes in a change the descriptor set that its payloads were checked against, if it
/// brought any.
#[must_use]
pub fn noted(before: &Record, change: Change, descriptors: Option<Digest>) -> Change {
    let note = |mut next: Box<Record>| {
        let finished = next.done().is_some() != before.done().is_some();
        if let Some(digest) = descriptors
            && (finished || next.metadata != before.metadata)
            && !next.descriptors.contains(&digest)
        {
            next.descriptors.push(digest);
        }
        next
    };
    match change {
        Change::Put(next) => Change::Put(note(next)),
        Change::Remove(last, gone) => Change::Remove(note(last), gone),
        other @ (Change::Keep | Change::Reject(..)) => other,
    }
}

fn put(record: Record) -> Change {
    Change::Put(Box::new(record))
}

/// The record, finished. One that was deleted while it was open goes now.
fn finished(record: &Record, outcome: Outcome, finisher: Finisher, now: Timestamp) -> Change {
    let finish_time = now.max(record.update_time);
    let next = changed(record, now, |next| {
        let expire_time = record.expire_time.unwrap_or_else(|| finish_time.plus(record.retention));
        let expire_time = expire_time.max(finish_time);
        next.hold = None;
        next.state = State::Done(Done { outcome, finish_time, finisher, expire_time });
    });
    if next.delete_time.is_some() {
        Change::Remove(Box::new(next), Gone::Deleted)
    } else {
        put(next)
    }
}

/// Whether the work is over: its deadline voids every lease, and finishes the record as soon as
/// somebody looks ([`tick`]).
fn is_over(record: &Record, now: Timestamp) -> bool {
    record.done().is_some() || record.deadline <= now
}

/// Whether the caller may write a record that only its holder may write.
fn check_token(record: &Record, token: Option<&LeaseToken>) -> Result<(), Refusal> {
    match (record.execution, token) {
        (Execution::Service, None) => Ok(()),
        (Execution::Service, Some(_)) => Err(Refusal::TokenOnSelf),
        (Execution::Leased, None) => Err(Refusal::LeaseRequired),
        (Execution::Leased, Some(token)) => match record.lease() {
            Some(lease) if lease.token == token.hash() => Ok(()),
            _ => Err(Refusal::LeaseLost),
        },
    }
}

/// Whether the caller may do what only a lease's holder does.
fn check_holder(
    record: &Record,
    token: Option<&LeaseToken>,
    now: Timestamp,
) -> Result<(), Refusal> {
    if is_over(record, now) {
        return Err(Refusal::Done);
    }
    if record.execution == Execution::Service {
        return Err(Refusal::ExecutionSelf);
    }
    check_token(record, token)
}

fn check_type(
    field: &'static str,
    payload: Option<&Payload>,
    expected: Option<&String>,
) -> Result<(), Refusal> {
    let (Some(payload), Some(expected)) = (payload, expected) else { return Ok(()) };
    let actual = payload.type_url.rsplit('/').next().unwrap_or_default();
    if actual == expected {
        return Ok(());
    }
    let (expected, actual) = (expected.clone(), actual.to_owned());
    Err(Refusal::WrongType { field, expected, actual })
}

/// An outcome of the server's own, with the `ErrorInfo` that every error has.
fn server_error(
    record: &Record,
    reason: Reason,
    message: String,
    metadata: &[(&str, String)],
) -> Outcome {
    let pair = |(key, value): &(&str, String)| ((*key).to_owned(), value.clone());
    let info = ErrorInfo {
        reason: reason.name().to_owned(),
        domain: record.name.service.clone(),
        metadata: metadata.iter().map(pair).collect(),
    };
    let detail = Payload {
        type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
        value: info.encode_to_vec().into(),
    };
    Outcome::Error(Status { code: reason.code() as i32, message, details: vec![detail] })
}

fn cancelled(record: &Record) -> Outcome {
    let message = "The operation was cancelled.".to_owned();
    server_error(record, Reason::OperationCancelled, message, &[])
}
