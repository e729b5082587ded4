//! A command that runs: its group, its four pipes, its end.

use std::fmt;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use longrun_client::Context;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Of stdout: more than any response may have.
pub(super) const STDOUT_BYTES_MAX: usize = 4 << 20;
/// Of stderr, from its end.
const STDERR_BYTES_MAX: usize = 64 << 10;
/// Of one line of progress.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// How long the pipes are read after the command has ended: what it left running may hold
/// them for ever.
const PIPES_MAX: Duration = Duration::from_secs(1);

/// No other command may be started while one's progress pipe is inheritable, or it would hold
/// that pipe, too.
static STARTING: Mutex<()> = Mutex::new(());

/// A command under way; it is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    group: Group,
    progress: pipe::Receiver,
}

/// What is left of it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) how: How,
    pub(super) stdout: Vec<u8>,
    /// Its end.
    pub(super) stderr: Vec<u8>,
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Exit(i32),
    Signal(i32),
}

/// A process group, until it is known to be gone.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // One that is gone needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

impl Process {
    /// Starts a command in a process group of its own.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn start(command: &[String], variables: &[(&str, String)]) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let progress = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        // The standard library places three descriptors; the shell places the fourth.
        let script = format!("exec \"$@\" 3>/dev/fd/{}", writer.as_raw_fd());
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script, "sh"])
            .args(command)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let child = {
            let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            fcntl_setfd(&writer, FdFlags::empty())?;
            let child = shell.spawn();
            drop(writer);
            child?
        };
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { child, group: Group(group), progress })
    }

    /// Feeds it, reads it, passes its progress on, and ends it when the record's lease is
    /// to end.
    pub(super) async fn run(mut self, context: &Context, request: &str, grace: Duration) -> Ended {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (input, output, errors) =
            (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take());
        let pipes = async {
            tokio::join!(
                feed(input, request.as_bytes()),
                collect(output, &mut stdout),
                tail(errors, &mut stderr),
                report(self.progress, context),
            );
        };
        let status = {
            tokio::pin!(pipes);
            let exit = end(&mut self.child, &self.group, context, grace);
            tokio::pin!(exit);
            let mut drained = false;
            let status = tokio::select! {
                status = &mut exit => status,
                () = &mut pipes => {
                    drained = true;
                    exit.await
                }
            };
            if !drained && timeout(PIPES_MAX, pipes).await.is_err() {
                tracing::warn!(name = context.name(), "the command left something running");
            }
            status
        };
        // It has ended by itself; what it left running is its own affair.
        self.group.0 = None;
        Ended { how: How::of(status), stdout, stderr }
    }
}

impl How {
    fn of(status: io::Result<ExitStatus>) -> Self {
        match status.map(|status| (status.code(), status.signal())) {
            Ok((Some(code), _)) => Self::Exit(code),
            Ok((None, signal)) => Self::Signal(signal.unwrap_or_default()),
            // Nobody can say how it ended: as if it had been killed.
            Err(_) => Self::Signal(0),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// Until it has ended: by itself, or asked to, or made to.
async fn end(
    child: &mut Child,
    group: &Group,
    context: &Context,
    grace: Duration,
) -> io::Result<ExitStatus> {
    tokio::select! {
        status = child.wait() => return status,
        () = context.cancelled() => {}
    }
    group.signal(Signal::TERM);
    let status = timeout(grace, child.wait()).await;
    // Who has not heard by now, or was left behind.
    group.signal(Signal::KILL);
    match status {
        Ok(status) => status,
        Err(_) => child.wait().await,
    }
}

async fn feed(input: Option<ChildStdin>, request: &[u8]) {
    if let Some(mut input) = input {
        // A command need not read its request.
        let _ = input.write_all(request).await;
    }
}

/// A little more than the limit, so that too much can be told from enough.
async fn collect(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    if let Some(from) = from {
        // A pipe ends; what came until then is all there is.
        let _ = from.take(STDOUT_BYTES_MAX as u64 + 1).read_to_end(into).await;
    }
}

/// Passes stderr on, and keeps its end.
async fn tail(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut piece = vec![0; 8 << 10];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        // A log that nobody takes is no reason to stop the work.
        let _ = io::stderr().write_all(&piece[..count]);
        into.extend_from_slice(&piece[..count]);
        if into.len() > 2 * STDERR_BYTES_MAX {
            into.drain(..into.len() - STDERR_BYTES_MAX);
        }
    }
}

/// Sends progress as fast as the server takes it; of what came meanwhile, the last counts.
async fn report(from: pipe::Receiver, context: &Context) {
    let (latest, mut changed) = watch::channel(Value::Null);
    let read = async {
        let latest = latest;
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while let Ok(1..) = (&mut from).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await {
            match serde_json::from_slice::<Value>(&line) {
                Ok(progress) => drop(latest.send_replace(progress)),
                Err(_) if line.trim_ascii().is_empty() => {}
                Err(error) => {
                    tracing::warn!(name = context.name(), %error, "a line of progress is no JSON");
                }
            }
            line.clear();
        }
    };
    let send = async {
        while changed.changed().await.is_ok() {
            let progress = changed.borrow_and_update().clone();
            if let Err(error) = context.progress_any(progress).await {
                tracing::warn!(name = context.name(), %error, "progress was not taken");
                // What can't be reported now can't be a moment later.
                sleep(Duration::from_millis(100)).await;
            }
        }
    };
    tokio::join!(read, send);
}
