use std::collections::BTreeSet;

use super::bench::{Bench, everything, named, remove};
use crate::operation::samples::{at, payload, record, status};
use crate::operation::{
    Done, Filter, Finisher, Holder, Outcome, Parent, Principal, Record, RecordName, State,
    Timestamp,
};
use crate::store::{Apply, Cursor, ListQuery, Order};

fn done(outcome: Outcome, finish_time: Timestamp) -> State {
    let finisher = Finisher::Server;
    State::Done(Done { outcome, finish_time, finisher, expire_time: at(9000) })
}

/// Five records, each in another state.
fn five() -> Vec<Record> {
    let make = |id: &str, create_time, state, labels: &[(&str, &str)]| {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let labels = labels.iter().map(pair).collect();
        Record { state, labels, ..record(id, create_time) }
    };
    let response = Outcome::Response(payload("test.Response", b""));
    let pending = State::Pending { delayed_until: Some(at(9)) };
    let running = State::Running(Holder::Service);
    let failed = done(Outcome::Error(status(4, "")), at(20));
    let cancelled = done(Outcome::Error(status(1, "")), at(30));
    let other = "pkg.Service/Other".to_owned();
    vec![
        make("a", at(0), pending, &[("env", "prod")]),
        make("b", at(1), running, &[("env", "test")]),
        Record { method: other, ..make("c", at(2), done(response, at(10)), &[]) },
        make("d", at(3), failed, &[("env", "prod"), ("tier", "1")]),
        Record { name: named("p/operations/e"), ..make("e", at(4), cancelled, &[("env", "Prod")]) },
    ]
}

pub(super) async fn filters_let_through_what_they_say(mut bench: Bench) {
    let records = five();
    bench.put_all(records.clone()).await;
    bench.pause().await;
    let table = [
        ("", "edcba"),
        ("done:true", "edc"),
        ("done=false", "ba"),
        ("state=PENDING", "a"),
        ("state:RUNNING", "b"),
        ("state=SUCCEEDED", "c"),
        ("state=FAILED", "d"),
        ("state=CANCELLED", "e"),
        ("state!=FAILED", "ecba"),
        ("state!=FAILED state!=RUNNING", "eca"),
        ("state=FAILED state=RUNNING", ""),
        ("method=pkg.Service/Other", "c"),
        ("method!=pkg.Service/Other", "edba"),
        ("method>pkg.Service/Method", "c"),
        ("name=operations/b", "b"),
        ("name=p/operations/e", "e"),
        ("name=operations/e", ""),
        ("name!=operations/b", "edca"),
        ("name>operations/b", "edc"),
        ("name>=operations/b name<operations/d", "cb"),
        ("name<=operations/b", "ba"),
        ("create_time=2023-11-14T22:13:21Z", "b"),
        ("create_time!=2023-11-14T22:13:21Z", "edca"),
        ("create_time<2023-11-14T22:13:22Z", "ba"),
        ("create_time<=2023-11-14T22:13:22Z", "cba"),
        ("create_time>2023-11-14T22:13:22Z", "ed"),
        ("create_time>=2023-11-14T22:13:22Z", "edc"),
        ("finish_time>2023-11-14T22:13:30Z", "ed"),
        ("finish_time>=2023-11-14T22:13:30Z", "edc"),
        ("finish_time!=2023-11-14T22:13:30Z", "ed"),
        ("finish_time<2030-01-01T00:00:00Z", "edc"),
        ("labels.env=prod", "da"),
        ("labels.env!=prod", "eb"),
        ("labels.env>prod", "b"),
        ("labels.env=prod labels.tier=1", "d"),
        ("labels.tier=2", ""),
        ("labels.none=x", ""),
        ("done:true labels.env=prod create_time>2023-11-14T22:13:20Z", "d"),
    ];
    for (text, ids) in table {
        let filter = Filter::parse(text).unwrap();
        let matching = records.iter().rev().filter(|record| filter.matches(record));
        let matching: String = matching.map(|record| record.name.operation.id.as_str()).collect();
        assert_eq!(matching, ids, "the filter itself: {text}");
        let listed = bench.ids(ListQuery { filter, ..everything() }).await;
        assert_eq!(listed.concat(), ids, "{text}");
    }
}

