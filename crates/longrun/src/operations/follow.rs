//! Following one operation to its end: the Backend's change feed, or a client's wait.

use std::sync::Arc;
use std::time::Duration;

use longrun_client::{ClientError, Code, JsonStream, escape_path, patiently};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::query::{literal, with_query};
use super::seen::Seen;
use super::session::{Session, View};
use super::target::Target;
use crate::output::Failure;

/// Before a stream is opened again that the server has ended: one that stops ends each at once.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// What each version is shown to, until one is done.
pub(super) type OnVersion<'a> = dyn Fn(&Value) -> Result<(), Failure> + 'a;

impl Session {
    /// The operation once it is done. A server that is away for a moment is asked again.
    ///
    /// # Errors
    /// As the server says, or `seen` does.
    pub(super) async fn follow(
        &self,
        target: &Target,
        seen: &OnVersion<'_>,
    ) -> Result<Value, Failure> {
        let found = patiently(async || self.find(target).await).await;
        let (view, now) = found.map_err(|error| self.explain(error))?;
        if Seen(&now).is_done() {
            return Ok(now);
        }
        seen(&now)?;
        match &view {
            View::Record(name) => self.follow_record(&view, name, now, seen).await,
            View::Operation(target) => self.follow_operation(&view, target, seen).await,
        }
    }

    async fn follow_record(
        &self,
        view: &View,
        name: &str,
        mut last: Value,
        seen: &OnVersion<'_>,
    ) -> Result<Value, Failure> {
        let short = Seen(&last).short_name().to_owned();
        let service = Seen(&last).service().unwrap_or("-").to_owned();
        let filter = format!("name={}", literal(&short));
        loop {
            // The watch begins before the look, so that no version falls between the two.
            let mut stream = patiently(async || self.watch(&service, &filter, "").await).await?;
            let mut next = Some(patiently(async || self.look(view).await).await?);
            while let Some(record) = next {
                if Seen(&record).is_done() {
                    return Ok(record);
                }
                if record != last {
                    seen(&record)?;
                    last = record;
                }
                next = record_of(&mut stream, name).await?;
            }
            sleep(PAUSE).await;
        }
    }

    async fn follow_operation(
        &self,
        view: &View,
        target: &Target,
        seen: &OnVersion<'_>,
    ) -> Result<Value, Failure> {
        let client = patiently(async || self.client_of(target.service.as_deref()).await).await?;
        let look = async || patiently(async || self.look(view).await).await;
        // Its metadata are read as JSON: this program has no descriptors.
        let changed = Arc::new(Notify::new());
        let waker = changed.clone();
        let done = client.poll(&target.operation).on_metadata(move |_| waker.notify_one()).done();
        let mut done = std::pin::pin!(done);
        loop {
            tokio::select! {
                ended = &mut done => {
                    ended?;
                    return Ok(look().await?);
                }
                () = changed.notified() => {
                    let now = look().await?;
                    if !Seen(&now).is_done() {
                        seen(&now)?;
                    }
                }
            }
        }
    }

    /// The change feed of a service, from `resume_token` on.
    ///
    /// # Errors
    /// As the server says.
    pub(super) async fn watch(
        &self,
        service: &str,
        filter: &str,
        resume_token: &str,
    ) -> Result<JsonStream, ClientError> {
        let path = format!("/longrun/v1/services/{}/operations:watch", escape_path(service));
        let path = with_query(&path, &[("filter", filter), ("resumeToken", resume_token)]);
        self.backend().stream_json(&path).await
    }
}

/// The record's next version; `None` when the stream is over, or the record gone: looking again
/// tells which.
async fn record_of(stream: &mut JsonStream, name: &str) -> Result<Option<Value>, ClientError> {
    loop {
        match stream.next().await {
            Ok(Some(mut message)) if message["record"]["name"] == name => {
                return Ok(Some(message["record"].take()));
            }
            Ok(Some(message)) if message["removed"] == true && message["name"] == name => {
                return Ok(None);
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(error) if error.code == Code::Unavailable => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}
