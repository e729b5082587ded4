use std::sync::atomic::AtomicBool;

use super::*;
use crate::clock::Clock;
use crate::operation::samples::{at, name, payload, record, token};
use crate::operation::{Done, Finisher, Gone, Holder, Lease, Outcome, State, StateName, Status};
use crate::store::conformance::{Log, ManualClock};
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore, Faults};
use crate::store::{Birth, ChangesQuery, Found, Sequence};

#[derive(Default)]
struct Broken(AtomicBool);

impl Faults for Broken {
    fn commit_fails(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A store with a reaper, at a time that the test moves.
struct Place {
    _dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    faults: Arc<Broken>,
    store: Arc<dyn Store>,
    reaper: Reaper,
}

impl Place {
    async fn new(records: Vec<Record>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let faults = Arc::new(Broken::default());
        let options = EmbeddedOptions { faults: Some(faults.clone()), ..Default::default() };
        let log = Arc::new(Log::default());
        let store: Arc<dyn Store> =
            Arc::new(EmbeddedStore::open(dir.path(), clock.clone(), log, options).unwrap());
        let born = |record: Record| Box::new(move |_| record.clone()) as Birth;
        for answer in store.create(records.into_iter().map(born).collect()).await {
            answer.unwrap();
        }
        let reaper = Reaper::new(store.clone(), Arc::new(|_, change| change));
        Self { _dir: dir, clock, faults, store, reaper }
    }

    /// Passes at these seconds, one after another.
    async fn pass(&self, seconds: impl IntoIterator<Item = i64>) {
        for second in seconds {
            self.clock.set(at(second));
            self.reaper.pass().await.unwrap();
        }
    }

    async fn get(&self, id: &str) -> Option<Arc<Record>> {
        self.store.get(vec![name(id)]).await.unwrap().remove(0).record()
    }

    async fn state(&self, id: &str) -> Option<StateName> {
        self.get(id).await.map(|record| record.state_name())
    }
}

/// A record whose lease of 20 s was renewed at 0.
fn leased(id: &str) -> Record {
    let lease = Lease {
        worker_id: "w".to_owned(),
        token: token("A").hash(),
        renew_time: at(0),
        duration: Span::seconds(20),
        expire_time: at(20),
    };
    let state = State::Running(Holder::Worker(lease));
    Record { state, attempt: 1, start_time: Some(at(0)), ..record(id, at(0)) }
}

fn due_at(id: &str, deadline: i64) -> Record {
    Record { deadline: at(deadline), ..record(id, at(0)) }
}

fn done(id: &str, expire_time: Timestamp) -> Record {
    let outcome = Outcome::Response(payload("test.Response", b""));
    let (finish_time, finisher) = (at(0), Finisher::Server);
    let state = State::Done(Done { outcome, finish_time, finisher, expire_time });
    Record { state, ..record(id, at(0)) }
}

fn delayed(id: &str, until: i64) -> Record {
    let state = State::Pending { delayed_until: Some(at(until)) };
    Record { state, ..record(id, at(0)) }
}

const PENDING: Option<StateName> = Some(StateName::Pending);
const RUNNING: Option<StateName> = Some(StateName::Running);
const FAILED: Option<StateName> = Some(StateName::Failed);
const CANCELLED: Option<StateName> = Some(StateName::Cancelled);

#[tokio::test]
async fn what_runs_out_has_its_effect_and_nothing_before() {
    let cancelled = Record { cancel_request_time: Some(at(1)), ..leased("cancelled") };
    let last = Record { attempt: 3, ..leased("last") };
    let deleted = Record { delete_time: Some(at(1)), ..last.clone() };
    let deleted = Record { name: name("deleted"), ..deleted };
    let records = vec![
        leased("leased"),
        cancelled,
        last,
        deleted,
        due_at("deadline", 20),
        done("done", at(20)),
        delayed("delayed", 20),
        record("pending", at(0)),
    ];
    let place = Place::new(records).await;
    place.pass([4, 8, 12, 16, 19]).await;
    let before = [
        ("leased", RUNNING),
        ("cancelled", RUNNING),
        ("last", RUNNING),
        ("deleted", RUNNING),
        ("deadline", PENDING),
        ("done", Some(StateName::Succeeded)),
        ("delayed", PENDING),
        ("pending", PENDING),
    ];
    for (id, state) in before {
        assert_eq!(place.state(id).await, state, "{id}");
    }
    assert!(matches!(
        place.get("delayed").await.unwrap().state,
        State::Pending { delayed_until: Some(_) }
    ));
    place.pass([20]).await;
    let after = [
        ("leased", PENDING),
        ("cancelled", CANCELLED),
        ("last", FAILED),
        ("deleted", None),
        ("deadline", FAILED),
        ("done", None),
        ("delayed", PENDING),
        ("pending", PENDING),
    ];
    for (id, state) in after {
        assert_eq!(place.state(id).await, state, "{id}");
    }
    assert_eq!(place.get("delayed").await.unwrap().state, State::Pending { delayed_until: None });
    let last = place.get("last").await.unwrap();
    assert!(matches!(&last.done().unwrap().outcome, Outcome::Error(Status { code: 14, .. })));
    assert_eq!(place.reaper.pass().await.unwrap(), 0, "nothing is due any more");
}

/// Whether or not a server was there.
#[tokio::test]
async fn holds_end_at_their_time() {
    for passes in [vec![4, 8, 12, 16, 19, 20], vec![19, 30], vec![100]] {
        let held =
            |id: &str, validation| Record { hold: Some(at(20)), validation, ..record(id, at(0)) };
        let place = Place::new(vec![held("held", false), held("asked", true)]).await;
        let (last, before) = passes.split_last().unwrap();
        place.pass(before.iter().copied()).await;
        for id in ["held", "asked"] {
            assert!(place.get(id).await.unwrap().hold.is_some(), "{id} {passes:?}");
        }
        place.pass([*last]).await;
        assert_eq!(place.get("held").await.unwrap().hold, None);
        assert_eq!(place.state("asked").await, None);
    }
}

/// Time when no server could take renewals does not count against leases; deadlines,
/// delays and expiry run on.
#[tokio::test]
async fn after_a_gap_no_lease_ends_before_one_more_of_its_length() {
    let table = [("from pass to pass", [5, 10, 15], 20), ("a gap", [5, 10, 16], 36)];
    for (what, passes, end) in table {
        let place = Place::new(vec![
            leased("leased"),
            due_at("deadline", 20),
            done("done", at(20)),
            delayed("delayed", 20),
        ])
        .await;
        place.pass(passes).await;
        place.pass([20]).await;
        let running = if end == 20 { PENDING } else { RUNNING };
        assert_eq!(place.state("leased").await, running, "{what}");
        assert_eq!(place.state("deadline").await, FAILED, "{what}");
        assert_eq!(place.state("done").await, None, "{what}");
        assert_eq!(
            place.get("delayed").await.unwrap().state,
            State::Pending { delayed_until: None },
            "{what}"
        );
        if end > 20 {
            let held = place.get("leased").await.unwrap();
            assert_eq!(held.lease().map(|lease| lease.expire_time), Some(at(end)), "{what}");
            assert_eq!(held.version, leased("leased").version, "nobody sees that");
            place.pass([25, 30, 35]).await;
            assert_eq!(place.state("leased").await, RUNNING, "{what}");
            place.pass([end]).await;
            assert_eq!(place.state("leased").await, PENDING, "{what}");
        }
    }
}

/// Falls asleep for some minutes when it was looked at so many times.
struct Sleepy {
    inner: Arc<ManualClock>,
    looks: AtomicI64,
}

impl Clock for Sleepy {
    fn now(&self) -> Timestamp {
        if self.looks.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.inner.advance(Span::seconds(900));
        }
        self.inner.now()
    }
}

/// The gap may lie before the pass, between its look for what is due and its own at the
/// clock, and before the store's, by which the lease is judged.
#[tokio::test]
async fn a_machine_that_sleeps_in_the_midst_of_a_pass_loses_no_lease() {
    for looks in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let inner = Arc::new(ManualClock::new(at(0)));
        let clock = Arc::new(Sleepy { inner: inner.clone(), looks: AtomicI64::new(i64::MAX) });
        let (log, options) = (Arc::new(Log::default()), EmbeddedOptions::default());
        let store = EmbeddedStore::open(dir.path(), clock.clone(), log, options).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        store.create(vec![Box::new(|_| leased("leased"))]).await.remove(0).unwrap();
        let reaper = Reaper::new(store.clone(), Arc::new(|_, change| change));
        for second in (4..20).step_by(4) {
            inner.set(at(second));
            reaper.pass().await.unwrap();
        }
        inner.set(at(20));
        clock.looks.store(looks, Ordering::SeqCst);
        reaper.pass().await.unwrap();
        assert_eq!(inner.now(), at(920), "it has slept");
        let found = store.get(vec![name("leased")]).await.unwrap().remove(0);
        assert_eq!(found.record().unwrap().state_name(), StateName::Running, "{looks} looks");
    }
}

