//! The scheduler: what happens next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::answer::Answer;
use super::ask::{Ask, What, short};
use super::chance::Chance;
use super::model::{Cause, Model};
use super::post::Letter;
use super::server::{Server, Site};
use super::tasks::{Task, TaskId};
use super::trace::Trace;
use super::{Ended, InFlight, World, kitchen};
use crate::error::Result;
use crate::operation::Record;
use crate::operation::samples::at;
use crate::service::Reply;
use crate::store::Step;
use crate::store::conformance::ManualClock;

/// Calls at a time.
const CALLS: usize = 20;
/// Names and leases that are remembered.
const KNOWN: usize = 40;

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let clock = Arc::new(ManualClock::new(at(0)));
        let mut world = Self {
            trace: Trace::new(seed),
            chance: Chance::new(seed),
            site: Site::new(clock, kitchen::catalog()),
            model: Model::default(),
            tasks: vec![],
            asks: vec![],
            calls: BTreeMap::new(),
            letters: vec![],
            arrivals: vec![],
            server: None,
            again: vec![],
            names: vec![],
            holds: vec![],
            number: 0,
            request_id: 0,
        };
        world.start_server(None);
        world
    }

    /// A number that nothing else has.
    pub(super) fn number(&mut self) -> usize {
        self.number += 1;
        self.number
    }

    /// What is being asked.
    pub(super) fn asking(&self) -> impl Iterator<Item = &Arc<Ask>> {
        self.calls.keys().filter_map(|id| self.asks[*id].as_ref())
    }

    /// The next thing happens.
    pub(super) async fn step(&mut self) {
        match self.chance.weighed(&[1900, 24, 2, 1, 8, 10, 4]) {
            0 => self.next().await,
            1 => self.settle().await,
            2 => self.kill(None),
            3 => self.stop().await,
            4 => self.leave(),
            5 => self.site.mishaps.fail(),
            _ => {
                let steps: Vec<Step> = Step::BIRTH.into_iter().chain(Step::REJECTION).collect();
                let step = *self.chance.pick(&steps);
                self.site.dies_at(step);
            }
        }
    }

    async fn next(&mut self) {
        self.trace.step += 1;
        if self.chance.one_in(20) {
            self.time_goes_on().await;
        } else if self.calls.len() < CALLS && self.chance.one_in(4) || !self.go_on() {
            self.somebody_asks();
        }
    }

    /// One of what is under way goes on a little; answers whether anything was.
    pub(super) fn go_on(&mut self) -> bool {
        let woken: Vec<usize> =
            (0..self.tasks.len()).filter(|place| self.tasks[*place].is_woken()).collect();
        let weights = [woken.len(), self.letters.len(), self.arrivals.len()];
        if weights == [0; 3] {
            return false;
        }
        match self.chance.weighed(&weights) {
            0 => {
                let place = *self.chance.pick(&woken);
                self.poll(place);
            }
            1 => {
                let letter = self.chance.take(&mut self.letters);
                self.perform(letter);
            }
            _ => {
                let (to, arrive) = self.chance.take(&mut self.arrivals);
                self.trace.note(format_args!("  the store's answer to {to} arrives"));
                arrive();
            }
        }
        true
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("a server runs")
    }

    fn poll(&mut self, place: usize) {
        let task = &mut self.tasks[place];
        let id = task.id;
        let server = self.server.as_ref().expect("a server runs");
        server.post.writes(id);
        if let (Some(call), Some(ask)) = (self.calls.get_mut(&id), &self.asks[id]) {
            call.until.get_or_insert_with(|| ask.until(call.asked_at, Instant::now()));
        }
        let polled = task.go_on();
        self.letters.extend(server.post.letters());
        if let Poll::Ready(ended) = polled {
            self.tasks.swap_remove(place);
            if let Ended::Answered(reply) = ended {
                self.answered(id, &reply);
            }
        }
    }

    /// The store does what a letter says.
    fn perform(&mut self, letter: Letter) {
        let (from, what, now) = (letter.from, letter.what, self.now());
        let cause = match &self.asks[from] {
            Some(ask) => Cause::Asked(ask.clone()),
            None => Cause::Reaper,
        };
        let arrival = letter.perform();
        let commits = self.server().told.take();
        let hurt = self.site.mishaps.happened();
        let left: &str = if hurt { ", and it goes wrong" } else { "" };
        self.trace.note(format_args!("  the store is asked by {from} to {what}{left}"));
        for commit in &commits {
            let (record, removed) = (&commit.record, if commit.removed { ", removed" } else { "" });
            let (name, version, state) = (short(&record.name), record.version, record.state_name());
            self.trace.note(format_args!("  now {name} is version {version}, {state:?}{removed}"));
            assert!(!hurt, "committed, though it went wrong");
            self.holds_as_long_as_it_can(from, record);
            self.model.committed(&cause, commit, now);
            if matches!(cause, Cause::Reaper) {
                self.trace.count(format!("reaped: {state:?}{removed}"));
            }
        }
        if let (Some(call), Some(ask), false) = (self.calls.get_mut(&from), &self.asks[from], hurt)
            && what == "create"
        {
            let made = commits.first().map(|commit| &commit.record.name);
            let claimant = || self.model.claimant(ask.request_id()?);
            call.record = made.or_else(claimant).cloned();
        }
        match &cause {
            _ if hurt => {
                if let Some(call) = self.calls.get_mut(&from) {
                    call.hurt = true;
                }
            }
            Cause::Asked(ask) if commits.is_empty() => self.model.left_undone(ask, what, now),
            _ => {}
        }
        self.arrivals.push((from, arrival));
        if let Some(step) = self.site.mishaps.died() {
            // The last of the steps is behind the commit.
            self.trace.count(format!("died at {step:?}"));
            self.kill((step == Step::Answer).then_some(cause));
        }
    }

    /// A call ends the hold of its record only when it can't be held any longer itself.
    fn holds_as_long_as_it_can(&self, from: TaskId, record: &Record) {
        let Some(call) = self.calls.get(&from) else { return };
        let ask = self.asks[from].as_ref().expect("the reaper is nobody's call");
        if matches!(ask.what, What::Start { .. }) && self.model.lives.contains_key(&record.name) {
            let over = call.until.is_some_and(|until| until <= Instant::now());
            assert!(over || *self.server().draining().borrow(), "admitted early: {ask:?}");
        }
    }

    /// Somebody asks something, new or once more.
    fn somebody_asks(&mut self) {
        if self.calls.len() >= CALLS {
            return;
        }
        let ask = if !self.again.is_empty() && self.chance.one_in(4) {
            Some(self.chance.take(&mut self.again))
        } else if self.chance.one_in(2) {
            self.clients_ask().map(Arc::new)
        } else {
            self.workers_ask().map(Arc::new)
        };
        if let Some(ask) = ask {
            self.ask(ask);
        }
    }

    fn ask(&mut self, ask: Arc<Ask>) {
        let id = self.asks.len();
        self.trace.note(format_args!("{id}: {:?} asks {:?}", ask.by, ask.what));
        let (call, request) = ask.call(&self.site.catalog);
        let api = self.server().api.clone();
        let call = async move { Ended::Answered(api.call(&call, request).await) };
        self.tasks.push(Task::new(id, call));
        let (floor, asked_at) = (self.model.floor(&ask), Instant::now());
        self.calls.insert(id, InFlight { floor, asked_at, until: None, hurt: false, record: None });
        self.asks.push(Some(ask));
    }

    fn answered(&mut self, id: TaskId, reply: &Result<Reply>) {
        let said = match reply {
            Ok(_) => "OK".to_owned(),
            Err(error) => error.to_string(),
        };
        let (Some(call), Some(ask)) = (self.calls.remove(&id), self.asks[id].clone()) else {
            return;
        };
        self.trace.note(format_args!("{id} is answered: {said}"));
        let reason = said.split(':').next().unwrap_or_default();
        self.trace.count(format!("{}: {reason}", ask.what.kind()));
        let early = call.until.is_none_or(|until| Instant::now() < until);
        let answer = Answer {
            ask: &ask,
            floor: &call.floor,
            early: early && !*self.server().draining().borrow(),
            record: call.record.as_ref(),
            hurt: call.hurt,
            now: self.now(),
        };
        let learned = self.model.answered(&answer, reply);
        if self.chance.one_in(12) {
            self.trace.note(format_args!("{id} never hears of it"));
            self.again.push(ask);
            return;
        }
        if self.chance.one_in(20) {
            self.again.push(ask.clone());
        }
        if reply.is_err() && !self.chance.one_in(6) {
            self.lose_interest(&ask);
        }
        for name in learned.names {
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
        self.holds.extend(learned.holds);
        self.names.drain(..self.names.len().saturating_sub(KNOWN));
        self.holds.drain(..self.holds.len().saturating_sub(KNOWN));
        self.again.drain(..self.again.len().saturating_sub(KNOWN));
    }

    /// What was refused is asked about no more, mostly.
    fn lose_interest(&mut self, ask: &Ask) {
        match (ask.what.token(), ask.what.name()) {
            (Some(token), _) => self.holds.retain(|hold| hold.token != *token),
            (None, Some(name)) => self.names.retain(|known| known != name),
            (None, None) => {}
        }
    }
}
