//! Following one operation to its end.

use std::fmt;
use std::time::Duration;

use longrun_api::google::longrunning::{Operation, operation};
use longrun_api::google::rpc;
use prost::{Message, Name};
use prost_types::Any;
use tokio::time::{Instant, sleep};
use tonic::{Code, Response};

use crate::operations::recommended;
use crate::{Client, ClientError, patiently, unpack};

/// Why there is no result.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationError {
    /// The question failed; the operation may be well and go on.
    Poll(ClientError),
    /// The operation itself failed, or was cancelled (code 1).
    Failed(rpc::Status),
    /// It succeeded, with a response that is not of the type asked for.
    Unreadable(String),
}

type OnMetadata = Box<dyn FnMut(&Any) + Send>;

/// Asks for an operation as often as the server recommends, until it is done. Where the
/// server can hold the call, its end is known at once.
#[must_use = "it asks nothing before `done` or `result`"]
pub struct Poller {
    client: Client,
    name: String,
    on_metadata: Option<OnMetadata>,
}

impl Client {
    /// A poller of the operation.
    pub fn poll(&self, name: impl Into<String>) -> Poller {
        Poller { client: self.clone(), name: name.into(), on_metadata: None }
    }
}

impl Poller {
    /// Calls `look` with the first metadata that is seen, and whenever they have changed.
    pub fn on_metadata(mut self, look: impl FnMut(&Any) + Send + 'static) -> Self {
        self.on_metadata = Some(Box::new(look));
        self
    }

    /// As [`on_metadata`](Self::on_metadata), decoded; metadata of other types are skipped.
    pub fn on_progress<M>(self, mut look: impl FnMut(M) + Send + 'static) -> Self
    where
        M: Message + Name + Default,
    {
        self.on_metadata(move |any| {
            if let Ok(metadata) = unpack(any) {
                look(metadata);
            }
        })
    }

    /// The operation once it is done, however it ended. A server that is away for a moment
    /// is asked again.
    ///
    /// # Errors
    /// The poll's: as the server says; `UNAVAILABLE` when it stays away.
    pub async fn done(self) -> Result<Operation, ClientError> {
        let Self { client, name, mut on_metadata } = self;
        let mut seen = None;
        let mut waits = true;
        // The first look is at once.
        let mut interval = Duration::ZERO;
        loop {
            let began = Instant::now();
            if !waits {
                sleep(interval).await;
            }
            let answer = match ask(&client, &name, interval, waits).await {
                Err(error) if waits && error.code == Code::Unimplemented => {
                    waits = false;
                    continue;
                }
                answer => answer?,
            };
            let next = recommended(&answer);
            let operation = answer.into_inner();
            if let (Some(look), Some(metadata)) = (&mut on_metadata, &operation.metadata)
                && seen.as_ref() != Some(metadata)
            {
                look(metadata);
                seen = Some(metadata.clone());
            }
            if operation.done {
                return Ok(operation);
            }
            // A server that stops answers a wait at once.
            sleep(interval.saturating_sub(began.elapsed())).await;
            interval = next;
        }
    }

    /// The response, once the operation has succeeded.
    ///
    /// # Errors
    /// Whether the poll failed or the operation did.
    pub async fn result<R: Message + Name + Default>(self) -> Result<R, OperationError> {
        outcome(self.done().await.map_err(OperationError::Poll)?)
    }
}

/// Holds the call for so long, where the server can; otherwise looks at once.
async fn ask(
    client: &Client,
    name: &str,
    hold: Duration,
    waits: bool,
) -> Result<Response<Operation>, ClientError> {
    patiently(async || match waits && !hold.is_zero() {
        true => client.wait_once(name, Some(hold)).await,
        false => client.poll_once(name).await,
    })
    .await
}

fn outcome<R: Message + Name + Default>(operation: Operation) -> Result<R, OperationError> {
    let unreadable = |what: String| OperationError::Unreadable(format!("the response is {what}"));
    match operation.result {
        Some(operation::Result::Response(response)) => unpack(&response).map_err(unreadable),
        Some(operation::Result::Error(status)) => Err(OperationError::Failed(status)),
        None => Err(unreadable("missing".to_owned())),
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll(error) => write!(f, "the poll failed: {error}"),
            Self::Failed(status) => {
                let code = Code::from_i32(status.code);
                write!(f, "the operation failed: {code:?}: {}", status.message)
            }
            Self::Unreadable(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for OperationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Poll(error) => Some(error),
            Self::Failed(_) | Self::Unreadable(_) => None,
        }
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack;

    #[test]
    fn outcomes_are_told_apart() {
        let done = |result| Operation { done: true, result, ..Operation::default() };
        let well = done(Some(operation::Result::Response(pack(&7_u32))));
        assert_eq!(outcome::<u32>(well.clone()), Ok(7));
        let other = outcome::<String>(well);
        assert!(matches!(other, Err(OperationError::Unreadable(_))), "{other:?}");
        let status = rpc::Status { code: 1, message: "stopped".into(), details: vec![] };
        let failed = outcome::<u32>(done(Some(operation::Result::Error(status.clone()))));
        assert_eq!(failed, Err(OperationError::Failed(status)));
        assert_eq!(failed.unwrap_err().to_string(), "the operation failed: Cancelled: stopped");
        assert!(outcome::<u32>(done(None)).is_err());
    }
}