#[tokio::test]
async fn after_a_start_no_lease_ends_before_one_more_of_its_length() {
    let mut place = Place::new(vec![leased("leased"), due_at("deadline", 20)]).await;
    place.clock.set(at(1000 - 1));
    place.reaper = Reaper::new(place.store.clone(), Arc::new(|_, change| change));
    place.pass([999]).await;
    assert_eq!(place.state("deadline").await, FAILED);
    assert_eq!(place.state("leased").await, RUNNING);
    place.pass([1000]).await;
    assert_eq!(place.state("leased").await, FAILED, "its deadline runs on");
}

#[tokio::test]
async fn a_store_that_could_not_be_written_leaves_a_gap() {
    // With something to write in the meantime, and without.
    for records in [vec![leased("leased")], vec![leased("leased"), delayed("delayed", 12)]] {
        let place = Place::new(records).await;
        place.pass([4, 8, 11]).await;
        place.faults.0.store(true, Ordering::SeqCst);
        for second in [13, 15, 17, 19] {
            place.clock.set(at(second));
            assert!(place.reaper.pass().await.is_err(), "at {second}");
        }
        place.faults.0.store(false, Ordering::SeqCst);
        place.pass([19, 23, 27, 31, 35, 38]).await;
        assert_eq!(place.state("leased").await, RUNNING);
        place.pass([39]).await;
        assert_eq!(place.state("leased").await, PENDING, "one lease after the first pass");
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_ends_nothing_early() {
    let place = Place::new(vec![leased("leased"), due_at("deadline", 30)]).await;
    place.pass([4, 8, 12, 2, 6, 10]).await;
    assert_eq!(place.store.now(), at(12));
    assert_eq!(place.state("leased").await, RUNNING);
    place.pass([14, 18, 19]).await;
    assert_eq!(place.state("leased").await, RUNNING);
    place.pass([20]).await;
    assert_eq!(place.state("leased").await, PENDING);
}

/// Leases that are due but may not end yet don't stand in the way of what may.
#[tokio::test]
async fn leases_that_are_made_to_last_do_not_hold_up_deadlines() {
    let mut records: Vec<_> = (0..3 * BATCH).map(|index| leased(&format!("r{index}"))).collect();
    records.extend((0..10).map(|index| due_at(&format!("d{index}"), 21)));
    let place = Place::new(records).await;
    place.clock.set(at(100));
    let seen = place.reaper.pass().await.unwrap();
    assert_eq!(seen, 3 * BATCH + 10);
    for index in 0..10 {
        assert_eq!(place.state(&format!("d{index}")).await, FAILED);
    }
    assert_eq!(place.state("r0").await, RUNNING);
    assert!(place.store.due(1).await.unwrap().is_empty(), "none is looked at again");
}

/// What has expired goes in batches, as much as a pass takes, and so do its tombstones.
#[tokio::test]
async fn ten_thousand_expire_and_are_forgotten() {
    let count = 20 * BATCH;
    let records = (0..count).map(|index| done(&format!("r{index}"), at(20)));
    let place = Place::new(records.chain([done("later", at(21))]).collect()).await;
    let left = async |index: usize| {
        let name = name(&format!("r{index}"));
        place.store.get(vec![name]).await.unwrap().remove(0)
    };
    place.clock.set(at(20));
    assert_eq!(place.reaper.pass().await.unwrap(), count);
    assert!(place.get("later").await.is_some());
    for index in [0, count / 2, count - 1] {
        let found = left(index).await;
        assert!(matches!(&found, Found::Tombstone(stone) if stone.gone == Gone::Expired));
    }
    let week = 7 * 24 * 3600;
    place.pass([20 + week - 1]).await;
    assert_ne!(left(0).await, Found::Nothing);
    place.pass([20 + week]).await;
    for index in [0, count / 2, count - 1] {
        assert_eq!(left(index).await, Found::Nothing);
    }
    assert_eq!(place.store.forget(BATCH).await.unwrap(), 0);
}

#[tokio::test]
async fn removals_are_told_of_for_a_day_and_no_longer() {
    let (hour, n) = (3600, BATCH as i64 + 1);
    let place = Place::new((0..n).map(|id| done(&format!("r{id}"), at(0))).collect()).await;
    let told = || async {
        let after = Some(Sequence(0));
        let query = ChangesQuery { service: None, after, limit: 1000, bytes_max: 1 };
        place.store.changes(query).await.unwrap().changes.len()
    };
    place.pass([1]).await;
    assert_eq!(told().await, BATCH + 1, "they are gone, and that is told");
    place.pass([24 * hour + 1, 25 * hour]).await;
    assert_eq!(told().await, BATCH + 1);
    place.pass([25 * hour + 2]).await;
    assert_eq!(told().await, 0);
}

#[tokio::test]
async fn it_ends_with_the_server() {
    let place = Place::new(vec![due_at("deadline", -1)]).await;
    let (stop, draining) = watch::channel(true);
    place.reaper.run(draining).await;
    let found = place.store.get(vec![name("deadline")]).await.unwrap().remove(0);
    assert_eq!(found.record().unwrap().state_name(), StateName::Failed, "it passes once at least");
    drop(stop);
}
