//! Commits that fail, changes that panic, callers that leave.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use futures::FutureExt as _;
use futures::future::join_all;

use super::{born, get, make, open};
use crate::operation::samples::at;
use crate::operation::{Change, Record, RecordName};
use crate::store::conformance::{Log, ManualClock, as_it_is, everything, remove, touch, work};
use crate::store::embedded::open::writer;
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore, Faults};
use crate::store::{Apply, Commit, LeaseApply, LeaseQuery, Observer, Store as _, StoreError};

/// Lets some commits through, then fails one, then lets all through.
#[derive(Default)]
struct FailsOnce(AtomicU32);

impl Faults for FailsOnce {
    fn commit_fails(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

/// A change that holds the writer until it is let go, so that what is asked meanwhile
/// becomes one batch.
struct Gate {
    reached: tokio::sync::oneshot::Receiver<()>,
    go: mpsc::Sender<()>,
}

fn gate() -> (Apply, Gate) {
    let (arrive, reached) = tokio::sync::oneshot::channel();
    let (go, wait) = mpsc::channel();
    let both = Mutex::new(Some((arrive, wait)));
    let apply = move |_: &_, _| {
        if let Some((arrive, wait)) = both.lock().unwrap().take() {
            arrive.send(()).unwrap();
            wait.recv().unwrap();
        }
        Ok(Change::Keep)
    };
    (Box::new(apply), Gate { reached, go })
}

fn unavailable<T>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn a_commit_that_fails_fails_for_all_of_its_batch_and_for_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(FailsOnce::default());
    let log = Arc::new(Log::default());
    let clock = Arc::new(ManualClock::new(at(0)));
    let options = EmbeddedOptions { faults: Some(faults.clone()), ..Default::default() };
    let store = EmbeddedStore::open(dir.path(), clock, log.clone(), options).unwrap();
    let (a, b) = (make(&store, "a").await, make(&store, "b").await);
    log.take();

    let (held, gate) = gate();
    let mut first = store.update(vec![(a.name.clone(), held)]);
    assert!((&mut first).now_or_never().is_none());
    gate.reached.await.unwrap();
    let touched = |name: &_| vec![(Clone::clone(name), Box::new(touch) as Apply)];
    let mut creates = store.create(vec![born("c"), born("d")]);
    let mut updates = store.update(touched(&a.name));
    let removed = (b.name.clone(), Box::new(remove) as Apply);
    let mut removal = store.update(vec![removed]);
    let mut refusal = store.create(vec![born("a")]);
    let mut leases = store.lease(work(), Box::new(|_, record, now| touch(record, now)), as_it_is());
    let mut ping = store.ready();
    assert!((&mut creates).now_or_never().is_none());
    assert!((&mut updates).now_or_never().is_none());
    assert!((&mut removal).now_or_never().is_none());
    assert!((&mut refusal).now_or_never().is_none());
    assert!((&mut leases).now_or_never().is_none());
    assert!((&mut ping).now_or_never().is_none());
    faults.0.store(1, Ordering::SeqCst);
    gate.go.send(()).unwrap();

    assert!(first.await.remove(0).is_ok(), "its batch changed nothing, so it has no commit");
    assert!(creates.await.into_iter().all(unavailable));
    assert!(updates.await.into_iter().all(unavailable));
    assert!(removal.await.into_iter().all(unavailable));
    assert!(refusal.await.into_iter().all(unavailable));
    assert!(unavailable(leases.await));
    assert!(unavailable(ping.await));
    assert!(log.take().is_empty(), "nobody is told of it");

    let seen = store.list(everything()).await.unwrap().records;
    assert_eq!(seen, [(*b).clone(), (*a).clone()], "nothing of it is seen");
    assert_eq!(store.update(touched(&a.name)).await.remove(0).unwrap().version, 2);
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(get(&store, &a).await.unwrap().version, 2);
    assert_eq!(get(&store, &b).await, Some(b));
}

fn broken<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Broken(_)))
}

#[tokio::test]
async fn a_change_that_panics_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let a = make(&store, "a").await;
    let updates: Vec<(_, Apply)> = vec![
        (a.name.clone(), Box::new(touch)),
        (a.name.clone(), Box::new(|_, _| panic!("on purpose"))),
        (a.name.clone(), Box::new(touch)),
    ];
    let [first, second, third] = store.update(updates).await.try_into().unwrap();
    assert_eq!((first.unwrap().version, broken(&second), third.unwrap().version), (2, true, 3));
    let stillborn = |_| -> Record { panic!("on purpose") };
    let [b, none] = store.create(vec![born("b"), Box::new(stillborn)]).await.try_into().unwrap();
    assert!(b.is_ok() && broken(&none));
    let lease: LeaseApply = Box::new(|_, record, now| match record.name.operation.id.as_str() {
        "a" => panic!("on purpose"),
        _ => touch(record, now),
    });
    let leased = store.lease(LeaseQuery { limit: 1, ..work() }, lease, as_it_is()).await.unwrap();
    assert_eq!(leased[0].name.operation.id.as_str(), "b");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stands_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let (a, b) = (make(&store, "a").await, make(&store, "b").await);
    let (outside, ..) = writer(dir.path()).unwrap();
    outside.execute("UPDATE records SET head = x'ff' WHERE id = 'a'", []).unwrap();
    let touched = |name: &RecordName| (name.clone(), Box::new(touch) as Apply);
    let answers = store.update(vec![touched(&a.name), touched(&b.name)]).await;
    assert!(broken(&answers[0]) && answers[1].is_ok(), "{answers:?}");
    let query = LeaseQuery { limit: 1, ..work() };
    let lease: LeaseApply = Box::new(|_, record, now| touch(record, now));
    let leased = store.lease(query, lease, as_it_is()).await.unwrap();
    assert_eq!(leased[0].name, b.name);

    outside.execute("UPDATE records SET due_time = 0", []).unwrap();
    outside.execute("UPDATE records SET parent = '//' WHERE id = 'a'", []).unwrap();
    assert_eq!(store.due(2).await.unwrap(), std::slice::from_ref(&b.name));
}

