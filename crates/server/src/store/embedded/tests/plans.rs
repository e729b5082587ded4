//! The statements that run all the time find what they look for by an index, in order.

use rusqlite::types::Value;
use rusqlite::{Connection, StatementStatus};

use crate::operation::samples::{at, name};
use crate::operation::{Filter, Parent, Principal};
use crate::store::conformance::everything;
use crate::store::embedded::feed::feed_sql;
use crate::store::embedded::open::writer;
use crate::store::embedded::read::{
    COUNT_READY, DUE, NEXT_READY, READY, by_row_sql, get_sql, list_sql,
};
use crate::store::embedded::{rejections, tombs};
use crate::store::{ChangesQuery, Cursor, ListQuery, Order, Sequence};

fn plan(connection: &Connection, sql: &str, values: Vec<Value>) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The joins that every read of whole records has.
const JOINS: [&str; 2] = [
    "SEARCH requests USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
    "SEARCH outcomes USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
];

#[test]
fn single_records_are_found_by_name_and_row() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, ..) = writer(dir.path()).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let by_name = plan(&connection, &get_sql(), vec![text("s"), text("a"), text("")]);
    let found = "SEARCH records USING INDEX records_name (service=? AND id=? AND parent=?)";
    assert_eq!(by_name, [found, JOINS[0], JOINS[1]]);
    let by_row = plan(&connection, &by_row_sql(), vec![Value::Integer(1)]);
    let found = "SEARCH records USING INTEGER PRIMARY KEY (rowid=?)";
    assert_eq!(by_row, [found, JOINS[0], JOINS[1]]);
}

#[test]
fn statements_are_prepared_once_whatever_their_values() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, ..) = writer(dir.path()).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let by_name = [1, 2, 64].map(|id| vec![text("s"), text(&id.to_string()), text("")]);
    let ready = [1, 2, 64].map(|limit| vec![text("s"), text("m"), Value::Integer(limit)]);
    for (sql, values) in [(&*get_sql(), by_name), (READY, ready)] {
        let mut statement = connection.prepare(sql).unwrap();
        for values in values {
            assert!(!statement.exists(rusqlite::params_from_iter(values)).unwrap());
            // As the cache does between two uses.
            statement.clear_bindings();
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
}

#[test]
fn what_is_due_and_what_is_ready_is_found_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, ..) = writer(dir.path()).unwrap();
    let number = Value::Integer;
    let due = plan(&connection, DUE, vec![number(1), number(1)]);
    assert_eq!(due, ["SEARCH records USING INDEX records_due (due_time<?)"]);
    let text = |text: &str| Value::Text(text.to_owned());
    let ready = plan(&connection, READY, vec![text("s"), text("m"), number(1)]);
    let found = "SEARCH records USING COVERING INDEX records_ready (service=? AND method=?)";
    assert_eq!(ready, [found]);
    let next = plan(&connection, NEXT_READY, vec![text("s"), text("m")]);
    assert_eq!(next, ["SEARCH records USING INDEX records_ready ((service,method)>(?,?))"]);
    let count = plan(&connection, COUNT_READY, vec![text("s"), text("m"), number(1)]);
    assert!(count.iter().any(|step| step == found), "{count:?}");
}

#[test]
fn tombstones_are_found_by_name_and_dropped_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, ..) = writer(dir.path()).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let by_name = plan(&connection, tombs::GET, vec![text("s"), text("a"), text("")]);
    let found = "SEARCH tombstones USING PRIMARY KEY (service=? AND id=? AND parent=?)";
    assert_eq!(by_name, [found]);
    let due = plan(&connection, tombs::DUE, vec![Value::Integer(1), Value::Integer(1)]);
    assert_eq!(due, ["SEARCH tombstones USING COVERING INDEX tombstones_due (remove_time<?)"]);
}

#[test]
fn rejections_are_found_by_name_and_dropped_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, ..) = writer(dir.path()).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let by_name = plan(&connection, rejections::GET, vec![text("s"), text("a"), text("")]);
    let found = "SEARCH rejections USING PRIMARY KEY (service=? AND id=? AND parent=?)";
    assert_eq!(by_name, [found]);
    let due = plan(&connection, rejections::DUE, vec![Value::Integer(1), Value::Integer(1)]);
    assert_eq!(due, ["SEARCH rejections USING COVERING INDEX rejections_due (reject_time<?)"]);
}

#[test]
fn the_feed_is_read_in_order_from_where_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, ..) = writer(dir.path()).unwrap();
    for (service, found) in [
        (None, "SEARCH records USING INDEX records_seq (seq>?)"),
        (Some("s".to_owned()), "SEARCH records USING INDEX records_seq (seq>?)"),
    ] {
        let query = ChangesQuery { service, after: None, limit: 10, bytes_max: 1 };
        let [records, removals] = feed_sql(&query, Sequence(1));
        assert_eq!(plan(&connection, &records.0, records.1), [found, JOINS[0], JOINS[1]]);
        let found = "SEARCH removals USING INTEGER PRIMARY KEY (rowid>?)";
        assert_eq!(plan(&connection, &removals.0, removals.1), [found]);
    }
}

#[test]
fn pages_are_read_in_order_from_where_they_begin() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, ..) = writer(dir.path()).unwrap();
    let parent = Some(Parent::default());
    let owner = Principal::parse("static:alice");
    let table = [
        (
            ListQuery { parent: parent.clone(), owner, hidden: false, ..everything() },
            "SEARCH records USING INDEX records_owner (service=? AND owner=? AND parent=?)",
        ),
        (
            ListQuery { parent, hidden: false, ..everything() },
            "SEARCH records USING INDEX records_parent (service=? AND parent=?)",
        ),
        (everything(), "SEARCH records USING COVERING INDEX records_service (service=?)"),
        (
            ListQuery { filter: Filter::parse("done:true").unwrap(), ..everything() },
            "SEARCH records USING INDEX records_service (service=?)",
        ),
        (
            ListQuery { service: None, ..everything() },
            "SCAN records USING COVERING INDEX records_time",
        ),
    ];
    for (query, expected) in table {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let first = ListQuery { order, ..query.clone() };
            let (sql, values) = list_sql(&first);
            assert_eq!(plan(&connection, &sql, values), [expected]);

            let after = Some(Cursor { create_time: at(0), name: name("x") });
            let (sql, values) = list_sql(&ListQuery { after, ..first });
            let bound = if order == Order::NewestFirst { "create_time<?" } else { "create_time>?" };
            let next = match expected.strip_suffix(')') {
                Some(keys) => format!("{keys} AND {bound})"),
                None => format!("SEARCH records USING COVERING INDEX records_time ({bound})"),
            };
            assert_eq!(plan(&connection, &sql, values), [next.as_str()]);
        }
    }
}
