//! What a client may ask of an operation: to be cancelled, to be forgotten.

use super::{
    Change, Decision, Finisher, Gone, Record, State, Timestamp, cancelled, changed, finished,
    is_over, put,
};

/// A cancel request: a pending record is done with it, a running one's worker learns of it,
/// a done one stays as it is.
///
/// # Errors
/// None.
pub fn cancel(record: &Record, now: Timestamp) -> Decision {
    if is_over(record, now) {
        return Ok(Change::Keep);
    }
    let running = matches!(record.state, State::Running(_));
    if running && record.cancel_request_time.is_some() {
        return Ok(Change::Keep);
    }
    let asked = |next: &mut Record| {
        next.cancel_request_time = next.cancel_request_time.or(Some(now));
    };
    if running {
        return Ok(put(changed(record, now, asked)));
    }
    let mut asked_for = record.clone();
    asked(&mut asked_for);
    Ok(finished(&asked_for, cancelled(record), Finisher::Server, now))
}

/// A delete: a done record goes, an open one is hidden until it is finished.
///
/// # Errors
/// None.
pub fn delete(record: &Record, now: Timestamp) -> Decision {
    Ok(match &record.state {
        State::Done(_) => Change::Remove(Box::new(record.clone()), Gone::Deleted),
        _ if record.delete_time.is_some() => Change::Keep,
        _ => put(changed(record, now, |next| next.delete_time = Some(now))),
    })
}
