//! Pages over a real store.

mod agree;
mod model;
mod partition;

use std::sync::Arc;

use longrun_api::google::longrunning::Operation;
use tokio::sync::watch;

use super::{Ask, page};
use crate::auth::{Caller, ScopeSet};
use crate::catalog::Catalog;
use crate::clock::SystemRandom;
use crate::error::Result;
use crate::live::Live;
use crate::operation::samples::{at, record};
use crate::operation::{Filter, OperationName, Parent, Principal, Record};
use crate::service::Pools;
use crate::service::filter::tests::{catalog, payload};
use crate::service::{Api, Call, Limits, Slots};
use crate::store::conformance::ManualClock;
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};
use crate::store::{Birth, ListQuery, Order, Store};
use crate::wire;

/// A store with nothing in it, and what is needed to list it.
struct Shelf {
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
    live: Arc<Live>,
    _dir: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, live) = (Arc::new(ManualClock::new(at(0))), Arc::new(Live::new(1 << 20)));
        let options = EmbeddedOptions::default();
        let store = EmbeddedStore::open(dir.path(), clock, live.clone(), options).unwrap();
        Self { catalog: Arc::new(catalog()), store: Arc::new(store), live, _dir: dir }
    }

    fn api(&self, limits: Limits) -> Api {
        Api {
            catalog: self.catalog.clone(),
            store: self.store.clone(),
            live: self.live.clone(),
            pools: Pools::of(&self.catalog, self.store.clone()).0,
            random: Arc::new(SystemRandom),
            strays: Default::default(),
            limits,
            draining: watch::channel(false).1,
        }
    }

    async fn put(&self, records: Vec<Record>) {
        let born = |record: Record| Box::new(move |_| record.clone()) as Birth;
        for answer in self.store.create(records.into_iter().map(born).collect()).await {
            answer.unwrap();
        }
    }

    /// One page of the records right under a parent, oldest first.
    async fn page(
        &self,
        limits: Limits,
        list: &List<'_>,
        token: &str,
    ) -> Result<(Vec<String>, String)> {
        let service = self.catalog.service("s").unwrap().clone();
        let method = service.methods().next().unwrap().clone();
        let principal = Principal::parse(list.caller).unwrap();
        let caller = Arc::new(Caller { principal, scopes: ScopeSet::All });
        let call = Call {
            service,
            method,
            caller,
            deadline: None,
            wait: None,
            request_id: None,
            slots: Slots::new(1),
        };
        let ask = Ask {
            filter: list.filter,
            page_size: list.size,
            page_token: token,
            bound: ["s", list.parent, "client"],
        };
        let query = ListQuery {
            service: Some("s".to_owned()),
            parent: Some(Parent::parse(list.parent).unwrap()),
            owner: None,
            hidden: false,
            filter: Filter::default(),
            order: Order::OldestFirst,
            after: None,
            limit: 0,
            bytes_max: 0,
            rows_max: 0,
        };
        let found = page(&self.api(limits), &call, ask, query, wire::operation).await?;
        let id = |operation: &Operation| {
            OperationName::parse(&operation.name).unwrap().id.as_str().to_owned()
        };
        Ok((found.items.iter().map(id).collect(), found.next_page_token))
    }
}

/// What is asked for.
#[derive(Clone)]
struct List<'a> {
    parent: &'a str,
    filter: &'a str,
    size: i32,
    caller: &'a str,
}

fn list(filter: &str, size: i32) -> List<'_> {
    List { parent: "", filter, size, caller: "static:alice" }
}

