//! Trace ids (W3C Trace Context): one on every response and in every line about it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::Random;

const HEADER: HeaderName = HeaderName::from_static("x-trace-id");
const PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Makes trace ids: no two are alike, in this process or another.
#[derive(Debug)]
pub(crate) struct TraceIds {
    process: u64,
    count: AtomicU64,
}

/// 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TraceId([u8; 32]);

impl TraceIds {
    /// Ids that begin with what is random about this process.
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut process = [0; 8];
        random.fill(&mut process);
        Self { process: u64::from_be_bytes(process), count: AtomicU64::new(1) }
    }

    /// The id that the caller brings in `traceparent`, or a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> TraceId {
        let given = headers.get(PARENT).and_then(|value| value.to_str().ok());
        given.and_then(|text| TraceId::parse(text.split('-').nth(1)?)).unwrap_or_else(|| {
            let count = self.count.fetch_add(1, Ordering::Relaxed);
            TraceId::of(u128::from(self.process) << 64 | u128::from(count))
        })
    }
}

impl TraceId {
    fn of(number: u128) -> Self {
        let digit = |index: usize| b"0123456789abcdef"[(number >> (124 - 4 * index)) as usize & 15];
        Self(std::array::from_fn(digit))
    }

    /// `None` unless it is 32 hexadecimal digits that aren't all zero.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|number| digits && *number != 0)?;
        Some(Self::of(number))
    }

    /// Puts it on a response.
    pub(super) fn put(self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_bytes(&self.0) {
            headers.insert(HEADER, value);
        }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn a_callers_own_id_is_kept() {
        let ids = TraceIds { process: 0xabc, count: AtomicU64::new(1) };
        let fresh = |count: u64| format!("{:016x}{count:016x}", 0xabc);
        let own = "4bf92f3577b34da6a3ce929d0e0e4736";
        let table = [
            (Some(format!("00-{own}-00f067aa0ba902b7-01")), own.to_owned()),
            (Some(format!("00-{}-00f067aa0ba902b7-01", own.to_uppercase())), own.to_owned()),
            (None, fresh(1)),
            (Some(format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32))), fresh(2)),
            (Some(format!("00-+{}-00f067aa0ba902b7-01", &own[1..])), fresh(3)),
            (Some("00-xyz-1-01".to_owned()), fresh(4)),
        ];
        for (given, expected) in table {
            let value = given.iter().map(|text| HeaderValue::try_from(text).unwrap());
            let name = HeaderName::from_static("traceparent");
            let headers = HeaderMap::from_iter(value.map(|value| (name.clone(), value)));
            assert_eq!(ids.of(&headers).to_string(), expected, "{given:?}");
        }
        assert_ne!(TraceIds::new(&SystemRandom).process, TraceIds::new(&SystemRandom).process);
    }
}
