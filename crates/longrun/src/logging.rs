//! Logs: to stderr, as much as `LONGRUN_LOG` says.

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::output::Failure;

/// `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging; without a format, text to a terminal and JSON to anything else.
///
/// # Errors
/// When `LONGRUN_LOG` is no filter.
pub(crate) fn start(format: Option<LogFormat>, default_level: &str) -> Result<(), Failure> {
    let filter = std::env::var("LONGRUN_LOG").unwrap_or_else(|_| default_level.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        Failure::usage(format!(
            "LONGRUN_LOG={filter}: {error}; expected error, warn, info, debug, trace, or \
             target=level"
        ))
    })?;
    let terminal = io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => {
            let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
            builder.with_ansi(colour).init();
        }
    }
    Ok(())
}
