//! What a client may ask of an operation: to be cancelled, to be forgotten.

use super::{
    Change, Decision, Finisher, Gone, Record, State, Timestamp, cancelled, changed, finished, put,
};

/// A cancel request: a pending record is done with it, a running one's worker learns of it,
/// a done one stays as it is.
///
/// # Errors
/// None.
pub fn cancel(record: &Record, now: Timestamp) -> Decision {
    let asked = |next: &mut Record| {
        next.cancel_request_time = next.cancel_request_time.or(Some(now));
    };
    Ok(match &record.state {
        State::Done(_) => Change::Keep,
        State::Running(_) if record.cancel_request_time.is_some() => Change::Keep,
        State::Running(_) => put(changed(record, now, asked)),
        State::Pending { .. } => {
            let mut asked_for = record.clone();
            asked(&mut asked_for);
            finished(&asked_for, cancelled(record), Finisher::Server, now)
        }
    })
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
