//! A server without its doors: the store in a folder, what is in memory, the API and the
//! reaper. A kill leaves nothing of it but the files as they are at that moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::chance::{Chance, Seeded};
use super::post::{Post, finished};
use crate::catalog::Catalog;
use crate::live::Live;
use crate::operation::{Filter, Record, Span};
use crate::reaper::Reaper;
use crate::service::{Api, Limits, Pools, Strays};
use crate::store::conformance::ManualClock;
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};
use crate::store::{Commit, Faults, ListQuery, Observer, Order, Step, Store as _};

/// How long tombstones are kept.
pub(super) const TOMBSTONES: Span = Span::seconds(300);

/// What outlives a server: its folders, its clock, what it serves.
pub(super) struct Site {
    pub(super) clock: Arc<ManualClock>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) mishaps: Arc<Mishaps>,
    folders: tempfile::TempDir,
    /// The folder in use is called so.
    number: usize,
}

/// A server.
pub(super) struct Server {
    pub(super) store: Arc<EmbeddedStore>,
    pub(super) post: Arc<Post>,
    pub(super) api: Arc<Api>,
    pub(super) told: Arc<Told>,
    stop: watch::Sender<bool>,
}

/// The server's observer, which notes what it was told.
pub(super) struct Told {
    live: Arc<Live>,
    commits: Mutex<Vec<Commit>>,
}

impl Told {
    /// What was told since the last call.
    pub(super) fn take(&self) -> Vec<Commit> {
        std::mem::take(&mut *self.commits.lock().unwrap())
    }
}

impl Observer for Told {
    fn committed(&self, commits: &[Commit]) {
        self.commits.lock().unwrap().extend_from_slice(commits);
        self.live.committed(commits);
    }
}

/// What goes wrong inside the store: at most one thing at a time.
#[derive(Default)]
pub(super) struct Mishaps {
    commit_fails: AtomicBool,
    death: Mutex<Option<Death>>,
    happened: AtomicBool,
    died: Mutex<Option<Step>>,
}

/// Where the process dies, and the two folders: its files are copied at that very moment.
struct Death {
    at: Step,
    from: PathBuf,
    to: PathBuf,
}

impl Mishaps {
    /// The next commit fails.
    pub(super) fn fail(&self) {
        self.commit_fails.store(true, Ordering::SeqCst);
    }

    /// Whether the last thing that the store was asked to do went wrong.
    pub(super) fn happened(&self) -> bool {
        self.happened.swap(false, Ordering::SeqCst)
    }

    /// Where the process has died, if it has since the last call.
    pub(super) fn died(&self) -> Option<Step> {
        self.died.lock().unwrap().take()
    }

    /// Nothing more goes wrong.
    pub(super) fn clear(&self) {
        self.commit_fails.store(false, Ordering::SeqCst);
        *self.death.lock().unwrap() = None;
    }
}

impl Faults for Mishaps {
    fn commit_fails(&self) -> bool {
        let fails = self.commit_fails.swap(false, Ordering::SeqCst);
        self.happened.fetch_or(fails, Ordering::SeqCst);
        fails
    }

    fn dies(&self, step: Step) -> bool {
        let mut death = self.death.lock().unwrap();
        let Some(death) = death.take_if(|death| death.at == step) else { return false };
        copy(&death.from, &death.to);
        self.happened.store(true, Ordering::SeqCst);
        *self.died.lock().unwrap() = Some(step);
        true
    }
}

/// The files of a store as a killed process leaves them: those that its next start reads.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in ["longrun.db", "longrun.db-wal"] {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

impl Site {
    pub(super) fn new(clock: Arc<ManualClock>, catalog: Arc<Catalog>) -> Self {
        // Where there is such a folder it is in memory. What is killed here are processes:
        // what they have written stays, on the disk or not.
        let shared_memory = tempfile::tempdir_in("/dev/shm");
        let folders = shared_memory.or_else(|_| tempfile::tempdir()).unwrap();
        Self { clock, catalog, mishaps: Arc::default(), folders, number: 0 }
    }

    fn folder(&self, number: usize) -> PathBuf {
        self.folders.path().join(number.to_string())
    }

    /// Has the process die the next time that a record with claims comes to this step.
    pub(super) fn dies_at(&self, step: Step) {
        let (from, to) = (self.folder(self.number), self.folder(self.number + 1));
        *self.mishaps.death.lock().unwrap() = Some(Death { at: step, from, to });
    }

    /// What a server that is killed now leaves behind is where the next one starts.
    pub(super) fn kill(&mut self, server: Server) {
        self.mishaps.clear();
        let (old, new) = (self.folder(self.number), self.folder(self.number + 1));
        if !new.exists() {
            copy(&old, &new);
        }
        drop(server);
        fs::remove_dir_all(old).unwrap();
        self.number += 1;
    }

    /// A server in the folder. One that is cold keeps nothing in its hot map.
    pub(super) fn start(&self, chance: &mut Chance) -> (Server, Reaper) {
        let cold = chance.one_in(3);
        let live = Arc::new(Live::new(if cold { 1 } else { 1 << 26 }));
        let told = Arc::new(Told { live: live.clone(), commits: Mutex::default() });
        let options = EmbeddedOptions {
            tombstone_retention: TOMBSTONES,
            faults: Some(self.mishaps.clone()),
            ..EmbeddedOptions::default()
        };
        let folder = self.folder(self.number);
        let store = EmbeddedStore::open(&folder, self.clock.clone(), told.clone(), options);
        let store = Arc::new(store.unwrap());
        let post = Arc::new(Post::new(store.clone()));
        let (stop, draining) = watch::channel(false);
        let pools = finished(Pools::open(&self.catalog, store.clone())).unwrap();
        let api = Arc::new(Api {
            catalog: self.catalog.clone(),
            store: post.clone(),
            live,
            pools,
            random: Arc::new(Seeded(Mutex::new(chance.split()))),
            limits: Limits::USUAL,
            strays: Strays::default(),
            draining,
        });
        let stamping = api.clone();
        let stamp = move |record: &Record, change| stamping.stamped(record, change);
        let reaper = Reaper::new(post.clone(), Arc::new(stamp));
        (Server { store, post, api, told, stop }, reaper)
    }
}

impl Server {
    /// Starts to stop.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Learns when it starts to stop.
    pub(super) fn draining(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// All that the store holds.
    pub(super) fn records(&self) -> Vec<Record> {
        let everything = ListQuery {
            service: None,
            parent: None,
            owner: None,
            hidden: true,
            filter: Filter::default(),
            order: Order::OldestFirst,
            after: None,
            limit: usize::MAX,
            bytes_max: usize::MAX,
            rows_max: usize::MAX,
        };
        finished(self.store.list(everything)).unwrap().records
    }
}
