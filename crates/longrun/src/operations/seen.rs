//! An operation in JSON, as a client or the Backend shows it.

use jiff::Timestamp;
use longrun_api::google::rpc::Code;
use serde_json::Value;

use super::progress::Progress;
use crate::output::Exit;

/// An operation, or its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a>(pub(super) &'a Value);

impl<'a> Seen<'a> {
    /// Whether it is a record: what clients don't see is beside the operation. Of one that went
    /// a watch tells the name alone.
    pub(super) fn is_record(self) -> bool {
        self.0.get("operation").is_some() || self.is_removed()
    }

    fn is_removed(self) -> bool {
        self.0["removed"] == true
    }

    /// What a client sees of it.
    pub(super) fn operation(self) -> &'a Value {
        self.0.get("operation").unwrap_or(self.0)
    }

    /// The name by which commands find it again, whatever other services there are.
    pub(super) fn name(self) -> &'a str {
        self.0["name"].as_str().unwrap_or_default()
    }

    /// The service of a record.
    pub(super) fn service(self) -> Option<&'a str> {
        let rest = self.name().strip_prefix("services/").filter(|_| self.is_record())?;
        Some(rest.split_once('/')?.0)
    }

    /// The name within the service.
    pub(super) fn short_name(self) -> &'a str {
        match self.service() {
            Some(service) => &self.name()["services/".len() + service.len() + 1..],
            None => self.name(),
        }
    }

    pub(super) fn is_done(self) -> bool {
        self.operation()["done"] == true
    }

    /// The record's state; a client knows of an open operation only that it is open.
    pub(super) fn state(self) -> &'a str {
        let operation = self.operation();
        match self.0["state"].as_str() {
            Some(state) => state,
            None if self.is_removed() => "REMOVED",
            None if operation["done"] != true => "OPEN",
            None if operation.get("error").is_none() => "SUCCEEDED",
            None if operation["error"]["code"] == 1 => "CANCELLED",
            None => "FAILED",
        }
    }

    /// How it ended: what a wait for it exits with.
    pub(super) fn outcome(self) -> Exit {
        let error = &self.operation()["error"];
        match error["code"].as_i64() {
            _ if error.is_null() => Exit::Ok,
            Some(1) => Exit::OperationCancelled,
            _ => Exit::OperationFailed,
        }
    }

    /// How far the work is, if its metadata say so.
    pub(super) fn progress(self) -> Option<Progress> {
        Progress::of(&self.operation()["metadata"])
    }

    /// A time of the record, or one that an API's metadata have by the same name.
    pub(super) fn time(self, key: &str) -> Option<Timestamp> {
        let texts = [&self.0[key], &self.operation()["metadata"][key]];
        texts.iter().find_map(|value| value.as_str()?.parse().ok())
    }

    /// The field at a path with dots, of the record or else of its operation; names in
    /// camelCase or snake_case. Keys with dots in them are found too, such as those of labels,
    /// and the fields of a Struct as if they stood beside its `@type`.
    pub(super) fn field(self, path: &str) -> Option<&'a Value> {
        within(self.0, path).or_else(|| within(self.operation(), path))
    }
}

fn within<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(list) = value.as_array() {
        let (index, rest) = path.split_once('.').unwrap_or((path, ""));
        return within(list.get(index.parse::<usize>().ok()?)?, rest);
    }
    let fields = value.as_object()?;
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    let found = ends.into_iter().find_map(|end| {
        let (key, rest) = (&path[..end], path[end..].trim_start_matches('.'));
        let found = fields.get(key).or_else(|| fields.get(&camel_case(key)))?;
        within(found, rest)
    });
    found.or_else(|| {
        let inner = fields.get("value").filter(|_| fields.contains_key("@type"))?;
        within(inner, path)
    })
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |camel, part| {
        let (initial, rest) = part.split_at(part.chars().next().map_or(0, char::len_utf8));
        camel + &initial.to_uppercase() + rest
    })
}

