//! Exit codes, and how an operation looks on stdout.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::ValueEnum;
use longrun_client::{ClientError, Code};
use serde_json::{Map, Value};

/// What `--help` says of them.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 ok, 1 error, 2 usage, 3 operation failed, \
4 not found, 5 not authenticated or not permitted, 6 operation cancelled, 7 server unavailable, \
124 wait timed out, 130 interrupted.";

/// How the program ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exit {
    #[default]
    Ok = 0,
    Error = 1,
    Usage = 2,
    OperationFailed = 3,
    NotFound = 4,
    Auth = 5,
    OperationCancelled = 6,
    Unavailable = 7,
    TimedOut = 124,
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command came to nothing.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    /// A plain error.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Error, message: message.to_string() }
    }

    /// What the user asked for can't be asked for.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match error.code {
            Code::NotFound => Exit::NotFound,
            Code::Unauthenticated | Code::PermissionDenied => Exit::Auth,
            Code::Unavailable => Exit::Unavailable,
            _ => Exit::Error,
        };
        Self { exit, message: error.to_string() }
    }
}

/// `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: proto3 JSON, one object, or an array of several.
    Json,
}

/// Writes to stdout. A reader that has gone, such as `head`, is no error.
///
/// # Errors
/// When stdout takes no more for any other reason.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(error)),
        _ => Ok(()),
    }
}

/// Operations or records in JSON: an array if several were asked for.
pub(crate) fn json(mut values: Vec<Value>, several: bool) -> String {
    match values.pop() {
        Some(one) if !several => format!("{one:#}\n"),
        last => {
            values.extend(last);
            format!("{:#}\n", Value::from(values))
        }
    }
}

/// One line for each field that is there, messages as JSON on one line.
pub(crate) fn table(value: &Value) -> String {
    let operation = value.get("operation").unwrap_or(value);
    let mut rows = vec![("Name", text(&value["name"])), ("State", state(value).to_owned())];
    let record = [
        ("Method", "method"),
        ("Owner", "owner"),
        ("Created", "createTime"),
        ("Started", "startTime"),
        ("Updated", "updateTime"),
        ("Finished", "finishTime"),
        ("Cancel asked", "cancelRequestTime"),
        ("Deleted", "deleteTime"),
        ("Deadline", "deadline"),
        ("Expires", "expireTime"),
        ("Attempt", "attempt"),
        ("Labels", "labels"),
    ];
    rows.extend(record.map(|(title, key)| (title, text(&value[key]))));
    rows.push(("Worker", text(&value["lease"]["workerId"])));
    let outcome = [("Metadata", "metadata"), ("Error", "error"), ("Response", "response")];
    rows.extend(outcome.map(|(title, key)| (title, text(&operation[key]))));
    rows.iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(title, text)| format!("{title:<13} {text}\n"))
        .collect()
}

/// The record's state; a client's view knows of an open operation only that it is open.
fn state(value: &Value) -> &str {
    let operation = value.get("operation").unwrap_or(value);
    match value["state"].as_str() {
        Some(state) => state,
        None if operation["done"] != true => "OPEN",
        None if operation.get("error").is_none() => "SUCCEEDED",
        None if operation["error"]["code"] == 1 => "CANCELLED",
        None => "FAILED",
    }
}

/// A field in one line: what a server sends must not move a terminal's cursor.
fn text(value: &Value) -> String {
    let whole = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => match error_text(fields) {
            Some(text) => text,
            None => value.to_string(),
        },
        other => other.to_string(),
    };
    whole.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A `google.rpc.Status` without details reads better as text.
fn error_text(fields: &Map<String, Value>) -> Option<String> {
    let code = Code::from_i32(i32::try_from(fields.get("code")?.as_i64()?).ok()?);
    let known = |key: &String| matches!(key.as_str(), "code" | "message");
    let message = fields.get("message").and_then(Value::as_str).unwrap_or_default();
    fields.keys().all(known).then(|| format!("{code:?}: {message}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    #[test]
    fn client_errors_have_exit_codes() {
        let table = [
            (Code::NotFound, Exit::NotFound),
            (Code::Unauthenticated, Exit::Auth),
            (Code::PermissionDenied, Exit::Auth),
            (Code::Unavailable, Exit::Unavailable),
            (Code::InvalidArgument, Exit::Error),
            (Code::Internal, Exit::Error),
        ];
        for (code, exit) in table {
            let error = ClientError { code, message: "m".to_owned(), reason: None };
            assert_eq!(Failure::from(error).exit, exit, "{code:?}");
        }
    }

    #[test]
    fn states_of_both_views() {
        let table = [
            (value!({"name": "operations/a"}), "OPEN"),
            (value!({"done": true, "response": {}}), "SUCCEEDED"),
            (value!({"done": true, "error": {"code": 1}}), "CANCELLED"),
            (value!({"done": true, "error": {"code": 2}}), "FAILED"),
            (value!({"state": "PENDING", "operation": {}}), "PENDING"),
            (value!({"operation": {"done": true, "error": {"code": 5}}}), "FAILED"),
        ];
        for (value, expected) in table {
            assert_eq!(state(&value), expected, "{value}");
        }
    }

    #[test]
    fn tables_and_json() {
        let failed = value!({
            "name": "operations/a",
            "done": true,
            "metadata": {"@type": "t", "progressPercent": 5},
            "error": {"code": 5, "message": "no\u{1b}[2Jbook"},
        });
        assert_eq!(
            table(&failed),
            "Name          operations/a\nState         FAILED\n\
             Metadata      {\"@type\":\"t\",\"progressPercent\":5}\n\
             Error         NotFound: no [2Jbook\n"
        );
        let one = json(vec![failed.clone()], false);
        assert!(one.starts_with("{\n") && one.ends_with("}\n"), "{one}");
        let two = json(vec![failed.clone(), failed], true);
        assert!(two.starts_with("[\n") && two.ends_with("]\n"), "{two}");
        assert_eq!(json(vec![], true), "[]\n");
    }
}
