//! Which methods have work that waits while no worker asks for it: a worker that died, or was
//! never started, or asks for another method.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::operation::{Span, Timestamp};
use crate::store::{Store, StoreError, Waiting};

/// So long may work wait without a lease call before that is said, and said again.
const PATIENCE: Span = Span::seconds(60);
/// Methods that are looked at, and records of each that are counted.
const LOOK_MAX: usize = 1_000;
/// Methods whose lease calls are remembered: `longrun.local` takes any text for one.
const CALLED_MAX: usize = 10_000;

/// When workers last asked this server for work, by service and method.
#[derive(Debug, Default)]
pub(crate) struct LeaseCalls(Mutex<HashMap<String, HashMap<String, Timestamp>>>);

impl LeaseCalls {
    /// A worker asks for work of these methods.
    pub(crate) fn note(&self, service: &str, methods: &[String], now: Timestamp) {
        let mut services = self.locked();
        let mut room = CALLED_MAX.saturating_sub(services.values().map(HashMap::len).sum());
        if !services.contains_key(service) {
            services.insert(service.to_owned(), HashMap::new());
        }
        let Some(called) = services.get_mut(service) else { return };
        for method in methods {
            if let Some(time) = called.get_mut(method) {
                *time = now.max(*time);
            } else if room > 0 {
                called.insert(method.clone(), now);
                room -= 1;
            }
        }
    }

    /// When a worker last asked, if that is remembered.
    pub(crate) fn last(&self, service: &str, method: &str) -> Option<Timestamp> {
        self.locked().get(service)?.get(method).copied()
    }

    /// A call from before `time` says no more than none.
    fn forget(&self, time: Timestamp) {
        self.locked().retain(|_, methods| {
            methods.retain(|_, called| *called >= time);
            !methods.is_empty()
        });
    }

    /// Whole between any two statements.
    fn locked(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Timestamp>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A method whose work waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wait {
    /// Since when it was seen to wait and no worker has asked for it.
    quiet_since: Timestamp,
    /// When that was last said.
    warned: Option<Timestamp>,
}

/// What there is to say of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// Its work waits, and no worker asks for it.
    Unattended,
    /// A worker asks for it again.
    Attended,
}

/// What becomes of a wait at a look, given whether work waits and the last lease call.
fn judge(
    before: Option<Wait>,
    waits: bool,
    called: Option<Timestamp>,
    now: Timestamp,
) -> (Option<Wait>, Option<News>) {
    let mut wait = before.unwrap_or(Wait { quiet_since: now, warned: None });
    let mut news = None;
    if let Some(called) = called {
        wait.quiet_since = wait.quiet_since.max(called);
        if wait.warned.is_some_and(|warned| called >= warned) {
            wait.warned = None;
            news = Some(News::Attended);
        }
    }
    if !waits {
        return (None, news);
    }
    if now.since(wait.warned.unwrap_or(wait.quiet_since)) >= PATIENCE {
        wait.warned = Some(now);
        news = Some(News::Unattended);
    }
    (Some(wait), news)
}

/// Looks at what waits, again and again, and logs what is new.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    waits: BTreeMap<(String, String), Wait>,
    looked: Timestamp,
}

impl Lookout {
    /// One look.
    ///
    /// # Errors
    /// The store's, when it can't say what waits.
    pub(crate) async fn look(
        &mut self,
        store: &dyn Store,
        calls: &LeaseCalls,
    ) -> Result<(), StoreError> {
        let waiting = store.waiting(LOOK_MAX).await?;
        let now = store.now();
        // Nobody could ask while the machine slept or the store was away.
        if now.since(self.looked) >= PATIENCE {
            self.waits.clear();
        }
        self.looked = now;
        let mut before = std::mem::take(&mut self.waits);
        for Waiting { service, method, count, since } in waiting {
            let called = calls.last(&service, &method);
            let key = (service, method);
            let (wait, news) = judge(before.remove(&key), true, called, now);
            let (service, method) = (&key.0, &key.1);
            match news {
                Some(News::Unattended) => {
                    let since = since.to_proto();
                    tracing::warn!(service, method, waiting = count, %since, "{UNATTENDED}");
                }
                Some(News::Attended) => tracing::info!(service, method, "{ATTENDED}"),
                None => {}
            }
            self.waits.extend(wait.map(|wait| (key, wait)));
        }
        for ((service, method), wait) in before {
            let called = calls.last(&service, &method);
            if judge(Some(wait), false, called, now).1 == Some(News::Attended) {
                tracing::info!(service, method, "{ATTENDED}");
            }
        }
        calls.forget(now.minus(PATIENCE));
        Ok(())
    }
}

const UNATTENDED: &str = "work waits and no worker asks for it";
const ATTENDED: &str = "a worker asks for the work again";

#[cfg(test)]
mod tests;
