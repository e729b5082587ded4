use std::collections::BTreeMap;
use std::sync::Arc;

use super::bench::{Bench, TOMBSTONE_RETENTION, as_it_is, born, refuse, remove, touch, work};
use crate::operation::samples::{at, record};
use crate::operation::{Change, Record, RecordName};
use crate::store::Apply;

pub(super) async fn commits_are_told_before_their_callers(bench: Bench) {
    let make = |index: usize| {
        let (store, log) = (bench.store(), bench.log.clone());
        tokio::spawn(async move {
            let born = born(record(&format!("r{index}"), at(0)));
            let made = store.create(vec![born]).await.remove(0).unwrap();
            assert!(log.holds(&made));
            for _ in 0..5 {
                let update = (made.name.clone(), Box::new(touch) as Apply);
                let touched = store.update(vec![update]).await.remove(0).unwrap();
                assert!(log.holds(&touched));
            }
            let leased = store
                .lease(work(), Box::new(|_, record, now| touch(record, now)), as_it_is())
                .await;
            assert!(leased.unwrap().iter().all(|leased| log.holds(leased)));
        })
    };
    let tasks: Vec<_> = (0..16).map(make).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

pub(super) async fn what_changes_nothing_is_not_told(bench: Bench) {
    let made = bench.make("a").await;
    assert_eq!(bench.log.take().len(), 1);
    bench.update(&made.name, |_, _| Ok(Change::Keep)).await.unwrap();
    assert!(bench.update(&made.name, refuse).await.is_err());
    assert!(bench.store().create(vec![born(record("a", at(0)))]).await.remove(0).is_err());
    let kept = bench.store().lease(work(), Box::new(|_, _, _| Ok(Change::Keep)), as_it_is()).await;
    assert!(kept.unwrap().is_empty());
    bench.store().ready().await.unwrap();
    assert!(bench.log.take().is_empty());
}

/// Whoever replays the commits has what the store has.
pub(super) async fn commits_are_told_in_order(mut bench: Bench) {
    let names: Vec<_> = (0..4).map(|index| record(&format!("r{index}"), at(0)).name).collect();
    let task = |index: usize| {
        let (store, names, clock) = (bench.store(), names.clone(), bench.clock.clone());
        tokio::spawn(async move {
            for turn in 0..30 {
                let name = &names[(index + turn) % names.len()];
                let update = |apply: Apply| store.update(vec![(name.clone(), apply)]);
                // Whether it is there is up to the others.
                match turn % 6 {
                    0 => drop(update(Box::new(remove)).await),
                    1 | 2 => {
                        clock.advance(TOMBSTONE_RETENTION);
                        store.forget(100).await.unwrap();
                        let made = record(name.operation.id.as_str(), at(0));
                        drop(store.create(vec![born(made)]).await);
                    }
                    _ => drop(update(Box::new(touch)).await),
                }
            }
        })
    };
    let tasks: Vec<_> = (0..16).map(task).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut replayed = BTreeMap::<RecordName, Arc<Record>>::new();
    for commit in bench.log.take() {
        let name = commit.record.name.clone();
        let before = replayed.remove(&name);
        let version = before.as_ref().map_or(0, |record| record.version);
        if commit.removed {
            assert_eq!(before, Some(commit.record), "what went was the latest version");
        } else {
            assert_eq!(commit.record.version, version + 1);
            replayed.insert(name, commit.record);
        }
    }
    bench.pause().await;
    for name in names {
        assert_eq!(bench.get(&name).await, replayed.remove(&name));
    }
}

pub(super) async fn a_store_that_opens_tells_nothing(mut bench: Bench) {
    let made = bench.make("a").await;
    bench.log.take();
    bench.reopen().await;
    assert_eq!(bench.get(&made.name).await, Some(made));
    assert!(bench.log.take().is_empty());
}

pub(super) async fn a_store_that_can_be_written_is_ready(mut bench: Bench) {
    bench.store().ready().await.unwrap();
    bench.pause().await;
    bench.store().ready().await.unwrap();
}
