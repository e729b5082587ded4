//! What a full store still does, and tombstones that are not wanted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{born, make};
use crate::operation::samples::{at, payload, record};
use crate::operation::{Claimed, Digest, Gone, Record, RequestClaim, Span};
use crate::store::conformance::{Log, ManualClock, remove, touch};
use crate::store::embedded::{Disk, EmbeddedOptions, EmbeddedStore, Space};
use crate::store::{Apply, Birth, Found, Full, Store as _, StoreError};

/// A disk of 1,000 bytes with so many free.
struct Small(AtomicU64);

impl Disk for Small {
    fn space(&self, _: &Path) -> std::io::Result<Space> {
        Ok(Space { free: self.0.load(Ordering::SeqCst), total: 1000 })
    }
}

struct Place {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    store: EmbeddedStore,
}

fn place(options: EmbeddedOptions) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let (clock, log) = (Arc::new(ManualClock::new(at(0))), Arc::new(Log::default()));
    let store = EmbeddedStore::open(dir.path(), clock.clone(), log, options).unwrap();
    Place { dir, clock, store }
}

fn asked(id: &str, request_id: &str) -> Birth {
    let body = Digest::of(&[b"body"]);
    let claim = RequestClaim::new("s", "m", "static:alice", request_id, body);
    let record = Record { request_claim: Some(claim), ..record(id, at(0)) };
    Box::new(move |_| record.clone())
}

#[tokio::test]
async fn a_full_disk_takes_no_new_records_but_all_else() {
    let disk = Arc::new(Small(AtomicU64::new(50)));
    let Place { store, .. } = &place(EmbeddedOptions { disk: disk.clone(), ..Default::default() });
    let a = make(store, "a").await;
    store.create(vec![asked("b", "1")]).await.remove(0).unwrap();
    disk.0.store(49, Ordering::SeqCst);
    for answer in store.create(vec![born("c"), born("d")]).await {
        let full = StoreError::Full(Full::Disk { percent_min: 5 });
        assert_eq!(answer.unwrap_err().to_string(), full.to_string());
    }
    let repeated = store.create(vec![asked("c", "1")]).await.remove(0).unwrap();
    assert_eq!(repeated.name.operation.id.as_str(), "b", "a repeat adds nothing");
    for apply in [Box::new(touch) as Apply, Box::new(remove)] {
        store.update(vec![(a.name.clone(), apply)]).await.remove(0).unwrap();
    }
    store.ready().await.unwrap();
    disk.0.store(50, Ordering::SeqCst);
    make(store, "c").await;
}

#[tokio::test]
async fn a_store_at_its_limit_has_room_again_once_records_go() {
    let options = EmbeddedOptions { bytes_max: Some(400_000), ..Default::default() };
    let Place { store, .. } = &place(options);
    let large = |index: usize| -> Birth {
        let request = Some(payload("test.Request", &[7; 20_000]));
        let record = Record { request, ..record(&format!("r{index:03}"), at(0)) };
        Box::new(move |_| record.clone())
    };
    let mut made = Vec::new();
    let refused = loop {
        match store.create(vec![large(made.len())]).await.remove(0) {
            Ok(record) => made.push(record),
            Err(error) => break error,
        }
        assert!(made.len() < 100, "it is never full");
    };
    assert!(matches!(refused, StoreError::Full(Full::Bytes { limit_bytes: 400_000 })));
    assert!(made.len() >= 10, "{}", made.len());
    for record in &made[..2] {
        let removal = (record.name.clone(), Box::new(remove) as Apply);
        store.update(vec![removal]).await.remove(0).unwrap();
    }
    store.create(vec![large(99)]).await.remove(0).unwrap();
}

#[tokio::test]
async fn without_tombstones_a_request_id_is_still_kept_a_day() {
    let options = EmbeddedOptions { tombstone_retention: Span::ZERO, ..Default::default() };
    let Place { store, clock, .. } = &place(options);
    let made = store.create(vec![asked("a", "1")]).await.remove(0).unwrap();
    let removal = (made.name.clone(), Box::new(remove) as Apply);
    store.update(vec![removal]).await.remove(0).unwrap();
    assert_eq!(store.get(vec![made.name.clone()]).await.unwrap(), [Found::Nothing]);
    let day = 24 * 3600;
    for second in [0, day - 1] {
        clock.set(at(second));
        assert_eq!(store.forget(100).await.unwrap(), 0);
        let refused = store.create(vec![asked("a", "1")]).await.remove(0);
        let gone = Claimed::Gone(made.name.clone(), Gone::Deleted);
        assert!(matches!(refused, Err(StoreError::Claimed(claimed)) if claimed == gone));
    }
    make(store, "a").await;
    clock.set(at(day));
    assert_eq!(store.forget(100).await.unwrap(), 1);
    store.create(vec![asked("b", "1")]).await.remove(0).unwrap();
}

/// At most 100 bytes beyond the name, whoever owned it.
#[tokio::test]
async fn a_tombstone_is_small() {
    let Place { dir, store, .. } = &place(EmbeddedOptions::default());
    let owner = crate::operation::Principal::parse(&format!("a:{}", "s".repeat(500)));
    let births = (0..500).map(|index| {
        let record = Record { owner: owner.clone(), ..record(&format!("r{index:03}"), at(0)) };
        Box::new(move |_| record.clone()) as Birth
    });
    let made = store.create(births.collect()).await;
    let removals = made.into_iter().map(|made| {
        let name = made.unwrap().name.clone();
        (name, Box::new(remove) as Apply)
    });
    store.update(removals.collect()).await;
    let connection = rusqlite::Connection::open(dir.path().join("longrun.db")).unwrap();
    // The name stands in the table and in its index.
    let sql = "SELECT sum(payload) / 500 FROM dbstat WHERE name LIKE '%tombstones%'";
    let bytes: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert!((40..100).contains(&bytes), "{bytes} bytes, the name's twice among them");
}
