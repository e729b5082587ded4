//! The client's side: get, wait, and waiting until the end.

use std::time::Duration;

use http_body_util::BodyExt as _;
use longrun_api::google::longrunning::{
    CancelOperationRequest, DeleteOperationRequest, GetOperationRequest, ListOperationsRequest,
    ListOperationsResponse, Operation, WaitOperationRequest,
};
use tokio::time::{Instant, sleep};
use tonic::{Code, Response};
use tower::ServiceExt as _;

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

    async fn wait_once(
        &self,
        name: &str,
        timeout: Option<Duration>,
    ) -> Result<Response<Operation>, ClientError> {
        let timeout = timeout.and_then(|timeout| timeout.try_into().ok());
        let request = WaitOperationRequest { name: name.to_owned(), timeout };
        Ok(self.operations.clone().wait_operation(request).await?)
    }

    async fn poll_once(&self, name: &str) -> Result<Response<Operation>, ClientError> {
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

    /// What the server answers to `GET {path}` over the same connection, as JSON text:
    /// payloads of types that only the server knows are readable there.
    ///
    /// `None` when the answer isn't 200.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the connection fails, `INVALID_ARGUMENT` when `path` is none.
    pub async fn get_json(&self, path: &str) -> Result<Option<Vec<u8>>, ClientError> {
        let lost = |error: &(dyn std::error::Error + 'static)| {
            ClientError::new(Code::Unavailable, crate::error::chain(error))
        };
        let mut request = http::Request::get(path);
        if let Some(value) = &self.bearer.0 {
            let mut header =
                http::HeaderValue::from_bytes(value.as_bytes()).map_err(|error| lost(&error))?;
            header.set_sensitive(true);
            request = request.header(http::header::AUTHORIZATION, header);
        }
        let request = request
            .body(tonic::body::Body::empty())
            .map_err(|error| ClientError::new(Code::InvalidArgument, error.to_string()))?;
        let answer = self.channel.clone().oneshot(request).await.map_err(|error| lost(&error))?;
        if answer.status() != http::StatusCode::OK {
            return Ok(None);
        }
        let body = answer.into_body().collect().await.map_err(|status| lost(&status))?;
        Ok(Some(body.to_bytes().to_vec()))
    }
}

/// `retry-after` of an answer, in seconds.
fn recommended(answer: &Response<Operation>) -> Duration {
    let seconds = answer.metadata().get("retry-after").and_then(|value| value.to_str().ok());
    let seconds = seconds.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    seconds.unwrap_or(PAUSE_MIN * 5).max(PAUSE_MIN)
}
