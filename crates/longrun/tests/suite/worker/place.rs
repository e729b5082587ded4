//! A server in this process, and the program beside it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use longrun_api::longrun::v1::OperationRecord;
use longrun_client::Client;
use longrun_server::auth::Authenticator;
use longrun_server::catalog::{Catalog, Sources};
use longrun_server::clock::ManualClock;
use longrun_server::config::Limits;
use longrun_server::operation::{Span, Timestamp};
use longrun_server::{Running, Settings, start};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

pub const METHOD: &str = "demo.v1.Demo/Build";

/// 2026-01-02T03:04:05Z: the time until a test moves it.
const START: Timestamp = Timestamp::from_micros(1_767_323_045_000_000);

pub struct Server {
    pub clock: Arc<ManualClock>,
    pub client: Client,
    pub url: String,
    files: AtomicU64,
    // Fields go in this order: the server before its folder.
    _running: Running,
    dir: tempfile::TempDir,
}

impl Server {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let mut settings = Settings::new(
            "127.0.0.1:0".parse().unwrap(),
            dir.path().join("data"),
            Catalog::load(&Sources::default()).unwrap(),
            Authenticator::open(),
            Limits::default(),
        );
        std::fs::create_dir(dir.path().join("data")).unwrap();
        settings.clock = clock.clone();
        let running = start(settings).await.unwrap();
        let url = format!("http://{}", running.local_addr());
        let client = Client::connect(&url, None).await.unwrap();
        Self { clock, client, url, files: AtomicU64::new(0), _running: running, dir }
    }

    /// A pending record, with a request in JSON.
    pub async fn create(&self, id: &str, request: Option<Value>) {
        let mut record = json!({"method": METHOD, "owner": "local:anonymous"});
        if let Some(request) = request {
            record["request"] = request;
        }
        let path = format!("/longrun/v1/services/longrun.local/operations?operationId={id}");
        self.client.post_json(&path, &record).await.unwrap();
        // Oldest first, whatever their names.
        self.clock.advance(Span::from_micros(1_000));
    }

    pub async fn record(&self, id: &str) -> OperationRecord {
        let name = format!("services/longrun.local/operations/{id}");
        self.client.get_record(&name).await.unwrap()
    }

    /// The record in JSON, once it is done.
    pub async fn done(&self, id: &str) -> Value {
        self.client.wait_until_done(&format!("operations/{id}")).await.unwrap();
        let path = format!("/longrun/v1/services/longrun.local/operations/{id}");
        self.client.get_json(&path).await.unwrap()
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// A named pipe: opening it waits for the other side.
    pub fn fifo(&self) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::SeqCst);
        let path = self.dir.path().join(format!("fifo{number}"));
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }
}

/// The program; it is killed when this is dropped.
pub struct Program {
    child: Child,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Program {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(Path::new(env!("CARGO_BIN_EXE_longrun")))
            .args(arguments)
            .env_remove("LONGRUN_LOG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, stderr }
    }

    /// Until stderr has a line with this.
    pub async fn said(&mut self, what: &str) {
        let mut before = String::new();
        while let Some(line) = self.stderr.next_line().await.unwrap() {
            if line.contains(what) {
                return;
            }
            before = before + &line + "\n";
        }
        panic!("it never said {what:?}:\n{before}");
    }

    pub fn terminate(&self) {
        kill_process(self.id(), Signal::TERM).unwrap();
    }

    /// Until it is resumed it does nothing, whatever time goes by.
    pub fn suspend(&self) {
        kill_process(self.id(), Signal::STOP).unwrap();
        let (_, status) = waitpid(Some(self.id()), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "{status:?}");
    }

    pub fn resume(&self) {
        kill_process(self.id(), Signal::CONT).unwrap();
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id().expect("it runs")).unwrap()).unwrap()
    }

    /// Its exit code; `None` if a signal ended it.
    pub async fn ended(&mut self) -> Option<i32> {
        // It must not wait for somebody to read what it says.
        while let Ok(Some(_)) = self.stderr.next_line().await {}
        self.child.wait().await.unwrap().code()
    }

    pub async fn stop(&mut self) -> Option<i32> {
        self.terminate();
        self.ended().await
    }
}
