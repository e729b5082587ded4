use super::bench::{Bench, born, everything, named, touch, work};
use super::claims::{asked, create, keyed, told};
use crate::operation::samples::{at, payload, record, status};
use crate::operation::{Change, Decision, Record, RecordName, Rejection, Span, Status, Timestamp};
use crate::store::{
    Apply, Changed, ChangesQuery, Found, ListQuery, REJECTION_RETENTION, Sequence, Step, StoreError,
};

/// A record whose call is held for 10 s.
fn held(record: Record) -> Record {
    Record { hold: Some(at(10)), ..record }
}

/// With a request id and an exclusive key.
fn claiming(id: &str, request_id: &str) -> Record {
    Record { exclusive_key: keyed(id, "k").exclusive_key, ..held(asked(id, request_id, "x")) }
}

fn admit(record: &Record, now: Timestamp) -> Decision {
    let mut next = Record { hold: None, ..record.clone() };
    (next.version, next.update_time) = (record.version + 1, now);
    Ok(Change::Put(Box::new(next)))
}

fn reason() -> Rejection {
    let details = vec![payload("test.Detail", b"why")];
    Rejection::Worker(Status { details, ..status(3, "no") })
}

fn reject(record: &Record, _: Timestamp) -> Decision {
    Ok(Change::Reject(Box::new(record.clone()), reason()))
}

fn clients() -> ListQuery {
    ListQuery { hidden: false, ..everything() }
}

async fn feed(bench: &Bench) -> Vec<Changed> {
    let after = Some(Sequence(0));
    let query = ChangesQuery { service: None, after, limit: 100, bytes_max: 1 << 20 };
    let changes = bench.store().changes(query).await.unwrap().changes;
    changes.into_iter().map(|(_, changed)| changed).collect()
}

pub(super) async fn a_held_record_is_the_workers_alone(mut bench: Bench) {
    let made = bench.put(held(record("a", at(0)))).await;
    bench.pause().await;
    assert_eq!(bench.get(&made.name).await, Some(made.clone()));
    assert!(bench.ids(clients()).await.is_empty());
    assert_eq!(bench.ids(everything()).await, ["a"]);
    assert_eq!(feed(&bench).await, [Changed::Put(made.clone())]);
    assert_eq!(bench.lease(work()).await, ["a"]);
    bench.pause().await;
    assert!(bench.ids(clients()).await.is_empty(), "leased or not");
    let admitted = bench.update(&made.name, admit).await.unwrap();
    bench.pause().await;
    assert_eq!(bench.ids(clients()).await, ["a"]);
    assert_eq!(feed(&bench).await, [Changed::Put(admitted)]);
}

pub(super) async fn a_held_record_is_due_when_its_time_is_over(mut bench: Bench) {
    let made = bench.put(held(record("a", at(0)))).await;
    bench.clock.set(at(9));
    assert!(bench.store().due(10).await.unwrap().is_empty());
    bench.pause().await;
    bench.clock.set(at(10));
    let due = bench.store().due(10).await.unwrap();
    assert!(due.iter().eq([&made.name]));
    bench.update(&made.name, admit).await.unwrap();
    assert!(bench.store().due(10).await.unwrap().is_empty());
}

pub(super) async fn a_repeat_finds_the_held_record(mut bench: Bench) {
    let made = create(&bench, claiming("a", "1")).await.unwrap();
    bench.pause().await;
    assert_eq!(create(&bench, claiming("b", "1")).await.unwrap(), made, "hold and all");
    assert_eq!(told(&bench, claiming("b", "2")).await, "held by a");
}

