//! What the backend may write on a record without finishing it.

use super::{
    Change, Decision, Execution, Expected, Labels, LeaseToken, Payload, Record, Refusal, State,
    Timestamp, changed, check_token, check_type, is_over, put,
};

/// The fields to write; `None` leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// Metadata, or its removal.
    pub metadata: Option<Option<Payload>>,
    /// All labels.
    pub labels: Option<Labels>,
    /// When the done record is forgotten.
    pub expire_time: Option<Timestamp>,
    /// When an open record fails.
    pub deadline: Option<Timestamp>,
    /// Only if this is the record's etag.
    pub etag: Option<String>,
    /// For the metadata of a leased record; a SELF record takes none.
    pub token: Option<LeaseToken>,
}

/// Writes fields. On a done record labels and the expire time stay writable.
///
/// # Errors
/// [`Refusal::Done`], a token's refusals (for metadata, and for any token on a SELF record),
/// [`Refusal::EtagMismatch`],
/// [`Refusal::WrongType`].
pub fn update(record: &Record, update: &Update, expected: &Expected, now: Timestamp) -> Decision {
    let open_only = update.metadata.is_some() || update.deadline.is_some();
    if open_only && is_over(record, now) {
        return Err(Refusal::Done);
    }
    let own = record.execution == Execution::Service;
    if update.metadata.is_some() || (own && update.token.is_some()) {
        check_token(record, update.token.as_ref())?;
    }
    if update.etag.as_ref().is_some_and(|etag| *etag != record.etag()) {
        return Err(Refusal::EtagMismatch { current: record.etag() });
    }
    let metadata = update.metadata.as_ref().and_then(Option::as_ref);
    check_type("record.operation.metadata", metadata, expected.metadata_type.as_ref())?;

    let write = |next: &mut Record| {
        if let Some(metadata) = &update.metadata {
            next.metadata.clone_from(metadata);
        }
        if let Some(labels) = &update.labels {
            next.labels.clone_from(labels);
        }
        if let Some(deadline) = update.deadline {
            next.deadline = deadline;
        }
        if let Some(expire_time) = update.expire_time {
            match &mut next.state {
                State::Done(done) => done.expire_time = expire_time.max(done.finish_time),
                _ => next.expire_time = Some(expire_time),
            }
        }
    };
    let mut written = record.clone();
    write(&mut written);
    if written == *record {
        return Ok(Change::Keep);
    }
    Ok(put(changed(record, now, write)))
}
