//! The client's side: get, wait, and waiting until the end.

use std::time::Duration;

use longrun_api::google::longrunning::{
    CancelOperationRequest, DeleteOperationRequest, GetOperationRequest, ListOperationsRequest,
    ListOperationsResponse, Operation, WaitOperationRequest,
};
use tokio::time::{Instant, sleep};
use tonic::{Code, Response};

use crate::{Client, ClientError, patiently};

/// The shortest time between two waits that brought nothing new: a server that shuts down
/// answers each at once.
pub(crate) const PAUSE_MIN: Duration = Duration::from_secs(1);

impl Client {
    /// The operation as it is now.
    ///
    /// # Errors
    /// As the server says.
    pub async fn get_operation(&self, name: &str) -> Result<Operation, ClientError> {
        Ok(self.poll_once(name).await?.into_inner())
    }

    /// A page of operations.
    ///
    /// # Errors
    /// As the server says.
    pub async fn list_operations(
        &self,
        request: ListOperationsRequest,
    ) -> Result<ListOperationsResponse, ClientError> {
        Ok(self.operations.clone().list_operations(request).await?.into_inner())
    }

    /// Asks for the operation to be cancelled; its worker may still finish it otherwise.
    ///
    /// # Errors
    /// As the server says.
    pub async fn cancel_operation(&self, name: &str) -> Result<(), ClientError> {
        let request = CancelOperationRequest { name: name.to_owned() };
        self.operations.clone().cancel_operation(request).await?;
        Ok(())
    }

    /// Hides the operation from clients; the work, if it is still open, goes on.
    ///
    /// # Errors
    /// As the server says.
    pub async fn delete_operation(&self, name: &str) -> Result<(), ClientError> {
        let request = DeleteOperationRequest { name: name.to_owned() };
        self.operations.clone().delete_operation(request).await?;
        Ok(())
    }

    /// The operation once it is done or `timeout` has passed; the server's own longest, if
    /// `None`.
    ///
    /// # Errors
    /// As the server says.
    pub async fn wait_operation(
        &self,
        name: &str,
        timeout: Option<Duration>,
    ) -> Result<Operation, ClientError> {
        Ok(self.wait_once(name, timeout).await?.into_inner())
    }

    pub(crate) async fn wait_once(
        &self,
        name: &str,
        timeout: Option<Duration>,
    ) -> Result<Response<Operation>, ClientError> {
        let timeout = timeout.and_then(|timeout| timeout.try_into().ok());
        let request = WaitOperationRequest { name: name.to_owned(), timeout };
        Ok(self.operations.clone().wait_operation(request).await?)
    }

    pub(crate) async fn poll_once(&self, name: &str) -> Result<Response<Operation>, ClientError> {
        let request = GetOperationRequest { name: name.to_owned() };
        Ok(self.operations.clone().get_operation(request).await?)
    }

    /// The operation once it is done, however long that takes. A server that is away for a
    /// moment is asked again; one that serves no wait is polled as often as it recommends.
    ///
    /// # Errors
    /// As the server says; `UNAVAILABLE` when it stays away.
    pub async fn wait_until_done(&self, name: &str) -> Result<Operation, ClientError> {
        let mut waits = true;
        loop {
            let began = Instant::now();
            let answer = patiently(async || match waits {
                true => self.wait_once(name, None).await,
                false => self.poll_once(name).await,
            });
            let poll = match answer.await {
                Ok(answer) if answer.get_ref().done => return Ok(answer.into_inner()),
                Ok(_) if waits => PAUSE_MIN,
                Ok(answer) => recommended(&answer),
                Err(error) if waits && error.code == Code::Unimplemented => {
                    waits = false;
                    continue;
                }
                Err(error) => return Err(error),
            };
            sleep(poll.saturating_sub(began.elapsed())).await;
        }
    }
}

/// `retry-after` of an answer, in seconds.
pub(crate) fn recommended(answer: &Response<Operation>) -> Duration {
    let seconds = answer.metadata().get("retry-after").and_then(|value| value.to_str().ok());
    let seconds = seconds.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    seconds.unwrap_or(PAUSE_MIN * 5).max(PAUSE_MIN)
}
