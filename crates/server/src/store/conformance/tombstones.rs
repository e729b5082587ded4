use std::sync::Arc;

use super::bench::{Bench, TOMBSTONE_RETENTION, born, named, remove, touch};
use crate::operation::samples::{at, record};
use crate::operation::{Change, Gone, Record, Tombstone};
use crate::store::{Apply, Found, StoreError};

fn expire(record: &Record, _: crate::operation::Timestamp) -> crate::operation::Decision {
    Ok(Change::Remove(Box::new(record.clone()), Gone::Expired))
}

pub(super) async fn a_removed_record_leaves_a_tombstone(mut bench: Bench) {
    let table: [(_, fn(&Record, _) -> _, _, _); 3] = [
        ("a", remove, Gone::Deleted, true),
        ("b", expire, Gone::Expired, true),
        ("c", remove, Gone::Deleted, false),
    ];
    for (id, how, gone, owned) in table {
        let owner = record(id, at(0)).owner.filter(|_| owned);
        let made = bench.put(Record { owner, ..record(id, at(0)) }).await;
        bench.clock.set(at(5));
        bench.update(&made.name, how).await.unwrap();
        let left = Tombstone::of(&made, gone, at(5));
        assert_eq!(left.owner.is_some(), owned);
        bench.pause().await;
        assert_eq!(bench.found(&made.name).await, Found::Tombstone(left.clone()));
        for change in [touch, remove] {
            let refused = bench.update(&made.name, change).await;
            assert!(matches!(refused, Err(StoreError::Gone(found)) if found == left));
        }
    }
    assert_eq!(bench.found(&named("operations/never")).await, Found::Nothing);
    assert!(bench.ids(super::everything()).await.is_empty(), "no list has one");
}

pub(super) async fn a_tombstones_name_is_taken_until_it_is_forgotten(mut bench: Bench) {
    let labels = [("k".to_owned(), "v".to_owned())].into();
    let name = bench.put(Record { labels, ..record("a", at(0)) }).await.name.clone();
    bench.update(&name, remove).await.unwrap();
    let created = async |bench: &Bench, record: Record| {
        bench.store().create(vec![born(record)]).await.remove(0)
    };
    let second = Record { request: None, labels: [].into(), ..record("a", at(3)) };
    for micros in [0, TOMBSTONE_RETENTION.micros() - 1] {
        bench.clock.set(crate::operation::Timestamp::from_micros(at(0).micros() + micros));
        bench.pause().await;
        assert_eq!(bench.store().forget(100).await.unwrap(), 0);
        let refused = created(&bench, second.clone()).await;
        assert!(matches!(refused, Err(StoreError::AlreadyExists)));
    }
    bench.clock.set(at(0).plus(TOMBSTONE_RETENTION));
    bench.log.take();
    assert_eq!(bench.store().forget(100).await.unwrap(), 1);
    assert!(bench.log.take().is_empty(), "no record has changed");
    bench.pause().await;
    assert_eq!(bench.found(&name).await, Found::Nothing);
    assert!(matches!(bench.update(&name, touch).await, Err(StoreError::NotFound)));
    let made = created(&bench, second.clone()).await.unwrap();
    bench.pause().await;
    assert_eq!(
        bench.found(&made.name).await,
        Found::Record(Arc::new(second)),
        "nothing is left over"
    );
}

pub(super) async fn many_are_forgotten_in_batches(mut bench: Bench) {
    let ids: Vec<String> = (0..250).map(|index| format!("r{index:03}")).collect();
    let made = bench.put_all(ids.iter().map(|id| record(id, at(0))).collect()).await;
    for (index, made) in made.chunks(50).enumerate() {
        bench.clock.set(at(index as i64));
        let removal = |record: &Arc<Record>| (record.name.clone(), Box::new(remove) as Apply);
        let answers = bench.store().update(made.iter().map(removal).collect()).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    bench.pause().await;
    bench.clock.set(at(2).plus(TOMBSTONE_RETENTION));
    for count in [100, 50, 0] {
        assert_eq!(bench.store().forget(100).await.unwrap(), count);
    }
    for (index, made) in made.iter().enumerate() {
        let left = matches!(bench.found(&made.name).await, Found::Tombstone(_));
        assert_eq!(left, index >= 150, "the oldest go first: {index}");
    }
}
