//! Admission: a call is held until its record is finished, rejected or admitted. What decides
//! is in the store: whoever waits here only looks, and may be one of many.

use std::future::pending;
use std::sync::Arc;

use prost_reflect::{DynamicMessage, Value};
use tokio::time::{Instant, sleep_until};

use crate::catalog::Method;
use crate::error::{Error, Kind};
use crate::operation::{NewRecord, Record, Rejection, Span, transition};
use crate::service::{Api, Call, answer_by, backend};
use crate::store::StoreError;
use crate::wire;

/// How long a call for validation is held.
const VALIDATION_TIMEOUT: Span = Span::seconds(10);
/// How long its operation is kept, once done.
const VALIDATION_RETENTION: Span = Span::seconds(3600);

/// How long a call of a method is held.
pub(super) fn hold(method: &Method) -> Option<Span> {
    method.settings.admit_timeout.filter(|timeout| !timeout.is_zero()).map(Span::from)
}

/// Whether the request asks only what would come of it (AIP-163).
pub(super) fn validates_only(request: &DynamicMessage) -> bool {
    let value = request.get_field_by_name("validate_only");
    value.as_deref().and_then(Value::as_bool) == Some(true)
}

/// What a call for validation makes of its record: it stands in nobody's way.
pub(super) fn validation(new: NewRecord) -> NewRecord {
    NewRecord {
        hold: Some(VALIDATION_TIMEOUT),
        validation: true,
        exclusive_key: None,
        request_claim: None,
        retention: VALIDATION_RETENTION,
        ..new
    }
}

/// The call's record, once that is not held any more. It is admitted before its time when the
/// caller is about to stop listening, or the server stops.
///
/// # Errors
/// [`StoreError::Rejected`], [`StoreError::Gone`], [`StoreError::Unavailable`].
pub(super) async fn settled(
    api: &Api,
    call: &Call,
    record: Arc<Record>,
) -> Result<Arc<Record>, StoreError> {
    if record.hold.is_none() {
        return Ok(record);
    }
    let until = call.deadline.map(|deadline| answer_by(deadline, Instant::now()));
    let mut draining = api.draining.clone();
    loop {
        // Registered before the read, so that no commit falls between the two.
        let mut signal = api.live.watch_record(&record.name);
        let hot = api.live.get(&*api.store, &record.name).await?;
        if hot.record.hold.is_none() {
            return Ok(hot.record.clone());
        }
        let out_of_time = async {
            match until {
                Some(time) => sleep_until(time).await,
                None => pending().await,
            }
        };
        tokio::select! {
            // What has come of the record already is looked at before it is admitted.
            biased;
            () = signal.wait() => continue,
            // An error means that the server is gone, which is stopping too.
            _ = draining.wait_for(|stop| *stop) => {}
            () = out_of_time => {}
        }
        let admitted = backend::update(api, &record.name, Box::new(transition::admit)).await;
        // Whatever else has come of it, the next look tells.
        if let Err(error @ StoreError::Unavailable(_)) = admitted {
            return Err(error);
        }
    }
}

/// What the calls of a rejected record are answered with.
pub(super) fn rejected(rejection: Rejection) -> Error {
    match rejection {
        Rejection::Worker(status) => {
            let message = status.message.clone();
            Error::new(Kind::Rejected(wire::status_message(&status)), message)
        }
        Rejection::Unanswered => Error::new(
            Kind::ValidationUnanswered,
            "No worker has said what would come of the request. Try again.",
        ),
    }
}
