//! `longrun operations`: what callers and operators ask of operations.

mod bars;
mod cancel;
mod delete;
mod describe;
mod each;
mod follow;
mod format;
mod list;
mod plain;
mod progress;
mod query;
mod relative;
mod resume;
mod seen;
mod session;
mod target;
mod wait;
mod watch;

use clap::{Args, Subcommand};

use self::format::{Format, Shape, Sink};
use self::target::Target;
use crate::connection::Connection;
use crate::output::{EXIT_CODES, Exit, Failure};

/// Flags of `longrun operations`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
#[command(after_help = EXIT_CODES)]
enum Command {
    /// List operations, newest first.
    List(list::Arguments),
    /// Show operations as they are now.
    Describe(describe::Arguments),
    /// Wait until operations are done, and show them.
    Wait(wait::Arguments),
    /// Ask for operations to be cancelled, and show them; one that runs may still succeed.
    Cancel(cancel::Arguments),
    /// Hide operations from clients, for good; work that is open goes on.
    Delete(delete::Arguments),
    /// Show operations whenever they change.
    Watch(watch::Arguments),
}

/// Which server, as whom.
#[derive(Args, Debug)]
struct Access {
    #[command(flatten)]
    connection: Connection,
    /// The service; else a name's, or the one that has the name.
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Take a client's view; else the Backend's, if the token allows that.
    #[arg(long)]
    as_client: bool,
}

/// Which operations.
#[derive(Args, Debug)]
struct Names {
    /// An id, `operations/ID`, `PARENT/operations/ID`, or `services/SERVICE/operations/ID`.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    access: Access,
}

/// How they are shown.
#[derive(Args, Debug)]
struct Output {
    /// How operations look; value=FIELD is a field by its path, such as value=metadata.target.
    #[arg(long = "output", short = 'o', default_value_t, value_name = "FORMAT")]
    format: Format,
}

impl Names {
    fn targets(&self) -> Vec<Target> {
        let service = self.access.service.as_deref();
        self.names.iter().map(|name| Target::parse(name, service)).collect()
    }

    /// The one, or each of several, in full.
    fn sink(&self, output: &Output) -> Sink {
        let shape = if self.names.len() == 1 { Shape::One } else { Shape::Several };
        Sink::new(&output.format, shape)
    }
}

/// Does what is asked.
///
/// # Errors
/// When the server can't be reached or the token not read. What goes wrong with one of the
/// names is said on stderr and counts in the exit code.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::List(arguments) => list::run(&arguments).await,
        Command::Describe(arguments) => describe::run(&arguments).await,
        Command::Wait(arguments) => wait::run(&arguments).await,
        Command::Cancel(arguments) => cancel::run(&arguments).await,
        Command::Delete(arguments) => delete::run(&arguments).await,
        Command::Watch(arguments) => watch::run(&arguments).await,
    }
}
