//! `longrun demo`: a server without authentication and a worker, in one process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use clap::Args;
use longrun_client::Client;
use longrun_server::auth::Authenticator;
use longrun_server::clock::{Random as _, SystemRandom};
use longrun_server::config::{Config, File, Overrides, parse_listen};
use tokio::sync::watch;

use crate::demo_worker;
use crate::logging;
use crate::output::{self, Exit, Failure};
use crate::serve;
use crate::signal::Signals;

/// Flags of `longrun demo`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Where to listen, IP:PORT on loopback. [default: 127.0.0.1:8080, or any free port]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Where records are kept. [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Runs until a signal.
///
/// # Errors
/// When the server doesn't start.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    logging::start(None, "warn")?;
    let folder = match arguments.data_dir {
        Some(path) => Folder { path, temporary: false },
        None => Folder::temporary(),
    };
    serve::make_data_dir(&folder.path)?;
    let over = Overrides {
        listen: Some(arguments.listen.unwrap_or_else(free_address)),
        no_auth: true,
        ..Overrides::default()
    };
    let config = Config::resolve(File::default(), over, &folder.path).map_err(Failure::new)?;
    let mut signals = Signals::listen().map_err(Failure::new)?;
    let running = serve::start(config, Authenticator::open(), false).await?;

    let url = format!("http://{}", running.local_addr());
    let client = Client::connect(&url, None).await?;
    let (stop, stopping) = watch::channel(false);
    let worker = tokio::spawn(demo_worker::run(client, stopping));
    output::print(&lines(&url, &folder.path))?;

    signals.next().await;
    stop.send_replace(true);
    let stopped = async {
        // It gives back what it has, so the server stops after it.
        worker.await.unwrap_or_else(|error| tracing::error!(%error, "the demo worker failed"));
        running.shutdown().await;
    };
    signals.stop(stopped).await;
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

/// What to try, each line as it stands.
fn lines(url: &str, folder: &Path) -> String {
    let method = demo_worker::METHOD;
    let body = format!(r#"{{"method":"{method}","owner":"local:anonymous"}}"#);
    let json = "-H 'content-type: application/json'";
    format!(
        "Longrun listens on {url}, without authentication; records are in {folder}.
A worker builds whatever {method} asks for, about five seconds each. Ctrl-C ends it all.

Start an operation (another one needs another id):
  curl -s '{url}/longrun/v1/services/longrun.local/operations?operationId=build-1' {json} -d '{body}'
Look at it:
  curl -s {url}/v1/operations/build-1
Wait for it:
  curl -s -X POST {url}/v1/operations/build-1:wait {json} -d '{{\"timeout\":\"30s\"}}'
  longrun operations wait build-1 --server {url}
Ask for it to be cancelled, while it runs:
  curl -s -X POST {url}/v1/operations/build-1:cancel {json} -d '{{}}'
All of them:
  curl -s {url}/v1/operations
",
        folder = folder.display(),
    )
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

    #[test]
    fn lines_are_whole() {
        let text = lines("http://127.0.0.1:1", Path::new("/tmp/x"));
        assert!(text.contains(r#"-d '{"method":"demo.v1.Demo/Build","owner":"local:anonymous"}'"#));
        assert!(
            text.contains(r#":wait -H 'content-type: application/json' -d '{"timeout":"30s"}'"#)
        );
    }
}
