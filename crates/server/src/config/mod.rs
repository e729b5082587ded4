//! `longrun.toml`, and what the command line and the environment change of it.
//!
//! [`File`] is the file as written, with relative paths resolved against its folder.
//! [`Config`] is what counts: flags over `LONGRUN_*` over file, checked as a whole.

mod error;
mod file;
mod limits;
mod resolve;
mod show;
mod table;
mod text;

pub use error::ConfigError;
pub use file::File;
pub use limits::Limits;
pub use resolve::{Auth, Config, Overrides};
pub use text::{parse_duration, parse_listen};

#[cfg(test)]
mod tests;
