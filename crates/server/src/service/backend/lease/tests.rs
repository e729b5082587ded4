//! Under a paused clock.

use std::pin::pin;

use futures::FutureExt as _;
use tokio::sync::watch;
use tokio::time::sleep;

use super::*;
use crate::auth::{Caller, ScopeSet};
use crate::catalog::{Catalog, Sources};
use crate::clock::SystemRandom;
use crate::live::Live;
use crate::operation::Principal;
use crate::operation::samples::at;
use crate::service::{Limits, Pools, Slots};
use crate::store::conformance::ManualClock;
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};

/// While it is held, too: a worker that waits has not gone.
#[tokio::test(start_paused = true)]
async fn a_lease_call_is_noted_from_its_beginning_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(at(0)));
    let live = Arc::new(Live::new(1 << 20));
    let options = EmbeddedOptions::default();
    let store = EmbeddedStore::open(dir.path(), clock.clone(), live.clone(), options).unwrap();
    let store = Arc::new(store);
    let catalog = Arc::new(Catalog::load(&Sources::default()).unwrap());
    let (_stop, draining) = watch::channel(false);
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
    let service = catalog.services().next().unwrap().clone();
    let method = catalog.backend().method("longrun.v1.Backend/LeaseOperations").unwrap().clone();
    let caller = Caller { principal: Principal::parse("static:w").unwrap(), scopes: ScopeSet::All };
    let call = Call {
        service,
        method,
        caller: Arc::new(caller),
        deadline: None,
        wait: None,
        request_id: None,
        slots: Slots::new(1),
    };
    let request = LeaseOperationsRequest {
        parent: "services/longrun.local".to_owned(),
        methods: vec!["pkg.Service/Method".to_owned()],
        wait_timeout: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
        ..LeaseOperationsRequest::default()
    };
    let called = || api.live.lease_calls().last("longrun.local", "pkg.Service/Method");

    assert_eq!(called(), None);
    let mut held = pin!(lease(&api, &call, request));
    assert!(held.as_mut().now_or_never().is_none());
    assert_eq!(called(), Some(at(0)));
    let later = async {
        sleep(Duration::from_secs(29)).await;
        clock.set(at(30));
    };
    let (answer, ()) = tokio::join!(held, later);
    answer.unwrap();
    assert_eq!(called(), Some(at(30)));
}
