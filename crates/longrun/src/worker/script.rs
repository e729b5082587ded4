//! What a simulated worker does, as a TOML file.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use longrun_client::Code;
use longrun_server::config::parse_duration;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize as _};
use serde_json::Value;

/// The whole file.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// By full name, `pkg.Service/Method`.
    pub(super) method: BTreeMap<String, Method>,
}

/// `[method."pkg.Service/Method"]`.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Method {
    /// How long the work takes.
    #[serde(default, deserialize_with = "duration")]
    pub(super) delay: Duration,
    /// How often it reports progress after the start.
    #[serde(default = "one", deserialize_with = "steps")]
    pub(super) steps: u32,
    /// The progress: a template; none is reported without.
    #[serde(default, deserialize_with = "any")]
    pub(super) metadata: Option<Value>,
    /// The response: a template; `google.protobuf.Empty` without.
    #[serde(default, deserialize_with = "any")]
    pub(super) response: Option<Value>,
    /// How it fails.
    #[serde(default)]
    pub(super) error: Option<ErrorRate>,
}

/// `[method."…".error]`.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorRate {
    /// How many of the operations fail, 0 to 1.
    #[serde(default = "always", deserialize_with = "rate")]
    pub(super) rate: f64,
    /// The code, by its name.
    #[serde(deserialize_with = "code")]
    pub(super) code: i32,
    /// Whether the call fails, while it is held for admission.
    #[serde(default)]
    pub(super) reject: bool,
    /// A template.
    #[serde(default)]
    pub(super) message: String,
    /// Templates.
    #[serde(default)]
    pub(super) details: Vec<toml::Value>,
}

impl Script {
    /// Reads a file's text.
    ///
    /// # Errors
    /// `FILE:LINE:COLUMN` and what is wrong there.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let script: Self = toml::from_str(text).map_err(|error| {
            let what = error.message().replace("unknown field", "unknown key");
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!(
                "{}:{line}:{column}: {}",
                path.display(),
                what.replace("missing field", "missing key")
            )
        })?;
        match script.method.is_empty() {
            true => Err(format!("{}: it scripts no method", path.display())),
            false => Ok(script),
        }
    }
}

/// A TOML value in JSON.
pub(super) fn json(value: &toml::Value) -> Result<Value, String> {
    value.serialize(serde_json::value::Serializer).map_err(|error| error.to_string())
}

fn one() -> u32 {
    1
}

fn always() -> f64 {
    1.0
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(from)?).map_err(D::Error::custom)
}

fn steps<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        steps @ 1..=10_000 => Ok(steps),
        _ => Err(D::Error::custom("expected 1 to 10000 steps")),
    }
}

fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    match f64::deserialize(from)? {
        rate if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err(D::Error::custom("expected a rate from 0.0 to 1.0")),
    }
}

/// A message: it says its type.
fn any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    let value = json(&toml::Value::deserialize(from)?).map_err(D::Error::custom)?;
    match value["@type"].is_string() {
        true => Ok(Some(value)),
        false => Err(D::Error::custom("expected a message with \"@type\"")),
    }
}

fn code<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let name = String::deserialize(from)?;
    let code = (1..=16).find(|code| name_of(Code::from_i32(*code)) == name);
    code.ok_or_else(|| {
        D::Error::custom(format!("`{name}` is no error code, such as \"NOT_FOUND\""))
    })
}

/// `google.rpc.Code`'s name of a code.
fn name_of(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<Script, String> {
        Script::parse(Path::new("s.toml"), text)
    }

    #[test]
    fn whole_scripts() {
        let text = r#"
[method."demo.v1.Demo/Build"]
delay = "2s"
steps = 4
metadata = { "@type" = "t/Struct", value = { percent = "{$percent}" } }
response = { "@type" = "t/Struct", value = { name = "{name}" } }
error = { rate = 0.25, reject = true, code = "UNAVAILABLE", message = "no {name}" }
[method."demo.v1.Demo/Check"]
"#;
        let script = parse(text).unwrap();
        let build = &script.method["demo.v1.Demo/Build"];
        assert_eq!((build.delay, build.steps), (Duration::from_secs(2), 4));
        let response = json!({"@type": "t/Struct", "value": {"name": "{name}"}});
        assert_eq!(build.response, Some(response));
        let error = build.error.as_ref().unwrap();
        assert_eq!((error.rate, error.code, &*error.message), (0.25, 14, "no {name}"));
        assert!(error.reject);
        let check = &script.method["demo.v1.Demo/Check"];
        assert_eq!((check.delay, check.steps, &check.response), (Duration::ZERO, 1, &None));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let table = [
            ("[method.\"a/b\"]\ndelay = \"1s\"\npace = 1\n", "s.toml:3:1: unknown key `pace`"),
            ("[methods]\n", "s.toml:1:2: unknown key `methods`"),
            ("[method.\"a/b\"]\ndelay = \"soon\"\n", "s.toml:2:9: `soon` is no duration"),
            ("[method.\"a/b\"]\nsteps = 0\n", "s.toml:2:9: expected 1 to"),
            ("[method.\"a/b\"]\nresponse = { x = 1 }\n", "s.toml:2:12: expected a message"),
            (
                "[method.\"a/b\".error]\ncode = \"BAD\"\nrate = 2\n",
                "s.toml:2:8: `BAD` is no error code",
            ),
            (
                "[method.\"a/b\".error]\ncode = \"NOT_FOUND\"\nrate = 2.0\n",
                "s.toml:3:8: expected a rate",
            ),
            ("[method.\"a/b\".error]\nrate = 0.5\n", "s.toml:1:1: missing key `code`"),
            ("[method]\n", "s.toml: it scripts no method"),
        ];
        for (text, expected) in table {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn codes_have_googles_names() {
        assert_eq!(name_of(Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
        assert_eq!(name_of(Code::Cancelled), "CANCELLED");
        assert_eq!(name_of(Code::DataLoss), "DATA_LOSS");
    }
}
