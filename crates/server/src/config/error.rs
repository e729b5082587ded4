//! What is wrong, where, and how to mend it.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file can't be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file says something that it can't.
    File {
        /// `FILE:LINE:COLUMN`.
        place: String,
        /// What is wrong.
        what: String,
        /// The line itself, which names the key.
        line: String,
    },
    /// Settings that can't be had together, wherever they come from.
    Conflict(String),
}

impl ConfigError {
    pub(super) fn at(path: &Path, text: &str, span: Range<usize>, what: impl Into<String>) -> Self {
        let (place, line) = place(path, text, span.start);
        Self::File { place, what: what.into(), line }
    }
}

/// `FILE:LINE:COLUMN` of an offset, and the line's text.
pub(super) fn place(path: &Path, text: &str, offset: usize) -> (String, String) {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let number = before.matches('\n').count() + 1;
    let column = before[start..].chars().count() + 1;
    let line = text[start..].lines().next().unwrap_or_default();
    (format!("{}:{number}:{column}", path.display()), line.trim().to_owned())
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(f, "{}: {source}", path.display()),
            Self::File { place, what, line } if line.is_empty() => write!(f, "{place}: {what}"),
            Self::File { place, what, line } => write!(f, "{place}: {what}\n    {line}"),
            Self::Conflict(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}
