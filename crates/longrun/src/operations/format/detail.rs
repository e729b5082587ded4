//! One operation, a line for each field that is there.

use jiff::Timestamp;
use serde_json::Value;

use super::table::state;
use crate::operations::relative::relative;
use crate::operations::seen::{Seen, status_text, text};

/// Times of a record, as they are titled.
const TIMES: [(&str, &str); 8] = [
    ("Created", "createTime"),
    ("Started", "startTime"),
    ("Updated", "updateTime"),
    ("Finished", "finishTime"),
    ("Cancel asked", "cancelRequestTime"),
    ("Deleted", "deleteTime"),
    ("Deadline", "deadline"),
    ("Expires", "expireTime"),
];

/// The fields of an operation or a record, messages as JSON on one line.
pub(super) fn detail(value: &Value, now: Timestamp) -> String {
    let seen = Seen(value);
    let field = |key: &str| text(&value[key]);
    let time = |key: &str| match value[key].as_str().map(str::parse::<Timestamp>) {
        Some(Ok(time)) => format!("{} ({})", field(key), relative(time, now)),
        _ => field(key),
    };
    let error = match &seen.operation()["error"] {
        Value::Null => String::new(),
        error => status_text(error),
    };
    let progress = seen.progress().map(|progress| progress.to_string()).unwrap_or_default();
    let mut rows = vec![("Name", field("name")), ("State", state(seen)), ("Progress", progress)];
    rows.extend([("Method", "method"), ("Owner", "owner")].map(|(title, key)| (title, field(key))));
    rows.extend(TIMES.map(|(title, key)| (title, time(key))));
    rows.extend([
        ("Attempt", field("attempt")),
        ("Worker", text(&value["lease"]["workerId"])),
        ("Labels", field("labels")),
        ("Request", field("request")),
        ("Metadata", text(&seen.operation()["metadata"])),
        ("Error", error),
        ("Response", text(&seen.operation()["response"])),
    ]);
    rows.iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(title, text)| format!("{title:<13} {text}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_views() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let failed = json!({
            "name": "operations/a",
            "done": true,
            "metadata": {"@type": "t", "progressPercent": 5},
            "error": {"code": 5, "message": "no\u{1b}[2Jbook"},
        });
        let record = json!({
            "name": "services/s/operations/a", "state": "RUNNING", "method": "pkg.Service/Method",
            "owner": "static:alice", "createTime": "2026-01-02T03:00:00Z", "attempt": 1,
            "deadline": "2026-01-03T03:00:00Z", "labels": {"env": "prod"},
            "lease": {"workerId": "host:1"}, "request": {"@type": "t", "book": "b"},
            "operation": {"name": "operations/a"},
        });
        insta::assert_snapshot!(format!("{}\n{}", detail(&failed, now), detail(&record, now)));
    }
}
