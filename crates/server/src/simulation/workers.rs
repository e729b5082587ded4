//! What workers ask next. They remember leases longer than they have them, so what they say
//! under one may come late.

use super::World;
use super::ask::{Ask, By, Hold, Name, What};
use super::kitchen::{self, CLEAN, COOK, CREATE, UPDATE};

/// Calls that look for work at a time.
const LOOKING: usize = 6;
/// What a worker may look for.
const METHODS: [&[&str]; 4] =
    [&[COOK], &[UPDATE, CREATE], &[COOK, UPDATE, CLEAN, CREATE], &[CLEAN]];

impl World {
    pub(super) fn workers_ask(&mut self) -> Option<Ask> {
        let looks = |ask: &Ask| matches!(ask.what, What::Lease { .. });
        let looking = self.asking().filter(|ask| looks(ask)).count();
        let what = if self.holds.is_empty() || (looking < LOOKING && self.chance.one_in(3)) {
            if looking >= LOOKING {
                return None;
            }
            self.lease()
        } else {
            self.under_a_lease()
        };
        Some(Ask { by: By::Backend, what, listens: None })
    }

    fn lease(&mut self) -> What {
        What::Lease {
            methods: self.chance.pick::<&[&str]>(&METHODS),
            count: self.chance.within(0..4) as i32,
            wait: *self.chance.pick(&[0, 3, 60, 60]),
            duration: self.chance.one_in(3).then(|| self.chance.within(1..30)),
        }
    }

    fn under_a_lease(&mut self) -> What {
        // The newest mostly; the rest may be lost.
        let newest = self.holds.len() - 1;
        let back = if self.chance.one_in(4) { self.chance.below(newest + 1) } else { 0 };
        let hold: Hold = self.holds[newest - back].clone();
        match self.chance.weighed(&[5, 4, 2, 2, 2]) {
            0 => {
                let Hold { name, method, token } = hold;
                let outcome = self.outcome(&method);
                What::Finish { name: Name(name), token: Some(token), outcome }
            }
            1 => {
                let number = self.chance.below(100);
                let progress = kitchen::progress(&self.site.catalog, &hold.method, number);
                let duration = self.chance.one_in(3).then(|| self.chance.within(1..30));
                let progress = self.chance.one_in(2).then_some(progress);
                What::Renew { hold, duration, progress }
            }
            2 => {
                let number = self.chance.below(100);
                let progress = kitchen::progress(&self.site.catalog, &hold.method, number);
                What::Progress { hold, progress }
            }
            3 => What::Reject { hold, error: kitchen::failure(self.number()) },
            _ => {
                let delay = if self.chance.one_in(2) { 0 } else { self.chance.within(1..15) };
                What::Release { hold, error: self.chance.one_in(2), delay }
            }
        }
    }
}
