//! The end of a record, and of what is kept of it.

use rusqlite::Connection;

use super::write::Writer;
use super::{claims, tombs};
use crate::operation::{Gone, Record, Span, Timestamp, Tombstone};

impl Writer {
    /// Removes a record: what is left of it is its tombstone.
    pub(super) fn remove(&self, row: i64, last: &Record, gone: Gone) -> rusqlite::Result<()> {
        for table in ["records", "requests", "outcomes", "labels"] {
            let sql = format!("DELETE FROM {table} WHERE row = ?");
            self.connection.prepare_cached(&sql)?.execute([row])?;
        }
        let (now, retention) = (self.clock.now(), self.tombstone_retention);
        if retention > Span::ZERO {
            tombs::put(&self.connection, &Tombstone::of(last, gone, now))?;
        }
        claims::bury(&self.connection, last, gone, now, retention)
    }

    /// The exclusive key of a record that is no longer open.
    pub(super) fn free_key(&self, before: &Record) -> rusqlite::Result<()> {
        match before.exclusive_claim() {
            Some(key) => claims::release(&self.connection, key, &before.name),
            None => Ok(()),
        }
    }

    /// Drops tombstones and claims whose time has come; answers how many.
    pub(super) fn forget(&self, limit: usize) -> rusqlite::Result<usize> {
        let now = self.clock.now();
        let tombstones =
            tombs::forget(&self.connection, now.minus(self.tombstone_retention), limit)?;
        Ok(tombstones + claims::forget(&self.connection, now, limit - tombstones)?)
    }
}

/// Whether there is anything to forget.
pub(super) fn any_due(
    connection: &Connection,
    now: Timestamp,
    tombstone_retention: Span,
) -> rusqlite::Result<bool> {
    Ok(tombs::any_due(connection, now.minus(tombstone_retention))?
        || claims::any_due(connection, now)?)
}
