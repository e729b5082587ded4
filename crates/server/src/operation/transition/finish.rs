//! The end of the work, told by whoever did it.

use super::{
    Change, Decision, Execution, Finisher, LeaseToken, Outcome, Payload, Record, Refusal,
    Timestamp, check_token, check_type, finished, is_over,
};

/// The types that a method declares; `None`: any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Full name of the response's type.
    pub response_type: Option<String>,
    /// Full name of the metadata's type.
    pub metadata_type: Option<String>,
}

/// How the work ended.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The lease's token; none on a SELF record.
    pub token: Option<LeaseToken>,
    /// How it ended.
    pub outcome: Outcome,
    /// The last metadata.
    pub metadata: Option<Payload>,
}

/// Whether two payloads of one type that differ in their bytes say the same.
pub type Same<'a> = &'a dyn Fn(&Payload, &Payload) -> bool;

/// They don't: for types whose encoding has one form.
#[must_use]
pub fn by_bytes(_: &Payload, _: &Payload) -> bool {
    false
}

/// Finishes a record. The same finish again, by the same finisher, changes nothing; maps have
/// no order, so `same` is asked where bytes differ.
///
/// # Errors
/// [`Refusal::Done`], a token's refusals, [`Refusal::WrongType`].
pub fn finish(
    record: &Record,
    finish: &Finish,
    expected: &Expected,
    same: Same<'_>,
    now: Timestamp,
) -> Decision {
    if let Some(done) = record.done() {
        let same_hand = match done.finisher {
            Finisher::Service => finish.token.is_none(),
            Finisher::Worker(hash) => finish.token.as_ref().map(LeaseToken::hash) == Some(hash),
            Finisher::Server => false,
        };
        let repeated = same_hand && alike(&done.outcome, &finish.outcome, same);
        return if repeated { Ok(Change::Keep) } else { Err(Refusal::Done) };
    }
    if is_over(record, now) {
        return Err(Refusal::Done);
    }
    check_token(record, finish.token.as_ref())?;
    if let Outcome::Response(response) = &finish.outcome {
        check_type("response", Some(response), expected.response_type.as_ref())?;
    }
    check_type("metadata", finish.metadata.as_ref(), expected.metadata_type.as_ref())?;
    let finisher = match (record.execution, &finish.token) {
        (Execution::Leased, Some(token)) => Finisher::Worker(token.hash()),
        _ => Finisher::Service,
    };
    let mut last = record.clone();
    if finish.metadata.is_some() {
        last.metadata.clone_from(&finish.metadata);
    }
    Ok(finished(&last, finish.outcome.clone(), finisher, now))
}

/// Whether two outcomes say the same: type URLs may differ before their last slash.
fn alike(one: &Outcome, other: &Outcome, same: Same<'_>) -> bool {
    let name = |payload: &Payload| payload.type_url.rsplit('/').next().map(str::to_owned);
    let alike = |a: &Payload, b: &Payload| name(a) == name(b) && (a.value == b.value || same(a, b));
    match (one, other) {
        (Outcome::Response(a), Outcome::Response(b)) => alike(a, b),
        (Outcome::Error(a), Outcome::Error(b)) => {
            a.code == b.code
                && a.message == b.message
                && a.details.len() == b.details.len()
                && a.details.iter().zip(&b.details).all(|(a, b)| alike(a, b))
        }
        _ => false,
    }
}
