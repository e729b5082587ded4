//! A server in memory, under a paused clock, which keeps count of what it is asked.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use longrun_api::longrun::v1::{LeaseOperationsRequest, OperationRecord, operation_record};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tonic::Code;

use crate::worker::backend::{Answer, Backend, Held, Outcome};
use crate::worker::drive::{Plan, Stop, drive};
use crate::worker::{Context, WorkError};
use crate::{ClientError, Failure, Payload};

pub(super) const METHOD: &str = "pkg.Service/Method";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call<Name = &'static str> {
    Lease(i32),
    Renew(Name),
    Release(Name),
    Finish(Name),
    Reject(Name),
}

type Released = (Option<Failure>, Duration);

#[derive(Default)]
struct State {
    pending: VecDeque<String>,
    cancelled: Vec<String>,
    calls: Vec<(u64, Call<String>)>,
    leases: Refusals,
    renewals: Refusals,
    finishes: Refusals,
    finished: BTreeMap<String, Result<Payload, Failure>>,
    held: Vec<String>,
    rejected: BTreeMap<String, Failure>,
    released: BTreeMap<String, Released>,
}

type Refusals = Vec<ClientError>;

#[derive(Clone)]
pub(super) struct Fake {
    began: Instant,
    lease: Duration,
    state: Arc<Mutex<State>>,
    told: Arc<Notify>,
}

pub(super) fn failure(code: Code, message: &str) -> Failure {
    Failure::new(code, message)
}

pub(super) fn unavailable() -> ClientError {
    ClientError::new(Code::Unavailable, "away")
}

fn admitted() -> ClientError {
    let reason = Some("OPERATION_ADMITTED".to_owned());
    ClientError { code: Code::FailedPrecondition, message: "too late".to_owned(), reason }
}

pub(super) fn gone() -> ClientError {
    ClientError::new(Code::NotFound, "gone")
}

impl Fake {
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>, lease: Duration) -> Self {
        let pending = names.into_iter().map(str::to_owned).collect();
        let state = Arc::new(Mutex::new(State { pending, ..State::default() }));
        Self { began: Instant::now(), lease, state, told: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn note(&self, call: Call<String>) -> MutexGuard<'_, State> {
        let at = self.began.elapsed().as_secs();
        let mut state = self.state();
        state.calls.push((at, call));
        state
    }

    pub(super) fn cancel(&self, name: &str) {
        self.state().cancelled.push(name.to_owned());
    }

    /// The record's call is held.
    pub(super) fn hold(&self, name: &str) {
        self.state().held.push(name.to_owned());
    }

    pub(super) fn rejected(&self, name: &str) -> Option<Failure> {
        self.state().rejected.get(name).cloned()
    }

    pub(super) fn refuse_leases(&self, error: ClientError, times: usize) {
        self.state().leases = vec![error; times];
    }

    pub(super) fn refuse_renewals(&self, error: ClientError, times: usize) {
        self.state().renewals = vec![error; times];
    }

    pub(super) fn refuse_finishes(&self, error: ClientError, times: usize) {
        self.state().finishes = vec![error; times];
    }

    /// Until the record is finished, rejected or given back.
    pub(super) async fn told(&self, name: &str) {
        loop {
            let told = self.told.notified();
            {
                let state = self.state();
                let ended = state.finished.contains_key(name) || state.rejected.contains_key(name);
                if ended || state.released.contains_key(name) {
                    return;
                }
            }
            told.await;
        }
    }

    pub(super) fn finished(&self, name: &str) -> Option<Result<Payload, Failure>> {
        self.state().finished.get(name).cloned()
    }

    pub(super) fn released(&self, name: &str) -> Option<Released> {
        self.state().released.get(name).cloned()
    }

    /// The calls and their seconds, of records that are among `names`.
    pub(super) fn calls_of<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Vec<(u64, Call<&'static str>)> {
        let known = |name: &String| names.into_iter().find(|known| known == name);
        let of = |call: &Call<String>| {
            Some(match call {
                Call::Lease(_) => return None,
                Call::Renew(name) => Call::Renew(known(name)?),
                Call::Release(name) => Call::Release(known(name)?),
                Call::Finish(name) => Call::Finish(known(name)?),
                Call::Reject(name) => Call::Reject(known(name)?),
            })
        };
        self.state().calls.iter().filter_map(|(at, call)| Some((*at, of(call)?))).collect()
    }

    /// The lease calls: when, and how many records each asked for.
    pub(super) fn leases(&self) -> Vec<(u64, i32)> {
        let count = |(at, call): &(u64, Call<String>)| match call {
            Call::Lease(count) => Some((*at, *count)),
            _ => None,
        };
        self.state().calls.iter().filter_map(count).collect()
    }

    pub(super) fn worker<F, Fut>(&self, handler: F) -> FakeWorker
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Payload, WorkError>> + Send + 'static,
    {
        let handler: super::super::Handler = Arc::new(move |context| Box::pin(handler(context)));
        let plan = Plan {
            service: "longrun.local".to_owned(),
            worker_id: "w".to_owned(),
            concurrency: 8,
            lease_duration: None,
            drain_timeout: Duration::from_secs(30),
            handlers: BTreeMap::from([(METHOD.to_owned(), handler)]),
        };
        FakeWorker { backend: Arc::new(self.clone()), plan }
    }

    fn record(&self, name: String) -> OperationRecord {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 5_000 });
        let lease = operation_record::Lease {
            token: format!("token of {name}"),
            expire_time: time(1_000 + self.lease.as_secs() as i64),
            ..Default::default()
        };
        let (method, update_time, lease) = (METHOD.to_owned(), time(1_000), Some(lease));
        OperationRecord { name, method, update_time, lease, attempt: 1, ..Default::default() }
    }

    fn check(&self, held: &Held) {
        assert_eq!(held.token, format!("token of {}", held.name));
    }
}