pub(super) async fn a_rejected_record_was_never_there(mut bench: Bench) {
    let made = create(&bench, claiming("a", "1")).await.unwrap();
    bench.log.take();
    let last = bench.update(&made.name, reject).await.unwrap();
    assert_eq!(last, made);
    let [commit] = &bench.log.take()[..] else { panic!("one commit") };
    assert!(commit.removed && commit.visible);
    bench.pause().await;
    for _ in 0..2 {
        assert_eq!(bench.found(&made.name).await, Found::Rejected(reason()));
        let again = bench.update(&made.name, reject).await;
        assert!(matches!(again, Err(StoreError::NotFound)));
    }
    assert!(bench.ids(everything()).await.is_empty());
    assert!(bench.lease(work()).await.is_empty());
    assert_eq!(feed(&bench).await, [Changed::Removed(made.name.clone())]);
    assert_eq!(told(&bench, claiming("b", "1")).await, "b 1", "its claims are free");
    bench.pause().await;
    assert_eq!(told(&bench, held(record("a", at(0)))).await, "a 1", "and so is its name");
    bench.update(&made.name, reject).await.unwrap();
    bench.clock.set(at(0).plus(REJECTION_RETENTION));
    assert_eq!(bench.store().forget(100).await.unwrap(), 1);
    bench.pause().await;
    assert_eq!(bench.found(&made.name).await, Found::Nothing);
}

pub(super) async fn many_rejections_are_forgotten_in_batches(mut bench: Bench) {
    let records = (0..25).map(|index| held(record(&format!("r{index:02}"), at(0)))).collect();
    let made = bench.put_all(records).await;
    for (index, record) in made.iter().enumerate() {
        bench.clock.set(at(index as i64));
        let unanswered = |record: &Record, _| {
            Ok(Change::Reject(Box::new(record.clone()), Rejection::Unanswered))
        };
        let apply: Apply = if index % 2 == 0 { Box::new(reject) } else { Box::new(unanswered) };
        bench.store().update(vec![(record.name.clone(), apply)]).await.remove(0).unwrap();
    }
    bench.pause().await;
    assert_eq!(bench.found(&made[1].name).await, Found::Rejected(Rejection::Unanswered));
    bench.clock.set(at(14).plus(REJECTION_RETENTION));
    for count in [10, 5, 0] {
        assert_eq!(bench.store().forget(10).await.unwrap(), count);
    }
    for (index, record) in made.iter().enumerate() {
        let left = matches!(bench.found(&record.name).await, Found::Rejected(_));
        assert_eq!(left, index > 14, "the oldest go first: {index}");
    }
}

pub(super) async fn a_store_that_dies_keeps_a_held_record_or_none(mut bench: Bench) {
    for step in Step::BIRTH {
        bench.faults.at(step);
        let died = create(&bench, claiming("a", "1")).await;
        assert!(matches!(died, Err(StoreError::Unavailable(_))), "{step:?}");
        bench.reopen().await;
        assert_eq!(told(&bench, claiming("b", "1")).await.len(), 3, "{step:?}: found or made");
        let [left] = &bench.store().list(everything()).await.unwrap().records[..] else {
            panic!("{step:?}: one is there");
        };
        assert_eq!(left.hold, claiming("a", "1").hold);
        assert!(bench.ids(clients()).await.is_empty());
        bench.update(&left.name, reject).await.unwrap();
    }
}

pub(super) async fn a_store_that_dies_has_rejected_all_of_a_record_or_nothing(mut bench: Bench) {
    for (round, step) in Step::REJECTION.into_iter().enumerate() {
        let (id, other) = (format!("a{round}"), format!("b{round}"));
        let name: RecordName = named(&format!("operations/{id}"));
        bench.store().create(vec![born(claiming(&id, "1"))]).await.remove(0).unwrap();
        bench.faults.at(step);
        let died = bench.update(&name, reject).await;
        assert!(matches!(died, Err(StoreError::Unavailable(_))), "{step:?}");
        bench.reopen().await;
        match bench.found(&name).await {
            Found::Record(left) => {
                assert_eq!(*left, claiming(&id, "1"));
                assert_eq!(told(&bench, claiming(&other, "1")).await, format!("{id} 1"));
                assert_eq!(told(&bench, claiming(&other, "2")).await, format!("held by {id}"));
                bench.update(&name, reject).await.unwrap();
            }
            left => assert_eq!(left, Found::Rejected(reason()), "{step:?}"),
        }
        assert_eq!(told(&bench, claiming(&other, "1")).await, format!("{other} 1"), "{step:?}");
        bench.update(&named(&format!("operations/{other}")), reject).await.unwrap();
    }
    bench.clock.advance(Span::seconds(1));
    let refused = bench.update(&named("operations/a0"), touch).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}
