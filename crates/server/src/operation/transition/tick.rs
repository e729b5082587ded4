//! What time alone makes of a record.

use super::{
    Change, Decision, Finisher, Gone, Holder, Lease, Record, State, Timestamp, admit, cancelled,
    changed, finished, put, server_error,
};
use crate::reason::Reason;

/// What has run out by `now`: the retention, a hold, the deadline, a delay, or a lease. Time
/// before `serving_since`, when no server could take renewals, doesn't count against a lease.
///
/// # Errors
/// None.
pub fn tick(record: &Record, now: Timestamp, serving_since: Timestamp) -> Decision {
    if record.hold.is_none_or(|until| until > now) {
        return Ok(work_tick(record, now, serving_since));
    }
    if record.validation {
        return admit(record, now);
    }
    // Whatever else has run out is one change with it.
    let unheld = Record { hold: None, ..record.clone() };
    let next = match work_tick(&unheld, now, serving_since) {
        Change::Keep => unheld,
        Change::Put(next) if next.version == record.version => *next,
        change => return Ok(change),
    };
    Ok(put(changed(&next, now, |_| {})))
}

fn work_tick(record: &Record, now: Timestamp, serving_since: Timestamp) -> Change {
    match &record.state {
        State::Done(done) if done.expire_time <= now => {
            Change::Remove(Box::new(record.clone()), Gone::Expired)
        }
        State::Done(_) => Change::Keep,
        _ if record.deadline <= now => {
            let deadline = text(record.deadline);
            let message = format!("The operation was not done by its deadline, {deadline}.");
            let metadata = [("deadline", deadline)];
            let outcome =
                server_error(record, Reason::OperationDeadlineExceeded, message, &metadata);
            finished(record, outcome, Finisher::Server, now)
        }
        State::Pending { delayed_until: Some(time) } if *time <= now => {
            // The end of a delay is no change that anybody sees.
            let mut next = record.clone();
            next.state = State::Pending { delayed_until: None };
            put(next)
        }
        State::Running(Holder::Worker(lease)) => lease_tick(record, lease, now, serving_since),
        State::Pending { .. } | State::Running(Holder::Service) => Change::Keep,
    }
}

fn lease_tick(record: &Record, lease: &Lease, now: Timestamp, serving_since: Timestamp) -> Change {
    let end = lease.expire_time.max(serving_since.plus(lease.duration));
    if now < end {
        if lease.expire_time == end {
            return Change::Keep;
        }
        // As if the worker had renewed it when it could again.
        let mut next = record.clone();
        next.state = State::Running(Holder::Worker(Lease { expire_time: end, ..lease.clone() }));
        return put(next);
    }
    if record.cancel_request_time.is_some() {
        return finished(record, cancelled(record), Finisher::Server, now);
    }
    if record.attempt < record.max_attempts {
        return put(changed(record, now, |next| {
            next.state = State::Pending { delayed_until: None };
        }));
    }
    let renewed = text(lease.renew_time);
    let (worker, attempt) = (&lease.worker_id, record.attempt);
    let message = format!(
        "Worker \"{worker}\" was lost on attempt {attempt}, the last one; it last renewed its lease at {renewed}."
    );
    let metadata = [
        ("worker_id", worker.clone()),
        ("attempt", attempt.to_string()),
        ("last_renew_time", renewed),
    ];
    let outcome = server_error(record, Reason::WorkerLost, message, &metadata);
    finished(record, outcome, Finisher::Server, now)
}

/// RFC 3339, in UTC.
fn text(time: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(time.micros())
        .map_or_else(|_| format!("{} µs", time.micros()), |time| time.to_string())
}
