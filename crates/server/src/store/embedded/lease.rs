//! Handing records out.

use std::sync::Arc;

use super::read;
use super::write::{Writer, broken};
use crate::operation::Record;
use crate::store::{Commit, LeaseApply, LeaseQuery, StoreError};

/// So many records that can't be leased don't stand in the way of those behind them.
const SPARE: usize = 16;

impl Writer {
    /// Offers pending records to `apply`, the oldest first.
    pub(super) fn lease(
        &self,
        query: &LeaseQuery,
        apply: &LeaseApply,
        commits: &mut Vec<Commit>,
    ) -> rusqlite::Result<Vec<Arc<Record>>> {
        let mut rows = Vec::new();
        for method in &query.methods {
            let limit = query.limit.saturating_add(SPARE);
            rows.extend(read::ready(&self.connection, &query.service, method, limit)?);
        }
        rows.sort_unstable();
        rows.dedup();
        let mut leased = Vec::new();
        let mut bytes = 0;
        for row in rows {
            if leased.len() == query.limit {
                break;
            }
            let record = match read::by_row(&self.connection, row) {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(error) => {
                    let error = broken(error)?;
                    tracing::error!(row, %error, "a record can't be leased");
                    continue;
                }
            };
            bytes += record.payload_bytes();
            if bytes > query.bytes_max && !leased.is_empty() {
                break;
            }
            let (place, now) = (leased.len(), self.now_for(&record));
            let decision = |record: &Record| apply(place, record, now);
            let name = record.name.clone();
            match self.decided(row, record, decision, commits)? {
                Ok((record, true)) => leased.push(record),
                Err(error @ StoreError::Broken(_)) => {
                    tracing::error!(%name, %error, "a record can't be leased");
                }
                _ => {}
            }
        }
        Ok(leased)
    }
}
