//! One page of records: shared by the clients' list and the service's own.

use prost::Message;

use super::{Api, Call, Kept};
use crate::error::{Error, Result};
use crate::operation::{Filter, PageSize, PageToken, Record, page_digest};
use crate::store::{Cursor, ListQuery};

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
}

/// Reads a page: `query` without filter, place and limit; `view` makes the answer's items.
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
    query.filter = Filter::parse(ask.filter)
        .map_err(|error| Error::invalid("filter", format!("Invalid filter: {error}")))?;
    let [scope, parent, order] = ask.bound;
    let principal = call.caller.principal.as_str();
    let digest = page_digest(&[
        scope.as_bytes(),
        principal.as_bytes(),
        parent.as_bytes(),
        ask.filter.as_bytes(),
        order.as_bytes(),
    ]);
    if !ask.page_token.is_empty() {
        let token = PageToken::decode(ask.page_token, digest)
            .map_err(|error| Error::invalid("page_token", format!("{error}")))?;
        query.after = Some(Cursor { create_time: token.create_time, name: token.name });
    }
    let several = query.service.is_none();
    // One more than asked for tells whether there is a next page.
    query.limit = size + 1;
    let records =
        api.store.list(query).await.map_err(|error| Error::unavailable(Box::new(error)))?;

    let mut items = Vec::with_capacity(size.min(records.len()));
    let mut bytes = 0;
    for record in records.iter().take(size) {
        let item = view(record);
        bytes += item.encoded_len() + 8;
        if bytes > api.limits.message_bytes_max && !items.is_empty() {
            break;
        }
        items.push(item);
    }
    let more = records.len() > items.len();
    let last = items.len().checked_sub(1).and_then(|index| records.get(index));
    let next_page_token = match last {
        Some(record) if more => {
            PageToken { create_time: record.create_time, name: record.name.clone(), digest }
                .encode()
        }
        _ => String::new(),
    };
    let shown = records.iter().take(items.len());
    let kept = match several {
        true => api.pools.kept_of_all(shown),
        false => api.pools.kept_each(shown),
    };
    Ok(Page { items, next_page_token, kept })
}
