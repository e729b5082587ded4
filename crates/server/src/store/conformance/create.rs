use std::collections::BTreeMap;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::bench::{Bench, born, named, touch};
use crate::clock::Clock as _;
use crate::operation::samples::{any_record, at, record};
use crate::operation::{Record, RecordName};
use crate::store::{Found, StoreError};

pub(super) async fn a_record_comes_back_as_it_was_answered(mut bench: Bench) {
    let made = bench.make("a").await;
    assert_eq!(*made, record("a", at(0)));
    assert_eq!(bench.get(&made.name).await, Some(made.clone()));
    bench.pause().await;
    assert_eq!(bench.get(&made.name).await, Some(made));
    assert_eq!(bench.get(&named("operations/b")).await, None);
}

pub(super) async fn answers_stand_in_the_order_of_what_was_asked(mut bench: Bench) {
    let records: Vec<_> = ["b", "a", "c"].map(|id| record(id, at(0))).into();
    let made = bench.put_all(records.clone()).await;
    assert!(made.iter().map(|made| &**made).eq(&records));
    bench.pause().await;
    let names = ["c", "missing", "a", "c"].map(|id| named(&format!("operations/{id}")));
    let found = bench.store().get(names.to_vec()).await.unwrap();
    let name = |found: Found| found.record().map(|one| one.name.clone());
    let found: Vec<_> = found.into_iter().map(name).collect();
    let [c, _, a, again] = names.map(Some);
    assert_eq!(found, [c, None, a, again]);
    assert!(bench.store().get(vec![]).await.unwrap().is_empty());
    assert!(bench.store().create(vec![]).await.is_empty());
    assert!(bench.store().update(vec![]).await.is_empty());
}

/// Records whose fields hold anything, by name.
pub(super) fn samples(count: usize) -> BTreeMap<RecordName, Record> {
    let mut runner = TestRunner::deterministic();
    let mut sample = || any_record().new_tree(&mut runner).unwrap().current();
    (0..count).map(|_| sample()).map(|record| (record.name.clone(), record)).collect()
}

pub(super) async fn every_field_comes_back(mut bench: Bench) {
    let samples = samples(100);
    bench.put_all(samples.values().cloned().collect()).await;
    bench.pause().await;
    let found = bench.store().get(samples.keys().cloned().collect()).await.unwrap();
    for (found, sample) in found.into_iter().zip(samples.values()) {
        assert_eq!(found.record().as_deref(), Some(sample));
    }
}

pub(super) async fn a_taken_name_is_refused_and_nothing_else(mut bench: Bench) {
    let first = bench.make("a").await;
    bench.pause().await;
    bench.log.take();
    let births = ["b", "a", "c", "b"].map(|id| born(record(id, at(9))));
    let answers = bench.store().create(births.into()).await;
    let told: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Ok(record) => record.name.operation.id.as_str(),
            Err(StoreError::AlreadyExists) => "taken",
            Err(other) => panic!("{other}"),
        })
        .collect();
    assert_eq!(told, ["b", "taken", "c", "taken"]);
    assert_eq!(bench.log.take().len(), 2);
    bench.pause().await;
    assert_eq!(bench.get(&first.name).await, Some(first));
}

pub(super) async fn names_differ_by_service_parent_and_id(mut bench: Bench) {
    let names = [
        "services/s/operations/a",
        "services/s/operations/A",
        "services/t/operations/a",
        "services/s/p/operations/a",
        "services/s/p/q/operations/a",
    ]
    .map(|text| RecordName::parse(text).unwrap());
    let named = |name: &RecordName| Record { name: name.clone(), ..record("x", at(0)) };
    bench.put_all(names.iter().map(named).collect()).await;
    bench.pause().await;
    bench.update(&names[3], touch).await.unwrap();
    let found = bench.store().get(names.to_vec()).await.unwrap();
    for (index, (found, name)) in found.into_iter().zip(&names).enumerate() {
        let found = found.record().unwrap();
        assert_eq!((&found.name, found.version), (name, if index == 3 { 2 } else { 1 }));
    }
}

pub(super) async fn one_of_many_takes_a_name(mut bench: Bench) {
    let create = |label: usize| {
        let store = bench.store();
        let labels = [("k".to_owned(), label.to_string())].into();
        let record = Record { labels, ..record("a", at(0)) };
        tokio::spawn(async move { store.create(vec![born(record)]).await.remove(0).ok() })
    };
    let tasks: Vec<_> = (0..32).map(create).collect();
    let mut winners = Vec::new();
    for task in tasks {
        winners.extend(task.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    bench.pause().await;
    assert_eq!(bench.get(&winners[0].name).await, winners.pop());
}

pub(super) async fn a_birth_is_told_the_stores_time(bench: Bench) {
    bench.clock.set(at(5));
    let birth = Box::new(|now| record("a", now));
    let made = bench.store().create(vec![birth]).await.remove(0).unwrap();
    assert_eq!((made.create_time, bench.store().now()), (at(5), at(5)));
    assert_eq!(bench.clock.now(), at(5));
}
