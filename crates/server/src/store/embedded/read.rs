//! What is read: by name, by page, by what is due.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use std::sync::Arc;

use super::codec::{COLUMNS, name, record};
use super::{rejections, tombs};
use crate::operation::{Compare, OperationName, Record, RecordName, StateName, Term, Timestamp};
use crate::store::{Cursor, Found, ListQuery, Listed, Order, Waiting};

pub(super) const JOINS: &str = "LEFT JOIN requests ON requests.row = records.row \
     LEFT JOIN outcomes ON outcomes.row = records.row";

pub(super) const READY: &str =
    "SELECT row FROM records WHERE service = ? AND method = ? AND ready = 1 ORDER BY row LIMIT ?";

/// The next method, in order, with a row that can be leased; and its first one.
pub(super) const NEXT_READY: &str = "SELECT service, method, create_time FROM records \
     WHERE (service, method) > (?, ?) AND ready = 1 ORDER BY service, method, row LIMIT 1";

pub(super) const COUNT_READY: &str = "SELECT count(*) FROM \
     (SELECT 1 FROM records WHERE service = ? AND method = ? AND ready = 1 LIMIT ?)";

pub(super) const DUE: &str =
    "SELECT service, parent, id FROM records WHERE due_time <= ? ORDER BY due_time LIMIT ?";

pub(super) fn get_sql() -> String {
    format!("SELECT {COLUMNS} FROM records {JOINS} WHERE service = ? AND id = ? AND parent = ?")
}

pub(super) fn by_row_sql() -> String {
    format!("SELECT {COLUMNS} FROM records {JOINS} WHERE records.row = ?")
}

/// A record and its row.
pub(super) fn get(
    connection: &Connection,
    name: &RecordName,
) -> rusqlite::Result<Option<(i64, Record)>> {
    let mut statement = connection.prepare_cached(&get_sql())?;
    let OperationName { parent, id } = &name.operation;
    statement.query_row(params![name.service, id.as_str(), parent.as_str()], record).optional()
}

/// What is under a name. A record goes and what is left of it comes in one commit, so a record
/// that is missed has left it by then.
pub(super) fn found(connection: &Connection, name: &RecordName) -> rusqlite::Result<Found> {
    if let Some((_, record)) = get(connection, name)? {
        return Ok(Found::Record(Arc::new(record)));
    }
    if let Some(tombstone) = tombs::get(connection, name)? {
        return Ok(Found::Tombstone(tombstone));
    }
    Ok(rejections::get(connection, name)?.map_or(Found::Nothing, Found::Rejected))
}

/// Rows that can be leased, the oldest first.
pub(super) fn ready(
    connection: &Connection,
    service: &str,
    method: &str,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(READY)?;
    let rows = statement.query_map(params![service, method, limit as i64], |row| row.get(0))?;
    rows.collect()
}

/// Methods with rows that can be leased. It leaps from one to the next: however many wait,
/// `limit` rows of each are looked at.
pub(super) fn waiting(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Waiting>> {
    let mut next = connection.prepare_cached(NEXT_READY)?;
    let mut count = connection.prepare_cached(COUNT_READY)?;
    let mut found: Vec<Waiting> = Vec::new();
    while found.len() < limit {
        // Every service has a name.
        let (service, method) =
            found.last().map_or(("", ""), |last| (last.service.as_str(), last.method.as_str()));
        let row = next.query_row(params![service, method], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?))
        });
        let Some((service, method, since)) = row.optional()? else { break };
        let counted: i64 =
            count.query_row(params![service, method, limit as i64], |row| row.get(0))?;
        let (count, since) = (counted as usize, Timestamp::from_micros(since));
        found.push(Waiting { service, method, count, since });
    }
    Ok(found)
}

pub(super) fn by_row(connection: &Connection, row: i64) -> rusqlite::Result<Option<Record>> {
    let mut statement = connection.prepare_cached(&by_row_sql())?;
    Ok(statement.query_row([row], record).optional()?.map(|(_, record)| record))
}

/// Names of records that are due, the longest due first. One that can't be read is passed over:
/// the others are not to wait for it.
pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<RecordName>> {
    let mut statement = connection.prepare_cached(DUE)?;
    let rows =
        statement.query_map(params![now.micros(), limit as i64], |row| Ok(name(row, 0).ok()))?;
    rows.filter_map(Result::transpose).collect()
}

