//! Who waits for the end of a hold: on any server, and whatever ends it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::auth::{Caller, ScopeSet};
use crate::catalog::{Catalog, Sources};
use crate::clock::SystemRandom;
use crate::live::Live;
use crate::operation::samples::{at, payload, record, status, token};
use crate::operation::{
    Expected, Finish, Grant, Outcome, Principal, Record, Reject, Rejection, Timestamp, transition,
};
use crate::service::lro::admission::settled;
use crate::service::{Api, Call, Limits, Pools, Slots};
use crate::store::conformance::ManualClock;
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};
use crate::store::{Apply, Commit, Observer, Store, StoreError};

/// Two servers over one store.
struct Fleet {
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    servers: [Api; 2],
    stops: [watch::Sender<bool>; 2],
    _dir: tempfile::TempDir,
}

struct Both([Arc<Live>; 2]);

impl Observer for Both {
    fn committed(&self, commits: &[Commit]) {
        self.0.iter().for_each(|live| live.committed(commits));
    }
}

impl Fleet {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let lives = [(); 2].map(|()| Arc::new(Live::new(1 << 20)));
        let (observer, options) = (Arc::new(Both(lives.clone())), EmbeddedOptions::default());
        let store = EmbeddedStore::open(dir.path(), clock.clone(), observer, options).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let stops = [(); 2].map(|()| watch::channel(false).0);
        let catalog = Arc::new(Catalog::load(&Sources::default()).unwrap());
        let servers = [0, 1].map(|index| Api {
            catalog: catalog.clone(),
            store: store.clone(),
            live: lives[index].clone(),
            pools: Pools::of(&catalog, store.clone()).0,
            random: Arc::new(SystemRandom),
            strays: Default::default(),
            limits: Limits::USUAL,
            draining: stops[index].subscribe(),
        });
        Self { clock, store, servers, stops, _dir: dir }
    }

    /// A record that is held for 10 s, under the lease `A`.
    async fn held(&self, validation: bool) -> Arc<Record> {
        let born = move |now| Record { hold: Some(at(10)), validation, ..record("a", now) };
        let made = self.store.create(vec![Box::new(born)]).await.remove(0).unwrap();
        let grant = Grant { worker_id: "w".to_owned(), token: token("A").hash(), duration: None };
        let lease = move |record: &Record, now: Timestamp| transition::lease(record, &grant, now);
        self.change(&made, Box::new(lease)).await
    }

    async fn change(&self, record: &Record, apply: Apply) -> Arc<Record> {
        self.store.update(vec![(record.name.clone(), apply)]).await.remove(0).unwrap()
    }

    fn call(&self, deadline: Option<Instant>) -> Call {
        let service = self.servers[0].catalog.services().next().unwrap().clone();
        let method = service.methods().next().unwrap().clone();
        let principal = Principal::parse("static:alice").unwrap();
        let caller = Arc::new(Caller { principal, scopes: ScopeSet::All });
        Call {
            service,
            method,
            caller,
            deadline,
            wait: None,
            request_id: None,
            slots: Slots::new(1),
        }
    }

    /// What a call on each server is answered with once `event` has come: both wait by then.
    async fn answers(
        &self,
        held: &Arc<Record>,
        event: impl Future<Output = ()>,
    ) -> [Result<Arc<Record>, StoreError>; 2] {
        let call = self.call(None);
        let mut one = pin!(settled(&self.servers[0], &call, held.clone()));
        let mut other = pin!(settled(&self.servers[1], &call, held.clone()));
        assert!(one.as_mut().now_or_never().is_none());
        assert!(other.as_mut().now_or_never().is_none());
        event.await;
        [one.await, other.await]
    }
}

fn rejection(answer: Result<Arc<Record>, StoreError>) -> Rejection {
    match answer {
        Err(StoreError::Rejected(rejection)) => rejection,
        other => panic!("not rejected: {other:?}"),
    }
}

fn reject() -> Apply {
    let reject = Reject { token: Some(token("A")), error: status(9, "no") };
    Box::new(move |record, now| transition::reject(record, &reject, now))
}

#[tokio::test]
async fn a_rejection_reaches_every_call() {
    for validation in [false, true] {
        let fleet = Fleet::new();
        let held = fleet.held(validation).await;
        let event = async { drop(fleet.change(&held, reject()).await) };
        for answer in fleet.answers(&held, event).await {
            assert_eq!(rejection(answer), Rejection::Worker(status(9, "no")));
        }
        // Even one that comes to wait when it is all over.
        let late = settled(&fleet.servers[1], &fleet.call(None), held.clone()).await;
        assert_eq!(rejection(late), Rejection::Worker(status(9, "no")));
    }
}

#[tokio::test]
async fn a_finish_reaches_every_call() {
    let fleet = Fleet::new();
    let held = fleet.held(false).await;
    let finish = Finish {
        token: Some(token("A")),
        outcome: Outcome::Response(payload("test.Response", b"1")),
        metadata: None,
    };
    let apply: Apply = Box::new(move |record, now| {
        transition::finish(record, &finish, &Expected::default(), &transition::by_bytes, now)
    });
    let event = async { drop(fleet.change(&held, apply).await) };
    for answer in fleet.answers(&held, event).await {
        let record = answer.unwrap();
        assert!(record.done().is_some() && record.hold.is_none());
    }
}

#[tokio::test]
async fn a_holds_time_ends_it_for_every_call() {
    for validation in [false, true] {
        let fleet = Fleet::new();
        let held = fleet.held(validation).await;
        let event = async {
            fleet.clock.set(at(10));
            let tick = |record: &Record, now| transition::tick(record, now, at(0));
            fleet.change(&held, Box::new(tick)).await;
        };
        for answer in fleet.answers(&held, event).await {
            match validation {
                false => assert!(answer.unwrap().lease().is_some()),
                true => assert_eq!(rejection(answer), Rejection::Unanswered),
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_stops_ends_the_holds_of_its_calls() {
    for validation in [false, true] {
        let fleet = Fleet::new();
        let held = fleet.held(validation).await;
        let event = async { fleet.stops[0].send(true).unwrap() };
        for answer in fleet.answers(&held, event).await {
            match validation {
                false => assert!(answer.unwrap().done().is_none()),
                true => assert_eq!(rejection(answer), Rejection::Unanswered),
            }
        }
        // Who rejects now is told which of the two came first.
        let late = fleet.store.update(vec![(held.name.clone(), reject())]).await.remove(0);
        match validation {
            false => assert!(matches!(late, Err(StoreError::Refused(_)))),
            true => assert!(matches!(late, Err(StoreError::NotFound))),
        }
    }
}

#[tokio::test]
async fn a_callers_deadline_ends_a_hold() {
    let fleet = Fleet::new();
    let held = fleet.held(false).await;
    let call = fleet.call(Some(Instant::now()));
    let answer = settled(&fleet.servers[0], &call, held).await.unwrap();
    assert!(answer.hold.is_none() && answer.done().is_none());
}
