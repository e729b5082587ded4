//! A store under test, with a clock that is moved by hand and an observer that remembers.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;

use crate::clock::{Clock, ManualClock};
use crate::operation::samples::{at, record};
use crate::operation::{
    Change, Decision, Filter, Gone, OperationName, Record, RecordName, Refusal, Span, State,
    Timestamp,
};
use crate::store::{
    Birth, Commit, Faults, Found, LeaseApply, LeaseQuery, ListQuery, Observer, Order, Step, Store,
    StoreError,
};

/// Opens a store over one place. Called again once that store is gone, it finds what was
/// kept there.
pub type Open = Box<
    dyn Fn(Arc<dyn Clock>, Arc<dyn Observer>, Arc<dyn Faults>) -> BoxFuture<'static, Arc<dyn Store>>
        + Send
        + Sync,
>;

/// How long the store under test is to keep tombstones.
pub(super) const TOMBSTONE_RETENTION: Span = Span::seconds(7 * 24 * 3600);

/// An observer that remembers every commit.
#[derive(Debug, Default)]
pub struct Log(Mutex<Vec<Commit>>);

impl Log {
    /// What was told since the last call.
    pub fn take(&self) -> Vec<Commit> {
        std::mem::take(&mut *self.0.lock().expect("no test panics under this lock"))
    }

    /// Whether this version was told, and still is to be taken.
    #[must_use]
    pub fn holds(&self, record: &Record) -> bool {
        let commits = self.0.lock().expect("no test panics under this lock");
        commits.iter().any(|commit| *commit.record == *record)
    }
}

impl Observer for Log {
    fn committed(&self, commits: &[Commit]) {
        self.0.lock().expect("no test panics under this lock").extend_from_slice(commits);
    }
}

/// Faults that let the store die once, at a step of a test's choice.
#[derive(Debug, Default)]
pub struct Deaths(Mutex<Option<Step>>);

impl Deaths {
    /// The store dies when it comes to this step.
    pub fn at(&self, step: Step) {
        *self.0.lock().expect("no test panics under this lock") = Some(step);
    }
}

impl Faults for Deaths {
    fn dies(&self, step: Step) -> bool {
        let mut chosen = self.0.lock().expect("no test panics under this lock");
        chosen.take_if(|chosen| *chosen == step).is_some()
    }
}

/// The store under test.
pub struct Bench {
    open: Open,
    reopens: bool,
    store: Option<Arc<dyn Store>>,
    /// The store's clock.
    pub clock: Arc<ManualClock>,
    /// The store's observer.
    pub log: Arc<Log>,
    /// Where it is to die.
    pub faults: Arc<Deaths>,
}

/// What a store answers.
pub(super) type Answer<T> = Result<T, StoreError>;

impl Bench {
    /// A store over the place, which is fresh.
    pub async fn new(open: Open, reopens: bool) -> Self {
        let (clock, log) = (Arc::new(ManualClock::new(at(0))), Arc::new(Log::default()));
        let faults = Arc::new(Deaths::default());
        let store = Some(open(clock.clone(), log.clone(), faults.clone()).await);
        Self { open, reopens, store, clock, log, faults }
    }

