use std::collections::BTreeSet;

use super::bench::{Bench, as_it_is, run, touch, work};
use crate::operation::samples::{at, payload, record};
use crate::operation::{Change, Holder, Record, Refusal, State};
use crate::store::{LeaseQuery, Waiting};

pub(super) async fn the_oldest_are_leased_first(mut bench: Bench) {
    for (second, id) in ["c", "a", "d", "b"].into_iter().enumerate() {
        bench.clock.set(at(second as i64));
        bench.make(id).await;
    }
    bench.pause().await;
    assert_eq!(bench.lease(LeaseQuery { limit: 3, ..work() }).await, ["c", "a", "d"]);
    bench.pause().await;
    assert_eq!(bench.lease(LeaseQuery { limit: 3, ..work() }).await, ["b"]);
    assert!(bench.lease(work()).await.is_empty());
}

pub(super) async fn only_the_methods_asked_for_are_leased(mut bench: Bench) {
    let make = |(id, service, method): (&str, &str, &str)| {
        let mut record = record(id, at(0));
        (record.name.service, record.method) = (service.to_owned(), method.to_owned());
        record
    };
    let table = [
        ("a", "s", "p.S/A"),
        ("b", "s", "p.S/B"),
        ("c", "t", "p.S/A"),
        ("d", "s", "p.S/C"),
        ("e", "s", "p.S/A"),
        ("f", "s", ""),
    ];
    bench.put_all(table.map(make).into()).await;
    bench.pause().await;
    let query = |methods: &[&str], limit| LeaseQuery {
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        limit,
        ..work()
    };
    assert!(bench.lease(query(&["p.S/D", "p.S/"], 9)).await.is_empty());
    assert_eq!(bench.lease(query(&["p.S/C", "p.S/A", "p.S/B"], 2)).await, ["a", "b"]);
    assert_eq!(bench.lease(query(&["p.S/A", "p.S/A"], 9)).await, ["e"]);
    assert_eq!(bench.lease(query(&["", "p.S/C"], 9)).await, ["d", "f"]);
    bench.pause().await;
    let other = LeaseQuery { service: "t".to_owned(), ..query(&["p.S/A"], 9) };
    assert_eq!(bench.lease(other).await, ["c"]);
}

pub(super) async fn only_what_is_pending_and_not_delayed_is_leased(mut bench: Bench) {
    let delayed = State::Pending { delayed_until: Some(at(5)) };
    let made = bench.put(Record { state: delayed, ..record("delayed", at(0)) }).await;
    let running = State::Running(Holder::Service);
    bench.put(Record { state: running, ..record("running", at(0)) }).await;
    bench.pause().await;
    assert!(bench.lease(work()).await.is_empty());
    bench.clock.set(at(6));
    assert!(bench.lease(work()).await.is_empty(), "not before the reaper has lifted the delay");
    let lift = |record: &Record, _| {
        let state = State::Pending { delayed_until: None };
        Ok(Change::Put(Box::new(Record { state, ..record.clone() })))
    };
    bench.update(&made.name, lift).await.unwrap();
    bench.pause().await;
    assert_eq!(bench.lease(work()).await, ["delayed"]);
}

pub(super) async fn a_deleted_record_is_leased_too(mut bench: Bench) {
    bench.put(Record { delete_time: Some(at(0)), ..record("a", at(0)) }).await;
    bench.pause().await;
    assert_eq!(bench.lease(work()).await, ["a"]);
}

pub(super) async fn payloads_together_stay_below_the_limit(mut bench: Bench) {
    for (index, bytes) in [400, 500, 200, 2000, 10].into_iter().enumerate() {
        let request = Some(payload("test.Request", &vec![0; bytes / 2]));
        let metadata = Some(payload("test.Metadata", &vec![0; bytes - bytes / 2]));
        bench.put(Record { request, metadata, ..record(&index.to_string(), at(0)) }).await;
    }
    bench.pause().await;
    let query = LeaseQuery { bytes_max: 1000, ..work() };
    assert_eq!(bench.lease(query.clone()).await, ["0", "1"]);
    assert_eq!(bench.lease(query.clone()).await, ["2"]);
    assert_eq!(bench.lease(query.clone()).await, ["3"], "one always goes");
    assert_eq!(bench.lease(query).await, ["4"]);
}

pub(super) async fn what_the_change_refuses_is_not_leased(mut bench: Bench) {
    for id in ["a", "b", "c", "d"] {
        bench.make(id).await;
    }
    bench.pause().await;
    let apply = |place, record: &Record, now| match record.name.operation.id.as_str() {
        "a" => Err(Refusal::Done),
        "c" => Ok(Change::Keep),
        _ => {
            let Ok(Change::Put(mut next)) = run(record, now) else { panic!("it runs") };
            next.attempt = place as u32;
            Ok(Change::Put(next))
        }
    };
    let leased = bench.store().lease(work(), Box::new(apply), as_it_is()).await.unwrap();
    let told: Vec<_> =
        leased.iter().map(|one| (one.name.operation.id.as_str(), one.attempt)).collect();
    assert_eq!(told, [("b", 0), ("d", 1)], "places are counted without the others");
    bench.pause().await;
    assert_eq!(bench.lease(work()).await, ["a", "c"]);
}

