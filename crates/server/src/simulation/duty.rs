//! What a store may leave undone: it was asked, and nothing was committed.

use super::ask::{Ask, What};
use super::model::{Life, Model};
use super::rules::is_over;
use crate::operation::{Execution, Record, RecordName, Timestamp};

impl Model {
    /// Judges that an ask has changed nothing, though nothing went wrong.
    pub(super) fn left_undone(&self, ask: &Ask, letter: &str, now: Timestamp) {
        let last = ask.what.name().and_then(|name| self.lives.get(name)).map(Life::last);
        let over = last.is_some_and(|last| is_over(last, now));
        let good = match (&ask.what, letter) {
            (
                What::Renew { .. }
                | What::Release { .. }
                | What::Reject { .. }
                | What::Finish { .. }
                | What::Cancel(_)
                | What::CancelRecord(_),
                "update",
            ) if over => true,
            (What::Start { .. } | What::Create { .. }, "create") => self.may_not_be_born(ask),
            (What::Lease { methods, .. }, "lease") => self.leasable(methods, now).is_none(),
            // What was renewed at this very moment is as it was.
            (What::Renew { hold, .. }, "update") => {
                let renewed =
                    |record: &Record| record.lease().is_some_and(|lease| lease.renew_time == now);
                !self.is_current(&hold.name, hold.token.hash()) || self.is_open(&hold.name, renewed)
            }
            (What::Release { hold, .. }, "update") => {
                !self.is_current(&hold.name, hold.token.hash())
            }
            (What::Reject { hold, .. }, "update") => {
                let held = |record: &Record| record.hold.is_some();
                !self.is_current(&hold.name, hold.token.hash()) || !self.is_open(&hold.name, held)
            }
            (What::Finish { name, token: Some(token), .. }, "update") => {
                !self.is_current(&name.0, token.hash())
            }
            (What::Finish { name, token: None, .. }, "update") => {
                !self.is_open(&name.0, |record| record.execution == Execution::Service)
            }
            (What::Cancel(name), "update") => {
                !self.lives.get(&name.0).is_some_and(|life| life.is_seen_by(ask.by))
                    || !self.is_open(&name.0, |record| record.cancel_request_time.is_none())
            }
            (What::CancelRecord(name), "update") => {
                !self.is_open(&name.0, |record| record.cancel_request_time.is_none())
            }
            (What::Delete(name), "update") => {
                !self.lives.get(&name.0).is_some_and(|life| life.is_seen_by(ask.by))
            }
            (What::DeleteRecord(name), "update") => {
                !self.alive.contains(&name.0)
                    || self.is_open(&name.0, |record| record.delete_time.is_some())
            }
            _ => true,
        };
        assert!(good, "the store did nothing about {ask:?} at {now:?}");
    }

    fn is_open(&self, name: &RecordName, is_so: impl Fn(&Record) -> bool) -> bool {
        let life = self.lives.get(name).filter(|life| life.removed.is_none());
        life.is_some_and(|life| life.last().done().is_none() && is_so(life.last()))
    }

    fn may_not_be_born(&self, ask: &Ask) -> bool {
        let repeated = ask.request_id().is_some_and(|scope| self.claimant(scope).is_some());
        repeated || ask.exclusive_key().is_some_and(|key| self.is_held(&key))
    }
}
