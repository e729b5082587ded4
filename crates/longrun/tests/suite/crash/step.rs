//! The writes, and what each makes of a record: the whole of it, so that half of one shows.

use longrun_api::google::longrunning::{Operation, operation};
use longrun_api::google::rpc;
use longrun_api::longrun::v1::operation_record::{Lease, State};
use longrun_api::longrun::v1::{OperationRecord, finish_operation_request};
use prost_types::{Any, Timestamp};

/// As long as the writers lease.
pub(super) const LEASE_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 24 * 3600;

/// How work ends.
pub(super) type Outcome = finish_operation_request::Result;

/// One write to one record. A delete of what is done, and the finish of what was deleted,
/// remove it.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// With these fields set.
    Create(Box<OperationRecord>),
    /// To this worker.
    Lease(String),
    /// With progress, or bare.
    Renew(Option<Any>),
    Release,
    Label(String),
    Cancel,
    Delete,
    Finish(Outcome, Option<Any>),
}

/// What the etag counts.
pub(super) fn version(record: &OperationRecord) -> u64 {
    u64::from_str_radix(record.etag.trim_matches('"'), 16).expect("an etag of ours")
}

/// A record without its lease's secret, which only the holder is shown.
pub(super) fn public(mut record: OperationRecord) -> OperationRecord {
    if let Some(lease) = &mut record.lease {
        lease.token.clear();
    }
    record
}

impl Step {
    /// What `base` is after this write; the server's choices, which are times, are taken
    /// from `seen`. `None`: it is removed.
    pub(super) fn after(
        &self,
        base: Option<&OperationRecord>,
        seen: Option<&OperationRecord>,
    ) -> Option<OperationRecord> {
        let seen = seen.cloned().unwrap_or_default();
        let mut next = match (self, base) {
            (Self::Create(record), _) => created(record, &seen),
            (_, base) => base.expect("it was created").clone(),
        };
        let done = next.finish_time.is_some();
        match self {
            Self::Create(_) => return Some(next),
            Self::Delete if done => return None,
            Self::Finish(..) if next.delete_time.is_some() => return None,
            Self::Cancel if next.state() == State::Pending && next.delete_time.is_some() => {
                return None;
            }
            _ => {}
        }
        if !matches!(self, Self::Renew(None)) {
            next.etag = format!("\"{:x}\"", version(&next) + 1);
            next.update_time = given(seen.update_time);
        }
        match self {
            Self::Create(_) => {}
            Self::Lease(worker) => {
                next.set_state(State::Running);
                next.attempt += 1;
                next.start_time = next.start_time.or(seen.update_time);
                next.lease = Some(Lease {
                    worker_id: worker.clone(),
                    token: String::new(),
                    expire_time: plus(seen.update_time, LEASE_SECONDS),
                });
            }
            Self::Renew(None) => {
                // A bare renewal is no change: only the lease says when it was.
                let expire_time = seen.lease.as_ref().and_then(|lease| lease.expire_time);
                next.lease.get_or_insert_default().expire_time = given(expire_time);
            }
            Self::Renew(progress) => {
                let expire_time = plus(seen.update_time, LEASE_SECONDS);
                next.lease.get_or_insert_default().expire_time = expire_time;
                next.operation.get_or_insert_default().metadata.clone_from(progress);
            }
            Self::Release => {
                next.set_state(State::Pending);
                next.attempt -= 1;
                next.lease = None;
            }
            Self::Label(mark) => {
                next.labels.insert("mark".to_owned(), mark.clone());
            }
            Self::Cancel => {
                next.cancel_request_time = seen.update_time;
                if next.state() == State::Pending {
                    let result = seen.operation.as_ref().and_then(|seen| seen.result.clone());
                    finish(&mut next, &seen, State::Cancelled, result);
                }
            }
            Self::Delete => next.delete_time = seen.update_time,
            Self::Finish(outcome, metadata) => {
                if metadata.is_some() {
                    next.operation.get_or_insert_default().metadata.clone_from(metadata);
                }
                let (state, result) = ended(outcome);
                finish(&mut next, &seen, state, Some(result));
            }
        }
        Some(next)
    }
}

