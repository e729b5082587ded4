//! `longrun man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::{Man, generate_to};

use crate::output::{Exit, Failure, print};

/// Flags of `longrun man`.
#[derive(Args, Debug)]
#[command(after_help = "Such as: longrun man ~/.local/share/man/man1")]
pub(crate) struct Arguments {
    /// Where to write longrun.1, longrun-serve.1 and the others; without it longrun.1 is printed.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints the page, or writes all.
///
/// # Errors
/// When the folder can't be written.
pub(crate) fn run(arguments: &Arguments, command: Command) -> Result<Exit, Failure> {
    match &arguments.folder {
        Some(folder) => {
            let written = fs::create_dir_all(folder).and_then(|()| generate_to(command, folder));
            written.map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
        }
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page).map_err(Failure::new)?;
            print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Exit::Ok)
}
