//! A worker's hold on a record: taken, renewed, given back.

use super::{
    Change, Decision, Expected, Finisher, Holder, Lease, LeaseToken, Outcome, Payload, Record,
    Span, State, Status, Timestamp, cancelled, changed, check_holder, check_type, finished,
    is_over, put,
};
use crate::operation::TokenHash;

/// A lease to be taken.
#[derive(Clone, Debug)]
pub struct Grant {
    /// As the worker calls itself.
    pub worker_id: String,
    /// The hash of the token that it gets.
    pub token: TokenHash,
    /// How long it lasts; the record's own duration if not given.
    pub duration: Option<Span>,
}

/// A lease to be kept.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The lease's token.
    pub token: Option<LeaseToken>,
    /// How long it lasts from now; as long as before if not given.
    pub duration: Option<Span>,
    /// Progress.
    pub metadata: Option<Payload>,
}

/// A lease to be given back.
#[derive(Clone, Debug)]
pub struct Release {
    /// The lease's token.
    pub token: Option<LeaseToken>,
    /// Why the attempt failed; without it, the attempt doesn't count.
    pub error: Option<Status>,
    /// How long the record rests before it is leased again.
    pub retry_delay: Span,
}

/// Hands a pending record to a worker. One that is not to be leased is left alone.
///
/// # Errors
/// None.
pub fn lease(record: &Record, grant: &Grant, now: Timestamp) -> Decision {
    let ready = matches!(record.state, State::Pending { delayed_until: None });
    if !ready || is_over(record, now) {
        return Ok(Change::Keep);
    }
    let duration = grant.duration.unwrap_or(record.lease_duration);
    let held = Lease {
        worker_id: grant.worker_id.clone(),
        token: grant.token,
        renew_time: now,
        duration,
        expire_time: now.plus(duration),
    };
    Ok(put(changed(record, now, |next| {
        next.state = State::Running(Holder::Worker(held));
        next.start_time = next.start_time.or(Some(now));
        next.attempt += 1;
    })))
}

/// Keeps a lease. Without metadata it is a bare renewal: neither version nor update time
/// moves.
///
/// # Errors
/// [`Refusal::Done`], [`Refusal::ExecutionSelf`], a token's refusals, [`Refusal::WrongType`].
///
/// [`Refusal::Done`]: super::Refusal::Done
/// [`Refusal::ExecutionSelf`]: super::Refusal::ExecutionSelf
/// [`Refusal::WrongType`]: super::Refusal::WrongType
pub fn renew(record: &Record, renewal: &Renewal, expected: &Expected, now: Timestamp) -> Decision {
    check_holder(record, renewal.token.as_ref(), now)?;
    check_type("metadata", renewal.metadata.as_ref(), expected.metadata_type.as_ref())?;
    let extend = |next: &mut Record| {
        if let State::Running(Holder::Worker(lease)) = &mut next.state {
            lease.duration = renewal.duration.unwrap_or(lease.duration);
            lease.renew_time = now;
            lease.expire_time = now.plus(lease.duration);
        }
    };
    let mut next = record.clone();
    extend(&mut next);
    Ok(put(match &renewal.metadata {
        Some(metadata) if record.metadata.as_ref() != Some(metadata) => {
            changed(&next, now, |next| next.metadata = Some(metadata.clone()))
        }
        _ => next,
    }))
}

/// Gives a record back: to be leased again, unless a cancel was requested or, after a
/// failure, its attempts are used up.
///
/// # Errors
/// [`Refusal::Done`], [`Refusal::ExecutionSelf`], a token's refusals.
///
/// [`Refusal::Done`]: super::Refusal::Done
/// [`Refusal::ExecutionSelf`]: super::Refusal::ExecutionSelf
pub fn release(record: &Record, release: &Release, now: Timestamp) -> Decision {
    check_holder(record, release.token.as_ref(), now)?;
    if record.cancel_request_time.is_some() {
        return Ok(finished(record, cancelled(record), Finisher::Server, now));
    }
    if let (Some(error), true) = (&release.error, record.attempt >= record.max_attempts) {
        let finisher =
            release.token.as_ref().map_or(Finisher::Server, |token| Finisher::Worker(token.hash()));
        return Ok(finished(record, Outcome::Error(error.clone()), finisher, now));
    }
    let delayed_until = (release.retry_delay > Span::ZERO).then(|| now.plus(release.retry_delay));
    Ok(put(changed(record, now, |next| {
        next.state = State::Pending { delayed_until };
        if release.error.is_none() {
            next.attempt = next.attempt.saturating_sub(1);
        }
    })))
}
