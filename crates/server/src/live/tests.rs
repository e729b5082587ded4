//! Interleavings driven by hand, over a store whose reads come when the test lets them.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::signals::Shard;
use super::*;
use crate::operation::samples::{at, name, payload, record};
use crate::operation::{Digest, Done, Finisher, Holder, Outcome, Timestamp};
use crate::store::{
    Apply, Birth, Changes, ChangesQuery, Found, LeaseApply, LeaseQuery, ListQuery, Listed, Waiting,
};

/// One record in a store whose reads arrive when the test lets them.
#[derive(Default)]
struct Slow {
    current: Mutex<Option<Arc<Record>>>,
    gates: Mutex<VecDeque<oneshot::Receiver<()>>>,
}

impl Slow {
    fn holding(record: Record) -> Self {
        Self { current: Mutex::new(Some(Arc::new(record))), ..Self::default() }
    }

    /// The next read stops between the store and its reader.
    fn hold_next(&self) -> oneshot::Sender<()> {
        let (go, gate) = oneshot::channel();
        self.gates.lock().unwrap().push_back(gate);
        go
    }

    fn write(&self, record: Record, removed: bool) -> Commit {
        let record = Arc::new(record);
        *self.current.lock().unwrap() = (!removed).then(|| record.clone());
        Commit { record, removed, visible: true }
    }
}

impl Store for Slow {
    fn get(&self, names: Vec<RecordName>) -> BoxFuture<'_, Result<Vec<Found>, StoreError>> {
        assert_eq!(names, [name("x")]);
        let found = self.current.lock().unwrap().clone();
        let gate = self.gates.lock().unwrap().pop_front();
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.await.unwrap();
            }
            Ok(vec![found.map_or(Found::Nothing, Found::Record)])
        })
    }

    fn create(&self, _: Vec<Birth>) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>> {
        unreachable!()
    }

    fn list(&self, _: ListQuery) -> BoxFuture<'_, Result<Listed, StoreError>> {
        unreachable!()
    }

    fn update(
        &self,
        _: Vec<(RecordName, Apply)>,
    ) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>> {
        unreachable!()
    }

    fn lease(
        &self,
        _: LeaseQuery,
        _: LeaseApply,
        _: LeaseApply,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
        unreachable!()
    }

    fn keep_descriptors(&self, _: Vec<(Digest, Bytes)>) -> BoxFuture<'_, Result<(), StoreError>> {
        unreachable!()
    }

    fn descriptors(&self, _: Digest) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>> {
        unreachable!()
    }

    fn forget(&self, _: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        unreachable!()
    }

    fn waiting(&self, _: usize) -> BoxFuture<'_, Result<Vec<Waiting>, StoreError>> {
        unreachable!()
    }

    fn due(&self, _: usize) -> BoxFuture<'_, Result<Vec<RecordName>, StoreError>> {
        unreachable!()
    }

    fn changes(&self, _: ChangesQuery) -> BoxFuture<'_, Result<Changes, StoreError>> {
        unreachable!()
    }

    fn forget_removals(&self, _: Timestamp, _: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        unreachable!()
    }

    fn now(&self) -> Timestamp {
        at(0)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        unreachable!()
    }
}

fn done(mut record: Record) -> Record {
    let outcome = Outcome::Response(payload("test.Response", b""));
    let (finish_time, expire_time) = (at(1), at(9));
    let finisher = Finisher::Server;
    record.state = State::Done(Done { outcome, finish_time, finisher, expire_time });
    record.version += 1;
    record
}

/// Large enough not to be kept in a map of 64 KiB.
fn too_large(mut record: Record) -> Record {
    record.metadata = Some(payload("test.Metadata", &[0; 1 << 17]));
    record.version += 1;
    record
}

async fn version(live: &Live, store: &dyn Store) -> Option<u64> {
    live.get(store, &name("x")).await.ok().map(|hot| hot.record.version)
}

/// A read that began before a commit may answer the version before it, but it may leave
/// that behind for nobody who comes later.
#[test]
fn a_slow_read_leaves_nothing_old_behind() {
    let first = record("x", at(0));
    let commits = [
        ("kept", done(first.clone()), false, Some(2)),
        ("too large", too_large(first.clone()), false, Some(2)),
        ("removed", done(first.clone()), true, None),
    ];
    for (what, next, removed, expected) in commits {
        let (live, store) = (Live::new(1 << 16), Slow::holding(first.clone()));
        let go = store.hold_next();
        let mut slow = Box::pin(version(&live, &store));
        assert!((&mut slow).now_or_never().is_none(), "it waits for the store");
        let mut joined = Box::pin(version(&live, &store));
        assert!((&mut joined).now_or_never().is_none(), "it waits for the other read");

        live.committed(&[store.write(next, removed)]);
        let after = version(&live, &store).now_or_never();
        assert_eq!(after, Some(expected), "{what}: while the slow one is on its way");
        go.send(()).unwrap();
        assert!(slow.now_or_never().is_some(), "{what}");
        assert!(joined.now_or_never().is_some(), "{what}");
        assert_eq!(version(&live, &store).now_or_never(), Some(expected), "{what}");
    }
}

