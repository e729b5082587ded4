//! The end of a hold: a worker rejects the call, or the call is admitted.

use super::{
    Change, Decision, LeaseToken, Record, Refusal, Rejection, Status, Timestamp, changed,
    check_holder, put,
};

/// A held call to be rejected.
#[derive(Clone, Debug)]
pub struct Reject {
    /// The lease's token.
    pub token: Option<LeaseToken>,
    /// What the call fails with.
    pub error: Status,
}

/// Rejects a held call: its record goes as if it had never been.
///
/// # Errors
/// [`Refusal::Done`], [`Refusal::ExecutionSelf`], a token's refusals, [`Refusal::Admitted`].
pub fn reject(record: &Record, reject: &Reject, now: Timestamp) -> Decision {
    check_holder(record, reject.token.as_ref(), now)?;
    if record.hold.is_none() {
        return Err(Refusal::Admitted);
    }
    let rejection = Rejection::Worker(reject.error.clone());
    Ok(Change::Reject(Box::new(record.clone()), rejection))
}

/// Ends a hold before its time: the caller of the held call stops listening, or the server
/// stops.
///
/// # Errors
/// None.
pub fn admit(record: &Record, now: Timestamp) -> Decision {
    Ok(match record.hold {
        None => Change::Keep,
        Some(_) if record.validation => {
            Change::Reject(Box::new(record.clone()), Rejection::Unanswered)
        }
        Some(_) => put(changed(record, now, |next| next.hold = None)),
    })
}
