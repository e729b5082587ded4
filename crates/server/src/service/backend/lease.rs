//! LeaseOperations, RenewLease, ReleaseLease.

use std::sync::Arc;
use std::time::Duration;

use longrun_api::longrun::v1::{
    LeaseOperationsRequest, LeaseOperationsResponse, ReleaseLeaseRequest, RenewLeaseRequest,
};
use tokio::time::{Instant, timeout_at};

use super::write::holders;
use super::{
    change as apply, check_metadata, check_size, expected, none_violated, record_reply, service,
    service_name, token, within, writable,
};
use crate::error::{Error, Result, Violation};
use crate::live::Turn;
use crate::operation::{Grant, LeaseToken, Record, Release, Renewal, Span, Timestamp, transition};
use crate::service::caller::backend_writes;
use crate::service::{Api, Call, Kept, Reply, hold_until, payload};
use crate::store::LeaseQuery;
use crate::wire;

const OPERATIONS_MAX: i32 = 100;
const METHODS_MAX: usize = 1000;
const DURATION_MIN: Span = Span::seconds(1);
const DURATION_MAX: Span = Span::seconds(3600);

pub(super) async fn lease(
    api: &Api,
    call: &Call,
    request: LeaseOperationsRequest,
) -> Result<Reply> {
    let parent = service_name(&request.parent)?;
    backend_writes(&call.caller, parent)?;
    let service = service(api, parent)?;
    let mut violations = Vec::new();
    let mut refuse = |field: &str, description: &str| {
        let description = format!("Invalid value at '{field}': {description}");
        violations.push(Violation { field: field.to_owned(), description });
    };
    if request.methods.is_empty() || request.methods.len() > METHODS_MAX {
        refuse("methods", "expected 1 to 1,000 methods, each `pkg.Service/Method`.");
    }
    if request.max_operations < 0 {
        refuse("max_operations", "expected at least 1.");
    }
    if request.worker_id.len() > 255 || request.worker_id.contains(char::is_control) {
        refuse("worker_id", "over 255 bytes, or with control characters.");
    }
    let duration = duration(request.lease_duration.as_ref(), &mut violations);
    let hold = match &request.wait_timeout {
        None => Duration::ZERO,
        Some(timeout) => match wire::span(timeout) {
            Some(span) => span.into(),
            None => {
                let description =
                    "Invalid value at 'wait_timeout': no valid google.protobuf.Duration.";
                violations.push(Violation {
                    field: "wait_timeout".to_owned(),
                    description: description.to_owned(),
                });
                Duration::ZERO
            }
        },
    };
    none_violated(violations)?;
    api.strays.warn(&service, &request.methods, &request.worker_id);

    let limit = request.max_operations.clamp(1, OPERATIONS_MAX).unsigned_abs() as usize;
    let until = hold_until(Some(hold), call.deadline, Instant::now());
    let mut draining = api.draining.clone();
    let query = LeaseQuery {
        service: service.name.clone(),
        methods: request.methods,
        limit,
        bytes_max: api.limits.message_bytes_max,
    };
    let note = || api.live.lease_calls().note(&query.service, &query.methods, api.store.now());
    note();
    let mut turn: Option<Turn<'_>> = None;
    // A server that stops hands out no more work.
    while !*api.draining.borrow() {
        let slot = match call.slots.try_take() {
            Some(slot) => slot,
            // Whoever can be answered at once goes first.
            None => {
                turn = None;
                call.slot(api).await?
            }
        };
        // Registered before the look, so that no commit falls between the two.
        let mut signal = api.live.watch_queue(&query.service, &query.methods);
        let (leased, kept) = grant(api, &query, &request.worker_id, duration).await?;
        // A turn is over with what it was for; whoever took other work instead passes it on.
        let over = |turn: &Turn<'_>| {
            leased.records.is_empty()
                || leased.records.iter().any(|one| one.method == turn.method())
        };
        if let Some(turn) = turn.take_if(|turn| over(turn)) {
            turn.end();
        }
        if !leased.records.is_empty() || until <= Instant::now() {
            return Ok(Reply { kept, slot: Some(slot), ..Reply::message(&leased) });
        }
        drop(slot);
        let woken = async {
            tokio::select! {
                // No chance in what comes first: the simulation repeats itself.
                biased;
                turn = signal.turn() => Some(turn),
                // An error means that the server is gone, which is stopping too.
                _ = draining.wait_for(|stop| *stop) => None,
            }
        };
        let woken = timeout_at(until, woken).await;
        // A worker that waits for work asks for it all the time.
        note();
        match woken {
            Ok(Some(next)) => turn = Some(next),
            Ok(None) | Err(_) => break,
        }
    }
    Ok(Reply::message(&LeaseOperationsResponse::default()))
}

