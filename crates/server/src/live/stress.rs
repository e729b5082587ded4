//! The same under load, over a real store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::tests::watched;
use super::*;
use crate::operation::samples::{at, payload, record};
use crate::operation::{Change, Execution, Expected, Finish, Holder, Outcome, transition};
use crate::store::conformance::{ManualClock, remove, touch};
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};
use crate::store::{Apply, Birth};

fn embedded(live: &Arc<Live>) -> (tempfile::TempDir, Arc<EmbeddedStore>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(at(0)));
    let options = EmbeddedOptions::default();
    let store = EmbeddedStore::open(dir.path(), clock, live.clone(), options).unwrap();
    (dir, Arc::new(store))
}

async fn make(store: &EmbeddedStore, count: usize) -> Vec<RecordName> {
    let born = |index: usize| {
        let mut record = record(&format!("r{index}"), at(0));
        record.execution = Execution::Service;
        record.state = State::Running(Holder::Service);
        Box::new(move |_| record.clone()) as Birth
    };
    let answers = store.create((0..count).map(born).collect()).await;
    answers.into_iter().map(|answer| answer.unwrap().name.clone()).collect()
}

/// Nobody is left waiting. (A test that hangs says so, instead of not ending.)
async fn all_end(tasks: Vec<tokio::task::JoinHandle<()>>) {
    let all = async {
        for task in tasks {
            task.await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all).await.expect("somebody waits for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_waiters_each_learn_of_their_finish() {
    let live = Arc::new(Live::new(1 << 20));
    let (_dir, store) = embedded(&live);
    let mut tasks = Vec::new();
    for (index, name) in make(&store, 10_000).await.into_iter().enumerate() {
        let waiter = {
            let (live, store, name) = (live.clone(), store.clone(), name.clone());
            async move {
                loop {
                    let mut signal = live.watch_record(&name);
                    let hot = live.get(&*store, &name).await.unwrap();
                    if hot.record.done().is_some() {
                        return;
                    }
                    signal.wait().await;
                }
            }
        };
        let store = store.clone();
        let finisher = async move {
            let outcome = Outcome::Response(payload("test.Response", b""));
            let finish = Finish { token: None, outcome, metadata: None };
            let apply = move |record: &_, now| {
                transition::finish(
                    record,
                    &finish,
                    &Expected::default(),
                    &transition::by_bytes,
                    now,
                )
            };
            store.update(vec![(name, Box::new(apply) as Apply)]).await.remove(0).unwrap();
        };
        // Now the one is first, now the other.
        if index % 2 == 0 {
            tasks.extend([tokio::spawn(waiter), tokio::spawn(finisher)]);
        } else {
            tasks.extend([tokio::spawn(finisher), tokio::spawn(waiter)]);
        }
    }
    all_end(tasks).await;
    assert_eq!(watched(&live), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_what_was_answered_before_it() {
    // So small that records leave it all the time, and some are too large for it.
    let live = Arc::new(Live::new(1 << 16));
    let (_dir, store) = embedded(&live);
    let names = make(&store, 64).await;
    let answered: Arc<Vec<AtomicU64>> = Arc::new(names.iter().map(|_| AtomicU64::new(1)).collect());
    let mut tasks = Vec::new();
    for writer in 0..4 {
        let (store, names, answered) = (store.clone(), names.clone(), answered.clone());
        tasks.push(tokio::spawn(async move {
            for turn in 0..400_usize {
                let index = (turn * 7 + writer * 16) % names.len();
                let apply = move |record: &Record, now| {
                    let Ok(Change::Put(mut next)) = touch(record, now) else { panic!() };
                    let bytes = [10, 300, 1 << 17][(turn / 11) % 3];
                    next.metadata = Some(payload("test.Metadata", &vec![0; bytes]));
                    Ok(Change::Put(next))
                };
                let update = (names[index].clone(), Box::new(apply) as Apply);
                let version = store.update(vec![update]).await.remove(0).unwrap().version;
                answered[index].fetch_max(version, Ordering::SeqCst);
            }
        }));
    }
    for reader in 0..8 {
        let (live, store) = (live.clone(), store.clone());
        let (names, answered) = (names.clone(), answered.clone());
        tasks.push(tokio::spawn(async move {
            for turn in 0..3000_usize {
                let index = (turn * (2 * reader + 1)) % names.len();
                let floor = answered[index].load(Ordering::SeqCst);
                let hot = live.get(&*store, &names[index]).await.unwrap();
                assert!(hot.record.version >= floor, "{} < {floor}", hot.record.version);
            }
        }));
    }
    all_end(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_removed_is_not_read_again() {
    let live = Arc::new(Live::new(1 << 20));
    let (_dir, store) = embedded(&live);
    let names = make(&store, 500).await;
    let mut tasks = Vec::new();
    for name in names {
        let (live, store) = (live.clone(), store.clone());
        tasks.push(tokio::spawn(async move {
            let read = |_| {
                let (live, store, name) = (live.clone(), store.clone(), name.clone());
                tokio::spawn(async move { drop(live.get(&*store, &name).await) })
            };
            let mut readers: Vec<_> = (0..4).map(read).collect();
            let update = (name.clone(), Box::new(remove) as Apply);
            store.update(vec![update]).await.remove(0).unwrap();
            readers.extend((4..8).map(read));
            assert!(live.get(&*store, &name).await.is_err());
            for reader in readers {
                reader.await.unwrap();
            }
            assert!(live.get(&*store, &name).await.is_err());
        }));
    }
    all_end(tasks).await;
}
