//! Between the server and its store lies a post that takes its time: what is asked becomes a
//! letter, which is handed over when the simulation says so, and so is the answer to it. Any
//! number of either may be on the way when something else happens.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::tasks::TaskId;
use crate::operation::{Digest, Record, RecordName, Timestamp};
use crate::store::embedded::EmbeddedStore;
use crate::store::{
    Apply, Birth, Changes, ChangesQuery, Found, LeaseApply, LeaseQuery, ListQuery, Listed, Store,
    StoreError, Waiting,
};

/// What a task asks of the store.
pub(super) struct Letter {
    pub(super) from: TaskId,
    pub(super) what: &'static str,
    work: Pin<Box<dyn Future<Output = Arrival> + Send>>,
}

/// Tells whoever asked what the store has answered, if that one still listens.
pub(super) type Arrival = Box<dyn FnOnce() + Send>;

impl Letter {
    /// Has the store do it, and waits for that.
    pub(super) fn perform(self) -> Arrival {
        finished(self.work)
    }
}

/// Runs a future of the store's to its end, while nothing else happens.
pub(super) fn finished<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(found) => return found,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// The store, behind the post.
pub(super) struct Post {
    store: Arc<EmbeddedStore>,
    desk: Mutex<Desk>,
}

/// Who is writing, and what was written and not taken yet.
#[derive(Default)]
struct Desk {
    writing: TaskId,
    letters: Vec<Letter>,
}

impl Post {
    pub(super) fn new(store: Arc<EmbeddedStore>) -> Self {
        Self { store, desk: Mutex::default() }
    }

    /// Who writes what is written from now on.
    pub(super) fn writes(&self, task: TaskId) {
        self.desk.lock().unwrap().writing = task;
    }

    /// What was written since the last call.
    pub(super) fn letters(&self) -> Vec<Letter> {
        std::mem::take(&mut self.desk.lock().unwrap().letters)
    }

    fn send<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        what: &'static str,
        ask: impl FnOnce(Arc<EmbeddedStore>) -> F + Send + 'static,
    ) -> BoxFuture<'_, T> {
        Box::pin(async move {
            let (sender, answer) = oneshot::channel();
            let asked = ask(self.store.clone());
            let work = Box::pin(async move {
                let found = asked.await;
                // Whoever left doesn't need its answer.
                Box::new(move || drop(sender.send(found))) as Arrival
            });
            {
                let mut desk = self.desk.lock().unwrap();
                let from = desk.writing;
                desk.letters.push(Letter { from, what, work });
            }
            answer.await.expect("a letter is lost with its server alone")
        })
    }
}

impl Store for Post {
    fn create(&self, births: Vec<Birth>) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>> {
        self.send("create", async move |store| store.create(births).await)
    }

    fn get(&self, names: Vec<RecordName>) -> BoxFuture<'_, Result<Vec<Found>, StoreError>> {
        self.send("get", async move |store| store.get(names).await)
    }

    fn list(&self, query: ListQuery) -> BoxFuture<'_, Result<Listed, StoreError>> {
        self.send("list", async move |store| store.list(query).await)
    }

    fn update(
        &self,
        updates: Vec<(RecordName, Apply)>,
    ) -> BoxFuture<'_, Vec<Result<Arc<Record>, StoreError>>> {
        self.send("update", async move |store| store.update(updates).await)
    }

    fn lease(
        &self,
        query: LeaseQuery,
        apply: LeaseApply,
        undo: LeaseApply,
    ) -> BoxFuture<'_, Result<Vec<Arc<Record>>, StoreError>> {
        self.send("lease", async move |store| store.lease(query, apply, undo).await)
    }

    fn waiting(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Waiting>, StoreError>> {
        self.send("waiting", async move |store| store.waiting(limit).await)
    }

    fn due(&self, limit: usize) -> BoxFuture<'_, Result<Vec<RecordName>, StoreError>> {
        self.send("due", async move |store| store.due(limit).await)
    }

    fn keep_descriptors(
        &self,
        sets: Vec<(Digest, Bytes)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.send("keep", async move |store| store.keep_descriptors(sets).await)
    }

    fn descriptors(&self, digest: Digest) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>> {
        self.send("descriptors", async move |store| store.descriptors(digest).await)
    }

    fn forget(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.send("forget", async move |store| store.forget(limit).await)
    }

    fn changes(&self, query: ChangesQuery) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.send("changes", async move |store| store.changes(query).await)
    }

    fn forget_removals(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        let ask = async move |store: Arc<EmbeddedStore>| store.forget_removals(before, limit).await;
        self.send("forget removals", ask)
    }

    fn now(&self) -> Timestamp {
        self.store.now()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.send("ready", async move |store| store.ready().await)
    }
}
