//! `longrun worker`: programs that work without a library.

#[cfg(unix)]
mod exec;
mod flags;
#[cfg(unix)]
mod lookup;
#[cfg(unix)]
mod process;
mod random;
mod script;
mod simulate;
mod template;
#[cfg(unix)]
mod verdict;

use clap::{Args, Subcommand};
use longrun_client::{Client, ClientError, Context, escape_path};
use serde_json::Value;

use crate::output::{Exit, Failure};

/// Flags of `longrun worker`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a command for each operation.
    #[cfg(unix)]
    Exec(exec::Arguments),
    /// Work as a script says: a test double for whoever writes clients.
    Simulate(simulate::Arguments),
}

/// Works until SIGTERM or Ctrl-C, then lets running work finish.
///
/// # Errors
/// When the server can't be reached or refuses the worker.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        #[cfg(unix)]
        Command::Exec(arguments) => exec::run(arguments).await,
        Command::Simulate(arguments) => simulate::run(arguments).await,
    }
}

/// The record as the server writes it in JSON: this program knows no types.
async fn record(client: &Client, context: &Context) -> Result<Value, ClientError> {
    client.get_json(&format!("/longrun/v1/{}", escape_path(context.name()))).await
}