    /// The store.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.store.clone().expect("it is open between any two calls")
    }

    /// In the run that reopens, the store is closed and opened again.
    pub(super) async fn pause(&mut self) {
        if self.reopens {
            self.reopen().await;
        }
    }

    /// The store is closed and opened again.
    pub(super) async fn reopen(&mut self) {
        let old = self.store.take().expect("it is open between any two calls");
        assert_eq!(Arc::strong_count(&old), 1, "nobody else holds the store");
        drop(old);
        let faults = self.faults.clone();
        self.store = Some((self.open)(self.clock.clone(), self.log.clone(), faults).await);
    }

    /// Stores a record as it is.
    pub(super) async fn put(&self, record: Record) -> Arc<Record> {
        self.put_all(vec![record]).await.remove(0)
    }

    /// Stores records as they are, in one batch.
    pub(super) async fn put_all(&self, records: Vec<Record>) -> Vec<Arc<Record>> {
        let births = records.into_iter().map(born).collect();
        self.store().create(births).await.into_iter().map(|answer| answer.unwrap()).collect()
    }

    /// Makes and stores a pending record at the store's time.
    pub(super) async fn make(&self, id: &str) -> Arc<Record> {
        self.put(record(id, self.clock.now())).await
    }

    /// Reads one record.
    pub(super) async fn get(&self, name: &RecordName) -> Option<Arc<Record>> {
        self.found(name).await.record()
    }

    /// Reads what is under one name.
    pub(super) async fn found(&self, name: &RecordName) -> Found {
        self.store().get(vec![name.clone()]).await.unwrap().remove(0)
    }

    /// Lets time pass until all that is kept of removed records is forgotten.
    pub(super) async fn forget_all(&self) {
        self.clock.advance(TOMBSTONE_RETENTION);
        while self.store().forget(100).await.unwrap() > 0 {}
    }

    /// Changes one record.
    pub(super) async fn update(
        &self,
        name: &RecordName,
        apply: impl Fn(&Record, Timestamp) -> Decision + Send + Sync + 'static,
    ) -> Answer<Arc<Record>> {
        self.store().update(vec![(name.clone(), Box::new(apply))]).await.remove(0)
    }

    /// Lists ids.
    pub(super) async fn ids(&self, query: ListQuery) -> Vec<String> {
        let listed = self.store().list(query).await.unwrap();
        listed.records.iter().map(|record| record.name.operation.id.to_string()).collect()
    }

    /// Ids of what a worker is given.
    pub(super) async fn lease(&self, query: LeaseQuery) -> Vec<String> {
        let leased = self
            .store()
            .lease(query, Box::new(|_, record, now| run(record, now)), as_it_is())
            .await;
        leased.unwrap().iter().map(|record| record.name.operation.id.to_string()).collect()
    }
}

/// A birth that ignores the time.
pub(super) fn born(record: Record) -> Birth {
    Box::new(move |_| record.clone())
}

/// Everything of the service `s`, newest first.
pub(crate) fn everything() -> ListQuery {
    ListQuery {
        service: Some("s".to_owned()),
        parent: None,
        owner: None,
        hidden: true,
        filter: Filter::default(),
        order: Order::NewestFirst,
        after: None,
        limit: 1000,
        bytes_max: usize::MAX,
        rows_max: usize::MAX,
    }
}

/// Any one record of [`record`]'s method.
pub(crate) fn work() -> LeaseQuery {
    LeaseQuery {
        service: "s".to_owned(),
        methods: vec!["pkg.Service/Method".to_owned()],
        limit: 100,
        bytes_max: 1 << 20,
    }
}

/// A name from its text without the service `s`.
pub(super) fn named(operation: &str) -> RecordName {
    let operation = OperationName::parse(operation).unwrap();
    RecordName { service: "s".to_owned(), operation }
}

/// What undoes nothing of a lease.
pub(crate) fn as_it_is() -> LeaseApply {
    Box::new(|_, _, _| Ok(Change::Keep))
}

/// A change that everybody sees.
pub(crate) fn touch(record: &Record, now: Timestamp) -> Decision {
    let mut next = record.clone();
    next.version += 1;
    next.update_time = now;
    Ok(Change::Put(Box::new(next)))
}

/// A record that is no longer pending.
pub(super) fn run(record: &Record, now: Timestamp) -> Decision {
    let mut next = record.clone();
    next.state = State::Running(crate::operation::Holder::Service);
    next.version += 1;
    next.update_time = now;
    Ok(Change::Put(Box::new(next)))
}

/// A removal.
pub(crate) fn remove(record: &Record, _: Timestamp) -> Decision {
    Ok(Change::Remove(Box::new(record.clone()), Gone::Deleted))
}

/// A refusal.
pub(super) fn refuse(_: &Record, _: Timestamp) -> Decision {
    Err(Refusal::Done)
}
