//! How soon to look at an open operation again.

use std::time::Duration;

use super::Api;
use crate::catalog::Service;
use crate::operation::Record;

/// Whole seconds, from 1: the method's `poll_interval`, else what was learned of it. `None`
/// once it is done.
pub(super) fn retry_seconds(api: &Api, service: &Service, record: &Record) -> Option<u32> {
    if record.done().is_some() {
        return None;
    }
    let interval = service.method(&record.method).and_then(|method| method.settings.poll_interval);
    let learned = || api.live.pace().seconds(&record.name.service, &record.method);
    Some(interval.map_or_else(learned, whole_seconds))
}

fn whole_seconds(interval: Duration) -> u32 {
    u32::try_from(interval.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_round_up_to_whole_seconds() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (6000, 6)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
    }
}
