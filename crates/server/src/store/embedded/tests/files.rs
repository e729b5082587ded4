//! The folder and what is in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::{get, make, open};
use crate::operation::RecordName;
use crate::operation::samples::at;
use crate::store::conformance::{Log, ManualClock, as_it_is, everything, touch, work};
use crate::store::embedded::open::{path, reader, writer};
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore, OpenError};
use crate::store::{Apply, Store as _, StoreError};

fn database(dir: &Path) -> Connection {
    Connection::open(path(dir)).unwrap()
}

fn refused(dir: &Path) -> OpenError {
    match open(dir) {
        Ok(_) => panic!("it opens"),
        Err(error) => error,
    }
}

#[test]
fn a_second_opener_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let error = refused(dir.path());
    assert!(matches!(&error, OpenError::Locked(folder) if folder == dir.path()), "{error}");
    drop(first);
    open(dir.path()).unwrap();
}

#[test]
fn a_newer_schema_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    for version in [3, 99, -1] {
        database(dir.path()).pragma_update(None, "user_version", version).unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, OpenError::Newer { known: 2, .. }), "{version}: {error}");
    }
    database(dir.path()).pragma_update(None, "user_version", 2).unwrap();
    open(dir.path()).unwrap();
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let made = make(&store, "a").await;
    drop(store);
    // What the first schema had not.
    let old = "DROP TABLE rejections; ALTER TABLE records RENAME COLUMN hidden TO deleted;";
    database(dir.path()).execute_batch(old).unwrap();
    database(dir.path()).pragma_update(None, "user_version", 1).unwrap();
    let store = open(dir.path()).unwrap();
    assert_eq!(get(&store, &made).await, Some(made.clone()));
    store.update(vec![(made.name.clone(), Box::new(touch))]).await.remove(0).unwrap();
}

#[test]
fn somebody_elses_file_is_refused_and_left_alone() {
    type Make = fn(&Path);
    let table: [(&str, Make); 4] = [
        ("a table", |dir| database(dir).execute_batch("CREATE TABLE t (a)").unwrap()),
        ("a version", |dir| database(dir).pragma_update(None, "user_version", 1).unwrap()),
        ("an application", |dir| database(dir).pragma_update(None, "application_id", 7).unwrap()),
        ("no database", |dir| std::fs::write(path(dir), "Dear diary, ".repeat(99)).unwrap()),
    ];
    for (what, make) in table {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let before = std::fs::read(path(dir.path())).unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, OpenError::Foreign(_)), "{what}: {error}");
        assert_eq!(std::fs::read(path(dir.path())).unwrap(), before, "{what}");
    }
}

#[test]
fn what_is_no_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(refused(&file), OpenError::Folder(..)));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data/deep");
    let _store = open(&folder).unwrap();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.clone()), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.len() >= 3, "lock, database and log");
    for file in files {
        assert_eq!(mode(file.path()), 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn sqlite_is_none_of_those_that_lose_data() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn a_commit_reaches_the_disk_and_readers_do_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, ..) = writer(dir.path()).unwrap();
    let reader = reader(dir.path()).unwrap();
    let text = |connection: &Connection, pragma: &str| -> String {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
    };
    let number = |connection: &Connection, pragma: &str| -> i64 {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
    };
    assert_eq!(text(&writer, "journal_mode"), "wal");
    assert_eq!(text(&reader, "journal_mode"), "wal");
    assert_eq!(number(&writer, "synchronous"), 2, "FULL");
    assert_eq!(number(&writer, "application_id"), 0x4c72_756e);
    assert_eq!(number(&writer, "user_version"), 2);
    let error = reader.execute("DELETE FROM records", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
}

#[test]
fn every_table_is_strict() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, ..) = writer(dir.path()).unwrap();
    let mut statement = connection
        .prepare("SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'")
        .unwrap();
    let tables: Vec<(String, bool)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(tables.len(), 11, "{tables:?}");
    assert!(tables.iter().all(|(_, strict)| *strict), "{tables:?}");
}

/// A copy of the files as a machine that lost its power would find them.
fn crash(from: &Path) -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        // The shared memory is rebuilt from the log.
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), image.path().join(file.file_name())).unwrap();
        }
    }
    image
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let mut made = Vec::new();
    for id in ["a", "b", "c"] {
        made.push(make(&store, id).await);
        let image = crash(dir.path());
        let found = open(image.path()).unwrap();
        for record in &made {
            assert_eq!(get(&found, record).await.as_ref(), Some(record));
        }
    }
    assert!(std::fs::metadata(dir.path().join("longrun.db-wal")).unwrap().len() > 0);
}

#[tokio::test]
async fn a_store_that_is_dropped_keeps_what_it_was_asked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let made = make(&store, "a").await;
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(get(&store, &made).await, Some(made));
}

#[tokio::test]
async fn a_closed_store_answers_that_it_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let made = make(&store, "a").await;
    store.close();
    store.close();
    let log = dir.path().join("longrun.db-wal");
    assert_eq!(std::fs::metadata(log).map_or(0, |log| log.len()), 0, "the log was read through");
    all_unavailable(&store, &made.name).await;
}

async fn all_unavailable(store: &EmbeddedStore, name: &RecordName) {
    let unavailable = |error: StoreError| matches!(error, StoreError::Unavailable(_));
    assert!(unavailable(store.create(vec![super::born("b")]).await.remove(0).unwrap_err()));
    let update = (name.clone(), Box::new(touch) as Apply);
    assert!(unavailable(store.update(vec![update]).await.remove(0).unwrap_err()));
    let lease = store.lease(work(), Box::new(|_, record, now| touch(record, now)), as_it_is());
    assert!(unavailable(lease.await.unwrap_err()));
    assert!(unavailable(store.get(vec![name.clone()]).await.unwrap_err()));
    assert!(unavailable(store.list(everything()).await.unwrap_err()));
    assert!(unavailable(store.due(1).await.unwrap_err()));
    assert!(unavailable(store.ready().await.unwrap_err()));
}

#[tokio::test]
async fn the_stores_time_outlives_it() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, log) = (Arc::new(ManualClock::new(at(50))), Arc::new(Log::default()));
    let store = EmbeddedStore::open(dir.path(), clock, log, EmbeddedOptions::default()).unwrap();
    make(&store, "a").await;
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(store.now(), at(50), "though the machine's clock is back at 0");
}
