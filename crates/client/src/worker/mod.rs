//! The worker loop: leases records, hands each to its method's handler, keeps the leases,
//! finishes the records.

mod backend;
mod context;
mod drive;
mod error;
mod job;
mod signals;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use prost::{Message, Name};
use prost_types::Any;
use tokio::sync::watch;
use tonic::Code;

pub use self::context::Context;
pub use self::error::{Retry, WorkError};

use self::drive::{Plan, Stop, drive};
use self::signals::Signals;
use crate::{Client, ClientError, Payload, pack, unpack};

/// Records worked on at once, unless told otherwise.
const CONCURRENCY: usize = 8;
/// How long running work may go on after a stop, unless told otherwise.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

type Ending = Pin<Box<dyn Future<Output = Result<Payload, WorkError>> + Send>>;
type Handler = Arc<dyn Fn(Context) -> Ending + Send + Sync>;

/// Works on the records of one service.
///
/// Every lease is renewed at a third of its length. A handler whose lease is lost is
/// stopped, since the record may be another worker's by then; one that panics gives its
/// record back as a failed attempt. One that blocks its thread keeps others, and on a
/// runtime of one thread its own renewals, from their turn: it needs `spawn_blocking`.
#[must_use = "it works only once it runs"]
pub struct Worker {
    client: Client,
    plan: Plan,
}

impl Worker {
    /// A worker on `service`, such as `longrun.local`.
    pub fn new(client: Client, service: impl Into<String>) -> Self {
        let plan = Plan {
            service: service.into(),
            worker_id: default_id(),
            concurrency: CONCURRENCY,
            lease_duration: None,
            drain_timeout: DRAIN_TIMEOUT,
            handlers: BTreeMap::new(),
        };
        Self { client, plan }
    }

    /// How it calls itself in leases: at most 255 bytes. By default host and process.
    pub fn worker_id(mut self, id: impl Into<String>) -> Self {
        self.plan.worker_id = id.into();
        self
    }

    /// How many records it works on at once; 8 by default. It never leases more.
    pub fn concurrency(mut self, count: usize) -> Self {
        self.plan.concurrency = count.max(1);
        self
    }

    /// How long a lease lasts, 1 s to 1 h; by default as long as the method says.
    pub fn lease_duration(mut self, duration: Duration) -> Self {
        self.plan.lease_duration = Some(duration);
        self
    }

    /// How long running work may go on after a stop; 30 s by default. What is not done then
    /// is given back, and the attempt doesn't count.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.plan.drain_timeout = timeout;
        self
    }

    /// Handles `method`, `pkg.Service/Method`, typed: the request comes decoded (empty, if
    /// the record has none), the response goes with its type's name.
    pub fn handle<Req, Res, F, Fut>(self, method: impl Into<String>, handler: F) -> Self
    where
        Req: Message + Name + Default + 'static,
        Res: Message + Name,
        F: Fn(Context, Req) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Res, WorkError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.with(method.into(), move |context| {
            let handler = handler.clone();
            Box::pin(async move {
                let request = match &context.record().request {
                    Some(any) => unpack(any).map_err(|found| {
                        let what = format!("the worker can't read the request: it is {found}");
                        WorkError::failed(Code::Internal, what)
                    })?,
                    None => Req::default(),
                };
                Ok(pack(&handler(context, request).await?).into())
            })
        })
    }

    /// Handles `method` with the request as it is, and any type of response.
    pub fn handle_any<P, F, Fut>(self, method: impl Into<String>, handler: F) -> Self
    where
        P: Into<Payload>,
        F: Fn(Context, Option<Any>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<P, WorkError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.with(method.into(), move |context| {
            let handler = handler.clone();
            Box::pin(async move {
                let request = context.record().request.clone();
                handler(context, request).await.map(Into::into)
            })
        })
    }

    fn with(
        mut self,
        method: String,
        handler: impl Fn(Context) -> Ending + Send + Sync + 'static,
    ) -> Self {
        self.plan.handlers.insert(method, Arc::new(handler));
        self
    }

    /// Works until SIGTERM or SIGINT, then drains: leases no more, lets running work finish.
    /// A second signal ends the wait.
    ///
    /// # Errors
    /// When the server refuses the worker: no such service, not permitted. When a handler says
    /// [`WorkError::Unfit`]. A server that is away is asked again.
    pub async fn run(self) -> Result<(), ClientError> {
        let mut signals = Signals::listen()
            .map_err(|error| ClientError::new(Code::Internal, format!("signals: {error}")))?;
        let (stop, stopped) = watch::channel(Stop::No);
        let forward = async {
            signals.next().await;
            // Nobody listens any more once the loop has ended, which is as good.
            let _ = stop.send(Stop::Drain);
            signals.next().await;
            let _ = stop.send(Stop::Now);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = drive(Arc::new(self.client), self.plan, stopped) => ended,
            () = forward => Ok(()),
        }
    }

    /// Works until `stop`, then drains.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), ClientError> {
        let (sender, stopped) = watch::channel(Stop::No);
        let forward = async {
            stop.await;
            let _ = sender.send(Stop::Drain);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = drive(Arc::new(self.client), self.plan, stopped) => ended,
            () = forward => Ok(()),
        }
    }
}

/// `HOST:PROCESS`, so that an operator finds it.
fn default_id() -> String {
    let host = std::env::var("HOSTNAME").ok().or_else(|| {
        std::fs::read_to_string("/etc/hostname").ok().map(|text| text.trim().to_owned())
    });
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| "worker".to_owned());
    let short: String = host.chars().filter(|c| c.is_ascii_graphic()).take(200).collect();
    format!("{short}:{}", std::process::id())
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("service", &self.plan.service)
            .field("methods", &self.plan.handlers.keys())
            .finish_non_exhaustive()
    }
}
