//! `longrun config`.

mod origin;
mod render;

use clap::{ArgMatches, Args, Subcommand};

use self::origin::Origins;
use self::render::render;
use crate::output::{Exit, Failure, print};
use crate::serve;

/// Flags of `longrun config`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show the configuration that serve would have with the same flags, as TOML.
    Show {
        /// Say where each value comes from: a flag, a variable, a line of the file, the default.
        #[arg(long)]
        origins: bool,
        #[command(flatten)]
        flags: Box<serve::Flags>,
    },
}

/// Shows it; secrets are hidden.
///
/// # Errors
/// As of `serve`: what is wrong in the file, or between it and the flags.
pub(crate) fn run(arguments: &Arguments, matches: &ArgMatches) -> Result<Exit, Failure> {
    let Command::Show { origins, flags } = &arguments.command;
    let table = flags.resolve()?.to_toml().map_err(Failure::new)?;
    print(&match origins {
        false => render(&table, &|_| None),
        true => {
            let origins = Origins::of(innermost(matches), flags.file())?;
            render(&table, &|path| Some(origins.find(path)))
        }
    })?;
    Ok(Exit::Ok)
}

/// What was matched of the command itself.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| innermost(inner))
}
