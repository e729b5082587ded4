//! What is wrong with a request.

use std::fmt;

/// One wrong thing, as `google.rpc.BadRequest.FieldViolation` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, in snake_case; may be empty.
    pub field: String,
    /// What is wrong, in English.
    pub description: String,
}

impl Violation {
    pub(crate) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }

    /// A body has a name that its message doesn't know.
    pub(crate) fn unknown_name(name: &str, path: impl Into<String>) -> Self {
        let path = path.into();
        let (name, at) = (short(name, 100), at(&path));
        let description = format!(
            "Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field."
        );
        Self::new(path, description)
    }

    /// A query has a name that its message doesn't know, or that can't come from a query.
    pub(crate) fn unknown_parameter(name: &str) -> Self {
        let name = short(name, 100);
        let description = format!(
            "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be found in request message."
        );
        Self::new("", description)
    }

    /// A value of the wrong kind or out of its range.
    pub(crate) fn bad_value(path: impl Into<String>, kind: &str, value: impl fmt::Display) -> Self {
        let path = path.into();
        let description = format!("Invalid value{} ({kind}), {value}", at(&path));
        Self::new(path, description)
    }

    /// A value that is wrong in a way of its own.
    pub(crate) fn invalid(path: impl Into<String>, why: impl fmt::Display) -> Self {
        let path = path.into();
        let description = format!("Invalid value{}: {why}", at(&path));
        Self::new(path, description)
    }
}

/// The root of a message has no place of its own.
fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" at '{path}'") }
}

/// What an error shows of a text that somebody else wrote.
pub(crate) fn short(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}
