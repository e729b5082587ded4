//! Time goes on for the server's timers and for its clock; the clock may also jump.

use std::time::Duration;

use super::World;
use crate::operation::{Span, Timestamp};
use crate::store::Store as _;

/// A longer silence may have cost workers their renewals.
const GAP: Span = Span::seconds(5);

impl World {
    /// The store's time.
    pub(super) fn now(&self) -> Timestamp {
        self.server.as_ref().expect("a server runs").store.now()
    }

    /// Some time passes, or the clock is set.
    pub(super) async fn time_goes_on(&mut self) {
        let millis = |millis| Span::from_micros(millis * 1000);
        let (passes, jumps) = match self.chance.weighed(&[300, 50, 6, 2, 3, 1]) {
            0 => (self.chance.within(1..400), Span::ZERO),
            1 => (self.chance.within(400..4000), Span::ZERO),
            2 => (self.chance.within(5_000..90_000), Span::ZERO),
            3 => (0, millis(self.chance.within(1_000..600_000))),
            4 => (0, millis(-self.chance.within(1_000..60_000))),
            _ => (0, Span::seconds(25 * 3600)),
        };
        self.pass(passes, jumps).await;
    }

    /// So many milliseconds pass, and the clock jumps by so much.
    pub(super) async fn pass(&mut self, millis: i64, jump: Span) {
        let before = self.now();
        self.site.clock.advance(Span::from_micros(millis * 1000));
        self.site.clock.advance(jump);
        tokio::time::advance(Duration::from_millis(millis as u64)).await;
        let now = self.now();
        self.trace.note(format_args!("{millis} ms, and {jump:?}: {now:?}"));
        if now.since(before) > GAP {
            self.model.serving_since = Some(now);
            self.trace.count("a gap".to_owned());
        }
    }
}