async fn grant(
    api: &Api,
    query: &LeaseQuery,
    worker_id: &str,
    duration: Option<Span>,
) -> Result<(LeaseOperationsResponse, Kept)> {
    // Tokens are made of it where there is a record for them: mostly they are few.
    let random: Arc<[[u8; 16]]> = (0..query.limit).map(|_| api.random()).collect();
    let (drawn, worker_id) = (random.clone(), worker_id.to_owned());
    let event = move |place: usize, record: &Record, now: Timestamp| {
        let token = LeaseToken::mint(drawn[place]).hash();
        let grant = Grant { worker_id: worker_id.clone(), token, duration };
        transition::lease(record, &grant, now)
    };
    // Nobody else has the tokens.
    let (drawn, stamp) = (random.clone(), api.stamping(&query.service));
    let undo = move |place: usize, record: &Record, now: Timestamp| {
        let token = Some(LeaseToken::mint(drawn[place]));
        let release = Release { token, error: None, retry_delay: Span::ZERO };
        Ok(stamp(record, transition::release(record, &release, now)?))
    };
    let records = api.store.lease(query.clone(), Box::new(event), Box::new(undo)).await;
    let records = records.map_err(|error| Error::unavailable(Box::new(error)))?;
    let view = |(record, random): (&Arc<Record>, &[u8; 16])| {
        let token = LeaseToken::mint(*random);
        wire::record(record, holders(record, Some(&token)))
    };
    let kept = api.pools.kept_each(records.iter().map(|record| &**record));
    let records = records.iter().zip(&*random).map(view).collect();
    Ok((LeaseOperationsResponse { records }, kept))
}

pub(super) async fn renew(api: &Api, call: &Call, request: RenewLeaseRequest) -> Result<Reply> {
    let (name, service) = writable(api, call, &request.name)?;
    let mut violations = Vec::new();
    let duration = duration(request.lease_duration.as_ref(), &mut violations);
    check_metadata(&service, "metadata", request.metadata.as_ref(), &mut violations);
    let bytes = request.metadata.as_ref().map_or(0, |metadata| metadata.value.len());
    check_size(api, "metadata", bytes, &mut violations);
    none_violated(violations)?;
    let held = token(&request.lease_token);
    let renewal =
        Renewal { token: held.clone(), duration, metadata: request.metadata.map(wire::payload) };
    let event = move |record: &Record, now: Timestamp| {
        transition::renew(record, &renewal, &expected(&service, record), now)
    };
    let record = apply(api, &name, Box::new(event)).await?;
    Ok(record_reply(api, &record, holders(&record, held.as_ref())))
}

pub(super) async fn release(api: &Api, call: &Call, request: ReleaseLeaseRequest) -> Result<Reply> {
    let (name, service) = writable(api, call, &request.name)?;
    let mut violations = Vec::new();
    if let Some(error) = &request.error {
        payload::check_status(&service, "error", error, &mut violations);
    }
    let retry_delay = match &request.retry_delay {
        None => Some(Span::ZERO),
        Some(delay) => wire::span(delay),
    };
    if retry_delay.is_none() {
        let description = "Invalid value at 'retry_delay': no valid google.protobuf.Duration.";
        violations.push(Violation {
            field: "retry_delay".to_owned(),
            description: description.to_owned(),
        });
    }
    none_violated(violations)?;
    let release = Release {
        token: token(&request.lease_token),
        error: request.error.map(wire::status),
        retry_delay: retry_delay.unwrap_or_default(),
    };
    let limit = api.limits.operation_bytes_max;
    let event = move |record: &Record, now: Timestamp| {
        within(limit, transition::release(record, &release, now))
    };
    let record = apply(api, &name, Box::new(event)).await?;
    Ok(record_reply(api, &record, None))
}

/// A lease's length: the record's own if absent, 1 s to 1 h.
fn duration(
    asked: Option<&prost_types::Duration>,
    violations: &mut Vec<Violation>,
) -> Option<Span> {
    let asked = asked?;
    let span = wire::span(asked).filter(|span| (DURATION_MIN..=DURATION_MAX).contains(span));
    if span.is_none() {
        violations.push(Violation {
            field: "lease_duration".to_owned(),
            description: "Invalid value at 'lease_duration': expected 1 s to 1 h.".to_owned(),
        });
    }
    span
}

#[cfg(test)]
mod tests;
