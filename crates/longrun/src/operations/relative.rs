//! Times as people say them.

use jiff::Timestamp;

/// `5m ago`, `in 3d`, `now`: the largest unit of which there are two, or the smaller one.
pub(super) fn relative(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(time.as_second());
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("{} ago", span(seconds.unsigned_abs())),
        _ => format!("in {}", span(seconds.unsigned_abs())),
    }
}

/// `90s`, `5m`, `3h`, `12d`, `2y`.
pub(super) fn span(seconds: u64) -> String {
    const UNITS: [(u64, char); 4] = [(365 * 86_400, 'y'), (86_400, 'd'), (3_600, 'h'), (60, 'm')];
    match UNITS.iter().find(|(length, _)| seconds >= 2 * length) {
        Some((length, unit)) => format!("{}{unit}", seconds / length),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let now: Timestamp = "2026-03-04T05:06:07Z".parse().unwrap();
        let table = [
            ("2026-03-04T05:06:07.9Z", "now"),
            ("2026-03-04T05:06:06Z", "1s ago"),
            ("2026-03-04T05:04:08Z", "119s ago"),
            ("2026-03-04T05:04:07Z", "2m ago"),
            ("2026-03-04T03:06:08Z", "119m ago"),
            ("2026-03-04T03:06:07Z", "2h ago"),
            ("2026-03-02T05:06:08Z", "47h ago"),
            ("2026-03-02T05:06:07Z", "2d ago"),
            ("2024-03-04T05:06:07Z", "2y ago"),
            ("2026-03-04T05:06:17Z", "in 10s"),
            ("2026-03-07T05:06:07Z", "in 3d"),
        ];
        for (time, expected) in table {
            assert_eq!(relative(time.parse().unwrap(), now), expected, "{time}");
        }
    }
}
