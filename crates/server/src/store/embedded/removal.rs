//! The end of a record, and of what is kept of it.

use std::sync::Arc;

use rusqlite::Connection;

use super::write::Writer;
use super::{claims, feed, rejections, tombs};
use crate::operation::{Gone, Record, Rejection, Span, Timestamp, Tombstone};
use crate::store::{Commit, REJECTION_RETENTION, Step};

impl Writer {
    /// Removes a record: what is left of it is its tombstone.
    pub(super) fn remove(&self, row: i64, last: &Record, gone: Gone) -> rusqlite::Result<()> {
        self.drop_row(row)?;
        let (now, retention) = (self.clock.now(), self.tombstone_retention);
        if retention > Span::ZERO {
            tombs::put(&self.connection, &Tombstone::of(last, gone, now))?;
        }
        claims::bury(&self.connection, last, gone, now, retention)
    }

    /// Removes a rejected record: nothing is left of it but what its calls are answered with.
    pub(super) fn reject(
        &self,
        row: i64,
        last: &Record,
        rejection: &Rejection,
    ) -> rusqlite::Result<()> {
        self.drop_row(row)?;
        rejections::put(&self.connection, &last.name, rejection, self.clock.now())?;
        self.step(Step::Free)?;
        for (key, _) in last.claims() {
            claims::release(&self.connection, key, &last.name)?;
        }
        Ok(())
    }

    /// Notes that a record is gone.
    pub(super) fn removed(
        &self,
        before: &Record,
        last: Box<Record>,
        commits: &mut Vec<Commit>,
    ) -> rusqlite::Result<Arc<Record>> {
        self.uses.borrow_mut().moved(Some(before), None);
        feed::removed(&self.connection, self.next_seq(), &last.name, self.clock.now())?;
        let record = Arc::from(last);
        commits.push(Commit { record: Arc::clone(&record), removed: true, visible: true });
        Ok(record)
    }

    fn drop_row(&self, row: i64) -> rusqlite::Result<()> {
        for table in ["records", "requests", "outcomes", "labels"] {
            let sql = format!("DELETE FROM {table} WHERE row = ?");
            self.connection.prepare_cached(&sql)?.execute([row])?;
        }
        Ok(())
    }

    /// The exclusive key of a record that is no longer open.
    pub(super) fn free_key(&self, before: &Record) -> rusqlite::Result<()> {
        match before.exclusive_claim() {
            Some(key) => claims::release(&self.connection, key, &before.name),
            None => Ok(()),
        }
    }

    /// Drops tombstones, rejections and claims whose time has come; answers how many.
    pub(super) fn forget(&self, limit: usize) -> rusqlite::Result<usize> {
        let now = self.clock.now();
        let (tombs_until, rejections_until) =
            (now.minus(self.tombstone_retention), now.minus(REJECTION_RETENTION));
        let mut count = tombs::forget(&self.connection, tombs_until, limit)?;
        count += rejections::forget(&self.connection, rejections_until, limit - count)?;
        count += claims::forget(&self.connection, now, limit - count)?;
        Ok(count)
    }
}

/// Whether there is anything to forget.
pub(super) fn any_due(
    connection: &Connection,
    now: Timestamp,
    tombstone_retention: Span,
) -> rusqlite::Result<bool> {
    Ok(tombs::any_due(connection, now.minus(tombstone_retention))?
        || rejections::any_due(connection, now.minus(REJECTION_RETENTION))?
        || claims::any_due(connection, now)?)
}
