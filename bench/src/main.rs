//! Measures a release build of Longrun as its users meet it: over the wire, every write on
//! disk before it is acknowledged. `bench/run` runs it beside its peers.

mod figures;
mod lifecycle;
mod peer;
mod server;
mod wakeup;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Whatever stops a measurement.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures Longrun.
#[derive(Parser)]
struct Arguments {
    /// The program to measure.
    #[arg(long, env = "LONGRUN_BIN", default_value = "target/release/longrun")]
    longrun: PathBuf,
    /// The core that the server is kept to; the load should run on others.
    #[arg(long)]
    server_core: Option<usize>,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// create -> lease -> finish -> observed by its waiting client: operations per second.
    Lifecycle(lifecycle::Plan),
    /// finish -> the waiting client's answer, among many who wait: p50 and p99.
    Wakeup(wakeup::Plan),
    /// The peer of `wakeup`: hyper and a oneshot channel, with nothing between them.
    #[command(hide = true)]
    ServePeer,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let program = server::Program { path: arguments.longrun, core: arguments.server_core };
    match arguments.what {
        What::Lifecycle(plan) => lifecycle::measure(&program, &plan).await,
        What::Wakeup(plan) => wakeup::measure(&program, &plan).await,
        What::ServePeer => peer::serve().await,
    }
}