pub(super) struct FakeWorker {
    backend: Arc<dyn Backend>,
    plan: Plan,
}

impl FakeWorker {
    pub(super) fn concurrency(mut self, count: usize) -> Self {
        self.plan.concurrency = count;
        self
    }

    pub(super) fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.plan.drain_timeout = timeout;
        self
    }

    pub(super) async fn until(self, stop: impl Future<Output = ()>) -> Result<(), ClientError> {
        self.until_twice(stop, std::future::pending()).await
    }

    pub(super) async fn until_twice(
        self,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<(), ClientError> {
        let (sender, stopped) = watch::channel(Stop::No);
        let forward = async {
            stop.await;
            sender.send(Stop::Drain).unwrap();
            hurry.await;
            sender.send(Stop::Now).unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = drive(self.backend, self.plan, stopped) => ended,
            () = forward => unreachable!("it waits for ever"),
        }
    }
}

impl Backend for Fake {
    fn lease(&self, request: LeaseOperationsRequest) -> Answer<'_, Vec<OperationRecord>> {
        assert_eq!(request.parent, "services/longrun.local");
        assert_eq!(request.methods, [METHOD]);
        Box::pin(async move {
            let taken: Vec<String> = {
                let mut state = self.note(Call::Lease(request.max_operations));
                if let Some(error) = state.leases.pop() {
                    return Err(error);
                }
                let count = state.pending.len().min(request.max_operations as usize);
                state.pending.drain(..count).collect()
            };
            if taken.is_empty() {
                sleep(request.wait_timeout.unwrap().try_into().unwrap()).await;
            }
            Ok(taken.into_iter().map(|name| self.record(name)).collect())
        })
    }

    fn renew<'a>(&'a self, held: &'a Held, _: Option<Payload>) -> Answer<'a, bool> {
        Box::pin(async move {
            self.check(held);
            let mut state = self.note(Call::Renew(held.name.clone()));
            match state.renewals.pop() {
                Some(error) => Err(error),
                None => Ok(state.cancelled.contains(&held.name)),
            }
        })
    }

    fn release<'a>(
        &'a self,
        held: &'a Held,
        failure: Option<Failure>,
        delay: Duration,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.check(held);
            let mut state = self.note(Call::Release(held.name.clone()));
            state.released.insert(held.name.clone(), (failure, delay));
            drop(state);
            self.told.notify_waiters();
            Ok(())
        })
    }

    fn finish<'a>(&'a self, held: &'a Held, outcome: Outcome) -> Answer<'a, ()> {
        Box::pin(async move {
            self.check(held);
            let mut state = self.note(Call::Finish(held.name.clone()));
            if let Some(error) = state.finishes.pop() {
                return Err(error);
            }
            let result = match outcome {
                Outcome::Response(response) => Ok(response),
                Outcome::Failure(failure) => Err(failure),
            };
            state.finished.insert(held.name.clone(), result);
            drop(state);
            self.told.notify_waiters();
            Ok(())
        })
    }

    fn reject<'a>(&'a self, held: &'a Held, failure: Failure) -> Answer<'a, ()> {
        Box::pin(async move {
            self.check(held);
            let mut state = self.note(Call::Reject(held.name.clone()));
            if !state.held.contains(&held.name) {
                return Err(admitted());
            }
            state.rejected.insert(held.name.clone(), failure);
            drop(state);
            self.told.notify_waiters();
            Ok(())
        })
    }
}
