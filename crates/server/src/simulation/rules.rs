//! What may become of a record: written from the contract, not from the code that it judges.

use super::ask::{Ask, By, What};
use super::model::{Cause, belongs_to};
use crate::operation::{Done, Execution, Finisher, Holder, Outcome, Record, State, Timestamp};
use crate::wire;

/// Codes of the server's own outcomes.
const CANCELLED: i32 = 1;
const DEADLINE_EXCEEDED: i32 = 4;
const UNAVAILABLE: i32 = 14;

/// One write of a record that was there before.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) cause: &'a Cause,
    pub(super) before: &'a Record,
    pub(super) after: &'a Record,
    pub(super) removed: bool,
    pub(super) now: Timestamp,
    /// Since when workers could renew.
    pub(super) serving_since: Timestamp,
}

impl Write<'_> {
    /// Judges it.
    pub(super) fn judge(&self) {
        self.keeps_its_past();
        let good = match self.cause {
            Cause::Asked(ask) => self.was_asked_for(ask),
            Cause::Reaper => self.is_due(self.before),
        };
        assert!(good, "nobody may do that: {self:?}");
        if self.gives_a_lease() {
            let asked =
                matches!(self.cause, Cause::Asked(ask) if matches!(ask.what, What::Lease { .. }));
            let waits = is_free(self.before) && !is_over(self.before, self.now);
            assert!(asked && waits, "a second worker has it: {self:?}");
            assert_eq!(self.after.attempt, self.before.attempt + 1, "{self:?}");
            assert!(self.after.attempt <= self.after.max_attempts, "too often: {self:?}");
        }
        if self.removed {
            let over = self.after.done().is_some() || self.is_a_rejection();
            assert!(over, "removed while it was open: {self:?}");
        }
    }

    /// Whether a worker has got it.
    pub(super) fn gives_a_lease(&self) -> bool {
        let token = |record: &Record| record.lease().map(|lease| lease.token);
        token(self.after).is_some() && token(self.before) != token(self.after)
    }

    /// Whether it makes a record that was held one that never was.
    pub(super) fn is_a_rejection(&self) -> bool {
        self.removed && self.before.hold.is_some() && self.after.done().is_none()
    }

    /// What no write may change.
    fn keeps_its_past(&self) {
        let (before, after) = (self.before, self.after);
        let born = |record: &Record| {
            (
                record.method.clone(),
                record.owner.clone(),
                record.request.clone(),
                (record.request_claim, record.exclusive_key.clone()),
                (record.create_time, record.execution),
            )
        };
        assert_eq!(born(before), born(after), "{self:?}");
        assert!(after.update_time >= before.update_time, "time went back: {self:?}");
        assert!(after.version - before.version <= 1, "{self:?}");
        let kept = |was: Option<Timestamp>, is: Option<Timestamp>| was.is_none() || was == is;
        assert!(kept(before.delete_time, after.delete_time), "{self:?}");
        assert!(kept(before.cancel_request_time, after.cancel_request_time), "{self:?}");
        assert!(kept(before.start_time, after.start_time), "{self:?}");
        assert!(after.hold.is_none() || after.hold == before.hold, "held anew: {self:?}");
        if let Some(was) = before.done() {
            let is = after.done().unwrap_or_else(|| panic!("done is final: {self:?}"));
            let ended = |done: &Done| (done.outcome.clone(), done.finish_time, done.finisher);
            assert_eq!(ended(was), ended(is), "done is final: {self:?}");
            assert_eq!(before.metadata, after.metadata, "done is final: {self:?}");
        }
    }

    /// Whether whoever asked may have it so.
    fn was_asked_for(&self, ask: &Ask) -> bool {
        let (before, after) = (self.before, self.after);
        if let Some(name) = ask.what.name() {
            assert_eq!(*name, after.name, "{self:?}");
        }
        if ask.by != By::Backend {
            assert!(belongs_to(before, ask.by), "changed by somebody else: {self:?}");
        }
        if let Some(token) = ask.what.token() {
            let held = before.lease().is_some_and(|lease| lease.token == token.hash());
            assert!(held, "a token that isn't its lease's was taken: {self:?}");
        }
        let open = before.done().is_none();
        let late = open && is_over(before, self.now);
        let same_state = before.state == after.state;
        let cancelled = self.code() == Some(CANCELLED);
        let seen = before.delete_time.is_none() && before.hold.is_none();
        match &ask.what {
            What::Delete(_) | What::DeleteRecord(_) => {
                (ask.by == By::Backend || seen)
                    && same_state
                    && self.removed != open
                    && after.delete_time.is_some() == open
            }
            What::Label(..) | What::Expire(..) => {
                let same = wire::operation(before) == wire::operation(after);
                same && before.hold == after.hold
            }
            // Whether it was time to end the hold, is for who knows the caller to judge.
            What::Start { .. } => self.ends_the_hold(),
            _ if late => false,
            What::Cancel(_) | What::CancelRecord(_) => match &before.state {
                _ if ask.by != By::Backend && !seen => false,
                State::Pending { .. } => cancelled,
                State::Running(_) => same_state && after.cancel_request_time.is_some(),
                State::Done(_) => false,
            },
            What::Deadline(_, deadline) => open && same_state && after.deadline == *deadline,
            What::Lease { methods, .. } => methods.contains(&after.method.as_str()),
            What::Renew { .. } => open && after.lease().is_some(),
            What::Progress { .. } => open && same_state,
            What::Finish { token, outcome, .. } => {
                let by =
                    token.as_ref().map_or(Finisher::Service, |one| Finisher::Worker(one.hash()));
                let own = token.is_some() || before.execution == Execution::Service;
                let done = after.done();
                own && done.is_some_and(|done| done.outcome == *outcome && done.finisher == by)
            }
            What::Release { error, .. } => match (before.cancel_request_time, &after.state) {
                (Some(_), _) => cancelled,
                (None, State::Done(_)) => *error && before.attempt >= before.max_attempts,
                (None, state) => matches!(state, State::Pending { .. }),
            },
            What::Reject { .. } => self.is_a_rejection(),
            _ => false,
        }
    }

    /// Whether the hold is over, and nothing else has changed.
    fn ends_the_hold(&self) -> bool {
        let admitted =
            || !self.removed && self.after.hold.is_none() && self.before.state == self.after.state;
        let removes = self.before.validation;
        self.before.hold.is_some() && if removes { self.removed } else { admitted() }
    }

    /// Whether time alone may have done it to this record.
    fn is_due(&self, before: &Record) -> bool {
        let (after, now) = (self.after, self.now);
        if before.hold.is_some_and(|until| until <= now) {
            let unheld = Record { hold: None, ..before.clone() };
            return self.ends_the_hold()
                || (!before.validation && after.hold.is_none() && self.is_due(&unheld));
        }
        match &before.state {
            State::Done(done) => self.removed && done.expire_time <= now,
            _ if before.deadline <= now => self.code() == Some(DEADLINE_EXCEEDED),
            State::Pending { delayed_until: Some(time) } => *time <= now && is_free(after),
            State::Running(Holder::Worker(lease)) => match after.lease() {
                // Made to last, after a time when nobody could renew.
                Some(longer) => longer.token == lease.token && longer.expire_time > now,
                None => {
                    let since = self.serving_since.plus(lease.duration);
                    now >= lease.expire_time.max(since)
                        && if before.cancel_request_time.is_some() {
                            self.code() == Some(CANCELLED)
                        } else if before.attempt < before.max_attempts {
                            is_free(after)
                        } else {
                            self.code() == Some(UNAVAILABLE)
                        }
                }
            },
            _ => false,
        }
    }

    /// The code of the error that it ended with.
    fn code(&self) -> Option<i32> {
        match self.after.done().map(|done| &done.outcome) {
            Some(Outcome::Error(status)) => Some(status.code),
            _ => None,
        }
    }
}

/// Whether nobody's work counts any more, though time may not have said so yet.
pub(super) fn is_over(record: &Record, now: Timestamp) -> bool {
    record.done().is_some() || record.deadline <= now
}

/// Whether a worker may lease it.
pub(super) fn is_free(record: &Record) -> bool {
    matches!(record.state, State::Pending { delayed_until: None })
}

/// When something about a record is over.
pub(super) fn ends(record: &Record) -> Timestamp {
    let hold = record.hold.unwrap_or(Timestamp::MAX);
    match &record.state {
        State::Done(done) => done.expire_time,
        State::Pending { delayed_until: Some(time) } => record.deadline.min(*time).min(hold),
        State::Running(Holder::Worker(lease)) => record.deadline.min(lease.expire_time).min(hold),
        _ => record.deadline.min(hold),
    }
}