/// A field in one line: what a server sends must not move a terminal's cursor.
pub(super) fn text(value: &Value) -> String {
    let whole = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    whole.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A `google.rpc.Status` in one line; with `details`, those too.
pub(super) fn status_text(status: &Value) -> String {
    let code = status["code"].as_i64().and_then(|code| i32::try_from(code).ok());
    let Some(code) = code.and_then(|code| Code::try_from(code).ok()) else { return text(status) };
    let message = text(&status["message"]);
    let details = match &status["details"] {
        Value::Null => String::new(),
        details => format!(" {}", text(details)),
    };
    format!("{}: {message}{details}", code.as_str_name())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn states_and_outcomes_of_both_views() {
        let table = [
            (json!({"name": "operations/a"}), "OPEN", Exit::Ok),
            (json!({"done": true, "response": {}}), "SUCCEEDED", Exit::Ok),
            (json!({"done": true, "error": {"code": 1}}), "CANCELLED", Exit::OperationCancelled),
            (json!({"done": true, "error": {"code": 2}}), "FAILED", Exit::OperationFailed),
            (json!({"state": "PENDING", "operation": {}}), "PENDING", Exit::Ok),
            (json!({"removed": true, "name": "services/s/operations/a"}), "REMOVED", Exit::Ok),
            (
                json!({"operation": {"done": true, "error": {"code": 5}}}),
                "FAILED",
                Exit::OperationFailed,
            ),
            (
                json!({"state": "CANCELLED", "operation": {"done": true, "error": {"code": 1}}}),
                "CANCELLED",
                Exit::OperationCancelled,
            ),
        ];
        for (value, state, exit) in table {
            let seen = Seen(&value);
            assert_eq!((seen.state(), seen.outcome()), (state, exit), "{value}");
        }
    }

    #[test]
    fn names() {
        let record = json!({"name": "services/s.example.com/p/1/operations/a", "operation": {}});
        let seen = Seen(&record);
        assert_eq!(seen.service(), Some("s.example.com"));
        assert_eq!(seen.short_name(), "p/1/operations/a");
        // A client's parent may be called so.
        let operation = json!({"name": "services/s/operations/a"});
        assert_eq!(Seen(&operation).service(), None);
        assert_eq!(Seen(&operation).short_name(), "services/s/operations/a");
    }

    #[test]
    fn fields() {
        let record = json!({
            "name": "n", "createTime": "2026-01-02T03:04:05Z", "labels": {"a.b": "c", "a": "d"},
            "operation": {"metadata": {"@type": "t", "steps": [{"name": "one"}]}},
        });
        let table = [
            ("name", Some(json!("n"))),
            ("create_time", Some(json!("2026-01-02T03:04:05Z"))),
            ("operation.metadata.@type", Some(json!("t"))),
            ("metadata.@type", Some(json!("t"))),
            ("metadata.steps.0.name", Some(json!("one"))),
            ("labels.a.b", Some(json!("c"))),
            ("labels.a", Some(json!("d"))),
            ("labels.b", None),
            ("name.first", None),
            ("metadata.steps.1", None),
        ];
        for (path, expected) in table {
            assert_eq!(Seen(&record).field(path), expected.as_ref(), "{path}");
        }
        let structure = json!({"metadata": {"@type": "t", "value": {"a": {"b": 1}}}});
        assert_eq!(Seen(&structure).field("metadata.a.b"), Some(&json!(1)));
        assert_eq!(Seen(&structure).field("metadata.value.a.b"), Some(&json!(1)));
        let operation = json!({"metadata": {"createTime": "2026-01-02T03:04:05Z"}});
        assert_eq!(Seen(&operation).time("createTime"), Seen(&record).time("createTime"));
        assert_eq!(Seen(&operation).time("finishTime"), None);
    }

    #[test]
    fn texts() {
        assert_eq!(text(&json!("no\u{1b}[2Jbook\n")), "no [2Jbook ");
        assert_eq!(text(&json!({"a": [1, true]})), r#"{"a":[1,true]}"#);
        assert_eq!(status_text(&json!({"code": 5, "message": "no\tbook"})), "NOT_FOUND: no book");
        let details = json!({"code": 9, "details": [{"@type": "t"}]});
        assert_eq!(status_text(&details), r#"FAILED_PRECONDITION:  [{"@type":"t"}]"#);
        assert_eq!(status_text(&json!({"odd": 1})), r#"{"odd":1}"#);
    }
}
