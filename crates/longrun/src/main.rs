//! `longrun`: serve, check, operations, worker, demo. Data goes to stdout, all else to stderr.

mod check;
mod demo;
mod logging;
mod operations;
mod output;
mod place;
mod plain;
mod serve;
mod signal;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Failure;

/// A server for google.longrunning.Operations, and the methods that return an Operation.
#[derive(Parser, Debug)]
#[command(version, propagate_version = true, after_help = output::EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve operations until SIGTERM or Ctrl-C.
    Serve(serve::Arguments),
    /// Load the services as serve would, and report their methods and problems.
    Check(check::Arguments),
    /// Look at operations, or wait for them.
    Operations(operations::Arguments),
    /// Do the work: run a command, or simulate one.
    Worker(worker::Arguments),
    /// The Workspace Events API, served without authentication, with lines to try.
    Demo(demo::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Check(arguments) => check::run(&arguments),
        Command::Operations(arguments) => operations::run(arguments).await,
        Command::Worker(arguments) => worker::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(Failure { exit, message }) => {
            eprintln!("longrun: {message}");
            exit.into()
        }
    }
}
