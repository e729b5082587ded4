use std::sync::Arc;

use super::bench::{Answer, Bench, TOMBSTONE_RETENTION, born, everything, remove, touch};
use crate::operation::samples::{at, record, status};
use crate::operation::{
    Change, Claimed, Decision, Digest, Done, Finisher, Gone, Outcome, Record, RequestClaim, State,
    Timestamp,
};
use crate::store::{Step, StoreError};

/// A record that was asked for with a request id.
pub(super) fn asked(id: &str, request_id: &str, body: &str) -> Record {
    let body = Digest::of(&[body.as_bytes()]);
    let claim = RequestClaim::new("s", "m", "static:alice", request_id, body);
    Record { request_claim: Some(claim), ..record(id, at(0)) }
}

/// A record that has a key for itself.
pub(super) fn keyed(id: &str, key: &str) -> Record {
    Record { exclusive_key: Some(key.to_owned()), ..record(id, at(0)) }
}

fn finish(record: &Record, now: Timestamp) -> Decision {
    let outcome = Outcome::Error(status(1, ""));
    let done = Done {
        outcome,
        finish_time: now,
        finisher: Finisher::Server,
        expire_time: now.plus(record.retention),
    };
    let state = State::Done(done);
    let next = Record { state, version: record.version + 1, update_time: now, ..record.clone() };
    let deleted = next.delete_time.is_some();
    let next = Box::new(next);
    Ok(if deleted { Change::Remove(next, Gone::Deleted) } else { Change::Put(next) })
}

pub(super) async fn create(bench: &Bench, record: Record) -> Answer<Arc<Record>> {
    bench.store().create(vec![born(record)]).await.remove(0)
}

/// What a create comes to: an id, or why not.
pub(super) async fn told(bench: &Bench, record: Record) -> String {
    match create(bench, record).await {
        Ok(record) => format!("{} {}", record.name.operation.id, record.version),
        Err(StoreError::AlreadyExists) => "taken".to_owned(),
        Err(StoreError::Claimed(Claimed::Reused)) => "reused".to_owned(),
        Err(StoreError::Claimed(Claimed::Gone(name, gone))) => {
            format!("{} {gone:?}", name.operation.id)
        }
        Err(StoreError::Claimed(Claimed::Held(name))) => format!("held by {}", name.operation.id),
        Err(error) => panic!("{error}"),
    }
}

pub(super) async fn a_repeated_request_answers_the_first_ones_record(mut bench: Bench) {
    assert_eq!(told(&bench, asked("a", "1", "x")).await, "a 1");
    bench.log.take();
    bench.pause().await;
    assert_eq!(told(&bench, asked("b", "1", "x")).await, "a 1");
    assert_eq!(told(&bench, asked("a", "1", "x")).await, "a 1", "the name doesn't count");
    assert_eq!(told(&bench, asked("b", "1", "y")).await, "reused");
    assert!(bench.log.take().is_empty(), "nothing has changed");
    let a = record("a", at(0)).name;
    bench.update(&a, touch).await.unwrap();
    assert_eq!(told(&bench, asked("b", "1", "x")).await, "a 2", "as it is now");
    assert_eq!(told(&bench, asked("b", "2", "x")).await, "b 1");
    bench.update(&a, finish).await.unwrap();
    bench.pause().await;
    assert_eq!(told(&bench, asked("c", "1", "x")).await, "a 3", "done or not");
    assert_eq!(bench.ids(everything()).await, ["b", "a"]);
}

pub(super) async fn a_request_id_outlives_its_record(mut bench: Bench) {
    let expire = |record: &Record, _| Ok(Change::Remove(Box::new(record.clone()), Gone::Expired));
    for (id, request_id) in [("a", "1"), ("b", "2")] {
        create(&bench, asked(id, request_id, "x")).await.unwrap();
    }
    bench.update(&record("a", at(0)).name, remove).await.unwrap();
    bench.update(&record("b", at(0)).name, expire).await.unwrap();
    for micros in [0, TOMBSTONE_RETENTION.micros() - 1] {
        bench.clock.set(Timestamp::from_micros(at(0).micros() + micros));
        bench.pause().await;
        bench.store().forget(100).await.unwrap();
        assert_eq!(told(&bench, asked("c", "1", "x")).await, "a Deleted");
        assert_eq!(told(&bench, asked("c", "2", "x")).await, "b Expired");
        assert_eq!(told(&bench, asked("c", "1", "y")).await, "reused");
    }
    bench.forget_all().await;
    assert_eq!(told(&bench, asked("c", "1", "x")).await, "c 1", "with the tombstone it is free");
}

