//! What clients and the API's own side ask next.

use std::time::Duration;

use super::World;
use super::ask::{Ask, By, Name, What};
use super::kitchen::{self, COOK, CREATE, UPDATE};
use super::model;
use crate::operation::{Execution, Outcome, RecordName, Span};

/// Records that are there at a time; above it, none are made.
const RECORDS: usize = 60;
/// What the API is about.
const DISHES: usize = 6;

impl World {
    /// Something new, or something once more.
    pub(super) fn clients_ask(&mut self) -> Option<Ask> {
        let by = *self.chance.pick(&[By::Alice, By::Bob]);
        let room = if self.model.alive.len() < RECORDS { 6 } else { 0 };
        let known = usize::from(!self.names.is_empty());
        let weights = [room, room, 2]
            .into_iter()
            .chain([4, 2, 6, 2, 1, 1, 1, 1, 1, 1, 1, 3].map(|n| n * known));
        let chosen = self.chance.weighed(&weights.collect::<Vec<_>>());
        let name = if known == 1 { Some(self.chance.pick(&self.names).clone()) } else { None };
        let what = match (chosen, name.map(Name)) {
            (0, _) => self.start(),
            (1, _) => self.create(),
            (2, _) => What::List(self.chance.one_in(2).then(|| self.chance.below(DISHES))),
            (_, None) => return None,
            (3, Some(name)) => What::Get(name),
            (4, Some(name)) => What::Prefer(name, self.chance.within(0..90) as u64),
            (5, Some(name)) => {
                What::Wait(name, (!self.chance.one_in(3)).then(|| self.chance.within(-1..30)))
            }
            (6, Some(name)) => What::Cancel(name),
            (7, Some(name)) => What::Delete(name),
            (8, Some(name)) => What::GetRecord(name),
            (9, Some(name)) => What::CancelRecord(name),
            (10, Some(name)) => What::DeleteRecord(name),
            (11, Some(name)) => {
                let etag =
                    self.chance.one_in(2).then(|| format!("\"{}\"", self.chance.within(1..6)));
                What::Label(name, self.chance.below(3), etag)
            }
            (12, Some(name)) => {
                let span = Span::seconds(self.chance.within(-5..60));
                What::Deadline(name, self.now().plus(span))
            }
            (13, Some(name)) => {
                let span = Span::seconds(self.chance.within(-5..120));
                What::Expire(name, self.now().plus(span))
            }
            (_, Some(name)) => self.finish_own(name)?,
        };
        let of_backend = !matches!(
            what,
            What::Start { .. }
                | What::List(_)
                | What::Get(_)
                | What::Prefer(..)
                | What::Wait(..)
                | What::Cancel(_)
                | What::Delete(_)
        );
        let by = match what.name() {
            _ if of_backend => By::Backend,
            Some(name) => self.owner(name, by),
            None => by,
        };
        let is_held = matches!(what, What::Wait(..) | What::Prefer(..) | What::Start { .. });
        let listens = is_held && self.chance.one_in(4);
        let listens = listens.then(|| Duration::from_millis(self.chance.within(50..20_000) as u64));
        Some(Ask { by, what, listens })
    }

    /// The owner mostly, but not always.
    fn owner(&mut self, name: &RecordName, other: By) -> By {
        let life = self.model.lives.get(name).filter(|_| !self.chance.one_in(12));
        let owns = |by: &By| life.is_some_and(|life| model::belongs_to(life.last(), *by));
        [By::Alice, By::Bob].into_iter().find(owns).unwrap_or(other)
    }

    fn start(&mut self) -> What {
        let rpc = *self.chance.pick(&[COOK, COOK, UPDATE, UPDATE, CREATE]);
        // What is called for validation takes no request id.
        let id = if rpc == CREATE { None } else { self.request_id() };
        What::Start { rpc, dish: self.chance.below(DISHES), id }
    }

    fn create(&mut self) -> What {
        let owner = *self.chance.pick(&[Some(By::Alice), Some(By::Bob), None]);
        let own = self.chance.one_in(4);
        let deadline = (own || self.chance.one_in(3)).then(|| {
            let span = Span::seconds(self.chance.within(1..90));
            self.now().plus(span)
        });
        let key = self.chance.one_in(3).then(|| self.chance.below(4));
        What::Create { owner, id: self.request_id(), key, own, deadline }
    }

    /// A fresh one mostly; a former one is one that is used for another request.
    fn request_id(&mut self) -> Option<usize> {
        if self.chance.one_in(3) {
            return None;
        }
        if !self.chance.one_in(8) {
            self.request_id += 1;
        }
        Some(self.request_id)
    }

    /// What the API itself is at, it finishes itself.
    fn finish_own(&mut self, name: Name) -> Option<What> {
        let record = self.model.lives.get(&name.0)?.last();
        let own = record.execution == Execution::Service;
        let method = record.method.clone();
        if !own && !self.chance.one_in(10) {
            return None;
        }
        let outcome = self.outcome(&method);
        Some(What::Finish { name, token: None, outcome })
    }

    /// How the work may end.
    pub(super) fn outcome(&mut self, method: &str) -> Outcome {
        let number = self.number();
        if self.chance.one_in(4) {
            return Outcome::Error(kitchen::failure(number));
        }
        kitchen::response(&self.site.catalog, method, number)
    }
}