/// Holds the writer in the middle of a lease.
fn gated_lease() -> (LeaseApply, Gate) {
    let (held, gate) = gate();
    let apply = move |_: usize, record: &Record, now| {
        held(record, now)?;
        touch(record, now)
    };
    (Box::new(apply), gate)
}

#[tokio::test]
async fn a_lease_whose_caller_leaves_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    make(&store, "a").await;
    let undo = || -> LeaseApply {
        Box::new(|place, record, now| {
            let Ok(Change::Put(mut next)) = touch(record, now) else { panic!("it is put") };
            next.attempt = 70 + place as u32;
            Ok(Change::Put(next))
        })
    };
    let (apply, gate) = gated_lease();
    let mut lease = store.lease(work(), apply, undo());
    assert!((&mut lease).now_or_never().is_none());
    gate.reached.await.unwrap();
    // It leaves while it is leased, and another before that.
    let left = store.lease(work(), Box::new(|_, _, _| panic!("for nobody")), undo());
    assert!(left.now_or_never().is_none());
    drop(lease);
    gate.go.send(()).unwrap();
    store.ready().await.unwrap();
    // What the store asks of itself stands behind what was asked before.
    store.ready().await.unwrap();
    let listed = store.list(everything()).await.unwrap().records;
    assert_eq!((listed[0].version, listed[0].attempt), (3, 70));

    let kept = store.lease(work(), Box::new(|_, record, now| touch(record, now)), undo()).await;
    assert_eq!(kept.unwrap().len(), 1);
    store.ready().await.unwrap();
    assert_eq!(store.list(everything()).await.unwrap().records[0].version, 4, "it was taken");
}

#[tokio::test]
async fn a_change_whose_caller_left_is_made_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let a = make(&store, "a").await;
    let (held, gate) = gate();
    let mut first = store.update(vec![(a.name.clone(), held)]);
    assert!((&mut first).now_or_never().is_none());
    gate.reached.await.unwrap();
    // Asked, and not waited for.
    let left = store.update(vec![(a.name.clone(), Box::new(touch) as Apply)]).now_or_never();
    assert!(left.is_none());
    let left = store.create(vec![born("b")]).now_or_never();
    assert!(left.is_none());
    gate.go.send(()).unwrap();
    drop(first);
    store.ready().await.unwrap();
    assert_eq!(get(&store, &a).await.unwrap().version, 2);
    assert_eq!(store.list(everything()).await.unwrap().records.len(), 2);
}

/// What waits for its answer doesn't keep a store open, or the end of the server would wait
/// for calls that wait for it.
#[tokio::test]
async fn closing_does_what_was_asked_and_waits_for_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let mut asked = Vec::new();
    // More than the queue holds, all from one poll: the last ones wait for a place.
    tokio::task::unconstrained(async {
        for index in 0..9000 {
            let mut create = store.create(vec![born(&format!("r{index}"))]);
            asked.push(match (&mut create).now_or_never() {
                Some(answers) => std::future::ready(answers).boxed(),
                None => create,
            });
        }
    })
    .await;
    store.close();
    let mut kept = 0;
    for answers in join_all(asked).await {
        kept += usize::from(answers.into_iter().all(|answer| answer.is_ok()));
    }
    assert!(kept >= 8192, "{kept}");
    drop(store);
    let store = open(dir.path()).unwrap();
    let mut query = everything();
    query.limit = 10_000;
    assert_eq!(store.list(query).await.unwrap().records.len(), kept, "those, and no others");
}

/// An observer that is told, and lets the test look at the store before the answer leaves.
struct Looks(Mutex<Option<mpsc::Sender<u64>>>);

impl Observer for Looks {
    fn committed(&self, commits: &[Commit]) {
        if let Some(sender) = &*self.0.lock().unwrap() {
            for commit in commits {
                sender.send(commit.record.version).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn the_observer_knows_before_the_answer_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, told) = mpsc::channel();
    let observer = Arc::new(Looks(Mutex::new(Some(sender))));
    let clock = Arc::new(ManualClock::new(at(0)));
    let options = EmbeddedOptions::default();
    let store = EmbeddedStore::open(dir.path(), clock, observer, options).unwrap();
    let a = make(&store, "a").await;
    assert_eq!(told.try_recv(), Ok(1));
    for version in 2..100 {
        let update = (a.name.clone(), Box::new(touch) as Apply);
        assert_eq!(store.update(vec![update]).await.remove(0).unwrap().version, version);
        assert_eq!(told.try_recv(), Ok(version), "it was told already");
    }
}