pub(super) async fn a_list_is_of_a_service_a_parent_an_owner(mut bench: Bench) {
    let (alice, bob) = ("static:alice", "static:bob");
    let records = [
        ("services/s/operations/a", Some(alice)),
        ("services/s/p/operations/b", Some(alice)),
        ("services/s/p/operations/c", Some(bob)),
        ("services/s/p/q/operations/d", Some(alice)),
        ("services/t/operations/e", Some(alice)),
        ("services/s/operations/f", None),
    ];
    let make = |(index, (name, owner)): (usize, &(&str, Option<&str>))| Record {
        name: RecordName::parse(name).unwrap(),
        owner: owner.and_then(Principal::parse),
        ..record("x", at(index as i64))
    };
    bench.put_all(records.iter().enumerate().map(make).collect()).await;
    bench.pause().await;
    let table = [
        (None, None, None, "fedcba"),
        (Some("s"), None, None, "fdcba"),
        (Some("t"), None, None, "e"),
        (Some("u"), None, None, ""),
        (Some("s"), Some(""), None, "fa"),
        (Some("s"), Some("p"), None, "cb"),
        (Some("s"), Some("p/q"), None, "d"),
        (Some("s"), Some("q"), None, ""),
        (Some("s"), Some(""), Some(alice), "a"),
        (Some("s"), Some("p"), Some(alice), "b"),
        (Some("s"), Some("p"), Some(bob), "c"),
        (Some("s"), None, Some(alice), "dba"),
        (Some("t"), Some(""), Some(bob), ""),
        (None, None, Some(alice), "edba"),
        (None, Some("p"), None, "cb"),
    ];
    for (service, parent, owner, ids) in table {
        let query = ListQuery {
            service: service.map(str::to_owned),
            parent: parent.map(|parent| Parent::parse(parent).unwrap()),
            owner: owner.and_then(Principal::parse),
            ..everything()
        };
        assert_eq!(bench.ids(query.clone()).await.concat(), ids, "{query:?}");
        let oldest_first = ListQuery { order: Order::OldestFirst, ..query };
        let reversed: String = ids.chars().rev().collect();
        assert_eq!(bench.ids(oldest_first).await.concat(), reversed);
    }
}

pub(super) async fn deleted_ones_are_listed_when_asked_for(mut bench: Bench) {
    let delete_time = Some(at(1));
    bench.put_all(vec![record("a", at(0)), Record { delete_time, ..record("b", at(1)) }]).await;
    bench.pause().await;
    assert_eq!(bench.ids(everything()).await, ["b", "a"]);
    assert_eq!(bench.ids(ListQuery { hidden: false, ..everything() }).await, ["a"]);
}

pub(super) async fn records_of_one_time_are_ordered_by_name(mut bench: Bench) {
    let names = ["s/operations/b", "s/p/operations/a", "t/operations/a", "s/operations/a"];
    let make = |name: &str| Record {
        name: RecordName::parse(&format!("services/{name}")).unwrap(),
        ..record("x", at(0))
    };
    bench.put_all(names.map(make).into()).await;
    bench.pause().await;
    let query = ListQuery { service: None, order: Order::OldestFirst, ..everything() };
    let mut sorted: Vec<RecordName> = names.map(|name| make(name).name).into();
    sorted.sort();
    let listed = bench.store().list(query.clone()).await.unwrap();
    assert!(listed.records.iter().map(|record| &record.name).eq(&sorted));
    let newest_first = ListQuery { order: Order::NewestFirst, ..query };
    let listed = bench.store().list(newest_first).await.unwrap();
    assert!(listed.records.iter().map(|record| &record.name).eq(sorted.iter().rev()));
}

pub(super) async fn pages_are_a_partition_while_rows_come_and_go(mut bench: Bench) {
    let queries = [
        everything(),
        ListQuery { parent: Some(Parent::default()), ..everything() },
        ListQuery {
            parent: Some(Parent::default()),
            owner: Principal::parse("static:alice"),
            hidden: false,
            ..everything()
        },
        ListQuery { filter: Filter::parse("state!=FAILED").unwrap(), ..everything() },
    ];
    for query in queries {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            partition(&mut bench, ListQuery { order, ..query.clone() }).await;
        }
    }
}

pub(super) async fn pages_of_all_services_are_a_partition(mut bench: Bench) {
    for order in [Order::NewestFirst, Order::OldestFirst] {
        partition(&mut bench, ListQuery { service: None, order, ..everything() }).await;
    }
}

