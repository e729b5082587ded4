//! `longrun`: serve, check, operations, worker, demo, config, and what a shell and `man` want to
//! know of them. Data goes to stdout, all else to stderr.

mod check;
mod completion;
mod config;
mod connection;
mod demo;
mod logging;
mod manual;
mod operations;
mod output;
mod place;
mod serve;
mod signal;
mod worker;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

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
    /// List, describe, wait for, cancel, delete and watch operations.
    Operations(operations::Arguments),
    /// Do the work: run a command, or simulate one.
    Worker(worker::Arguments),
    /// The Workspace Events API, served without authentication, with lines to try.
    Demo(demo::Arguments),
    /// Show the configuration.
    Config(config::Arguments),
    /// Print a script that completes commands in a shell.
    Completion(completion::Arguments),
    /// Print the manual page, or write one for each command.
    Man(manual::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = match arguments.command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Check(arguments) => check::run(&arguments),
        Command::Operations(arguments) => operations::run(arguments).await,
        Command::Worker(arguments) => worker::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Config(arguments) => config::run(&arguments, &matches),
        Command::Completion(arguments) => completion::run(&arguments, Arguments::command()),
        Command::Man(arguments) => manual::run(&arguments, Arguments::command()),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(Failure { exit, message }) => {
            if !message.is_empty() {
                eprintln!("longrun: {message}");
            }
            exit.into()
        }
    }
}
