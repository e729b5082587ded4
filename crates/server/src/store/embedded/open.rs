//! The folder, its lock, and the schema.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::folder::make_private;

/// Below this, SQLite can corrupt a database in WAL mode.
const SQLITE_MIN: i32 = 3_051_003;
/// Numbered from 1; a released one never changes.
const MIGRATIONS: [&str; 2] =
    [include_str!("migrations/0001_records.sql"), include_str!("migrations/0002_admission.sql")];
/// "Lrun": tells a store from somebody else's database.
const APPLICATION_ID: i32 = 0x4c72_756e;

/// Why a store can't be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The folder can't be made or written.
    Folder(PathBuf, std::io::Error),
    /// Another process has it.
    Locked(PathBuf),
    /// The file is somebody else's database, or none.
    Foreign(PathBuf),
    /// A newer Longrun made it.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest schema that this program knows.
        known: usize,
    },
    /// This build's SQLite is too old.
    Sqlite(&'static str),
    /// SQLite refused.
    Database(PathBuf, rusqlite::Error),
}

/// Makes the folder and takes it for this process.
pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    let folder = |error| OpenError::Folder(dir.to_owned(), error);
    make_private(dir).map_err(folder)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(dir.join("lock")).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(folder(error)),
    }
}

pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("longrun.db")
}

/// The writing connection, its schema up to date, the latest time given out, and the end of
/// the change feed.
pub(super) fn writer(dir: &Path) -> Result<(Connection, i64, i64), OpenError> {
    if rusqlite::version_number() < SQLITE_MIN {
        return Err(OpenError::Sqlite(rusqlite::version()));
    }
    let path = path(dir);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path).map_err(|error| OpenError::Folder(dir.to_owned(), error))?;
    let broken = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::Foreign(path.clone()),
        _ => OpenError::Database(path.clone(), error),
    };
    let mut connection = Connection::open(&path).map_err(broken)?;
    let number =
        |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let application = number("application_id").map_err(broken)?;
    let found = usize::try_from(number("user_version").map_err(broken)?).unwrap_or(usize::MAX);
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(broken)?;
    let empty = application == 0 && found == 0 && tables == 0;
    if application != APPLICATION_ID && !empty {
        return Err(OpenError::Foreign(path));
    }
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer { path, found, known: MIGRATIONS.len() });
    }
    prepare(&connection).map_err(broken)?;
    migrate(&mut connection, found).map_err(broken)?;
    let (now, seq) = connection
        .query_row("SELECT now, seq FROM clock", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(broken)?;
    Ok((connection, now, seq))
}

fn migrate(connection: &mut Connection, found: usize) -> rusqlite::Result<()> {
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", (index + 1) as i64)?;
        transaction.commit()?;
    }
    Ok(())
}

/// A reading connection.
pub(super) fn reader(dir: &Path) -> Result<Connection, OpenError> {
    let path = path(dir);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(&path, flags)
        .and_then(|connection| prepare(&connection).map(|()| connection))
        .map_err(|error| OpenError::Database(path, error))
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // Plans that don't hang on values: SQLite would prepare nearly every statement anew for
    // each call.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    if !connection.is_readonly(rusqlite::MAIN_DB)? {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // An acknowledged commit has reached the disk.
        connection.pragma_update(None, "synchronous", "FULL")?;
    }
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 30)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path, error) => {
                write!(f, "can't use the data folder {}: {error}", path.display())
            }
            Self::Locked(path) => write!(
                f,
                "the data folder {} belongs to another process: stop that one, or name another folder with --data-dir",
                path.display()
            ),
            Self::Foreign(path) => write!(
                f,
                "{} is no store of Longrun's: move it away, or name another folder with --data-dir",
                path.display()
            ),
            Self::Newer { path, found, known } => write!(
                f,
                "{} has schema {found}, this program knows up to {known}: use the Longrun that made it, or a newer one",
                path.display()
            ),
            Self::Sqlite(version) => write!(
                f,
                "SQLite {version} is too old: 3.51.3 is the first without the WAL-reset bug"
            ),
            Self::Database(path, error) => write!(f, "can't open {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}
