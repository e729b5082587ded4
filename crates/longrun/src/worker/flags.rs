//! Where a worker works, and how much it takes on.

use std::time::Duration;

use clap::Args;
use longrun_client::{Client, Worker, patiently};
use longrun_server::config::parse_duration;

use crate::connection::Connection;
use crate::output::Failure;

/// Flags of every worker.
#[derive(Args, Debug)]
pub(super) struct Flags {
    #[command(flatten)]
    connection: Connection,
    /// The service whose operations it works on.
    #[arg(long, value_name = "SERVICE", default_value = "longrun.local")]
    service: String,
    /// How the worker calls itself. [default: HOST:PROCESS]
    #[arg(long, value_name = "ID")]
    worker_id: Option<String>,
    /// How long a lease lasts, "1s" to "1h"; it is renewed at a third. [default: the
    /// method's]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    lease: Option<Duration>,
    /// How long running work may go on after SIGTERM; then it is given back.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    drain_timeout: Duration,
}

impl Flags {
    /// A connection; a server that is away for a moment is waited for.
    pub(super) async fn open(&self) -> Result<Client, Failure> {
        let token = self.connection.token()?;
        Ok(patiently(async || self.connection.open(token.clone(), None).await).await?)
    }

    /// A worker without handlers.
    pub(super) fn worker(&self, client: Client, concurrency: usize) -> Worker {
        let mut worker = Worker::new(client, &self.service)
            .concurrency(concurrency)
            .drain_timeout(self.drain_timeout);
        if let Some(id) = &self.worker_id {
            worker = worker.worker_id(id);
        }
        if let Some(lease) = self.lease {
            worker = worker.lease_duration(lease);
        }
        worker
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }
}