/// Rows `r0000` and on, of which every tenth has the number 1 in its metadata.
fn rows(count: i64) -> Vec<Record> {
    let make = |index: i64| {
        let json = format!("{{\"small\": {}}}", i64::from(index % 10 == 0));
        Record {
            metadata: Some(payload("t.v1.All", &json)),
            ..record(&format!("r{index:04}"), at(index / 3))
        }
    };
    (0..count).map(make).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_looks_at_so_many_rows_and_no_more() {
    let shelf = Shelf::new();
    shelf.put(rows(40)).await;
    let limits = Limits { list_scan_max: 15, ..Limits::USUAL };
    let rare = list("metadata.small=1 AND name!=operations/r0020", 100);
    let mut token = String::new();
    let mut pages = vec![];
    loop {
        let (ids, next) = shelf.page(limits, &rare, &token).await.unwrap();
        pages.push(ids.join(" "));
        token = next;
        if token.is_empty() {
            break;
        }
    }
    // 0 to 14, 15 to 30 (the store has left out one), 31 to 39.
    assert_eq!(pages, ["r0000 r0010", "r0030", ""]);
    // What the store answers alone isn't limited by that.
    let (ids, token) = shelf.page(limits, &list("done=false", 100), "").await.unwrap();
    assert_eq!((ids.len(), token.as_str()), (40, ""));

    // The store passes over so many rows for a page, however many reads it takes.
    let limits = Limits { store_rows_max: 15, ..Limits::USUAL };
    for (filter, expected) in [
        ("name>operations/r0033", ["", "", "r0034 r0035 r0036 r0037 r0038 r0039"]),
        ("metadata.small=1 AND name>=operations/r0010", ["r0010", "r0020", "r0030"]),
    ] {
        let mut token = String::new();
        for (page, ids) in expected.into_iter().enumerate() {
            let (found, next) = shelf.page(limits, &list(filter, 100), &token).await.unwrap();
            assert_eq!((found.join(" ").as_str(), next.is_empty()), (ids, page == 2), "{filter}");
            token = next;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_in_several_goes() {
    let shelf = Shelf::new();
    shelf.put(rows(2500)).await;
    let last = list("metadata.small=1 AND (name=operations/r2490 OR name=operations/r2000)", 0);
    assert_eq!(
        shelf.page(Limits::USUAL, &last, "").await.unwrap(),
        (vec!["r2000".into(), "r2490".into()], String::new())
    );
    let limits = Limits { list_scan_max: 2000, ..Limits::USUAL };
    let (ids, token) = shelf.page(limits, &last, "").await.unwrap();
    assert!(ids.is_empty() && !token.is_empty(), "an empty page that isn't the last");
    let (ids, token) = shelf.page(limits, &last, &token).await.unwrap();
    assert_eq!((ids, token), (vec!["r2000".into(), "r2490".into()], String::new()));
    let (ids, token) = shelf.page(Limits::USUAL, &list("", 1000), "").await.unwrap();
    assert_eq!((ids.len(), ids[999].as_str(), token.is_empty()), (1000, "r0999", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_cut_by_size_and_bytes() {
    let shelf = Shelf::new();
    shelf.put(rows(40)).await;
    for filter in ["metadata.small=1", "metadata:*", "done=false", "state=RUNNING"] {
        let (all, token) = shelf.page(Limits::USUAL, &list(filter, 1000), "").await.unwrap();
        assert_eq!(token, "", "{filter}");
        for limits in [Limits::USUAL, Limits { message_bytes_max: 1, ..Limits::USUAL }] {
            let (mut found, mut token) = (vec![], String::new());
            for size in 1.. {
                let (ids, next) = shelf.page(limits, &list(filter, size), &token).await.unwrap();
                let one = limits.message_bytes_max == 1;
                assert!(ids.len() <= if one { 1 } else { size as usize });
                found.extend(ids);
                token = next;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(found, all, "{filter}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_of_one_list() {
    let shelf = Shelf::new();
    shelf.put(rows(40)).await;
    let first = list("metadata.small=1", 2);
    let (_, token) = shelf.page(Limits::USUAL, &first, "").await.unwrap();
    let (ids, _) =
        shelf.page(Limits::USUAL, &List { size: 1, ..first.clone() }, &token).await.unwrap();
    assert_eq!(ids, ["r0020"], "the size may change");
    let others = [
        List { filter: "metadata.small = 1", ..first.clone() },
        List { filter: "", ..first.clone() },
        List { parent: "p", ..first.clone() },
        List { caller: "static:bob", ..first.clone() },
    ];
    for other in others {
        let error = shelf.page(Limits::USUAL, &other, &token).await.unwrap_err();
        assert!(error.to_string().contains("belongs to a list with another parent"), "{error}");
    }
}
