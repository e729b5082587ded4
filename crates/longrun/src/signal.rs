//! How the program stops.

use std::future::Future;
use std::time::Duration;

use longrun_client::signal::Signals;
use tokio::time::timeout;

/// How long a graceful stop may take.
const STOP_MAX: Duration = Duration::from_secs(8);

/// Runs a graceful stop to its end, its hard limit, or the second signal, which exits at once.
pub(crate) async fn stop(signals: &mut Signals, graceful: impl Future<Output = ()>) {
    tokio::select! {
        stopped = timeout(STOP_MAX, graceful) => {
            if stopped.is_err() {
                tracing::warn!("calls were still open after 8 s; they are cut");
            }
        }
        signal = signals.next() => std::process::exit(signal as i32),
    }
}
