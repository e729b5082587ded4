use std::collections::BTreeMap;

use super::bench::{Bench, TOMBSTONE_RETENTION, born, named, refuse, remove, touch};
use crate::operation::samples::{at, payload, record};
use crate::operation::{Change, Decision, Record, RecordName, Timestamp};
use crate::store::{Apply, Changed, Changes, ChangesQuery, Sequence};

/// Behind a place, of the service `s`.
fn behind(place: Sequence) -> ChangesQuery {
    let service = Some("s".to_owned());
    ChangesQuery { service, after: Some(place), limit: 100, bytes_max: 1 << 20 }
}

async fn read(bench: &Bench, query: ChangesQuery) -> Changes {
    let read = bench.store().changes(query.clone()).await.unwrap();
    let after = query.after.unwrap_or_default();
    let places: Vec<_> = read.changes.iter().map(|(place, _)| *place).collect();
    assert!(places.is_sorted_by(|one, next| one < next), "in order: {places:?}");
    assert!(places.iter().all(|place| after < *place && *place <= read.through));
    assert!(read.changes.len() <= query.limit);
    read
}

async fn end(bench: &Bench) -> Sequence {
    let query = ChangesQuery { after: None, ..behind(Sequence(0)) };
    let read = read(bench, query).await;
    assert!(read.changes.is_empty() && !read.more);
    read.through
}

/// `id@version`, or `-id`.
fn told(read: &Changes) -> Vec<String> {
    let text = |(_, changed): &(Sequence, Changed)| match changed {
        Changed::Put(record) => format!("{}@{}", record.name.operation.id, record.version),
        Changed::Removed(name) => format!("-{}", name.operation.id),
    };
    read.changes.iter().map(text).collect()
}

pub(super) async fn it_tells_the_latest_version_of_whatever_changed(mut bench: Bench) {
    let start = end(&bench).await;
    let (a, b) = (bench.make("a").await, bench.make("b").await);
    let middle = end(&bench).await;
    assert!(start < middle);
    bench.make("c").await;
    bench.pause().await;
    bench.update(&a.name, touch).await.unwrap();
    bench.update(&a.name, touch).await.unwrap();
    bench.update(&b.name, remove).await.unwrap();
    let whole = read(&bench, behind(start)).await;
    assert_eq!(told(&whole), ["c@1", "a@3", "-b"]);
    assert_eq!((whole.through, whole.more), (end(&bench).await, false));
    bench.pause().await;
    assert_eq!(read(&bench, behind(start)).await, whole);
    assert_eq!(told(&read(&bench, behind(middle)).await), ["c@1", "a@3", "-b"]);
    bench.forget_all().await;
    let again = bench.make("b").await;
    assert_eq!(told(&read(&bench, behind(start)).await), ["c@1", "a@3", "-b", "b@1"]);
    assert_eq!(told(&read(&bench, behind(whole.through)).await), ["b@1"]);
    let (_, changed) = read(&bench, behind(whole.through)).await.changes.remove(0);
    assert_eq!(changed, Changed::Put(again), "whole, with its request");
}

pub(super) async fn a_bare_renewal_is_not_told(mut bench: Bench) {
    let made = bench.make("a").await;
    let place = end(&bench).await;
    let renew = |record: &Record, _: Timestamp| -> Decision {
        Ok(Change::Put(Box::new(Record { attempt: record.attempt + 1, ..record.clone() })))
    };
    bench.log.take();
    bench.update(&made.name, renew).await.unwrap();
    bench.update(&made.name, |_, _| Ok(Change::Keep)).await.unwrap();
    bench.update(&made.name, refuse).await.unwrap_err();
    bench.pause().await;
    let read = read(&bench, behind(place)).await;
    assert_eq!((told(&read), read.through), (vec![], place));
    let visible: Vec<_> = bench.log.take().iter().map(|commit| commit.visible).collect();
    assert_eq!(visible, [false], "its waiters learn of it nonetheless");
    bench.update(&made.name, touch).await.unwrap();
    bench.update(&made.name, remove).await.unwrap();
    assert!(bench.log.take().iter().all(|commit| commit.visible));
}

pub(super) async fn it_is_of_a_service_or_of_all(mut bench: Bench) {
    let start = end(&bench).await;
    let other = RecordName::parse("services/t/operations/b").unwrap();
    bench.make("a").await;
    bench.put(Record { name: other.clone(), ..record("b", at(0)) }).await;
    bench.update(&other, remove).await.unwrap();
    bench.make("c").await;
    bench.pause().await;
    let of = |service: Option<&str>| {
        let service = service.map(str::to_owned);
        read(&bench, ChangesQuery { service, ..behind(start) })
    };
    let (all, s, t, u) =
        (of(None).await, of(Some("s")).await, of(Some("t")).await, of(Some("u")).await);
    assert_eq!(told(&all), ["a@1", "-b", "c@1"]);
    assert_eq!(
        (told(&s), told(&t), told(&u)),
        (vec!["a@1".into(), "c@1".into()], vec!["-b".into()], vec![])
    );
    let end = end(&bench).await;
    assert!([all, s, t, u].iter().all(|read| read.through == end), "what others do is passed over");
}

