//! Timestamps and durations as text.

use jiff::SignedDuration;
use jiff::civil::{DateTime, datetime};
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage as _, Value};

/// Seconds that `google.protobuf.Timestamp` and `Duration` can say.
const TIMESTAMP: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
const DURATION: std::ops::RangeInclusive<i64> = -315_576_000_000..=315_576_000_000;

const EPOCH: DateTime = datetime(1970, 1, 1, 0, 0, 0, 0);

/// The text of a Timestamp or Duration, or else the name of the type; `None` for another
/// message.
pub(super) fn print(message: &DynamicMessage) -> Option<Result<String, &'static str>> {
    let (name, print): (_, fn(i64, i32) -> Option<String>) = match message.descriptor().full_name()
    {
        "google.protobuf.Timestamp" => ("google.protobuf.Timestamp", print_timestamp),
        "google.protobuf.Duration" => ("google.protobuf.Duration", print_duration),
        _ => return None,
    };
    let (seconds, nanos) = parts(message);
    Some(print(seconds, nanos).ok_or(name))
}

/// Seconds and nanoseconds of either.
fn parts(message: &DynamicMessage) -> (i64, i32) {
    let number = |field: u32| message.get_field_by_number(field).map(|value| value.into_owned());
    let seconds = number(1).and_then(|value| value.as_i64()).unwrap_or_default();
    let nanos = number(2).and_then(|value| value.as_i32()).unwrap_or_default();
    (seconds, nanos)
}

pub(super) fn message(descriptor: &MessageDescriptor, seconds: i64, nanos: i32) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    if seconds != 0 {
        message.set_field_by_number(1, Value::I64(seconds));
    }
    if nanos != 0 {
        message.set_field_by_number(2, Value::I32(nanos));
    }
    message
}

/// RFC 3339 in UTC with 0, 3, 6 or 9 digits; `None` out of range.
fn print_timestamp(seconds: i64, nanos: i32) -> Option<String> {
    if !TIMESTAMP.contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    let time = EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(format!("{time}{}Z", fraction(nanos.unsigned_abs())))
}

pub(super) fn parse_timestamp(text: &str) -> Option<(i64, i32)> {
    let (local, offset) = match text.strip_suffix('Z') {
        Some(local) => (local, 0),
        None => {
            let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
            (local, parse_offset(offset)?)
        }
    };
    let time: DateTime = is_local(local).then(|| local.parse().ok())??;
    let nanos = time.subsec_nanosecond();
    let whole = time.duration_since(EPOCH) - SignedDuration::from_nanos(nanos.into());
    let seconds = whole.as_secs() - offset;
    TIMESTAMP.contains(&seconds).then_some((seconds, nanos))
}

/// `2025-09-24T13:02:40` with up to nine digits of a fraction: the parser takes much more.
fn is_local(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let shape = |(c, wanted): (u8, u8)| match wanted {
        b'd' => c.is_ascii_digit(),
        _ => c == wanted,
    };
    let fits = whole.len() == 19 && whole.bytes().zip(*b"dddd-dd-ddTdd:dd:dd").all(shape);
    let digits = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|c| c.is_ascii_digit());
    // A leap second, which a Timestamp can't say, would be taken for the one before it.
    fits && digits && !whole.ends_with(":60")
}

/// Seconds east of UTC, from `+hh:mm` or `-hh:mm`.
fn parse_offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_once(':')?;
    let number = |text: &str, limit: i64| -> Option<i64> {
        let digits = text.len() == 2 && text.bytes().all(|c| c.is_ascii_digit());
        text.parse().ok().filter(|value| digits && *value < limit)
    };
    Some(sign * (number(hours, 24)? * 3600 + number(minutes, 60)? * 60))
}

