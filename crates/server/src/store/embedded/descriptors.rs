//! Descriptor sets, and how many records refer to each. The counts stand apart from the
//! sets, which are large, and are written once per batch.

use std::collections::BTreeMap;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::operation::{Digest, Record};

/// What a batch changes of the counts.
#[derive(Default)]
pub(super) struct Uses(BTreeMap<Digest, i64>);

impl Uses {
    /// A record was written over another, or the other was removed.
    pub(super) fn moved(&mut self, before: Option<&Record>, next: Option<&Record>) {
        let digests = |record: Option<&Record>| {
            record.map(|record| record.descriptors.clone()).unwrap_or_default()
        };
        for digest in digests(next) {
            *self.0.entry(digest).or_default() += 1;
        }
        for digest in digests(before) {
            *self.0.entry(digest).or_default() -= 1;
        }
    }

    /// Writes the changes, in the batch's transaction.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        for (digest, count) in self.0.into_iter().filter(|(_, count)| *count != 0) {
            let sql = "INSERT INTO descriptor_uses (digest, records) VALUES (?, ?) \
                 ON CONFLICT (digest) DO UPDATE SET records = records + excluded.records";
            connection.prepare_cached(sql)?.execute(params![digest.0, count])?;
        }
        Ok(())
    }
}

/// Keeps these sets and drops those that are neither among them nor in use; whether it wrote.
pub(super) fn keep(connection: &Connection, sets: &[(Digest, Bytes)]) -> rusqlite::Result<bool> {
    let mut written = 0;
    for (digest, body) in sets {
        let known = connection.prepare_cached("SELECT 1 FROM descriptors WHERE digest = ?")?;
        let mut known = known;
        if !known.exists([digest.0])? {
            let sql = "INSERT INTO descriptors (digest, body) VALUES (?, ?)";
            written += connection.prepare_cached(sql)?.execute(params![digest.0, &body[..]])?;
        }
    }
    let unused = "SELECT digest FROM descriptors WHERE digest NOT IN \
         (SELECT digest FROM descriptor_uses WHERE records > 0)";
    let mut statement = connection.prepare_cached(unused)?;
    let unused: Vec<[u8; 32]> =
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for digest in unused {
        if !sets.iter().any(|(kept, _)| kept.0 == digest) {
            for table in ["descriptors", "descriptor_uses"] {
                let sql = format!("DELETE FROM {table} WHERE digest = ?");
                written += connection.prepare_cached(&sql)?.execute([digest])?;
            }
        }
    }
    Ok(written > 0)
}

pub(super) fn get(connection: &Connection, digest: Digest) -> rusqlite::Result<Option<Bytes>> {
    let sql = "SELECT body FROM descriptors WHERE digest = ?";
    let body = connection
        .prepare_cached(sql)?
        .query_row([digest.0], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    Ok(body.map(Bytes::from))
}