/// A part of a list. What the filter says is looked up row by row, so that a filter which lets
/// little through has its end, too; all else decides where an index begins.
pub(super) fn list(connection: &Connection, query: &ListQuery) -> rusqlite::Result<Listed> {
    let (sql, values) = list_sql(query);
    let mut keys = connection.prepare_cached(&sql)?;
    let mut by_row = connection.prepare_cached(&by_row_sql())?;
    // As long as it is read, all else is read as of the same commit.
    let mut keys = keys.query(params_from_iter(values))?;
    let mut listed = Listed { records: Vec::new(), rest: None, rows: 0 };
    let mut bytes = 0;
    while let Some(key) = keys.next()? {
        listed.rows += 1;
        if key.get::<_, Option<bool>>(0)? == Some(true) {
            let last = listed.records.last().map(Cursor::of);
            if last.is_some() && listed.records.len() >= query.limit {
                listed.rest = last;
                break;
            }
            let (_, record) = by_row.query_row([key.get::<_, i64>(1)?], record)?;
            bytes += record.payload_bytes();
            if last.is_some() && bytes > query.bytes_max {
                listed.rest = last;
                break;
            }
            listed.records.push(record);
        }
        if listed.rows >= query.rows_max {
            let place =
                Cursor { create_time: Timestamp::from_micros(key.get(2)?), name: name(key, 3)? };
            listed.rest = keys.next()?.map(|_| place);
            break;
        }
    }
    Ok(listed)
}

/// The statement that finds the rows of a list, and its values: of each whether the filter lets
/// it through, and its key.
pub(super) fn list_sql(query: &ListQuery) -> (String, Vec<Value>) {
    let text = |text: &str| Value::Text(text.to_owned());
    let (mut asked, mut values) = (vec!["1".to_owned()], Vec::new());
    if !query.hidden {
        asked.push("hidden = 0".to_owned());
    }
    // A time is where the list begins or ends; all other terms are asked of each row.
    let (times, others): (Vec<&Term>, Vec<_>) =
        query.filter.0.iter().partition(|term| matches!(term, Term::CreateTime(..)));
    asked.extend(others.into_iter().map(|term| condition(term, &mut values)));

    let mut bounds = vec!["1".to_owned()];
    if let Some(service) = &query.service {
        bounds.push("service = ?".to_owned());
        values.push(text(service));
    }
    if let Some(owner) = &query.owner {
        bounds.push("owner = ?".to_owned());
        values.push(text(owner.as_str()));
    }
    if let Some(parent) = &query.parent {
        bounds.push("parent = ?".to_owned());
        values.push(text(parent.as_str()));
    }
    bounds.extend(times.into_iter().map(|term| condition(term, &mut values)));
    let (before, direction) = match query.order {
        Order::NewestFirst => ("<", "DESC"),
        Order::OldestFirst => (">", "ASC"),
    };
    if let Some(after) = &query.after {
        // The first condition lets an index start at the right place.
        bounds.push(format!("create_time {before}= ?"));
        values.push(Value::Integer(after.create_time.micros()));
        bounds.push(format!("(create_time, service, parent, id) {before} (?, ?, ?, ?)"));
        values.push(Value::Integer(after.create_time.micros()));
        values.push(text(&after.name.service));
        values.push(text(after.name.operation.parent.as_str()));
        values.push(text(after.name.operation.id.as_str()));
    }
    let sql = format!(
        "SELECT {}, row, create_time, service, parent, id FROM records WHERE {} \
         ORDER BY create_time {direction}, service {direction}, parent {direction}, id {direction}",
        asked.join(" AND "),
        bounds.join(" AND ")
    );
    (sql, values)
}

const NAME: &str =
    "(CASE parent WHEN '' THEN 'operations/' ELSE parent || '/operations/' END || id)";

fn condition(term: &Term, values: &mut Vec<Value>) -> String {
    let text = |text: &str| Value::Text(text.to_owned());
    let time = |time: &Timestamp| Value::Integer(time.micros());
    let mut compared = |left: &str, compare: Compare, value: Value| {
        values.push(value);
        format!("{left} {} ?", operator(compare))
    };
    match term {
        Term::Done(true) => "state >= 3".to_owned(),
        Term::Done(false) => "state < 3".to_owned(),
        Term::State(states) => {
            let number = |state: &StateName| (*state as i32).to_string();
            let numbers: Vec<String> = states.iter().map(number).collect();
            format!("state IN ({})", numbers.join(", "))
        }
        Term::Method(compare, method) => compared("method", *compare, text(method)),
        Term::Name(compare, name) => compared(NAME, *compare, text(name)),
        Term::CreateTime(compare, at) => compared("create_time", *compare, time(at)),
        Term::FinishTime(compare, at) => compared("finish_time", *compare, time(at)),
        Term::Label(key, compare, value) => {
            values.extend([text(key), text(value)]);
            let operator = operator(*compare);
            let label = "SELECT 1 FROM labels WHERE labels.row = records.row AND key = ?";
            format!("EXISTS ({label} AND value {operator} ?)")
        }
    }
}

fn operator(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => "=",
        Compare::NotEqual => "<>",
        Compare::Less => "<",
        Compare::LessOrEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterOrEqual => ">=",
    }
}
