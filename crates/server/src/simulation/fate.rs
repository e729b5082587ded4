//! What befalls a server: it is started, killed, stopped; callers leave; and now and then
//! everything comes to rest, and it can be said what has to be so by then.

use std::sync::Arc;

use super::ask::{Ask, What};
use super::model::{Cause, Life};
use super::post::finished;
use super::tasks::Task;
use super::{Ended, World};
use crate::operation::Span;
use crate::store::Store as _;

/// More than lies between two passes of the reaper.
const A_PASS: i64 = 600;
/// What may happen until all is at rest.
const TURNS: usize = 100_000;

impl World {
    /// Starts a server over what is in the folder. `dying` is what was committed, unseen, when
    /// the last one died.
    pub(super) fn start_server(&mut self, dying: Option<&Cause>) {
        let (server, reaper) = self.site.start(&mut self.chance);
        let now = server.store.now();
        self.model.reopened(server.records(), dying, now);
        self.model.serving_since = Some(now);
        let draining = server.draining();
        let run = async move {
            reaper.run(draining).await;
            Ended::Over
        };
        self.tasks.push(Task::new(self.asks.len(), run));
        self.asks.push(None);
        self.server = Some(server);
    }

    /// The process is killed, and another started over what it has written.
    pub(super) fn kill(&mut self, dying: Option<Cause>) {
        self.trace.note(format_args!("the server is killed"));
        self.trace.count("killed".to_owned());
        let server = self.server.take().expect("a server runs");
        self.forget_what_was_under_way();
        self.site.kill(server);
        self.start_server(dying.as_ref());
    }

    /// Of those who aren't answered any more some ask again.
    fn forget_what_was_under_way(&mut self) {
        self.tasks.clear();
        self.letters.clear();
        self.arrivals.clear();
        for id in std::mem::take(&mut self.calls).into_keys() {
            if let Some(ask) = self.asks[id].clone().filter(|_| self.chance.one_in(2)) {
                self.again.push(ask);
            }
        }
    }

    /// The server is stopped, as it should be: nobody stays without an answer.
    pub(super) async fn stop(&mut self) {
        self.trace.note(format_args!("the server is stopped"));
        self.trace.count("stopped".to_owned());
        self.site.mishaps.clear();
        self.server.as_ref().expect("a server runs").stop();
        self.come_to_rest().await;
        let left: Vec<&Arc<Ask>> = self.asking().collect();
        assert!(left.is_empty(), "not answered by a server that stops: {left:?}");
        assert!(self.tasks.is_empty(), "the reaper does not end");
        self.server = None;
        self.start_server(None);
    }

    /// One of the callers doesn't listen any more.
    pub(super) fn leave(&mut self) {
        let calls: Vec<_> = self.calls.keys().copied().collect();
        if calls.is_empty() {
            return;
        }
        let id = *self.chance.pick(&calls);
        self.trace.note(format_args!("{id} leaves"));
        self.calls.remove(&id);
        self.tasks.retain(|task| task.id != id);
        self.again.extend(self.asks[id].clone());
    }

    /// Everything that can go on does, until nothing can without time.
    async fn come_to_rest(&mut self) {
        for _ in 0..TURNS {
            // Timers that are due fire between two turns of the runtime.
            if !self.go_on() {
                tokio::task::yield_now().await;
                if !self.go_on() {
                    return;
                }
            }
            self.trace.step += 1;
        }
        panic!("it does not come to rest");
    }

    /// Comes to rest just behind a pass of the reaper, and looks at what has to be so.
    pub(super) async fn settle(&mut self) {
        self.trace.note(format_args!("all comes to rest"));
        self.site.mishaps.clear();
        self.come_to_rest().await;
        self.pass(A_PASS, Span::ZERO).await;
        self.come_to_rest().await;
        let now = self.now();
        self.model.nothing_is_overdue(now);
        for (id, call) in &self.calls {
            let ask = self.asks[*id].as_ref().expect("the reaper is nobody's call");
            let waits = call.until.is_some_and(|until| {
                ask.at_the_latest(call.asked_at, until) > tokio::time::Instant::now()
            });
            assert!(waits, "{id} is not answered in time: {ask:?}");
            match &ask.what {
                What::Wait(name, _) | What::Prefer(name, _) => {
                    let life = &self.model.lives[&name.0];
                    let waits = life.is_seen_by(ask.by) && life.last().done().is_none();
                    assert!(waits, "{id} was not woken: {ask:?}, {:?}", life.last());
                }
                What::Start { .. } => {
                    let life = call.record.as_ref().map(|name| &self.model.lives[name]);
                    let last = life.filter(|life| life.removed.is_none()).map(Life::last);
                    let held = last.and_then(|last| last.hold);
                    assert!(held.is_some(), "{id} is held no longer: {ask:?}, {last:?}");
                }
                What::Lease { methods, .. } => {
                    let work = self.model.leasable(methods, now);
                    assert!(work.is_none(), "{id} was not woken: {ask:?}, {work:?}");
                }
                _ => panic!("{id} hangs: {ask:?}"),
            }
        }
    }

    /// The end: all are answered, and what was acknowledged is there.
    pub(super) async fn end(&mut self) {
        self.settle().await;
        for _ in 0..2 {
            self.pass(61_000, Span::ZERO).await;
            self.settle().await;
        }
        let left: Vec<&Arc<Ask>> = self.asking().collect();
        assert!(left.is_empty(), "never answered: {left:?}");
        let server = self.server.as_ref().expect("a server runs");
        finished(server.store.ready()).unwrap();
        self.kill(None);
        self.stop().await;
    }
}
