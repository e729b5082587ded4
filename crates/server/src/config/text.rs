//! Values of the file that are more than TOML's own types. Each parses while the file is
//! read, so that its error has a line.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serializer};

/// The longest duration: a hundred years of 365 days.
const DURATION_DAYS_MAX: u64 = 36_500;

/// A span of time as text: a whole number and `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// A text that says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let total = number.parse::<u64>().ok().zip(millis).and_then(|(n, ms)| n.checked_mul(ms));
    match total {
        Some(total) if total <= DURATION_DAYS_MAX * 86_400_000 => Ok(Duration::from_millis(total)),
        _ => Err(format!(
            "`{text}` is no duration: expected a whole number and ms, s, m, h or d, such as \
             \"500ms\", \"6s\", \"24h\" or \"30d\", at most {DURATION_DAYS_MAX}d"
        )),
    }
}

/// A span of time as text, in the largest unit that says it exactly.
pub(super) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match units.iter().find(|(length, _)| millis.is_multiple_of(*length)) {
        _ if millis == 0 => "0s".to_owned(),
        Some((length, unit)) => format!("{}{unit}", millis / length),
        None => format!("{millis}ms"),
    }
}

/// As [`duration_text`], for what serde writes.
pub(super) fn write_duration<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&duration_text(*duration))
}

/// An address to listen on: `IP:PORT`, or `localhost:PORT` for 127.0.0.1.
///
/// # Errors
/// A text that says what was expected.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match local {
        Some(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        None => text.parse().map_err(|_| {
            format!("`{text}` is no address: expected IP:PORT, such as 127.0.0.1:8080 or [::1]:0")
        }),
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    parse_duration(&text).map(Some).map_err(de::Error::custom)
}

pub(super) fn positive_duration<'de, D>(from: D) -> Result<Option<Duration>, D::Error>
where
    D: Deserializer<'de>,
{
    match duration(from)? {
        Some(Duration::ZERO) => Err(de::Error::custom("expected a duration above zero")),
        given => Ok(given),
    }
}

/// A lease: as long as a worker may ask for.
pub(super) fn lease_duration<'de, D>(from: D) -> Result<Option<Duration>, D::Error>
where
    D: Deserializer<'de>,
{
    match duration(from)? {
        Some(lease) if !(1_000..=3_600_000).contains(&lease.as_millis()) => {
            Err(de::Error::custom("expected a duration from \"1s\" to \"1h\""))
        }
        given => Ok(given),
    }
}

pub(super) fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    parse_listen(&text).map(Some).map_err(de::Error::custom)
}

/// One path, or a list of them.
pub(super) fn paths<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    struct Paths;
    impl<'de> Visitor<'de> for Paths {
        type Value = Vec<PathBuf>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a path or a list of paths")
        }

        fn visit_str<E: de::Error>(self, path: &str) -> Result<Self::Value, E> {
            Ok(vec![path.into()])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut paths = Vec::new();
            while let Some(path) = list.next_element()? {
                paths.push(path);
            }
            Ok(paths)
        }
    }
    from.deserialize_any(Paths)
}

/// A key of a later version: better refused by name than unknown, or worse, ignored.
#[derive(Debug)]
pub(super) enum NotYet {}

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        de::IgnoredAny::deserialize(from)?;
        Err(de::Error::custom("this key is not yet supported; remove it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let good = [("0s", 0), ("500ms", 500), ("6s", 6_000), ("5m", 300_000), ("24h", 86_400_000)];
        for (text, millis) in good {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
            let written = duration_text(Duration::from_millis(millis));
            assert_eq!(parse_duration(&written), parse_duration(text), "{written}");
        }
        assert_eq!(duration_text(Duration::from_secs(7 * 86_400)), "7d");
        assert_eq!(parse_duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert!(parse_duration("36500d").is_ok());
        for bad in [
            "",
            "s",
            "6",
            "6 s",
            "-6s",
            "+6s",
            "1.5s",
            "6S",
            "1h30m",
            "36501d",
            "9e9s",
            "99999999999999999999d",
            "18446744073709551615d",
            "٣s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(parse_listen("localhost:1").unwrap().to_string(), "127.0.0.1:1");
        assert_eq!(parse_listen("[::]:8080").unwrap().to_string(), "[::]:8080");
        for bad in ["", ":8080", "8080", "127.0.0.1", "example.com:80", "localhost:", "::1:x"] {
            assert!(parse_listen(bad).is_err(), "{bad}");
        }
    }
}
