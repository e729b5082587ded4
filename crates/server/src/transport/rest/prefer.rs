//! `Prefer: wait=N` (RFC 7240): a GET that waits as WaitOperation does.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

pub(super) const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How long the caller would wait: the first `wait` counts, and none that isn't a whole
/// number of seconds. What can't be read is passed over, as every preference may be.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let texts = headers.get_all(PREFER).into_iter().filter_map(|value| value.to_str().ok());
    let mut preferences = texts.flat_map(|text| split(text, ','));
    preferences.find_map(seconds)?.map(Duration::from_secs)
}

/// `None`: another preference. `Some(None)`: `wait`, but nonsense.
fn seconds(preference: &str) -> Option<Option<u64>> {
    // Parameters behind a semicolon say nothing of `wait`.
    let preference = split(preference, ';').next().unwrap_or_default();
    let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    let value = value.trim();
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let digits = !inner.is_empty() && inner.bytes().all(|c| c.is_ascii_digit());
    // Too many digits are very long, which is cut anyway.
    Some(digits.then(|| inner.parse().unwrap_or(u64::from(u32::MAX))))
}

/// Parts between separators outside quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_first_wait_counts() {
        let table: [(&[&str], Option<u64>); 22] = [
            (&[], None),
            (&["wait=10"], Some(10)),
            (&["wait=0"], Some(0)),
            (&["Wait = 10"], Some(10)),
            (&["WAIT=\"10\""], Some(10)),
            (&["wait=10; priority=5"], Some(10)),
            (&["respond-async, wait=7"], Some(7)),
            (&["return=minimal;x=\"a, wait=3\", wait=7"], Some(7)),
            (&["foo=\"\\\", wait=3\", wait=7"], Some(7)),
            (&["respond-async", "wait=7, wait=9"], Some(7)),
            (&["wait=99999999999999999999999"], Some(4_294_967_295)),
            (&["wait=soon, wait=9"], None),
            (&["wait"], None),
            (&["wait="], None),
            (&["wait=-1"], None),
            (&["wait=+1"], None),
            (&["wait=1.5"], None),
            (&["wait=5s"], None),
            (&["waiting=5"], None),
            (&["foo; wait=5"], None),
            (&["wait=\"5"], None),
            (&["=5", ",,;=\"", "\u{ff}"], None),
        ];
        for (values, expected) in table {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PREFER, HeaderValue::try_from(*value).unwrap());
            }
            assert_eq!(wait(&headers), expected.map(Duration::from_secs), "{values:?}");
        }
    }
}
