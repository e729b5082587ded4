//! What is this store's own: its files, its faults, its plans. What it has in common with
//! every store is in `conformance`.

mod faults;
mod files;
mod full;
mod plans;

use std::path::Path;
use std::sync::Arc;

use super::{EmbeddedOptions, EmbeddedStore, OpenError};
use crate::operation::Record;
use crate::operation::samples::{at, record};
use crate::store::conformance::{self, Log, ManualClock, Open};
use crate::store::{Birth, Store};

fn fresh() -> Open {
    let dir = tempfile::tempdir().unwrap();
    Box::new(move |clock, observer, faults| {
        let options = EmbeddedOptions { faults: Some(faults), ..Default::default() };
        let opened = EmbeddedStore::open(dir.path(), clock, observer, options);
        let store: Arc<dyn Store> = Arc::new(opened.unwrap());
        Box::pin(std::future::ready(store))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_conforms() {
    conformance::run(fresh).await;
}

fn open(dir: &Path) -> Result<EmbeddedStore, OpenError> {
    let (clock, log) = (Arc::new(ManualClock::new(at(0))), Arc::new(Log::default()));
    EmbeddedStore::open(dir, clock, log, EmbeddedOptions::default())
}

fn born(id: &str) -> Birth {
    let record = record(id, at(0));
    Box::new(move |_| record.clone())
}

async fn make(store: &EmbeddedStore, id: &str) -> Arc<Record> {
    store.create(vec![born(id)]).await.remove(0).unwrap()
}

async fn get(store: &EmbeddedStore, record: &Record) -> Option<Arc<Record>> {
    store.get(vec![record.name.clone()]).await.unwrap().remove(0).record()
}
