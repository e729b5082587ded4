//! `longrun completion`.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::output::{Exit, Failure, print};

/// Flags of `longrun completion`.
#[derive(Args, Debug)]
#[command(
    after_help = "Such as: longrun completion bash > ~/.local/share/bash-completion/completions/longrun"
)]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Prints the shell's script.
///
/// # Errors
/// As of [`print()`].
pub(crate) fn run(arguments: &Arguments, mut command: Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, "longrun", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
