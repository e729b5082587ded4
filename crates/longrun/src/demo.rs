//! `longrun demo`: the Workspace Events example, server and worker in one process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use longrun_client::Client;
use longrun_client::signal::Signals;
use longrun_server::auth::Authenticator;
use longrun_server::clock::{Random as _, SystemRandom};
use longrun_server::config::{Config, File, Overrides, parse_listen};
use tokio::sync::watch;
use workspace_events::SERVICE;

use crate::logging;
use crate::output::{self, Exit, Failure};
use crate::serve;
use crate::signal;

/// Flags of `longrun demo`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Where to listen, IP:PORT on loopback. [default: 127.0.0.1:8080, or any free port]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Where records and subscriptions are kept. [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// What the worker keeps, in the data folder.
const SUBSCRIPTIONS: &str = "subscriptions.binpb";

/// Runs until a signal.
///
/// # Errors
/// When the server doesn't start, or the subscriptions can't be read.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    logging::start(None, "warn")?;
    let folder = match arguments.data_dir {
        Some(path) => Folder { path, temporary: false },
        None => Folder::temporary(),
    };
    serve::make_data_dir(&folder.path)?;
    let over = Overrides {
        listen: Some(arguments.listen.unwrap_or_else(free_address)),
        no_auth: Some(true),
        ..Overrides::default()
    };
    let file = File::parse(Path::new("the demo's longrun.toml"), workspace_events::CONFIG);
    let config = Config::resolve(file.map_err(Failure::new)?, over, &folder.path);
    let config = config.map_err(Failure::new)?;
    let file = folder.path.join(SUBSCRIPTIONS);
    let subscriptions = workspace_events::File::open(&file)
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    let mut signals = Signals::listen().map_err(Failure::new)?;
    let running = serve::start(config, Authenticator::open(), false).await?;

    let url = format!("http://{}", running.local_addr());
    let client = Client::connect(&url, None).await?;
    let (stop, mut stopping) = watch::channel(false);
    // What it has begun goes back to the server at once.
    let worker = workspace_events::worker(client, subscriptions)
        .worker_id("demo")
        .drain_timeout(Duration::ZERO);
    let worker = tokio::spawn(async move {
        let stopped = async move {
            // An error means that the demo is gone, which is stopping too.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        if let Err(error) = worker.run_until(stopped).await {
            tracing::warn!(%error, "the demo's worker gave up");
        }
    });
    output::print(&lines(&program(), &url, &folder.path))?;

    signals.next().await;
    stop.send_replace(true);
    let stopped = async {
        // It gives back what it has, so the server stops after it.
        worker.await.unwrap_or_else(|error| tracing::error!(%error, "the demo's worker failed"));
        running.shutdown().await;
    };
    signal::stop(&mut signals, stopped).await;
    Ok(Exit::Ok)
}

/// The usual port if nobody has it, so that the lines are the same each time.
fn free_address() -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    match TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => (Ipv4Addr::LOCALHOST, 0).into(),
    }
}

/// What to try, in one shell from top to bottom, each line as it stands; `longrun` is how the
/// shell finds this program.
fn lines(longrun: &str, url: &str, folder: &Path) -> String {
    let folder = folder.display();
    let host = url.trim_start_matches("http://");
    let post = "curl -s -H 'content-type: application/json'";
    let operation = "tee /dev/stderr | grep -o 'operations/[0-9a-z]*'";
    let create = |event: &str| {
        format!(
            r#"{post} {url}/v1/subscriptions -d '{{
    "targetResource": "//chat.googleapis.com/spaces/AAAA",
    "eventTypes": ["google.workspace.{event}"],
    "notificationEndpoint": {{"pubsubTopic": "projects/p/topics/closed"}}
  }}'"#
        )
    };
    let create_well = create("chat.message.v1.created");
    let create_badly = create("meet.conference.v2.started");
    format!(
        r#"Longrun listens on {url}, without authentication, and serves the
Google Workspace Events API (v1). A worker keeps the subscriptions. Ctrl-C ends it all.
Records and subscriptions are in {folder}.

Subscribe to a Chat space; the answer is an operation, done already:
  operation=$({create_well} | {operation})
Read it again, by its name, as the API's callers and as its operators do:
  curl -s {url}/v1/$operation
  {longrun} operations describe services/{SERVICE}/$operation --server {url}
The subscription is suspended: its topic is closed. Reactivate it, which takes the worker two seconds:
  subscription=$(curl -s {url}/v1/$operation | grep -o 'subscriptions/[-0-9a-z]*')
  operation=$({post} {url}/v1/$subscription:reactivate -d '{{}}' | {operation})
  {longrun} operations wait $operation --server {url}
Ask for an event that a Chat space doesn't have; the worker rejects the call:
  {create_badly}
Delete the subscription with Google's own client (pip install google-apps-events-subscriptions):
  python3 - $subscription <<'END'
import sys
from google.apps.events_subscriptions_v1 import SubscriptionsServiceClient
from google.auth.credentials import AnonymousCredentials
rest = SubscriptionsServiceClient.get_transport_class("rest")
transport = rest(host="{host}", url_scheme="http", credentials=AnonymousCredentials())
client = SubscriptionsServiceClient(transport=transport)
print(client.delete_subscription(name=sys.argv[1]).result())
END
"#
    )
}

/// How whoever reads the lines has called this program.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "longrun".to_owned())
}

/// The data folder; a temporary one goes when the demo ends.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn temporary() -> Self {
        let mut random = [0; 8];
        SystemRandom.fill(&mut random);
        let name = format!("longrun-demo-{:016x}", u64::from_be_bytes(random));
        Self { path: std::env::temp_dir().join(name), temporary: true }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // Nothing is lost with what stays behind in the system's temporary folder.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_folders_go() {
        let folder = Folder::temporary();
        serve::make_data_dir(&folder.path).unwrap();
        let path = folder.path.clone();
        assert!(path.is_dir());
        drop(folder);
        assert!(!path.exists());
    }
}
