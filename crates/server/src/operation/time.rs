//! Points and spans of time, in whole microseconds: what both stores keep exactly.

use std::time::Duration;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A length of time in microseconds, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Timestamp {
    /// The latest time that protobuf can say: 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// The point `micros` microseconds after 1970.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This point and a span after it; at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0).min(Self::MAX.0))
    }

    /// This point and a span before it.
    #[must_use]
    pub fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long it is since `earlier`; nothing if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }

    /// From `google.protobuf.Timestamp`; nanoseconds below a microsecond are dropped.
    ///
    /// `None` outside 0001 to 9999 or with nanoseconds outside 0 to 999,999,999.
    #[must_use]
    pub fn from_proto(time: &prost_types::Timestamp) -> Option<Self> {
        let seconds = -62_135_596_800..=253_402_300_799;
        let nanos = 0..1_000_000_000;
        (seconds.contains(&time.seconds) && nanos.contains(&time.nanos))
            .then(|| Self(time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000))
    }

    /// As `google.protobuf.Timestamp`.
    #[must_use]
    pub fn to_proto(self) -> prost_types::Timestamp {
        prost_types::Timestamp {
            seconds: self.0.div_euclid(1_000_000),
            nanos: (self.0.rem_euclid(1_000_000) * 1_000) as i32,
        }
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds * 1_000_000)
    }

    /// A span of microseconds; negative is none.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(if micros < 0 { 0 } else { micros })
    }

    /// Microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Duration::from_micros(span.0.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_stay_within_what_protobuf_can_say() {
        let time = Timestamp::from_micros;
        let table = [
            (time(5), Span::from_micros(7), time(12)),
            (time(5), Span::ZERO, time(5)),
            (Timestamp::MAX, Span::seconds(1), Timestamp::MAX),
            (time(1), Span::from_micros(i64::MAX), Timestamp::MAX),
            (time(-5), Span::seconds(1), time(999_995)),
        ];
        for (start, span, sum) in table {
            assert_eq!(start.plus(span), sum);
        }
        assert_eq!(time(5).since(time(2)), Span::from_micros(3));
        assert_eq!(time(2).since(time(5)), Span::ZERO);
        assert_eq!(time(i64::MAX).since(time(i64::MIN)), Span::from_micros(i64::MAX));
        assert_eq!(Span::from_micros(-1), Span::ZERO);
        assert_eq!(Span::from(Duration::MAX), Span::from_micros(i64::MAX));
        assert_eq!(Duration::from(Span::seconds(2)), Duration::from_secs(2));
        assert_eq!((time(-1).millis(), time(1999).millis()), (-1, 1));
    }

    #[test]
    fn times_outside_protobufs_range_are_none() {
        let table = [
            (0, 0, Some(0)),
            (1, 999, Some(1_000_000)),
            (1, 999_999_999, Some(1_999_999)),
            (-1, 999_999_999, Some(-1)),
            (253_402_300_799, 999_999_999, Some(Timestamp::MAX.micros())),
            (253_402_300_800, 0, None),
            (-62_135_596_800, 0, Some(-62_135_596_800_000_000)),
            (-62_135_596_801, 999_999_999, None),
            (i64::MAX, 0, None),
            (0, -1, None),
            (0, 1_000_000_000, None),
        ];
        for (seconds, nanos, micros) in table {
            let found = Timestamp::from_proto(&prost_types::Timestamp { seconds, nanos });
            assert_eq!(found.map(Timestamp::micros), micros, "{seconds} s, {nanos} ns");
        }
    }

    proptest! {
        #[test]
        fn every_time_comes_back(micros in -62_135_596_800_000_000..=Timestamp::MAX.0) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::from_proto(&time.to_proto()), Some(time));
        }
    }
}
