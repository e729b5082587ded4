//! The rows of a record: what is looked up, what progress rewrites, and what is written once.

use rusqlite::params;

use super::codec;
use super::write::Writer;
use crate::operation::{OperationName, Record, State};

impl Writer {
    /// Writes a new record; answers false if its name is taken.
    pub(super) fn insert(&self, record: &Record) -> rusqlite::Result<bool> {
        let OperationName { parent, id } = &record.name.operation;
        let columns = Columns::of(record);
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO records (service, parent, id, owner, method, state, create_time, \
             finish_time, due_time, hidden, ready, seq, head) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )?;
        let inserted = statement.execute(params![
            record.name.service,
            parent.as_str(),
            id.as_str(),
            record.owner.as_ref().map(|owner| owner.as_str()),
            record.method,
            columns.state,
            record.create_time.micros(),
            columns.finish_time,
            columns.due_time,
            columns.hidden,
            columns.ready,
            self.next_seq(),
            codec::head(record),
        ])?;
        if inserted == 0 {
            return Ok(false);
        }
        let row = self.connection.last_insert_rowid();
        if let Some(request) = &record.request {
            let sql = "INSERT INTO requests (row, body) VALUES (?, ?)";
            self.connection.prepare_cached(sql)?.execute(params![row, codec::request(request)])?;
        }
        self.write_outcome(row, record)?;
        self.write_labels(row, record)?;
        Ok(true)
    }

    /// Writes a record's next version; `seq` is its place in the feed, if that tells of it.
    pub(super) fn replace(
        &self,
        row: i64,
        before: &Record,
        next: &Record,
        seq: Option<i64>,
    ) -> rusqlite::Result<()> {
        let columns = Columns::of(next);
        let mut statement = self.connection.prepare_cached(
            "UPDATE records SET state = ?, finish_time = ?, due_time = ?, hidden = ?, ready = ?, \
             seq = coalesce(?, seq), head = ? WHERE row = ?",
        )?;
        statement.execute(params![
            columns.state,
            columns.finish_time,
            columns.due_time,
            columns.hidden,
            columns.ready,
            seq,
            codec::head(next),
            row,
        ])?;
        if before.done().is_none() {
            self.write_outcome(row, next)?;
        }
        if before.labels != next.labels {
            self.connection.prepare_cached("DELETE FROM labels WHERE row = ?")?.execute([row])?;
            self.write_labels(row, next)?;
        }
        Ok(())
    }

    fn write_outcome(&self, row: i64, record: &Record) -> rusqlite::Result<()> {
        if let Some(done) = record.done() {
            let sql = "INSERT INTO outcomes (row, body) VALUES (?, ?)";
            let body = codec::outcome(&done.outcome);
            self.connection.prepare_cached(sql)?.execute(params![row, body])?;
        }
        Ok(())
    }

    fn write_labels(&self, row: i64, record: &Record) -> rusqlite::Result<()> {
        for (key, value) in &record.labels {
            let sql = "INSERT INTO labels (row, key, value) VALUES (?, ?, ?)";
            self.connection.prepare_cached(sql)?.execute(params![row, key, value])?;
        }
        Ok(())
    }
}

/// What is looked up of a record.
struct Columns {
    state: i32,
    finish_time: Option<i64>,
    due_time: i64,
    hidden: bool,
    ready: bool,
}

impl Columns {
    fn of(record: &Record) -> Self {
        Self {
            state: record.state_name() as i32,
            finish_time: record.done().map(|done| done.finish_time.micros()),
            due_time: record.due_time().micros(),
            hidden: record.is_hidden(),
            ready: matches!(record.state, State::Pending { delayed_until: None }),
        }
    }
}
