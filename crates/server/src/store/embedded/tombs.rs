//! Tombstones: written with the removal, read where no record is, dropped when their time
//! has come.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::operation::{Gone, OperationName, OwnerDigest, RecordName, Timestamp, Tombstone};

pub(super) const GET: &str =
    "SELECT owner, gone, remove_time FROM tombstones WHERE service = ? AND id = ? AND parent = ?";

pub(super) const DUE: &str = "SELECT service, id, parent FROM tombstones WHERE remove_time <= ? \
     ORDER BY remove_time LIMIT ?";

pub(super) fn get(
    connection: &Connection,
    name: &RecordName,
) -> rusqlite::Result<Option<Tombstone>> {
    let broken = |what: &'static str| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, what.into())
    };
    let mut statement = connection.prepare_cached(GET)?;
    let OperationName { parent, id } = &name.operation;
    let found = statement.query_row(params![name.service, id.as_str(), parent.as_str()], |row| {
        let gone = Gone::from_number(row.get(1)?).ok_or_else(|| broken("gone"))?;
        Ok(Tombstone {
            name: name.clone(),
            owner: row.get::<_, Option<[u8; 32]>>(0)?.map(OwnerDigest),
            gone,
            remove_time: Timestamp::from_micros(row.get(2)?),
        })
    });
    found.optional()
}

pub(super) fn put(connection: &Connection, tombstone: &Tombstone) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO tombstones (service, id, parent, owner, gone, remove_time) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    let OperationName { parent, id } = &tombstone.name.operation;
    statement.execute(params![
        tombstone.name.service,
        id.as_str(),
        parent.as_str(),
        tombstone.owner.map(|owner| owner.0),
        tombstone.gone as i32,
        tombstone.remove_time.micros(),
    ])?;
    Ok(())
}

/// Whether there is one to drop.
pub(super) fn any_due(connection: &Connection, until: Timestamp) -> rusqlite::Result<bool> {
    connection.prepare_cached(DUE)?.exists(params![until.micros(), 1])
}

/// Drops those whose records were removed by `until`, the oldest first.
pub(super) fn forget(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> rusqlite::Result<usize> {
    let sql = format!("DELETE FROM tombstones WHERE (service, id, parent) IN ({DUE})");
    connection.prepare_cached(&sql)?.execute(params![until.micros(), limit as i64])
}
