//! A server of its own for each measurement, ended with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Failure;

/// What is measured, and where it may run.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) core: Option<usize>,
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Gone with the server.
    _folder: Option<tempfile::TempDir>,
}

impl Program {
    /// Longrun over an empty store on the disk under `target/`: a folder in memory would
    /// make every write look durable.
    pub(crate) async fn longrun(&self) -> Result<Server, Failure> {
        std::fs::create_dir_all("target")?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in("target")?;
        let config = folder.path().join("longrun.toml");
        std::fs::write(&config, "[limits]\nconnections_max = 100000\n")?;
        let mut command = self.command(&self.path);
        command.arg("serve").arg("--no-auth").arg("--data-dir").arg(folder.path().join("data"));
        command.arg("--config").arg(&config);
        Server::start(command, "--listen", Some(folder)).await
    }

    /// This program as the peer.
    pub(crate) async fn peer(&self) -> Result<Server, Failure> {
        let mut command = self.command(&std::env::current_exe()?);
        command.arg("serve-peer");
        Server::start(command, "PEER_LISTEN", None).await
    }

    fn command(&self, program: &std::path::Path) -> Command {
        let Some(core) = self.core else { return Command::new(program) };
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(core.to_string()).arg(program);
        command
    }
}

impl Server {
    async fn start(
        mut command: Command,
        listen: &str,
        folder: Option<tempfile::TempDir>,
    ) -> Result<Self, Failure> {
        // A port that is free now; nobody else takes ports in a measurement.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        match listen.starts_with('-') {
            true => command.arg(listen).arg(address.to_string()),
            false => command.env(listen, address.to_string()),
        };
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut server = Self { child, address, _folder: folder };
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended at once: {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(server)
    }

    /// Comes back once the server has nothing more to do.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let mut before = self.cpu()?;
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = self.cpu()?;
            if now == before {
                return Ok(());
            }
            before = now;
        }
    }

    /// CPU time so far, of all threads, in user space and in the kernel.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name before `)` may hold blanks. utime and stime are fields 14 and 15 of
        // proc(5), in ticks, of which Linux shows 100 in a second.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: u64 =
            fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing more to do for it then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
