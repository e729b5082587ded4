//! Claims: each found by its own key, apart from the record that it is for.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{codec, read};
use crate::operation::{
    Claim, ClaimKey, Claimed, Digest, Gone, OperationName, REQUEST_ID_RETENTION, Record,
    RecordName, Span, Timestamp, Verdict, judge,
};

pub(super) const GET: &str = "SELECT service, parent, id, body, confirmed, gone FROM claims \
     WHERE kind = ? AND scope = ?";

pub(super) const DUE: &str = "SELECT kind, scope FROM claims WHERE due_time <= ? \
     ORDER BY due_time LIMIT ?";

/// What stands in the way of a record that is to be born.
pub(super) enum Blocked {
    /// A record that was made by the same call.
    By(Arc<Record>),
    /// Somebody else's claim.
    Claimed(Claimed),
}

/// Looks at all claims, in their order.
pub(super) fn check(
    connection: &Connection,
    claims: &[(ClaimKey, Option<Digest>)],
) -> rusqlite::Result<Option<Blocked>> {
    for (key, body) in claims {
        let Some(claim) = get(connection, *key)? else { continue };
        let record = read::get(connection, &claim.name)?.map(|(_, record)| record);
        match (judge(*key, &claim, *body, record.as_ref()), record) {
            (Verdict::Refused(claimed), _) => return Ok(Some(Blocked::Claimed(claimed))),
            (Verdict::Repeated, Some(record)) => return Ok(Some(Blocked::By(Arc::new(record)))),
            (Verdict::Free | Verdict::Repeated, _) => {}
        }
    }
    Ok(None)
}

fn get(connection: &Connection, key: ClaimKey) -> rusqlite::Result<Option<Claim>> {
    let mut statement = connection.prepare_cached(GET)?;
    let found = statement.query_row(params![key.kind as i32, key.scope.0], |row| {
        Ok(Claim {
            name: codec::name(row, 0)?,
            body: row.get::<_, Option<[u8; 32]>>(3)?.map(Digest),
            confirmed: row.get(4)?,
            gone: row.get::<_, Option<i32>>(5)?.and_then(Gone::from_number),
        })
    });
    found.optional()
}

/// Takes a claim, or takes over one that is worth nothing.
pub(super) fn take(
    connection: &Connection,
    key: ClaimKey,
    name: &RecordName,
    body: Option<Digest>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO claims (kind, scope, service, parent, id, body, confirmed) \
         VALUES (?, ?, ?, ?, ?, ?, 0) \
         ON CONFLICT (kind, scope) DO UPDATE SET service = excluded.service, \
         parent = excluded.parent, id = excluded.id, body = excluded.body, confirmed = 0, \
         gone = NULL, due_time = NULL",
    )?;
    let OperationName { parent, id } = &name.operation;
    let body = body.map(|body| body.0);
    let (kind, scope) = (key.kind as i32, key.scope.0);
    statement.execute(params![kind, scope, name.service, parent.as_str(), id.as_str(), body])?;
    Ok(())
}

/// One claim, if it is for this record.
const OWN: &str = "kind = ? AND scope = ? AND service = ? AND parent = ? AND id = ?";

fn execute(
    connection: &Connection,
    what: &str,
    values: &[&dyn rusqlite::ToSql],
    key: ClaimKey,
    name: &RecordName,
) -> rusqlite::Result<usize> {
    let (kind, scope) = (key.kind as i32, key.scope.0);
    let OperationName { parent, id } = &name.operation;
    let (parent, id) = (parent.as_str(), id.as_str());
    let own: [&dyn rusqlite::ToSql; 5] = [&kind, &scope, &name.service, &parent, &id];
    let sql = format!("{what} WHERE {OWN}");
    connection.prepare_cached(&sql)?.execute(&*[values, &own].concat())
}

/// Confirms a claim: its record is there.
pub(super) fn confirm(
    connection: &Connection,
    key: ClaimKey,
    name: &RecordName,
) -> rusqlite::Result<()> {
    execute(connection, "UPDATE claims SET confirmed = 1", &[], key, name).map(drop)
}

/// Gives a claim up.
pub(super) fn release(
    connection: &Connection,
    key: ClaimKey,
    name: &RecordName,
) -> rusqlite::Result<()> {
    execute(connection, "DELETE FROM claims", &[], key, name).map(drop)
}

/// Notes on the claims of a removed record why it is gone, and when they may be forgotten.
pub(super) fn bury(
    connection: &Connection,
    last: &Record,
    gone: Gone,
    now: Timestamp,
    tombstone_retention: Span,
) -> rusqlite::Result<()> {
    if let Some((key, _)) = last.claims().first().filter(|_| last.request_claim.is_some()) {
        let tombstone_end = now.plus(tombstone_retention);
        let due = tombstone_end.max(last.create_time.plus(REQUEST_ID_RETENTION)).micros();
        let what = "UPDATE claims SET gone = ?, due_time = ?";
        execute(connection, what, &[&(gone as i32), &due], *key, &last.name)?;
    }
    Ok(())
}

/// Whether there is one to drop.
pub(super) fn any_due(connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    connection.prepare_cached(DUE)?.exists(params![now.micros(), 1])
}

/// Drops those whose time has come, the longest due first.
pub(super) fn forget(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<usize> {
    let sql = format!("DELETE FROM claims WHERE (kind, scope) IN ({DUE})");
    connection.prepare_cached(&sql)?.execute(params![now.micros(), limit as i64])
}
