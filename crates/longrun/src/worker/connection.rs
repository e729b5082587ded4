//! The server that a worker works for, and how much it takes on.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use longrun_client::{Client, Worker, patiently};
use longrun_server::auth::{TOKEN_FILE, check_host};
use longrun_server::config::parse_duration;

use crate::output::Failure;
use crate::place;

/// Flags of every worker.
#[derive(Args, Debug)]
pub(super) struct Connection {
    /// The server.
    #[arg(
        long,
        value_name = "URL",
        env = "LONGRUN_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    server: String,
    /// The service whose operations it works on.
    #[arg(long, value_name = "SERVICE", default_value = "longrun.local")]
    service: String,
    /// A file with the token; else, for a server on this machine, the one in its data
    /// folder.
    #[arg(long, value_name = "FILE", env = "LONGRUN_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The data folder of a server on this machine. [default: as of longrun serve]
    #[arg(long, value_name = "DIR", env = "LONGRUN_DATA_DIR")]
    data_dir: Option<PathBuf>,
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

impl Connection {
    /// A connection; a server that is away for a moment is waited for.
    pub(super) async fn open(&self) -> Result<Client, Failure> {
        let token = self.token()?;
        Ok(patiently(async || Client::connect(&self.server, token.clone()).await).await?)
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

    /// The token to send. The one of the data folder goes to this machine alone: no other
    /// server may learn it.
    fn token(&self) -> Result<Option<String>, Failure> {
        let read =
            |path: &PathBuf| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
        if let Some(path) = &self.token_file {
            let refuse = |error| format!("the token file {}: {error}", path.display());
            return read(path).map(Some).map_err(|error| Failure::new(refuse(error)));
        }
        let authority = self.server.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        if authority.is_none_or(|authority| check_host(authority, None, []).is_err()) {
            return Ok(None);
        }
        let folder = self.data_dir.clone().unwrap_or_else(place::data_dir);
        Ok(read(&folder.join(TOKEN_FILE)).ok().filter(|token| !token.is_empty()))
    }
}