#[test]
fn a_version_too_large_to_keep_does_not_leave_the_one_before() {
    let first = record("x", at(0));
    let (live, store) = (Live::new(1 << 16), Slow::holding(first.clone()));
    assert_eq!(version(&live, &store).now_or_never(), Some(Some(1)));
    live.committed(&[store.write(too_large(first), false)]);
    assert_eq!(version(&live, &store).now_or_never(), Some(Some(2)));
}

#[test]
fn a_read_that_is_given_up_is_done_by_another() {
    let (live, store) = (Live::new(1 << 16), Slow::holding(record("x", at(0))));
    let go = store.hold_next();
    let mut slow = Box::pin(version(&live, &store));
    assert!((&mut slow).now_or_never().is_none());
    let mut other = Box::pin(version(&live, &store));
    assert!((&mut other).now_or_never().is_none());
    drop((slow, go));
    assert_eq!(other.now_or_never(), Some(Some(1)));
}

/// Whatever order the steps of a waiter and of a commit fall in, the waiter learns of it.
#[test]
fn who_registers_before_reading_misses_no_commit() {
    #[derive(Clone, Copy, PartialEq)]
    enum Step {
        Register,
        Read,
        Look,
        Write,
        Tell,
    }
    use Step::{Look, Read, Register, Tell, Write};

    fn merges(waiter: &[Step], commit: &[Step]) -> Vec<Vec<Step>> {
        match (waiter, commit) {
            ([], rest) | (rest, []) => vec![rest.to_vec()],
            ([one, ones @ ..], [other, others @ ..]) => {
                let first = |step: &Step, rest: Vec<Vec<Step>>| {
                    rest.into_iter().map(|rest| [vec![*step], rest].concat()).collect::<Vec<_>>()
                };
                [first(one, merges(ones, commit)), first(other, merges(waiter, others))].concat()
            }
        }
    }

    let all = merges(&[Register, Read, Look], &[Write, Tell]);
    assert_eq!(all.len(), 10);
    // The hot map may hold the record or not.
    for (steps, warm) in all.iter().flat_map(|steps| [(steps, false), (steps, true)]) {
        let (live, store) = (Live::new(1 << 20), Slow::holding(record("x", at(0))));
        if warm {
            assert_eq!(version(&live, &store).now_or_never(), Some(Some(1)));
        }
        let (mut signal, mut commit, mut knows) = (None, None, false);
        for step in steps {
            match step {
                Register => signal = Some(live.watch_record(&name("x"))),
                Read => knows |= version(&live, &store).now_or_never() == Some(Some(2)),
                Look => {
                    let woken = signal.as_mut().unwrap().wait().now_or_never().is_some();
                    let told = *steps.last().unwrap() != Tell;
                    assert!(told || !woken, "nobody is woken for nothing");
                    knows |= woken;
                }
                Write => commit = Some(store.write(done(record("x", at(0))), false)),
                Tell => live.committed(&[commit.take().unwrap()]),
            }
        }
        // A call that has not learned of it sleeps until it is woken.
        knows |= signal.unwrap().wait().now_or_never().is_some();
        assert!(knows);
    }
}

pub(super) fn watched(live: &Live) -> usize {
    let count = |shard: &Shard<_>| shard.lock().unwrap().len();
    let queues = live.queues.shards.iter().map(|shard| shard.lock().unwrap().len());
    live.records.shards.iter().map(count).sum::<usize>() + queues.sum::<usize>()
}

#[test]
fn nothing_is_left_of_those_who_waited() {
    let live = Live::new(1 << 20);
    let mut signals: Vec<_> =
        (0..500).map(|index| live.watch_record(&name(&format!("r{}", index % 200)))).collect();
    let methods = ["A", "B", "A"].map(str::to_owned);
    let mut queues: Vec<_> = (0..50).map(|_| live.watch_queue("s", &methods)).collect();
    assert_eq!(watched(&live), 202);
    for (index, signal) in signals.iter_mut().enumerate() {
        if index % 3 == 0 {
            assert!(signal.wait().now_or_never().is_none());
        }
    }
    let record = Arc::new(record("r7", at(0)));
    live.committed(&[Commit { record, removed: false, visible: true }]);
    assert!(signals[207].wait().now_or_never().is_some());
    queues.truncate(20);
    while signals.len() > 1 {
        drop(signals.swap_remove(signals.len() / 2));
    }
    assert_eq!(watched(&live), 3);
    drop((signals, queues));
    assert_eq!(watched(&live), 0);
}

