//! `-o`: how operations look on stdout.

mod detail;
mod sink;
mod table;

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser, ValueParserFactory};
use clap::{Arg, Command};

pub(super) use self::sink::{Shape, Sink};

/// How operations look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// For people, with relative times.
    #[default]
    Table,
    /// With more columns.
    Wide,
    /// Proto3 JSON, pretty: one object, or an array of several.
    Json,
    /// An object a line.
    Jsonl,
    /// Documents with `---` between them.
    Yaml,
    /// A name a line.
    Name,
    /// One field, a line each; the path has dots.
    Value(String),
}

/// What `-o` takes, for help texts and completion.
const FORMATS: [&str; 7] = ["table", "wide", "json", "jsonl", "yaml", "name", "value="];

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match (text, text.split_once('=')) {
            ("table", _) => Self::Table,
            ("wide", _) => Self::Wide,
            ("json", _) => Self::Json,
            ("jsonl", _) => Self::Jsonl,
            ("yaml", _) => Self::Yaml,
            ("name", _) => Self::Name,
            (_, Some(("value", field))) if !field.is_empty() => Self::Value(field.to_owned()),
            _ => {
                let formats = FORMATS.join(", ");
                return Err(format!("expected one of {formats}, such as value=metadata.target"));
            }
        })
    }
}

/// Reads a format as [`FromStr`] does, and tells a shell what there is.
#[derive(Clone, Debug)]
pub(super) struct FormatParser;

impl ValueParserFactory for Format {
    type Parser = FormatParser;

    fn value_parser() -> FormatParser {
        FormatParser
    }
}

impl TypedValueParser for FormatParser {
    type Value = Format;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Format, clap::Error> {
        Format::from_str.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(FORMATS.iter().map(PossibleValue::new)))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => f.write_str("table"),
            Self::Wide => f.write_str("wide"),
            Self::Json => f.write_str("json"),
            Self::Jsonl => f.write_str("jsonl"),
            Self::Yaml => f.write_str("yaml"),
            Self::Name => f.write_str("name"),
            Self::Value(field) => write!(f, "value={field}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_formats() {
        for text in ["table", "wide", "json", "jsonl", "yaml", "name", "value=metadata.@type"] {
            assert_eq!(text.parse::<Format>().unwrap().to_string(), text);
        }
        for text in ["", "xml", "value", "value=", "Json", "json=x"] {
            assert!(text.parse::<Format>().unwrap_err().contains("value=metadata"), "{text}");
        }
    }
}
