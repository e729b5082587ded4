//! Where each value of the configuration comes from.

use std::env;
use std::fs;
use std::path::Path;

use clap::ArgMatches;
use clap::parser::ValueSource;
use toml::de::{DeTable, DeValue};

use super::render::Step;
use crate::output::Failure;

/// The command line, the environment and the file.
pub(super) struct Origins<'a> {
    matches: &'a ArgMatches,
    /// The file's path and text.
    file: Option<(String, String)>,
}

impl<'a> Origins<'a> {
    /// Reads the file.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn of(matches: &'a ArgMatches, file: Option<&Path>) -> Result<Self, Failure> {
        let read = |path: &Path| match fs::read_to_string(path) {
            Ok(text) => Ok((path.display().to_string(), text)),
            Err(error) => Err(Failure::new(format!("{}: {error}", path.display()))),
        };
        Ok(Self { matches, file: file.map(read).transpose()? })
    }

    /// What is said of the value at a path: `--listen`, `LONGRUN_LISTEN`, `FILE:LINE`, several of
    /// them where they add up, or `default`.
    pub(super) fn find(&self, path: &[Step]) -> String {
        let Some(Step::Key(key)) = path.first() else { return "default".to_owned() };
        let over = self.over(key);
        let adds_up = matches!(key.as_str(), "proto_path" | "descriptor_set");
        let file = if over.is_none() || adds_up { self.in_file(path) } else { None };
        let all: Vec<String> = file.into_iter().chain(over).collect();
        if all.is_empty() { "default".to_owned() } else { all.join(", ") }
    }

    /// The flag or the variable. Both are named as the key is.
    fn over(&self, key: &str) -> Option<String> {
        if self.matches.try_contains_id(key).is_err() {
            return None;
        }
        if self.matches.value_source(key) == Some(ValueSource::CommandLine) {
            return Some(format!("--{}", key.replace('_', "-")));
        }
        let variable = format!("LONGRUN_{}", key.to_uppercase());
        env::var_os(&variable).is_some_and(|value| !value.is_empty()).then_some(variable)
    }

    fn in_file(&self, path: &[Step]) -> Option<String> {
        let (file, text) = self.file.as_ref()?;
        line(text, path).map(|line| format!("{file}:{line}"))
    }
}

/// The line of a TOML text that has the key, or the element, at the end of a path.
fn line(text: &str, path: &[Step]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut at = table.span().start;
    let root = DeValue::Table(table.into_inner());
    let mut here = &root;
    for step in path {
        (at, here) = match (step, here) {
            (Step::Key(name), DeValue::Table(table)) => {
                let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
                (key.span().start, value.get_ref())
            }
            (Step::Index(index), DeValue::Array(all)) => {
                let element = all.get(*index)?;
                (element.span().start, element.get_ref())
            }
            _ => return None,
        };
    }
    Some(text.get(..at)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let text = "# first\nlisten = \"x\"\n[limits]\nburst = 1\nstreams_max = [\n2]\n\
                    [[service]]\nname = \"a\"\n[service.method.\"a.B/C\"]\ndeadline = \"6s\"\n\
                    [[service]]\nhosts = []\n";
        let key = |name: &str| Step::Key(name.to_owned());
        let table: [(&[Step], Option<usize>); 9] = [
            (&[key("listen")], Some(2)),
            (&[key("limits"), key("burst")], Some(4)),
            (&[key("limits"), key("streams_max")], Some(5)),
            (&[key("service"), Step::Index(0), key("name")], Some(8)),
            (
                &[key("service"), Step::Index(0), key("method"), key("a.B/C"), key("deadline")],
                Some(10),
            ),
            (&[key("service"), Step::Index(1), key("hosts")], Some(12)),
            (&[key("service"), Step::Index(2), key("hosts")], None),
            (&[key("limits"), key("absent")], None),
            (&[key("data_dir")], None),
        ];
        for (path, expected) in table {
            assert_eq!(line(text, path), expected, "{path:?}");
        }
        assert_eq!(line("listen = ", &[key("listen")]), None);
    }
}