pub(super) async fn it_is_read_in_parts(mut bench: Bench) {
    let start = end(&bench).await;
    let large = |index: usize| {
        let metadata =
            Some(payload("test.Metadata", &vec![0; if index == 3 { 5000 } else { 400 }]));
        Record { metadata, ..record(&format!("r{index}"), at(0)) }
    };
    bench.put_all((0..8).map(large).collect()).await;
    for index in [1, 4, 5] {
        bench.update(&named(&format!("operations/r{index}")), remove).await.unwrap();
    }
    bench.update(&named("operations/r0"), touch).await.unwrap();
    bench.pause().await;
    let expected = ["r2@1", "r3@1", "r6@1", "r7@1", "-r1", "-r4", "-r5", "r0@2"];
    for (limit, bytes_max) in
        [(1, 1 << 20), (2, 1 << 20), (3, 900), (100, 1), (8, 1 << 20), (9, 1 << 20)]
    {
        let (mut place, mut seen, mut reads) = (start, vec![], 0);
        loop {
            let part = read(&bench, ChangesQuery { limit, bytes_max, ..behind(place) }).await;
            seen.extend(told(&part));
            (place, reads) = (part.through, reads + 1);
            if !part.more {
                break;
            }
            assert!(!part.changes.is_empty(), "there is always something in a part");
        }
        assert_eq!(seen, expected, "{limit} {bytes_max}");
        assert_eq!(place, end(&bench).await);
        assert!(reads <= 9);
    }
}

pub(super) async fn nothing_comes_behind_its_end(mut bench: Bench) {
    let made = bench.make("a").await;
    bench.update(&made.name, remove).await.unwrap();
    let last = end(&bench).await;
    bench.pause().await;
    assert_eq!(end(&bench).await, last, "though nothing is left of it");
    for beyond in [last, Sequence(last.0 + 10), Sequence(u64::MAX)] {
        let read = bench.store().changes(behind(beyond)).await.unwrap();
        assert_eq!((told(&read), read.through, read.more), (vec![], last, false));
    }
}

pub(super) async fn removals_are_forgotten_when_they_are_old(mut bench: Bench) {
    let start = end(&bench).await;
    for (second, id) in [(0, "a"), (1, "b"), (1, "c"), (2, "d")] {
        bench.clock.set(at(second));
        let made = bench.make(id).await;
        bench.update(&made.name, remove).await.unwrap();
    }
    bench.pause().await;
    let forget = |before, limit| {
        let store = bench.store();
        async move { store.forget_removals(at(before), limit).await.unwrap() }
    };
    let last = end(&bench).await;
    assert_eq!(forget(0, 10).await, 0);
    assert_eq!(told(&read(&bench, behind(start)).await), ["-a", "-b", "-c", "-d"]);
    assert_eq!(forget(2, 2).await, 2);
    assert_eq!(told(&read(&bench, behind(start)).await), ["-c", "-d"]);
    assert_eq!(forget(2, 2).await, 1);
    assert_eq!(forget(2, 2).await, 0);
    assert_eq!(forget(3, 2).await, 1);
    bench.pause().await;
    assert_eq!(told(&read(&bench, behind(start)).await), Vec::<String>::new());
    assert_eq!(end(&bench).await, last);
}

/// Readers that start, stop and go on while many write end up with what is there.
pub(super) async fn whoever_follows_it_has_what_the_store_has(mut bench: Bench) {
    let names: Vec<_> = (0..6).map(|index| record(&format!("r{index}"), at(0)).name).collect();
    let write = |index: usize| {
        let (store, names, clock) = (bench.store(), names.clone(), bench.clock.clone());
        tokio::spawn(async move {
            for turn in 0..40 {
                let name = &names[(index * 5 + turn) % names.len()];
                let update = |apply: Apply| store.update(vec![(name.clone(), apply)]);
                // Whether it is there is up to the others.
                match (turn + index) % 6 {
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
    let writers: Vec<_> = (0..8).map(write).collect();
    let mut picture = BTreeMap::new();
    let mut place = Sequence(0);
    let mut finished = false;
    for limit in (1..5).cycle() {
        let part = read(&bench, ChangesQuery { limit, ..behind(place) }).await;
        place = part.through;
        for (_, changed) in part.changes {
            match changed {
                Changed::Put(record) => drop(picture.insert(record.name.clone(), record)),
                Changed::Removed(name) => drop(picture.remove(&name)),
            }
        }
        if finished && !part.more {
            break;
        }
        finished = writers.iter().all(tokio::task::JoinHandle::is_finished);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    bench.pause().await;
    for name in names {
        assert_eq!(bench.get(&name).await, picture.remove(&name));
    }
}
