//! Handing records out.

use std::sync::Arc;

use super::read;
use super::write::Writer;
use crate::operation::{Outcome, Record};
use crate::store::{Commit, LeaseApply, LeaseQuery};

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
            rows.extend(read::ready(&self.connection, &query.service, method, query.limit)?);
        }
        rows.sort_unstable();
        rows.dedup();
        let mut leased = Vec::new();
        let mut bytes = 0;
        for row in rows.into_iter().take(query.limit) {
            let Some(record) = read::by_row(&self.connection, row)? else { continue };
            bytes += payload_bytes(&record);
            if bytes > query.bytes_max && !leased.is_empty() {
                break;
            }
            let (place, now) = (leased.len(), self.now_for(&record));
            let decision = |record: &Record| apply(place, record, now);
            if let Ok((record, true)) = self.decided(row, record, decision, commits)? {
                leased.push(record);
            }
        }
        Ok(leased)
    }
}

/// What a record's payloads come to.
pub(super) fn payload_bytes(record: &Record) -> usize {
    let bytes = |payload: &Option<crate::operation::Payload>| {
        payload.as_ref().map_or(0, |payload| payload.value.len())
    };
    let outcome = match record.done().map(|done| &done.outcome) {
        Some(Outcome::Response(response)) => response.value.len(),
        Some(Outcome::Error(status)) => {
            let details = status.details.iter().map(|detail| detail.value.len());
            status.message.len() + details.sum::<usize>()
        }
        None => 0,
    };
    bytes(&record.request) + bytes(&record.metadata) + outcome
}
