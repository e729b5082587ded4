//! What the loop needs of a server: a seam, so that its tests need none.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use longrun_api::longrun::v1::{
    FinishOperationRequest, LeaseOperationsRequest, OperationRecord, RejectOperationRequest,
    ReleaseLeaseRequest, RenewLeaseRequest, finish_operation_request,
};
use serde_json::{Map, Value, json};

use crate::{Client, ClientError, Failure, Payload, escape_path};

pub(super) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ClientError>> + Send + 'a>>;

/// A leased record, and the token that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: String,
    pub(super) token: String,
}

/// How the work ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Response(Payload),
    Failure(Failure),
}

pub(super) trait Backend: Send + Sync + 'static {
    fn lease(&self, request: LeaseOperationsRequest) -> Answer<'_, Vec<OperationRecord>>;

    /// Whether somebody has asked for a cancel.
    fn renew<'a>(&'a self, held: &'a Held, metadata: Option<Payload>) -> Answer<'a, bool>;

    fn release<'a>(
        &'a self,
        held: &'a Held,
        failure: Option<Failure>,
        delay: Duration,
    ) -> Answer<'a, ()>;

    fn finish<'a>(&'a self, held: &'a Held, outcome: Outcome) -> Answer<'a, ()>;

    fn reject<'a>(&'a self, held: &'a Held, failure: Failure) -> Answer<'a, ()>;
}

impl Backend for Client {
    fn lease(&self, request: LeaseOperationsRequest) -> Answer<'_, Vec<OperationRecord>> {
        Box::pin(Client::lease(self, request))
    }

    fn renew<'a>(&'a self, held: &'a Held, metadata: Option<Payload>) -> Answer<'a, bool> {
        Box::pin(async move {
            let metadata = match metadata {
                Some(Payload::Json(metadata)) => {
                    let record = post(self, held, "renewLease", [("metadata", metadata)]).await?;
                    return Ok(record.get("cancelRequestTime").is_some());
                }
                Some(Payload::Any(metadata)) => Some(metadata),
                None => None,
            };
            let request = RenewLeaseRequest {
                name: held.name.clone(),
                lease_token: held.token.clone(),
                lease_duration: None,
                metadata,
            };
            Ok(Client::renew(self, request).await?.cancel_request_time.is_some())
        })
    }

    fn release<'a>(
        &'a self,
        held: &'a Held,
        failure: Option<Failure>,
        delay: Duration,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let error = match failure {
                Some(Failure::Json(error)) => {
                    let fields = [("error", error), ("retryDelay", Value::from(seconds(delay)))];
                    return post(self, held, "releaseLease", fields).await.map(drop);
                }
                Some(Failure::Status(error)) => Some(error),
                None => None,
            };
            let request = ReleaseLeaseRequest {
                name: held.name.clone(),
                lease_token: held.token.clone(),
                error,
                retry_delay: (!delay.is_zero()).then(|| delay.try_into().ok()).flatten(),
            };
            Client::release(self, request).await.map(drop)
        })
    }

    fn finish<'a>(&'a self, held: &'a Held, outcome: Outcome) -> Answer<'a, ()> {
        Box::pin(async move {
            let result = match outcome {
                Outcome::Response(Payload::Json(response)) => {
                    return post(self, held, "finish", [("response", response)]).await.map(drop);
                }
                Outcome::Failure(Failure::Json(error)) => {
                    return post(self, held, "finish", [("error", error)]).await.map(drop);
                }
                Outcome::Response(Payload::Any(response)) => {
                    finish_operation_request::Result::Response(response)
                }
                Outcome::Failure(Failure::Status(error)) => {
                    finish_operation_request::Result::Error(error)
                }
            };
            let request = FinishOperationRequest {
                name: held.name.clone(),
                result: Some(result),
                lease_token: held.token.clone(),
                metadata: None,
            };
            Client::finish(self, request).await.map(drop)
        })
    }

    fn reject<'a>(&'a self, held: &'a Held, failure: Failure) -> Answer<'a, ()> {
        Box::pin(async move {
            let error = match failure {
                Failure::Json(error) => {
                    return post(self, held, "reject", [("error", error)]).await.map(drop);
                }
                Failure::Status(error) => Some(error),
            };
            let (name, lease_token) = (held.name.clone(), held.token.clone());
            Client::reject(self, RejectOperationRequest { name, lease_token, error }).await
        })
    }
}

async fn post<const N: usize>(
    client: &Client,
    held: &Held,
    verb: &str,
    fields: [(&str, Value); N],
) -> Result<Value, ClientError> {
    let path = format!("/longrun/v1/{}:{verb}", escape_path(&held.name));
    let mut body = Map::from_iter(fields.map(|(key, value)| (key.to_owned(), value)));
    body.insert("leaseToken".to_owned(), json!(held.token));
    client.post_json(&path, &body.into()).await
}

/// A `google.protobuf.Duration` in JSON.
fn seconds(duration: Duration) -> String {
    format!("{}.{:09}s", duration.as_secs(), duration.subsec_nanos())
}
