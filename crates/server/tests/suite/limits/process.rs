//! This program again, told to serve or to hold connections: the server's memory is then its
//! own, and so are the file descriptors of both ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use longrun_server::catalog::Sources;
use longrun_server::config::File;
use rustix::process::{Resource, getrlimit};
use tokio::io::AsyncWriteExt as _;

use super::wires::{Frames, Line, request};
use crate::harness::Server;

const SERVE: &str = "LONGRUN_TEST_SERVE";
const HOLD: &str = "LONGRUN_TEST_HOLD";

/// A process of ours; it ends with this value.
struct Other {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Kept open, for what the test's harness says at its end.
    _stdout: BufReader<ChildStdout>,
    said: String,
}

impl Other {
    /// Runs a test of this program with as many file descriptors as the system gives, until
    /// it has said what it says after `said`.
    fn start(test: &str, variable: &str, value: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n \"$(ulimit -Hn)\" && exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(variable, value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = stdout.by_ref().lines().map_while(Result::ok);
        let said = lines.find_map(|line| line.strip_prefix("said ").map(str::to_owned));
        let said = said.expect("it says when it is ready");
        Self { child, stdin, _stdout: stdout, said }
    }

    fn stop(mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Other {
    /// A test that failed doesn't leave it behind.
    fn drop(&mut self) {
        if self.stdin.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Fails unless a process of ours may have so many files open.
pub fn may_open(files: u64) {
    let most = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    assert!(
        most >= files,
        "a process may have {most} files open, and these connections want {files}: raise the hard \
         limit (`ulimit -Hn`; as root, or LimitNOFILE= of a service, --ulimit of a container)"
    );
}

/// Says a word to whoever started this, and returns once told to stop.
async fn say(word: &str) {
    println!("\nsaid {word}");
    std::io::stdout().flush().unwrap();
    let wait = || std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    tokio::task::spawn_blocking(wait).await.unwrap();
}

/// The threads that a server of its own works with.
pub const WORKERS: u64 = 2;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(WORKERS as usize).enable_all().build().unwrap()
}

/// A server in a process of its own.
pub struct Process {
    pub address: SocketAddr,
    other: Other,
}

impl Process {
    /// Starts one with the keys of `[limits]`.
    pub fn start(limits: &str) -> Self {
        let other = Other::start("limits::process::serves_when_told_to", SERVE, limits);
        Self { address: other.said.parse().unwrap(), other }
    }

    /// What it has in memory now, in bytes.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that it ever had. The kernel counts by processor and adds up now and then, so this
    /// can be a few pages less than it was.
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// By how much its peak is over what it once was, in bytes.
    pub fn grown(&self, since: u64) -> u64 {
        self.peak().saturating_sub(since)
    }

    fn status(&self, key: &str) -> u64 {
        let path = format!("/proc/{}/status", self.other.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib << 10
    }

    /// Stops it, as it should be.
    pub fn stop(self) {
        self.other.stop();
    }
}

/// Not a test by itself: what [`Process::start`] runs.
#[test]
fn serves_when_told_to() {
    let Ok(limits) = std::env::var(SERVE) else { return };
    let file = File::parse(Path::new("limits.toml"), &format!("[limits]\n{limits}")).unwrap();
    runtime().block_on(async {
        let server = Server::start(Sources::default(), file.limits).await;
        say(&server.address.to_string()).await;
        server.stop().await;
    });
}

/// What the connections of a crowd have done before they do nothing.
#[derive(Clone, Copy, Debug)]
pub enum Done {
    /// Connected.
    Nothing,
    /// Sent most of a large head.
    Begun,
    /// Got an answer, by HTTP/1.1.
    Asked,
    /// Greeted, by HTTP/2.
    Greeted,
}

/// Many connections, in a process of their own.
pub struct Crowd(Other);

impl Crowd {
    /// So many connections, each of which the server knows.
    pub fn hold(address: SocketAddr, count: usize, done: Done) -> Self {
        let value = format!("{address} {count} {done:?}");
        let other = Other::start("limits::process::holds_when_told_to", HOLD, &value);
        assert_eq!(other.said, count.to_string());
        Self(other)
    }

    /// Ends them all.
    pub fn leave(self) {
        self.0.stop();
    }
}

/// So many connect at the same time, each from an address of its own.
const TOGETHER: u8 = 10;

/// Not a test by itself: what [`Crowd::hold`] runs.
#[test]
fn holds_when_told_to() {
    let Ok(value) = std::env::var(HOLD) else { return };
    let [address, count, done] = value.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{value}")
    };
    let address: SocketAddr = address.parse().unwrap();
    let get = request("GET", "/v1/operations/one", "alice", "");
    let begun = format!("{}x: {}", get.trim_end_matches("\r\n"), "x".repeat(20 << 10));
    let probe = request("GET", "/livez", "alice", "");
    let one = async |from: Ipv4Addr, held: &mut Vec<Line>| {
        let mut line = Line::connect_from(from, address).await;
        match done {
            "Nothing" => {}
            "Begun" => line.0.write_all(begun.as_bytes()).await.unwrap(),
            "Asked" => assert!(line.ask(&probe).await.is_some()),
            _ => {
                let mut frames = Frames::greet(line.0, &[]).await;
                assert!(frames.next().await.is_some());
                line = Line(frames.0);
            }
        }
        held.push(line);
    };
    runtime().block_on(async {
        // A port that was used is not free for a minute: one address would not do for long.
        let some = async |at: u8, count: usize| {
            let mut held = Vec::new();
            for _ in 0..count {
                one(Ipv4Addr::new(127, 0, 0, 2 + at), &mut held).await;
            }
            held
        };
        let each = count.parse::<usize>().unwrap() / usize::from(TOGETHER);
        let held = futures::future::join_all((0..TOGETHER).map(|at| some(at, each))).await;
        // They are accepted in their order: who gets an answer now is behind them all.
        assert!(Line::connect(address).await.ask(&get).await.is_some());
        say(&held.iter().flatten().count().to_string()).await;
    });
}
