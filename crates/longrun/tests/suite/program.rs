//! The program as a child process: what it prints, what it is signalled, how it ends.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// After so long, whatever a test waits for isn't coming.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// `longrun`, with no environment but a home of its own.
pub(crate) fn longrun(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longrun"));
    command.env_clear().env("HOME", home).env("TMPDIR", home);
    command
}

/// A running program; it is killed when the test lets go of it.
pub(crate) struct Program {
    child: Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program starts");
        let stdout = Lines::of(child.stdout.take().expect("it is piped"));
        let stderr = Lines::of(child.stderr.take().expect("it is piped"));
        Self { child, stdout, stderr }
    }

    /// `TERM` or `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &line]).status();
        assert!(sent.expect("there is a shell").success(), "{line}");
    }

    /// `KILL`, and the process is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Looks again and again, for what comes without a line that tells of it.
    pub(crate) async fn until(&mut self, what: &str, look: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // In this order: what it did at its very end counts.
            let ended = self.child.try_wait().expect("it is ours");
            if look() {
                return;
            }
            if ended.is_some() || Instant::now() > deadline {
                self.kill();
                panic!("not so: {what}; {ended:?}\n{}", joined(&self.stderr.all()));
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(mut self) -> Ended {
        // The pipes close when the process is gone.
        let (stdout, stderr) = (self.stdout.all(), self.stderr.all());
        let status = self.child.wait().expect("it ended");
        Ended { code: status.code(), stdout: joined(&stdout), stderr: joined(&stderr) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    Program::start(command).end()
}

/// The lines of a pipe, as they come.
#[derive(Clone)]
pub(crate) struct Lines(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Printed::default()), Condvar::new()));
        let lines = Self(shared.clone());
        std::thread::spawn(move || {
            let (read, changed) = &*shared;
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                read.lock().unwrap().lines.push(line);
                changed.notify_all();
            }
            read.lock().unwrap().ended = true;
            changed.notify_all();
        });
        lines
    }

    /// The first line, past or to come, that `pick` takes.
    pub(crate) fn find<T>(&self, pick: impl Fn(&str) -> Option<T>) -> T {
        let found = self.until(|read| read.lines.iter().find_map(|line| pick(line)));
        found.unwrap_or_else(|lines| panic!("the line didn't come:\n{}", joined(&lines)))
    }

    /// What `look` finds, now or once another line has come.
    pub(crate) fn when<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        self.until(|_| look()).ok()
    }

    /// Every line, once the pipe is closed.
    pub(crate) fn all(&self) -> Vec<String> {
        let all = self.until(|read| read.ended.then(|| read.lines.clone()));
        all.unwrap_or_else(|lines| panic!("the program goes on:\n{}", joined(&lines)))
    }

    fn until<T>(&self, done: impl Fn(&Printed) -> Option<T>) -> Result<T, Vec<String>> {
        let (read, changed) = &*self.0;
        let deadline = Instant::now() + PATIENCE;
        let mut read = read.lock().unwrap();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match done(&read) {
                Some(found) => return Ok(found),
                None if read.ended || left.is_zero() => return Err(read.lines.clone()),
                None => read = changed.wait_timeout(read, left).unwrap().0,
            }
        }
    }
}