#[test]
fn a_queue_is_woken_by_what_can_be_leased() {
    let pending = record("x", at(0));
    let with = |state| Record { state, ..pending.clone() };
    let table = [
        (pending.clone(), false, true),
        (with(State::Pending { delayed_until: Some(at(1)) }), false, false),
        (with(State::Running(Holder::Service)), false, false),
        (Record { method: "pkg.Service/Other".to_owned(), ..pending.clone() }, false, false),
        (pending.clone(), true, false),
        (Record { delete_time: Some(at(0)), ..pending }, false, true),
    ];
    for (record, removed, woken) in table {
        let live = Live::new(1 << 20);
        let methods = ["pkg.Service/None", "pkg.Service/Method"].map(str::to_owned);
        let mut signal = live.watch_queue("s", &methods);
        let mut elsewhere = live.watch_queue("t", &methods);
        let commit = Commit { record: Arc::new(record.clone()), removed, visible: true };
        live.committed(&[commit]);
        assert_eq!(signal.turn().now_or_never().is_some(), woken, "{record:?}");
        assert!(elsewhere.turn().now_or_never().is_none());
    }
}

/// Each piece of work wakes one who waits, and a turn that is not used is another's.
#[test]
fn turns_go_round() {
    let live = Live::new(1 << 20);
    let [one, two] = ["pkg.Service/Method", "pkg.Service/Other"];
    let work = |method: &str| Commit {
        record: Arc::new(Record { method: method.to_owned(), ..record("x", at(0)) }),
        removed: false,
        visible: true,
    };
    let wait = |methods: &[&str]| {
        live.watch_queue(
            "s",
            &methods.iter().map(|method| (*method).to_owned()).collect::<Vec<_>>(),
        )
    };
    fn turn<'a>(signal: &mut Signal<'a, Queue>) -> Option<Turn<'a>> {
        signal.turn().now_or_never()
    }

    let (mut a, mut b, mut c) = (wait(&[one, two]), wait(&[one]), wait(&[two]));
    live.committed(&[work(one)]);
    let (of_a, of_b) = (turn(&mut a), turn(&mut b));
    assert!(of_a.is_some() && of_b.is_none() && turn(&mut c).is_none(), "who has waited longest");
    // It looks, and finds other work: somebody else has to see to this.
    drop(of_a);
    let of_b = turn(&mut b).expect("it was passed on");
    assert_eq!(of_b.method(), one);
    of_b.end();
    drop((a, b));

    // A turn that comes to one who leaves.
    let (a, mut b) = (wait(&[two, one]), wait(&[one]));
    live.committed(&[work(one), work(one)]);
    let of_b = turn(&mut b).expect("two pieces of work are two turns");
    of_b.end();
    let mut d = wait(&[one]);
    assert!(turn(&mut d).is_none());
    drop(a);
    turn(&mut d).expect("it was passed on").end();
    assert!(turn(&mut c).is_none(), "none of it was of its method");

    // A turn that nobody waits for is kept for nobody: who comes looks first.
    drop((b, c, d));
    live.committed(&[work(one)]);
    assert!(turn(&mut wait(&[one])).is_none());
}

#[test]
fn a_feed_is_woken_by_what_it_tells_of() {
    let other = RecordName { service: "t".to_owned(), ..name("x") };
    let table = [
        // (record, removed, visible) -> wakes the feed of s, of all
        (record("x", at(0)), false, true, true, true),
        (record("x", at(0)), true, true, true, true),
        (record("x", at(0)), false, false, false, false),
        (Record { name: other, ..record("x", at(0)) }, false, true, false, true),
    ];
    for (record, removed, visible, own, all) in table {
        let live = Live::new(1 << 20);
        let (mut of_s, mut of_all) = (live.watch_feed(Some("s")), live.watch_feed(None));
        live.committed(&[Commit { record: Arc::new(record), removed, visible }]);
        assert_eq!(of_s.wait().now_or_never().is_some(), own);
        assert_eq!(of_all.wait().now_or_never().is_some(), all);
    }
}

#[test]
fn a_finish_is_learned_from_once() {
    let finished = Record { update_time: at(1), ..done(record("x", at(-99))) };
    let labelled = Record { update_time: at(2), ..finished.clone() };
    let commits = [
        (record("x", at(-99)), false, true, 5),
        (finished.clone(), false, true, 20),
        (labelled, false, true, 5),
        (finished.clone(), false, false, 5),
        (finished, true, true, 5),
    ];
    for (record, removed, visible, seconds) in commits {
        let live = Live::new(1 << 20);
        for _ in 0..5 {
            let record = Arc::new(record.clone());
            live.committed(&[Commit { record, removed, visible }]);
        }
        assert_eq!(live.pace().seconds("s", "pkg.Service/Method"), seconds);
    }
}

#[test]
fn bytes_are_made_once() {
    let hot = Hot::new(Arc::new(record("x", at(0))));
    let encoded = wire::operation(&hot.record).encode_to_vec();
    assert_eq!(hot.operation(), encoded);
    assert_eq!(hot.operation().as_ptr(), hot.operation().as_ptr());
    let refused: Result<Bytes, &str> = hot.json(|_| Err("no descriptor"));
    assert_eq!(refused, Err("no descriptor"));
    let printed: Result<Bytes, &str> = hot.json(|bytes| {
        assert_eq!(bytes, encoded);
        Ok(Bytes::from_static(b"{}"))
    });
    assert_eq!(printed, Ok(Bytes::from_static(b"{}")));
    assert_eq!(hot.json(|_| Err("printed again")), printed);
}
