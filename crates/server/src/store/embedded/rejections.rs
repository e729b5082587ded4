//! Rejections: written as a held record goes, read by its calls where no record is, dropped
//! soon after.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::codec;
use crate::operation::{OperationName, RecordName, Rejection, Timestamp};

pub(super) const GET: &str =
    "SELECT body FROM rejections WHERE service = ? AND id = ? AND parent = ?";

pub(super) const DUE: &str = "SELECT service, id, parent FROM rejections WHERE reject_time <= ? \
     ORDER BY reject_time LIMIT ?";

pub(super) fn get(
    connection: &Connection,
    name: &RecordName,
) -> rusqlite::Result<Option<Rejection>> {
    let mut statement = connection.prepare_cached(GET)?;
    let OperationName { parent, id } = &name.operation;
    let key = params![name.service, id.as_str(), parent.as_str()];
    statement.query_row(key, |row| codec::rejection(row.get(0)?)).optional()
}

pub(super) fn put(
    connection: &Connection,
    name: &RecordName,
    rejection: &Rejection,
    time: Timestamp,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO rejections (service, id, parent, reject_time, body) \
         VALUES (?, ?, ?, ?, ?)",
    )?;
    let OperationName { parent, id } = &name.operation;
    let body = codec::rejected(rejection);
    statement.execute(params![name.service, id.as_str(), parent.as_str(), time.micros(), body])?;
    Ok(())
}

/// Whether there is one to drop.
pub(super) fn any_due(connection: &Connection, until: Timestamp) -> rusqlite::Result<bool> {
    connection.prepare_cached(DUE)?.exists(params![until.micros(), 1])
}

/// Drops those from up to `until`, the oldest first.
pub(super) fn forget(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> rusqlite::Result<usize> {
    let sql = format!("DELETE FROM rejections WHERE (service, id, parent) IN ({DUE})");
    connection.prepare_cached(&sql)?.execute(params![until.micros(), limit as i64])
}
