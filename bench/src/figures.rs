//! What a set of times says.

use std::time::Duration;

/// Times, in order.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The smallest time that `percent` of all don't exceed (nearest rank).
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = |percent| self.percentile(percent).as_micros();
        write!(f, "p50 {} us, p99 {} us (of {})", micros(50), micros(99), self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times =
            |ms: &[u64]| Times::new(ms.iter().copied().map(Duration::from_millis).collect());
        for (given, p50, p99) in [(&[][..], 0, 0), (&[7], 7, 7), (&[3, 1, 2], 2, 3)] {
            let found = times(given);
            assert_eq!(found.percentile(50), Duration::from_millis(p50), "{given:?}");
            assert_eq!(found.percentile(99), Duration::from_millis(p99), "{given:?}");
        }
        let hundred: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(times(&hundred).percentile(50), Duration::from_millis(100));
        assert_eq!(times(&hundred).percentile(99), Duration::from_millis(198));
    }
}
