use std::collections::BTreeMap;

use super::bench::{Bench, named, refuse, remove, touch};
use super::create::samples;
use crate::operation::samples::{at, record};
use crate::operation::{Change, Record, RecordName, Refusal};
use crate::store::{Apply, StoreError};

pub(super) async fn a_change_is_kept_put_or_removed(mut bench: Bench) {
    let made = bench.make("a").await;
    bench.pause().await;
    assert_eq!(bench.update(&made.name, |_, _| Ok(Change::Keep)).await.unwrap(), made);
    bench.clock.set(at(1));
    let touched = bench.update(&made.name, touch).await.unwrap();
    assert_eq!((touched.version, touched.update_time), (2, at(1)));
    bench.pause().await;
    assert_eq!(bench.get(&made.name).await, Some(touched.clone()));
    assert_eq!(bench.update(&made.name, remove).await.unwrap(), touched, "its last version");
    assert_eq!(bench.get(&made.name).await, None);
    bench.pause().await;
    assert_eq!(bench.get(&made.name).await, None);
    assert!(matches!(bench.update(&made.name, touch).await, Err(StoreError::Gone(_))));
}

pub(super) async fn one_refusal_does_not_touch_its_neighbours(mut bench: Bench) {
    for id in ["a", "b", "c", "d"] {
        bench.make(id).await;
    }
    bench.pause().await;
    let name = |id: &str| named(&format!("operations/{id}"));
    let updates: Vec<(RecordName, Apply)> = vec![
        (name("a"), Box::new(touch)),
        (name("missing"), Box::new(touch)),
        (name("b"), Box::new(refuse)),
        (name("c"), Box::new(remove)),
        (name("d"), Box::new(touch)),
    ];
    let answers = bench.store().update(updates).await;
    assert_eq!(answers[0].as_ref().unwrap().version, 2);
    assert!(matches!(answers[1], Err(StoreError::NotFound)));
    assert!(matches!(answers[2], Err(StoreError::Refused(Refusal::Done))));
    assert!(answers[3].is_ok());
    assert_eq!(answers[4].as_ref().unwrap().version, 2);
    bench.pause().await;
    let found = bench.store().get(["a", "b", "c", "d"].map(name).to_vec()).await.unwrap();
    let versions: Vec<_> =
        found.into_iter().map(|one| one.record().map(|one| one.version)).collect();
    assert_eq!(versions, [Some(2), Some(1), None, Some(2)]);
}

pub(super) async fn changes_of_one_record_in_a_batch_follow_each_other(mut bench: Bench) {
    let made = bench.make("a").await;
    let changes: [Apply; 5] =
        [Box::new(touch), Box::new(touch), Box::new(refuse), Box::new(remove), Box::new(touch)];
    let updates = changes.map(|apply| (made.name.clone(), apply));
    let answers = bench.store().update(updates.into()).await;
    let told: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Ok(record) => record.version.to_string(),
            Err(error) => error.to_string(),
        })
        .collect();
    assert_eq!(told, ["2", "3", "refused: Done", "3", "the record is gone: Deleted"]);
    bench.pause().await;
    assert_eq!(bench.get(&made.name).await, None);
}

pub(super) async fn concurrent_changes_are_applied_one_after_another(mut bench: Bench) {
    let names: Vec<_> =
        [bench.make("a").await, bench.make("b").await].map(|record| record.name.clone()).into();
    let change = |index: usize| {
        let (store, names) = (bench.store(), names.clone());
        tokio::spawn(async move {
            let mut versions = Vec::new();
            for turn in 0..20 {
                // Each task in another order: no two may lock each other out.
                let pick = |index: usize| (names[index % 2].clone(), Box::new(touch) as Apply);
                let updates = vec![pick(index + turn), pick(index + turn + 1)];
                for answer in store.update(updates).await {
                    let record = answer.unwrap();
                    versions.push((record.name.clone(), record.version));
                }
            }
            versions
        })
    };
    let tasks: Vec<_> = (0..16).map(change).collect();
    let mut seen = BTreeMap::<RecordName, Vec<u64>>::new();
    for task in tasks {
        for (name, version) in task.await.unwrap() {
            seen.entry(name).or_default().push(version);
        }
    }
    bench.pause().await;
    for (name, mut versions) in seen {
        versions.sort_unstable();
        assert!(versions.into_iter().eq(2..=321), "every change built on the one before");
        assert_eq!(bench.get(&name).await.map(|record| record.version), Some(321));
    }
}

/// What is fixed at birth stays; the rest may become anything, until it is done.
pub(super) async fn every_form_of_a_record_replaces_every_other(mut bench: Bench) {
    let base = bench.make("a").await;
    for form in samples(60).into_values() {
        let (name, method, owner) = (base.name.clone(), base.method.clone(), base.owner.clone());
        let (request, create_time) = (base.request.clone(), base.create_time);
        let (exclusive_key, request_claim) = (base.exclusive_key.clone(), base.request_claim);
        let born = Record { exclusive_key, request_claim, ..form };
        let next = Record { name, method, owner, request, create_time, ..born };
        let put = next.clone();
        let answer = bench.update(&base.name, move |_, _| Ok(Change::Put(Box::new(put.clone()))));
        assert_eq!(*answer.await.unwrap(), next);
        assert_eq!(bench.get(&base.name).await.as_deref(), Some(&next));
        if next.done().is_some() {
            bench.pause().await;
            assert_eq!(bench.get(&base.name).await.as_deref(), Some(&next));
            bench.update(&base.name, remove).await.unwrap();
            bench.forget_all().await;
            bench.put((*base).clone()).await;
        }
    }
}

pub(super) async fn time_does_not_go_back_though_the_clock_does(mut bench: Bench) {
    let made = bench.make("a").await;
    bench.clock.set(at(50));
    bench.update(&made.name, touch).await.unwrap();
    bench.clock.set(at(10));
    assert_eq!(bench.store().now(), at(50));
    let touched = bench.update(&made.name, touch).await.unwrap();
    assert_eq!(touched.update_time, at(50));
    let birth = Box::new(|now| record("b", now));
    let born = bench.store().create(vec![birth]).await.remove(0).unwrap();
    assert_eq!(born.create_time, at(50));
    bench.clock.set(at(51));
    assert_eq!(bench.store().now(), at(51));
    bench.clock.set(at(10));
    bench.pause().await;
    let touched = bench.update(&made.name, touch).await.unwrap();
    assert!(touched.update_time >= at(50));
}

pub(super) async fn a_change_is_told_no_time_before_the_records_last(mut bench: Bench) {
    let ahead = Record { update_time: at(30), ..record("a", at(0)) };
    let made = bench.put(ahead).await;
    bench.pause().await;
    let touched = bench.update(&made.name, touch).await.unwrap();
    assert_eq!(touched.update_time, at(30));
    bench.clock.set(at(31));
    let touched = bench.update(&made.name, touch).await.unwrap();
    assert_eq!(touched.update_time, at(31));
}
