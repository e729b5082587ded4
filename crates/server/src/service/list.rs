//! One page of records: shared by the clients' list and the service's own.

use prost::Message;

use super::filter::{self, Asked};
use super::{Api, Call, Kept, Pools, Slot};
use crate::error::{Error, Result};
use crate::operation::{PageSize, PageToken, Record, page_digest};
use crate::store::{Cursor, ListQuery, Listed};

/// What a caller asked for, as it came.
pub(super) struct Ask<'a> {
    pub filter: &'a str,
    pub page_size: i32,
    pub page_token: &'a str,
    /// All else that the token is bound to.
    pub bound: [&'a str; 3],
}

/// A page and the token of the next, empty on the last.
pub(super) struct Page<M> {
    pub items: Vec<M>,
    pub next_page_token: String,
    /// The descriptors of each item.
    pub kept: Kept,
    pub slot: Slot,
}

/// Rows of the first read.
const FIRST_ROWS: usize = 128;
/// Rows of any later read.
const READ_ROWS_MAX: usize = 1000;
/// Bytes of payloads of any read.
const READ_BYTES_MAX: usize = 1 << 20;

/// Reads a page: `query` without filter, place and limit; `view` makes the answer's items.
///
/// What of the filter the store doesn't answer is asked of at most `list_scan_max` rows, and
/// the store looks at no more than `store_rows_max`. So a page may be short, or empty, and have
/// a token all the same: the place behind the last row that was looked at.
pub(super) async fn page<M: Message>(
    api: &Api,
    call: &Call,
    ask: Ask<'_>,
    mut query: ListQuery,
    view: impl Fn(&Record) -> M,
) -> Result<Page<M>> {
    let size = PageSize::parse(ask.page_size)
        .map_err(|error| Error::invalid("page_size", format!("{error}")))?
        .get()
        .min(api.limits.page_size_max);
    let (filter, rest) = filter::parse(ask.filter, api.limits.filter_bytes_max)?.split();
    query.filter = filter;
    let digest = digest(call, &ask);
    if !ask.page_token.is_empty() {
        let token = PageToken::decode(ask.page_token, digest)
            .map_err(|error| Error::invalid("page_token", format!("{error}")))?;
        query.after = Some(Cursor { create_time: token.create_time, name: token.name });
    }
    let slot = call.slot(api).await?;
    let several = query.service.is_none();

    // With nothing left to ask, every row is one of the page's.
    let look_max = if rest.is_always() { size } else { api.limits.list_scan_max };
    let (mut items, mut kept) = (Vec::new(), Vec::new());
    let (mut looked, mut bytes, mut read_rows) = (0, 0, FIRST_ROWS);
    query.bytes_max = READ_BYTES_MAX;
    query.rows_max = api.limits.store_rows_max;
    let more = loop {
        query.limit = read_rows.min(look_max - looked);
        let read = api.store.list(query.clone()).await;
        let Listed { records, rest: place, rows } =
            read.map_err(|error| Error::unavailable(Box::new(error)))?;
        let (mut seen, mut full) = (0, false);
        for record in &records {
            if rest.is_always()
                || Asked::new(record, api.catalog.pool_of(&record.name.service)).is(&rest)
            {
                let item = view(record);
                bytes += item.encoded_len() + 8;
                full = bytes > api.limits.message_bytes_max && !items.is_empty();
                if full {
                    break;
                }
                items.push(item);
                kept.push(match several {
                    true => api.pools.among_all(record),
                    false => api.pools.former(record),
                });
            }
            seen += 1;
            full = items.len() == size;
            if full {
                break;
            }
        }
        looked += seen;
        query.rows_max = query.rows_max.saturating_sub(rows);
        if seen < records.len() {
            if let Some(last) = seen.checked_sub(1).map(|last| &records[last]) {
                query.after = Some(Cursor::of(last));
            }
            break true;
        }
        let Some(place) = place else { break false };
        query.after = Some(place);
        if full || looked == look_max || query.rows_max == 0 {
            break true;
        }
        read_rows = (2 * read_rows).min(READ_ROWS_MAX);
    };
    let next = query.after.filter(|_| more).map(|Cursor { create_time, name }| {
        let token = PageToken { create_time, name, digest };
        token.encode()
    });
    let next_page_token = next.unwrap_or_default();
    Ok(Page { items, next_page_token, kept: Pools::each(kept), slot })
}

/// Of all that a token is bound to.
fn digest(call: &Call, ask: &Ask<'_>) -> [u8; 8] {
    let [scope, parent, order] = ask.bound;
    let principal = call.caller.principal.as_str();
    page_digest(&[
        scope.as_bytes(),
        principal.as_bytes(),
        parent.as_bytes(),
        ask.filter.as_bytes(),
        order.as_bytes(),
    ])
}

#[cfg(test)]
mod tests;
