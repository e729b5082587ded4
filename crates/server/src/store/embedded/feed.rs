//! The change feed: records by the place of their last visible write, and removals.

use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::codec::{COLUMNS, name, record};
use super::read::JOINS;
use crate::operation::{OperationName, RecordName, Timestamp};
use crate::store::{Changed, Changes, ChangesQuery, Sequence};

/// The statements that read records and removals, and their values.
pub(super) fn feed_sql(query: &ChangesQuery, after: Sequence) -> [(String, Vec<Value>); 2] {
    let mut values = vec![Value::Integer(number(after))];
    let mut condition = "seq > ?";
    if let Some(service) = &query.service {
        // The plus keeps it from being looked up by the service, which would end in a sort.
        condition = "seq > ? AND +service = ?";
        values.push(Value::Text(service.clone()));
    }
    values.push(Value::Integer(query.limit as i64));
    let tail = format!("WHERE {condition} ORDER BY seq LIMIT ?");
    [
        (format!("SELECT {COLUMNS}, seq FROM records {JOINS} {tail}"), values.clone()),
        (format!("SELECT seq, service, parent, id FROM removals {tail}"), values),
    ]
}

fn number(place: Sequence) -> i64 {
    i64::try_from(place.0).unwrap_or(i64::MAX)
}

fn sequence(number: i64) -> Sequence {
    Sequence(number.unsigned_abs())
}

/// A part of the feed, as one commit left it.
pub(super) fn changes(connection: &Connection, query: &ChangesQuery) -> rusqlite::Result<Changes> {
    let snapshot = connection.unchecked_transaction()?;
    let end = snapshot
        .prepare_cached("SELECT seq FROM clock")?
        .query_row([], |row| row.get(0).map(sequence))?;
    let Some(after) = query.after else {
        return Ok(Changes { changes: vec![], through: end, more: false });
    };
    let [records, removals] = feed_sql(query, after);
    let mut changes = Vec::new();
    // What lies behind it was not read, of the one kind or the other.
    let mut horizon = None;

    let mut statement = snapshot.prepare_cached(&records.0)?;
    let mut rows = statement.query(params_from_iter(records.1))?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let (_, record) = record(row)?;
        bytes += record.payload_bytes();
        if bytes > query.bytes_max && !changes.is_empty() {
            horizon = changes.last().map(|(place, _)| *place);
            break;
        }
        changes.push((sequence(row.get(10)?), Changed::Put(Arc::new(record))));
    }
    if changes.len() >= query.limit {
        horizon = changes.last().map(|(place, _)| *place);
    }

    let mut statement = snapshot.prepare_cached(&removals.0)?;
    let mut rows = statement.query(params_from_iter(removals.1))?;
    let mut count = 0;
    let mut last = after;
    while let Some(row) = rows.next()? {
        last = sequence(row.get(0)?);
        count += 1;
        changes.push((last, Changed::Removed(name(row, 1)?)));
    }
    if count >= query.limit {
        horizon = Some(horizon.map_or(last, |horizon| horizon.min(last)));
    }

    changes.sort_unstable_by_key(|(place, _)| *place);
    changes.retain(|(place, _)| horizon.is_none_or(|horizon| *place <= horizon));
    if changes.len() > query.limit {
        changes.truncate(query.limit);
        horizon = changes.last().map(|(place, _)| *place);
    }
    Ok(Changes { changes, through: horizon.unwrap_or(end), more: horizon.is_some() })
}

/// The place of the last of at most `limit` removals from before `before`, from the oldest on.
pub(super) fn old(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<Option<i64>> {
    // Times never go back from one place to the next.
    let sql = "SELECT seq, time FROM removals ORDER BY seq LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([limit as i64])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? >= before.micros() {
            break;
        }
        last = Some(row.get(0)?);
    }
    Ok(last)
}

/// Forgets removals up to a place.
pub(super) fn forget(connection: &Connection, through: i64) -> rusqlite::Result<usize> {
    connection.prepare_cached("DELETE FROM removals WHERE seq <= ?")?.execute([through])
}

/// Remembers a removal.
pub(super) fn removed(
    connection: &Connection,
    seq: i64,
    name: &RecordName,
    time: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO removals (seq, service, parent, id, time) VALUES (?, ?, ?, ?, ?)";
    let OperationName { parent, id } = &name.operation;
    connection.prepare_cached(sql)?.execute(params![
        seq,
        name.service,
        parent.as_str(),
        id.as_str(),
        time.micros(),
    ])?;
    Ok(())
}
