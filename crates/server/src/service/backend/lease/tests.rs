//! Lease calls that wait.

use std::pin::pin;

use futures::FutureExt as _;
use prost::Message as _;
use tokio::sync::watch;
use tokio::time::sleep;

use super::*;
use crate::auth::{Caller, ScopeSet};
use crate::catalog::{Catalog, Sources};
use crate::clock::{Clock as _, SystemRandom};
use crate::error::Kind;
use crate::live::Live;
use crate::operation::Principal;
use crate::operation::samples::{at, record};
use crate::service::{Body, Limits, Pools, Slots};
use crate::store::Birth;
use crate::store::conformance::ManualClock;
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};

struct Place {
    _dir: tempfile::TempDir,
    stop: watch::Sender<bool>,
    clock: Arc<ManualClock>,
    api: Api,
    call: Call,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let live = Arc::new(Live::new(1 << 20));
        let options = EmbeddedOptions::default();
        let store = EmbeddedStore::open(dir.path(), clock.clone(), live.clone(), options).unwrap();
        let store = Arc::new(store);
        let catalog = Arc::new(Catalog::load(&Sources::default()).unwrap());
        let (stop, draining) = watch::channel(false);
        let api = Api {
            catalog: catalog.clone(),
            store: store.clone(),
            live,
            pools: Pools::open(&catalog, store).await.unwrap(),
            random: Arc::new(SystemRandom),
            strays: Default::default(),
            limits: Limits::USUAL,
            draining,
        };
        let method = catalog.backend().method("longrun.v1.Backend/LeaseOperations").unwrap();
        let principal = Principal::parse("static:w").unwrap();
        let call = Call {
            service: catalog.services().next().unwrap().clone(),
            method: method.clone(),
            caller: Arc::new(Caller { principal, scopes: ScopeSet::All }),
            deadline: None,
            wait: None,
            request_id: None,
            slots: Slots::new(2),
        };
        Self { _dir: dir, stop, clock, api, call }
    }

    /// Asks for work of these methods, and waits for it for 30 s.
    async fn ask(&self, methods: &[&str]) -> Result<Reply> {
        let request = LeaseOperationsRequest {
            parent: "services/longrun.local".to_owned(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            wait_timeout: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
            ..LeaseOperationsRequest::default()
        };
        lease(&self.api, &self.call, request).await
    }

    /// The methods of the work that comes.
    async fn lease(&self, methods: &[&str]) -> Vec<String> {
        let reply = self.ask(methods).await.unwrap();
        let Body::Message(message) = reply.body else { panic!("one message") };
        let leased = LeaseOperationsResponse::decode(message).unwrap().records;
        leased.into_iter().map(|record| record.method).collect()
    }

    /// Makes work of these methods, all at once.
    async fn make(&self, methods: &[&str]) {
        let birth = |(place, method): (usize, &&str)| {
            let mut record = record(&format!("r{place}"), self.clock.now());
            record.name.service = "longrun.local".to_owned();
            record.method = (*method).to_owned();
            Box::new(move |_| record.clone()) as Birth
        };
        let births = methods.iter().enumerate().map(birth).collect();
        for answer in self.api.store.create(births).await {
            answer.unwrap();
        }
    }
}

const METHOD: &str = "pkg.Service/Method";
const OTHER: &str = "pkg.Service/Other";

/// While it is held, too: a worker that waits has not gone.
#[tokio::test(start_paused = true)]
async fn a_lease_call_is_noted_from_its_beginning_to_its_end() {
    let place = Place::new().await;
    let called = || place.api.live.lease_calls().last("longrun.local", METHOD);
    assert_eq!(called(), None);
    let mut held = pin!(place.lease(&[METHOD]));
    assert!(held.as_mut().now_or_never().is_none());
    assert_eq!(called(), Some(at(0)));
    let later = async {
        sleep(Duration::from_secs(29)).await;
        place.clock.set(at(30));
    };
    let (leased, ()) = tokio::join!(held, later);
    assert!(leased.is_empty());
    assert_eq!(called(), Some(at(30)));
}

/// Whoever is woken for one method and takes another's work leaves its turn to the next.
#[tokio::test]
async fn no_work_is_left_while_somebody_waits_for_it() {
    let place = Place::new().await;
    let mut both = pin!(place.lease(&[METHOD, OTHER]));
    let mut one = pin!(place.lease(&[METHOD]));
    // Each has looked, and waits.
    for _ in 0..2 {
        assert!(both.as_mut().now_or_never().is_none() && one.as_mut().now_or_never().is_none());
        place.api.store.ready().await.unwrap();
    }
    place.make(&[OTHER, METHOD]).await;
    let (both, one) = tokio::join!(both, one);
    assert_eq!((both, one), (vec![OTHER.to_owned()], vec![METHOD.to_owned()]));
}

#[tokio::test]
async fn a_server_that_stops_hands_out_no_more_work() {
    let place = Place::new().await;
    place.make(&[METHOD]).await;
    place.stop.send_replace(true);
    assert!(place.lease(&[METHOD]).await.is_empty());
}

/// It is told so in the end, and at once when the server stops.
#[tokio::test(start_paused = true)]
async fn who_takes_no_answers_gets_no_work() {
    let place = Place::new().await;
    place.make(&[METHOD]).await;
    let untaken = [place.call.slots.take().await, place.call.slots.take().await];
    let is_busy = |answer: Result<Reply>| matches!(answer.err().unwrap().kind, Kind::ServerBusy);
    let start = Instant::now();
    assert!(is_busy(place.ask(&[METHOD]).await));
    assert_eq!(start.elapsed(), Duration::from_secs(60));
    let stop = async { place.stop.send_replace(true) };
    let (answer, _) = tokio::join!(place.ask(&[METHOD]), stop);
    assert!(is_busy(answer));
    assert_eq!(start.elapsed(), Duration::from_secs(60));
    drop(untaken);
}
