//! SIGINT and SIGTERM.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::time::timeout;

/// How long a graceful stop may take.
const STOP_MAX: Duration = Duration::from_secs(8);

/// Which of the two came; its number is the exit code that a shell gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Interrupt = 130,
    Terminate = 143,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Listens for both from now on: one that comes before the first `next` isn't lost.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes the signals from the system.
    ///
    /// # Errors
    /// When the system doesn't give them.
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        {
            tokio::select! {
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.terminate.recv() => Signal::Terminate,
            }
        }
        #[cfg(not(unix))]
        {
            // Without a handler nothing will come; waiting for ever is right then.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            Signal::Interrupt
        }
    }

    /// Runs a graceful stop to its end, its hard limit, or the second signal, which exits
    /// at once.
    pub(crate) async fn stop(&mut self, graceful: impl Future<Output = ()>) {
        tokio::select! {
            stopped = timeout(STOP_MAX, graceful) => {
                if stopped.is_err() {
                    tracing::warn!("calls were still open after 8 s; they are cut");
                }
            }
            signal = self.next() => std::process::exit(signal as i32),
        }
    }
}
