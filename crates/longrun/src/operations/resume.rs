//! How to go on after an interruption.

use std::fmt;

use super::{Access, Format, Output};
use crate::output::{Exit, Failure};

/// A command that goes on, and finds server and token as this one did.
pub(super) struct Resume(Vec<String>);

impl Resume {
    pub(super) fn new(command: &str, names: &[String], access: &Access) -> Self {
        let mut resume = Self(vec!["operations".to_owned(), command.to_owned()]);
        resume.0.extend(names.iter().map(|name| quoted(name)));
        resume.flag("--server", Some(&access.connection.server));
        resume.flag("--service", access.service.as_deref());
        let paths = [
            ("--token-file", &access.connection.token_file),
            ("--data-dir", &access.connection.data_dir),
        ];
        for (name, path) in paths {
            resume.flag(name, path.as_ref().map(|path| path.to_string_lossy()).as_deref());
        }
        if access.as_client {
            resume.0.push("--as-client".to_owned());
        }
        resume
    }

    pub(super) fn flag(&mut self, name: &str, value: Option<&str>) {
        self.0.extend(value.into_iter().flat_map(|value| [name.to_owned(), quoted(value)]));
    }

    pub(super) fn output(&mut self, output: &Output) {
        if output.format != Format::default() {
            self.flag("--output", Some(&output.format.to_string()));
        }
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "longrun {}", self.0.join(" "))
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-._~/:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Does the work until Ctrl-C, and then says how to go on.
///
/// # Errors
/// The work's.
pub(super) async fn interruptible(
    work: impl Future<Output = Result<Exit, Failure>>,
    resume: impl FnOnce() -> String,
) -> Result<Exit, Failure> {
    tokio::select! {
        ended = work => ended,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(Failure::new)?;
            Err(Failure { exit: Exit::Interrupted, message: format!("interrupted; {}", resume()) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;

    #[test]
    fn the_way_to_resume_survives_a_shell() {
        let access = Access {
            connection: Connection {
                server: "http://[::1]:8080".to_owned(),
                token_file: Some("my token".into()),
                data_dir: None,
            },
            service: Some("longrun.local".to_owned()),
            as_client: true,
        };
        let mut resume = Resume::new("wait", &["a".to_owned(), "it's".to_owned()], &access);
        resume.output(&Output { format: Format::Value("a b".to_owned()) });
        assert_eq!(
            resume.to_string(),
            r"longrun operations wait a 'it'\''s' --server 'http://[::1]:8080' --service longrun.local "
                .to_owned()
                + "--token-file 'my token' --as-client --output 'value=a b'"
        );
    }
}
