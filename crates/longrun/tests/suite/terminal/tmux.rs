//! A terminal of its own, and what stands on its screen.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::program::Lines;

/// A shell in a terminal; it ends when the test lets go of it.
pub(super) struct Tmux {
    socket: PathBuf,
    /// A second client of the terminal, which writes a line whenever something is drawn.
    control: Child,
    drawn: Lines,
    /// Commands run so far.
    commands: Cell<u32>,
}

/// Tells of every command, by its number, the exit code.
const PROMPT: &str = r"[\# exit $?]\n$ ";

impl Tmux {
    /// A shell with nothing in its environment but a home, `longrun`, and these variables.
    pub(super) fn start(home: &Path, columns: u16, variables: &[(&str, String)]) -> Self {
        let socket = home.join("tmux");
        let program = Path::new(env!("CARGO_BIN_EXE_longrun")).parent().expect("it is in a folder");
        let shell = Command::new("tmux")
            .args(["-u", "-f", "/dev/null", "-S"])
            .arg(&socket)
            .args(["new-session", "-d", "-s", "test", "-y", "40", "-x", &columns.to_string()])
            .args(["env", "-i", "TERM=screen-256color", "LANG=C.UTF-8"])
            .arg(format!("PS1={PROMPT}"))
            .arg(format!("HOME={}", home.display()))
            .arg(format!("PATH={}:/usr/bin:/bin", program.display()))
            .args(variables.iter().map(|(name, value)| format!("{name}={value}")))
            .args(["bash", "--norc", "--noprofile"])
            .env("LANG", "C.UTF-8")
            .output()
            .expect("tmux is there: tests/run installs it");
        assert!(shell.status.success(), "{shell:?}");
        let mut control = Command::new("tmux")
            .arg("-S")
            .arg(&socket)
            .args(["-C", "attach", "-f", "ignore-size,read-only", "-t", "test"])
            // It ends when this closes.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was there a moment ago");
        let drawn = Lines::of(control.stdout.take().expect("it is piped"));
        let tmux = Self { socket, control, drawn, commands: Cell::new(0) };
        tmux.ended(0);
        tmux
    }

    /// Runs a command, on an empty screen.
    pub(super) fn run(&self, line: &str) {
        self.commands.set(self.commands.get() + 1);
        // What the command before has left is not what this one shows.
        self.tmux(&["send-keys", "-R", "-t", "test"]);
        self.answer(line);
    }

    /// The screen, once the last command has ended with that exit code.
    pub(super) fn ended(&self, code: u8) -> String {
        self.shows(&[&format!("[{} exit {code}]", self.commands.get() + 1)])
    }

    /// Types a line.
    pub(super) fn answer(&self, line: &str) {
        self.tmux(&["send-keys", "-t", "test", "-l", line]);
        self.key("Enter");
    }

    /// Presses a key, by tmux's name for it.
    pub(super) fn key(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "test", key]);
    }

    /// The screen, once it has all of these texts.
    pub(super) fn shows(&self, texts: &[&str]) -> String {
        let look = || {
            let screen = self.screen();
            texts.iter().all(|text| screen.contains(text)).then_some(screen)
        };
        let found = self.drawn.when(look);
        found.unwrap_or_else(|| panic!("{texts:?} didn't come:\n{}", self.screen()))
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "test"])
    }

    /// The screen, with lines whole that were too long for it.
    pub(super) fn unwrapped(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-t", "test"])
    }

    /// The same with its colours, as escape sequences.
    pub(super) fn with_colours(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e", "-t", "test"])
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let run = Command::new("tmux").arg("-S").arg(&self.socket).args(arguments).output();
        let run = run.expect("it was there a moment ago");
        assert!(run.status.success(), "{arguments:?}: {run:?}");
        String::from_utf8(run.stdout).expect("a screen is text")
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // With its server the shell goes, and whatever runs in it.
        let mut kill = Command::new("tmux");
        let killed = kill.arg("-S").arg(&self.socket).arg("kill-server").status();
        let _ = self.control.kill();
        let _ = self.control.wait();
        let gone = killed.is_ok_and(|status| status.success());
        assert!(gone || std::thread::panicking(), "the terminal stays behind");
    }
}