/// `1.500s`; `None` out of range or with signs that differ.
fn print_duration(seconds: i64, nanos: i32) -> Option<String> {
    let signs_differ = (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0);
    if !DURATION.contains(&seconds) || nanos.unsigned_abs() >= 1_000_000_000 || signs_differ {
        return None;
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    Some(format!("{sign}{}{}s", seconds.unsigned_abs(), fraction(nanos.unsigned_abs())))
}

pub(super) fn parse_duration(text: &str) -> Option<(i64, i32)> {
    let text = text.strip_suffix('s')?;
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, digits) = text.split_once('.').unwrap_or((text, "0"));
    let numeric = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if !numeric(whole) || !numeric(digits) || digits.len() > 9 {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos: i32 = format!("{digits:0<9}").parse().ok()?;
    let sign = if negative { -1 } else { 1 };
    DURATION.contains(&seconds).then_some((seconds * i64::from(sign), nanos * sign))
}

fn fraction(nanos: u32) -> String {
    match nanos {
        0 => String::new(),
        _ if nanos.is_multiple_of(1_000_000) => format!(".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps() {
        let table = [
            ("2025-09-24T13:02:40Z", (1_758_718_960, 0)),
            ("2025-09-24T13:02:40.001Z", (1_758_718_960, 1_000_000)),
            ("2025-09-24T13:02:40.100Z", (1_758_718_960, 100_000_000)),
            ("2025-09-24T13:02:40.158090Z", (1_758_718_960, 158_090_000)),
            ("2025-09-24T13:02:40.000000001Z", (1_758_718_960, 1)),
            ("1969-12-31T23:59:59.500Z", (-1, 500_000_000)),
            ("2024-02-29T00:00:00Z", (1_709_164_800, 0)),
            ("0001-01-01T00:00:00Z", (-62_135_596_800, 0)),
            ("9999-12-31T23:59:59.999999999Z", (253_402_300_799, 999_999_999)),
        ];
        for (text, (seconds, nanos)) in table {
            assert_eq!(parse_timestamp(text), Some((seconds, nanos)), "{text}");
            assert_eq!(print_timestamp(seconds, nanos).as_deref(), Some(text));
        }
        let only_read = [
            ("2025-09-24T15:02:40+02:00", (1_758_718_960, 0)),
            ("2025-09-24T08:02:40.5-05:00", (1_758_718_960, 500_000_000)),
            ("2025-09-24T13:02:40-00:00", (1_758_718_960, 0)),
            ("2025-09-24T13:02:40.1Z", (1_758_718_960, 100_000_000)),
        ];
        for (text, parts) in only_read {
            assert_eq!(parse_timestamp(text), Some(parts), "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp() {
        let table = [
            "",
            "Z",
            "now",
            "2025-09-24",
            "2025-09-24Z",
            "2025-09-24T13:02Z",
            "2025-09-24T13:02:40",
            "2025-09-24 13:02:40Z",
            "2025-09-24t13:02:40Z",
            "2025-09-24T13:02:40z",
            "2025-09-24T13:02:40.Z",
            "2025-09-24T13:02:40,5Z",
            "2025-09-24T13:02:40.1234567890Z",
            "2025-09-24T13:02:40+02:00Z",
            "2025-09-24T13:02:40[UTC]Z",
            "2025-09-24T13:02:40+0200",
            "2025-09-24T13:02:40+24:00",
            "2025-09-24T13:02:40+02:60",
            "2025-09-24T13:02:60Z",
            "2025-09-24T24:00:00Z",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "12025-09-24T13:02:40Z",
            "2025-09-24T13:02:4\u{661}Z",
        ];
        for text in table {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        for (seconds, nanos) in
            [(-62_135_596_801, 0), (253_402_300_800, 0), (0, -1), (0, 1_000_000_000)]
        {
            assert_eq!(print_timestamp(seconds, nanos), None, "{seconds} {nanos}");
        }
    }

    #[test]
    fn durations() {
        let table = [
            ("0s", (0, 0)),
            ("1s", (1, 0)),
            ("1.005s", (1, 5_000_000)),
            ("1.100s", (1, 100_000_000)),
            ("1.000001s", (1, 1_000)),
            ("1.000000001s", (1, 1)),
            ("-0.500s", (0, -500_000_000)),
            ("-1.500s", (-1, -500_000_000)),
            ("315576000000.999999999s", (315_576_000_000, 999_999_999)),
            ("-315576000000s", (-315_576_000_000, 0)),
        ];
        for (text, (seconds, nanos)) in table {
            assert_eq!(parse_duration(text), Some((seconds, nanos)), "{text}");
            assert_eq!(print_duration(seconds, nanos).as_deref(), Some(text));
        }
        assert_eq!(parse_duration("1.5s"), Some((1, 500_000_000)));
        assert_eq!(parse_duration("-0s"), Some((0, 0)));
        let broken = [
            "",
            "5",
            "s",
            "-s",
            "1e3s",
            ".5s",
            "1.s",
            "+1s",
            " 1s",
            "1 s",
            "1S",
            "--1s",
            "1_0s",
            "1.0000000001s",
            "315576000001s",
            "-315576000001s",
            "99999999999999999999s",
        ];
        for text in broken {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for (seconds, nanos) in [
            (315_576_000_001, 0),
            (i64::MIN, 0),
            (1, -1),
            (-1, 1),
            (0, 1_000_000_000),
            (0, i32::MIN),
        ] {
            assert_eq!(print_duration(seconds, nanos), None, "{seconds} {nanos}");
        }
    }
}