pub(super) async fn a_part_ends_by_its_records_bytes_or_rows(mut bench: Bench) {
    let make = |second: i64| {
        let method = if second % 4 == 3 { "pkg.Service/Rare" } else { "pkg.Service/Method" };
        let request = Some(payload("test.Request", &[0; 100]));
        let record = record(&second.to_string(), at(second));
        Record { method: method.to_owned(), request, ..record }
    };
    let made = bench.put_all((0..8).map(make).collect()).await;
    bench.pause().await;
    let metadata = made[0].payload_bytes() - 100;
    let all = ListQuery { order: Order::OldestFirst, ..everything() };
    let rare =
        ListQuery { filter: Filter::parse("method=pkg.Service/Rare").unwrap(), ..all.clone() };
    let bytes = |count: usize| count * (100 + metadata);
    let table = [
        // (query) -> its records, the place behind which it goes on, the rows looked at
        (all.clone(), "01234567", None, 8),
        (ListQuery { limit: 8, ..all.clone() }, "01234567", None, 8),
        (ListQuery { limit: 3, ..all.clone() }, "012", Some(2), 4),
        (ListQuery { bytes_max: bytes(3), ..all.clone() }, "012", Some(2), 4),
        (ListQuery { bytes_max: bytes(3) - 1, ..all.clone() }, "01", Some(1), 3),
        (ListQuery { bytes_max: 0, ..all.clone() }, "0", Some(0), 2),
        (ListQuery { rows_max: 3, ..all.clone() }, "012", Some(2), 3),
        (ListQuery { rows_max: 8, ..all.clone() }, "01234567", None, 8),
        (ListQuery { hidden: false, rows_max: 1, ..all }, "0", Some(0), 1),
        (rare.clone(), "37", None, 8),
        (ListQuery { limit: 1, ..rare.clone() }, "3", Some(3), 8),
        (ListQuery { rows_max: 3, ..rare.clone() }, "", Some(2), 3),
        (ListQuery { rows_max: 6, ..rare.clone() }, "3", Some(5), 6),
        (ListQuery { after: Some(Cursor::of(&made[3])), ..rare }, "7", None, 4),
    ];
    for (query, ids, rest, rows) in table {
        let listed = bench.store().list(query.clone()).await.unwrap();
        let found: String =
            listed.records.iter().map(|record| record.name.operation.id.as_str()).collect();
        assert_eq!(found, ids, "{query:?}");
        assert_eq!(listed.rest, rest.map(|at: usize| Cursor::of(&made[at])), "{query:?}");
        assert_eq!(listed.rows, rows, "{query:?}");
    }
}

/// Reads page after page, while rows come and go before, behind and at the cursor.
async fn partition(bench: &mut Bench, mut query: ListQuery) {
    // Three to a microsecond, as they come with one batch.
    let make = |index: i64| record(&format!("r{index:02}"), at(index / 3));
    let mut names = BTreeSet::new();
    for made in bench.put_all((0..30).map(make).collect()).await {
        names.insert(made.name.clone());
    }
    let mut comers = BTreeSet::new();
    let mut seen: Vec<RecordName> = Vec::new();
    query.limit = 4;
    for page in 0.. {
        bench.pause().await;
        let records = bench.store().list(query.clone()).await.unwrap().records;
        assert!(records.len() <= 4);
        let Some(last) = records.last() else { break };
        query.after = Some(Cursor::of(last));
        seen.extend(records.iter().map(|record| record.name.clone()));
        let comer = |second| record(&format!("n{page}-{second}"), at(second));
        for comer in bench.put_all([-1, 4, 11].map(comer).into()).await {
            comers.insert(comer.name.clone());
        }
        let unseen = names.iter().find(|name| !seen.contains(name)).cloned();
        // The row at the cursor may have gone, or not.
        let at_cursor = (page % 2 == 0).then(|| last.name.clone());
        let gone: BTreeSet<_> = [at_cursor, unseen].into_iter().flatten().collect();
        remove_all(bench, &gone).await;
        names.retain(|name| !gone.contains(name));
        comers.retain(|name| !gone.contains(name));
        assert!(page < 100, "pages come to an end");
    }
    let set: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(set.len(), seen.len(), "none comes twice");
    assert!(names.is_subset(&set), "whatever was there all the time comes");
    assert!(names.len() > 5);
    names.append(&mut comers);
    remove_all(bench, &names).await;
    // The next round uses the names again.
    bench.forget_all().await;
}

async fn remove_all(bench: &Bench, names: &BTreeSet<RecordName>) {
    let removal = |name: &RecordName| (name.clone(), Box::new(remove) as Apply);
    for answer in bench.store().update(names.iter().map(removal).collect()).await {
        answer.unwrap();
    }
}
