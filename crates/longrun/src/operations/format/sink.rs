//! Where shown operations go: stdout, in a format.

use std::env;
use std::io::{self, IsTerminal as _};

use jiff::Timestamp;
use serde_json::Value;

use super::Format;
use super::detail::detail;
use super::table::{Place, Table};
use crate::operations::seen::{Seen, text};
use crate::output::{Failure, print_to_reader};

/// What is shown together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::operations) enum Shape {
    /// The one that was named, in full.
    One,
    /// Those that were named, each in full.
    Several,
    /// A list, a row each; with a column for the service, if `services`.
    List { services: bool },
    /// As a list, but each at once when it comes.
    Stream { services: bool },
}

/// Shows operations as they come, or once all are there.
#[derive(Debug)]
pub(in crate::operations) struct Sink {
    format: Format,
    shape: Shape,
    table: Table,
    /// What waits for the end.
    kept: Vec<Value>,
    shown: usize,
}

impl Sink {
    /// One that writes to stdout.
    pub(in crate::operations) fn new(format: &Format, shape: Shape) -> Self {
        let terminal = io::stdout().is_terminal();
        let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let stream = matches!(shape, Shape::Stream { .. });
        let wide = *format == Format::Wide;
        // Rows that come one by one can't make room for each other.
        let cut = terminal && !stream && !wide;
        let columns = if cut { comfy_table::Table::new().width() } else { None };
        let place = Place { columns, colours: terminal && !no_colour };
        Self::at(format, shape, place)
    }

    fn at(format: &Format, shape: Shape, place: Place) -> Self {
        let services =
            matches!(shape, Shape::List { services: true } | Shape::Stream { services: true });
        let table = Table::new(services, *format == Format::Wide, place);
        Self { format: format.clone(), shape, table, kept: vec![], shown: 0 }
    }

    /// Takes one more.
    ///
    /// # Errors
    /// As [`print_to_reader`].
    pub(in crate::operations) fn put(&mut self, value: Value) -> Result<(), Failure> {
        let text = self.take(value, Timestamp::now())?;
        self.shown += 1;
        if text.is_empty() { Ok(()) } else { print_to_reader(&text) }
    }

    /// Shows what is left, and says how many there were.
    ///
    /// # Errors
    /// As [`print_to_reader`].
    pub(in crate::operations) fn end(mut self) -> Result<usize, Failure> {
        let text = self.rest(Timestamp::now());
        if !text.is_empty() {
            print_to_reader(&text)?;
        }
        Ok(self.shown)
    }

    /// What is to be printed of one more.
    fn take(&mut self, value: Value, now: Timestamp) -> Result<String, Failure> {
        let stream = matches!(self.shape, Shape::Stream { .. });
        let list = matches!(self.shape, Shape::List { .. });
        let first = self.shown == 0;
        Ok(match &self.format {
            Format::Json if stream => format!("{value:#}\n"),
            Format::Table | Format::Wide if stream => self.table.part(&[value], now),
            Format::Table | Format::Wide if !list => {
                let gap = if first { "" } else { "\n" };
                format!("{gap}{}", detail(&value, now))
            }
            Format::Json | Format::Table | Format::Wide => {
                self.kept.push(value);
                String::new()
            }
            Format::Jsonl => format!("{value}\n"),
            Format::Yaml => {
                let document = serde_saphyr::to_string(&value).map_err(Failure::new)?;
                format!("{}{document}", if first { "" } else { "---\n" })
            }
            Format::Name => format!("{}\n", Seen(&value).name()),
            Format::Value(path) => {
                format!("{}\n", Seen(&value).field(path).map(text).unwrap_or_default())
            }
        })
    }

    /// What is to be printed at the end.
    fn rest(&mut self, now: Timestamp) -> String {
        let kept = std::mem::take(&mut self.kept);
        match (&self.format, self.shape) {
            (Format::Table | Format::Wide, _) => self.table.part(&kept, now),
            (Format::Json, Shape::One) => kept.iter().map(|one| format!("{one:#}\n")).collect(),
            (Format::Json, Shape::Several | Shape::List { .. }) => {
                format!("{:#}\n", Value::from(kept))
            }
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Everything that is printed of two operations.
    fn shown(format: &str, shape: Shape) -> String {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let record = |id: &str, state: &str| {
            json!({
                "name": format!("services/s/operations/{id}"), "state": state,
                "createTime": "2026-01-02T03:00:00Z", "labels": {"on": "yes", "n": "1"},
                "operation": {"name": format!("operations/{id}"), "done": true},
            })
        };
        let mut sink = Sink::at(&format.parse().unwrap(), shape, Place::default());
        let mut text = String::new();
        for value in [record("a", "SUCCEEDED"), record("b", "FAILED")] {
            text += &sink.take(value, now).unwrap();
            sink.shown += 1;
        }
        text + &sink.rest(now)
    }

    #[test]
    fn every_format_in_every_shape() {
        let formats = ["table", "wide", "json", "jsonl", "yaml", "name", "value=labels.on"];
        let shapes = [
            ("several", Shape::Several),
            ("list", Shape::List { services: false }),
            ("stream", Shape::Stream { services: true }),
        ];
        let mut all = String::new();
        for format in formats {
            for (what, shape) in shapes {
                all += &format!("=== {format}, {what}\n{}", shown(format, shape));
            }
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn json_is_whole_even_of_none() {
        let rest = |shape| {
            let mut sink = Sink::at(&Format::Json, shape, Place::default());
            sink.rest(Timestamp::UNIX_EPOCH)
        };
        assert_eq!(rest(Shape::One), "");
        assert_eq!(rest(Shape::Several), "[]\n");
        assert_eq!(rest(Shape::List { services: true }), "[]\n");
        assert_eq!(rest(Shape::Stream { services: true }), "");
    }
}