/// A time that the server chooses: it is there, whatever it is.
fn given(time: Option<Timestamp>) -> Option<Timestamp> {
    Some(time.unwrap_or_default())
}

fn plus(time: Option<Timestamp>, seconds: i64) -> Option<Timestamp> {
    let time = time.unwrap_or_default();
    Some(Timestamp { seconds: time.seconds + seconds, nanos: time.nanos })
}

fn created(fields: &OperationRecord, seen: &OperationRecord) -> OperationRecord {
    let mut record = OperationRecord {
        create_time: given(seen.create_time),
        update_time: given(seen.create_time),
        deadline: plus(seen.create_time, DAY_SECONDS),
        max_attempts: 5,
        etag: "\"1\"".to_owned(),
        ..fields.clone()
    };
    record.set_state(State::Pending);
    let name = fields.name.split_once("/operations/").expect("it was made so").1;
    record.operation.get_or_insert_default().name = format!("operations/{name}");
    record
}

fn finish(
    next: &mut OperationRecord,
    seen: &OperationRecord,
    state: State,
    result: Option<operation::Result>,
) {
    next.set_state(state);
    next.lease = None;
    next.finish_time = seen.update_time;
    next.expire_time = plus(seen.update_time, 30 * DAY_SECONDS);
    let operation = next.operation.get_or_insert_default();
    operation.done = true;
    operation.result = result;
}

fn ended(outcome: &Outcome) -> (State, operation::Result) {
    match outcome.clone() {
        Outcome::Response(response) => (State::Succeeded, operation::Result::Response(response)),
        Outcome::Error(error) if error.code == 1 => {
            (State::Cancelled, operation::Result::Error(error))
        }
        Outcome::Error(error) => (State::Failed, operation::Result::Error(error)),
    }
}

/// Time doesn't go back, over a crash neither.
pub(super) fn assert_later(base: &OperationRecord, seen: &OperationRecord) {
    assert!(order(base.update_time) <= order(seen.update_time), "{base:#?} {seen:#?}");
    let end = |record: &OperationRecord| record.lease.as_ref().and_then(|it| it.expire_time);
    if end(base).is_some() && end(seen).is_some() {
        assert!(order(end(base)) <= order(end(seen)), "{base:#?} {seen:#?}");
    }
}

fn order(time: Option<Timestamp>) -> Option<(i64, i32)> {
    time.map(|time| (time.seconds, time.nanos))
}

/// What holds for every record, whatever was written last.
pub(super) fn assert_whole(record: &OperationRecord) {
    let operation = record.operation.as_ref().expect("every record has an operation");
    let Operation { done, result, .. } = operation;
    let state = record.state();
    let fits = match result {
        None => matches!(state, State::Pending | State::Running),
        Some(operation::Result::Response(_)) => state == State::Succeeded,
        Some(operation::Result::Error(rpc::Status { code: 1, .. })) => state == State::Cancelled,
        Some(operation::Result::Error(_)) => state == State::Failed,
    };
    assert!(fits, "state and outcome: {record:#?}");
    assert_eq!(*done, result.is_some(), "done without outcome: {record:#?}");
    assert_eq!(*done, record.finish_time.is_some(), "done without time: {record:#?}");
    assert_eq!(*done, record.expire_time.is_some(), "done for ever: {record:#?}");
    assert_eq!(state == State::Running, record.lease.is_some(), "lease and state: {record:#?}");
    let times = [record.create_time, record.update_time, record.deadline];
    assert!(times.iter().all(Option::is_some), "times: {record:#?}");
    for later in [record.start_time, record.finish_time, record.delete_time] {
        let between =
            order(record.create_time) <= order(later) && order(later) <= order(record.update_time);
        assert!(later.is_none() || between, "times: {record:#?}");
    }
    assert!(record.request.is_some() && record.labels.contains_key("writer"), "{record:#?}");
}
