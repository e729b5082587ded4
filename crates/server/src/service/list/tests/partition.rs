use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use super::{List, Shelf};
use crate::operation::samples::{at, record};
use crate::operation::{Change, Gone, OperationName, Record, RecordName};
use crate::service::Limits;
use crate::service::filter::tests::payload;
use crate::store::Apply;

/// What happens between two pages.
#[derive(Clone, Debug)]
enum Event {
    /// A row comes, at a second; whether the filter lets it through.
    Comes(i64, bool),
    /// One of the rows goes.
    Goes(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..10_i64, any::<bool>()).prop_map(|(second, fits)| Event::Comes(second, fits)),
        any::<usize>().prop_map(Event::Goes),
    ]
}

/// The rows of one case, and whether each fits.
struct Rows<'a> {
    shelf: &'a Shelf,
    parent: String,
    there: BTreeMap<String, bool>,
    ever: BTreeMap<String, bool>,
}

impl Rows<'_> {
    fn record(&mut self, second: i64, fits: bool) -> Record {
        let id = format!("r{:03}", self.ever.len() * 37 % 1000);
        self.there.insert(id.clone(), fits);
        self.ever.insert(id.clone(), fits);
        Record {
            name: self.name(&id),
            metadata: Some(payload("t.v1.All", &format!("{{\"flag\":{fits}}}"))),
            ..record("x", at(second))
        }
    }

    fn name(&self, id: &str) -> RecordName {
        let name = format!("{}/operations/{id}", self.parent);
        RecordName { service: "s".to_owned(), operation: OperationName::parse(&name).unwrap() }
    }

    async fn happens(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Comes(second, fits) => {
                    let record = self.record(*second, *fits);
                    self.shelf.put(vec![record]).await;
                }
                Event::Goes(index) => {
                    let count = self.there.len().max(1);
                    let Some(id) = self.there.keys().nth(index % count).cloned() else { continue };
                    self.there.remove(&id);
                    let remove: Apply = Box::new(|record, _| {
                        Ok(Change::Remove(Box::new(record.clone()), Gone::Deleted))
                    });
                    self.shelf
                        .store
                        .update(vec![(self.name(&id), remove)])
                        .await
                        .remove(0)
                        .unwrap();
                }
            }
        }
    }
}

#[test]
fn pages_of_a_filter_are_a_partition_while_rows_come_and_go() {
    let runtime = Runtime::new().unwrap();
    let shelf = Shelf::new();
    let cases = Cell::new(0);
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let strategy = (
        proptest::collection::vec((0..10_i64, any::<bool>()), 0..24),
        proptest::collection::vec(proptest::collection::vec(event(), 0..3), 12),
        (1..5, 1..8_usize),
        prop::sample::select(vec!["metadata.flag=true", "NOT metadata.flag!=true AND done=false"]),
    );
    let run = async |initial: Vec<(i64, bool)>, events: Vec<Vec<Event>>, size, rows_max, filter| {
        cases.set(cases.get() + 1);
        let mut rows = Rows {
            shelf: &shelf,
            parent: format!("p/{}", cases.get()),
            there: BTreeMap::new(),
            ever: BTreeMap::new(),
        };
        let records = initial.into_iter().map(|(second, fits)| rows.record(second, fits)).collect();
        shelf.put(records).await;
        let mut stayed: BTreeSet<String> = rows.there.keys().cloned().collect();
        let parent = rows.parent.clone();
        let list = List { parent: &parent, filter, size, caller: "static:alice" };
        let limits = Limits { list_scan_max: rows_max, ..Limits::USUAL };
        let (mut seen, mut token) = (Vec::new(), String::new());
        for page in 0.. {
            let (ids, next) = shelf.page(limits, &list, &token).await.unwrap();
            prop_assert!(ids.iter().all(|id| rows.there[id]), "only what is there, and fits");
            seen.extend(ids);
            token = next;
            if token.is_empty() {
                break;
            }
            rows.happens(events.get(page).map(Vec::as_slice).unwrap_or_default()).await;
            stayed.retain(|id| rows.there.contains_key(id));
            prop_assert!(page < 100, "pages come to an end");
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        prop_assert_eq!(once.len(), seen.len(), "none comes twice");
        let missing = stayed.iter().find(|id| rows.ever[*id] && !once.contains(*id));
        prop_assert_eq!(missing, None, "whatever was there all the time comes");
        Ok(())
    };
    TestRunner::new(config)
        .run(&strategy, |(initial, events, (size, rows_max), filter)| {
            runtime.block_on(run(initial, events, size, rows_max, filter))
        })
        .unwrap();
}
