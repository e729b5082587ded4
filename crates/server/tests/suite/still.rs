//! Time that passes only where a test says so, over real sockets: what comes then came of
//! itself, and not because something was waited for long enough.

use std::sync::mpsc;
use std::time::Duration;

use tokio::time::Instant;

use crate::harness::PATIENCE;

/// Holds on to the time of a runtime whose clock is paused.
pub struct Still {
    since: Instant,
    /// A paused clock runs ahead when there is nothing to do, but not while a thread is
    /// working: one waits for this to drop. It gives up in the end, so whoever waits in vain
    /// is met by the end of some time, and the test fails instead of hanging.
    _held: mpsc::Sender<()>,
}

impl Still {
    pub fn new() -> Self {
        let (held, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv_timeout(PATIENCE));
        Self { since: Instant::now(), _held: held }
    }

    /// Whatever has come since didn't come by the end of a time.
    pub fn no_time_has_passed(&self) {
        assert_eq!(self.since.elapsed(), Duration::ZERO, "something came too late or not at all");
    }
}