pub(super) async fn no_record_is_leased_twice(mut bench: Bench) {
    bench.put_all((0..300).map(|index| record(&format!("r{index}"), at(0))).collect()).await;
    bench.pause().await;
    let worker = |limit: usize| {
        let store = bench.store();
        tokio::spawn(async move {
            let mut own = Vec::new();
            loop {
                let query = LeaseQuery { limit, ..work() };
                let leased =
                    store.lease(query, Box::new(|_, record, now| run(record, now)), as_it_is());
                let leased = leased.await.unwrap();
                if leased.is_empty() {
                    return own;
                }
                assert!(leased.len() <= limit);
                own.extend(leased.into_iter().map(|record| record.name.clone()));
            }
        })
    };
    let workers: Vec<_> = (0..32).map(|index| worker(1 + index % 7)).collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), 300);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 300);
}

pub(super) async fn what_waits_is_counted_by_method(mut bench: Bench) {
    let make = |(id, service, method, second): (&str, &str, &str, i64)| {
        let mut record = record(id, at(second));
        (record.name.service, record.method) = (service.to_owned(), method.to_owned());
        record
    };
    let table = [
        ("a", "t", "p.S/A", 1),
        ("b", "s", "p.S/B", 2),
        ("c", "s", "p.S/A", 3),
        ("d", "s", "p.S/B", 4),
        ("e", "s", "", 5),
        ("f", "s", "p.S/B", 6),
    ];
    bench.put_all(table.map(make).into()).await;
    let delayed = State::Pending { delayed_until: Some(at(9)) };
    bench.put(Record { state: delayed, ..make(("g", "s", "p.S/C", 7)) }).await;
    bench.put(Record { delete_time: Some(at(8)), ..make(("h", "u", "p.S/A", 8)) }).await;
    bench.pause().await;
    let waiting = async |bench: &Bench, limit| {
        let found = bench.store().waiting(limit).await.unwrap();
        let line = |one: Waiting| {
            let seconds = one.since.since(at(0)).micros() / 1_000_000;
            format!("{} {}: {} since {seconds}", one.service, one.method, one.count)
        };
        found.into_iter().map(line).collect::<Vec<_>>()
    };
    let all = [
        "s : 1 since 5",
        "s p.S/A: 1 since 3",
        "s p.S/B: 3 since 2",
        "t p.S/A: 1 since 1",
        "u p.S/A: 1 since 8",
    ];
    assert_eq!(waiting(&bench, 9).await, all);
    assert_eq!(waiting(&bench, 2).await, all[..2], "no more methods than that");
    let query = LeaseQuery { methods: vec!["p.S/B".to_owned()], limit: 2, ..work() };
    assert_eq!(bench.lease(query).await, ["b", "d"]);
    bench.pause().await;
    let query = LeaseQuery { methods: vec!["p.S/A".to_owned()], ..work() };
    assert_eq!(bench.lease(query).await, ["c"]);
    assert_eq!(
        waiting(&bench, 9).await,
        [all[0], "s p.S/B: 1 since 6", all[3], all[4]],
        "what is leased waits no longer"
    );
    bench.put_all((0..9).map(|index| record(&format!("many{index}"), at(10))).collect()).await;
    assert_eq!(waiting(&bench, 5).await[2], "s pkg.Service/Method: 5 since 10", "counted so far");
}

pub(super) async fn what_is_due_comes_with_the_longest_due_first(mut bench: Bench) {
    for (id, deadline) in [("a", 30), ("b", 10), ("c", 20), ("d", 40), ("e", 50)] {
        bench.put(Record { deadline: at(deadline), ..record(id, at(0)) }).await;
    }
    bench.pause().await;
    let due = async |bench: &Bench, limit| {
        let names = bench.store().due(limit).await.unwrap();
        names.iter().map(|name| name.operation.id.to_string()).collect::<String>()
    };
    for (now, limit, ids) in
        [(9, 9, ""), (10, 9, "b"), (30, 9, "bca"), (30, 2, "bc"), (29, 9, "bca"), (50, 9, "bcade")]
    {
        bench.clock.set(at(now));
        assert_eq!(due(&bench, limit).await, ids, "at {now}");
    }
    let names = bench.store().due(9).await.unwrap();
    let later = |record: &Record, now| {
        let Ok(Change::Put(mut next)) = touch(record, now) else { panic!("it changes") };
        next.deadline = at(60);
        Ok(Change::Put(next))
    };
    bench.update(&names[0], later).await.unwrap();
    bench.update(&names[1], super::bench::remove).await.unwrap();
    bench.pause().await;
    assert_eq!(due(&bench, 9).await, "ade");
    bench.clock.set(at(60));
    assert_eq!(due(&bench, 9).await, "adeb");
}