pub(super) async fn an_exclusive_key_is_free_once_its_record_is_done(mut bench: Bench) {
    let name = |id: &str| record(id, at(0)).name;
    let delete = |record: &Record, now| {
        let mut next = record.clone();
        (next.delete_time, next.version) = (Some(now), next.version + 1);
        Ok(Change::Put(Box::new(next)))
    };
    assert_eq!(told(&bench, keyed("a", "k")).await, "a 1");
    assert_eq!(told(&bench, keyed("b", "l")).await, "b 1", "another key");
    bench.pause().await;
    assert_eq!(told(&bench, keyed("c", "k")).await, "held by a");
    bench.update(&name("a"), touch).await.unwrap();
    assert_eq!(told(&bench, keyed("c", "k")).await, "held by a");
    bench.update(&name("a"), finish).await.unwrap();
    bench.pause().await;
    assert_eq!(told(&bench, keyed("c", "k")).await, "c 1");
    bench.update(&name("a"), remove).await.unwrap();
    assert_eq!(told(&bench, keyed("d", "k")).await, "held by c", "a's end is not c's");
    bench.update(&name("c"), delete).await.unwrap();
    bench.pause().await;
    assert_eq!(told(&bench, keyed("d", "k")).await, "held by c", "it is still worked on");
    bench.update(&name("c"), finish).await.unwrap();
    bench.pause().await;
    assert_eq!(told(&bench, keyed("d", "k")).await, "d 1");
}

pub(super) async fn a_record_that_is_not_made_claims_nothing(mut bench: Bench) {
    bench.make("a").await;
    let both = |id: &str, request_id: &str| {
        let exclusive_key = Some("k".to_owned());
        Record { exclusive_key, ..asked(id, request_id, "x") }
    };
    assert_eq!(told(&bench, both("a", "1")).await, "taken");
    bench.pause().await;
    assert_eq!(told(&bench, both("b", "1")).await, "b 1", "both are free");
    assert_eq!(told(&bench, both("c", "2")).await, "held by b");
    assert_eq!(told(&bench, both("c", "1")).await, "b 1", "the request id comes first");
    bench.update(&record("b", at(0)).name, finish).await.unwrap();
    bench.pause().await;
    assert_eq!(told(&bench, both("c", "2")).await, "c 1", "the refused one claimed nothing");
    assert_eq!(told(&bench, both("d", "1")).await, "b 2", "a repeat doesn't look at the key");
}

pub(super) async fn one_of_many_has_the_claim(mut bench: Bench) {
    // In one batch, and across batches.
    let many = |make: fn(String) -> Record| (0..4).map(move |one| make(one.to_string()));
    let kinds: [fn(String) -> Record; 2] =
        [|id| keyed(&format!("k{id}"), "k"), |id| asked(&format!("r{id}"), "1", "x")];
    for make in kinds {
        let mut tasks = Vec::new();
        for task in 0..8 {
            let store = bench.store();
            let births = many(make)
                .map(|record| {
                    let id = format!("{}-{task}", record.name.operation.id);
                    born(Record {
                        name: super::bench::named(&format!("operations/{id}")),
                        ..record
                    })
                })
                .collect();
            tasks.push(tokio::spawn(async move { store.create(births).await }));
        }
        let (mut made, mut held) = (Vec::new(), Vec::new());
        for task in tasks {
            for answer in task.await.unwrap() {
                match answer {
                    Ok(record) => made.push(record.name.clone()),
                    Err(StoreError::Claimed(Claimed::Held(name))) => held.push(name),
                    Err(error) => panic!("{error}"),
                }
            }
        }
        assert_eq!(made.len() + held.len(), 32);
        made.extend(held);
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 1, "all name the same one");
        bench.pause().await;
    }
    assert_eq!(bench.ids(everything()).await.len(), 2);
}

/// Whenever it dies: a retry finds or makes one record, and a key has an open one or is free.
pub(super) async fn a_store_that_dies_leaves_one_record_or_none(mut bench: Bench) {
    for (round, step) in Step::BIRTH.into_iter().enumerate() {
        let (first, key) = (format!("first{round}"), format!("k{round}"));
        let both = |id: &str, request_id: &str| Record {
            exclusive_key: Some(key.clone()),
            ..asked(id, &format!("{request_id}{round}"), "x")
        };
        bench.faults.at(step);
        let died = create(&bench, both(&first, "a")).await;
        assert!(matches!(died, Err(StoreError::Unavailable(_))), "{step:?}");
        let dead = bench.store().ready().await;
        assert!(matches!(dead, Err(StoreError::Unavailable(_))), "{step:?}");
        bench.reopen().await;

        let left = bench.get(&both(&first, "a").name).await;
        assert!(left.is_none() || step != Step::Claim, "nothing was written");
        assert!(left.is_some() || step != Step::Answer, "all was written");
        let holder = left.map(|record| record.name.operation.id.to_string());
        let other = told(&bench, both(&format!("other{round}"), "b")).await;
        let retry = match &holder {
            // Somebody else's call finds the key held by what is there, and the retry it.
            Some(id) => {
                assert_eq!(other, format!("held by {id}"), "{step:?}");
                format!("{id} 1")
            }
            None => {
                assert_eq!(other, format!("other{round} 1"), "{step:?}");
                let name = super::bench::named(&format!("operations/other{round}"));
                bench.update(&name, finish).await.unwrap();
                format!("again{round} 1")
            }
        };
        for _ in 0..2 {
            assert_eq!(told(&bench, both(&format!("again{round}"), "a")).await, retry, "{step:?}");
        }
        let open = bench.store().list(everything()).await.unwrap();
        let holding = |record: &&Record| record.exclusive_claim().is_some();
        let open: Vec<_> =
            open.records.iter().filter(holding).map(|record| record.name.clone()).collect();
        assert_eq!(open.len(), 1, "{step:?}");
        bench.update(&open[0], finish).await.unwrap();
    }
}
