//! RejectOperation: a held call fails, and its record was never there.

use longrun_api::longrun::v1::RejectOperationRequest;
use prost::Message as _;

use super::{change as apply, check_size, none_violated, token, writable};
use crate::error::{Error, Result};
use crate::operation::{Record, Reject, Timestamp, transition};
use crate::service::{Api, Call, Reply, payload};
use crate::wire;

pub(super) async fn reject(
    api: &Api,
    call: &Call,
    request: RejectOperationRequest,
) -> Result<Reply> {
    let (name, service) = writable(api, call, &request.name)?;
    let Some(error) = request.error else {
        let description = "Invalid value at 'error': required, the call fails with it.";
        return Err(Error::invalid("error", description));
    };
    let mut violations = Vec::new();
    payload::check_status(&service, "error", &error, &mut violations);
    check_size(api, "error", error.encoded_len(), &mut violations);
    none_violated(violations)?;

    let reject = Reject { token: token(&request.lease_token), error: wire::status(error) };
    let event = move |record: &Record, now: Timestamp| transition::reject(record, &reject, now);
    apply(api, &name, Box::new(event)).await?;
    Ok(Reply::message(&()))
}
