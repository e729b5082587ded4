//! GetRecord and ListRecords, and what labels may be.

use longrun_api::longrun::v1::{GetRecordRequest, ListRecordsRequest, ListRecordsResponse};

use super::{readable, record_reply, service, service_name};
use crate::error::{Error, Result, Violation};
use crate::operation::{Filter, Labels};
use crate::service::caller::backend_reads;
use crate::service::list::{Ask, Page, page};
use crate::service::{Api, Call, Reply};
use crate::store::{ListQuery, Order};
use crate::wire;

pub(super) async fn get(api: &Api, call: &Call, request: GetRecordRequest) -> Result<Reply> {
    let (name, _) = readable(api, call, &request.name)?;
    let found = api.live.get(&*api.store, &name).await;
    let hot = found.map_err(|error| Error::from_store(error, &name.operation))?;
    Ok(record_reply(api, &hot.record, None))
}

pub(super) async fn list(api: &Api, call: &Call, request: ListRecordsRequest) -> Result<Reply> {
    let scope = service_name(&request.parent)?;
    backend_reads(&call.caller, scope)?;
    if scope != "-" {
        service(api, scope)?;
    }
    let order = match request.order_by.trim() {
        "" | "create_time desc" => Order::NewestFirst,
        "create_time" | "create_time asc" => Order::OldestFirst,
        other => {
            let description = format!(
                "Invalid value at 'order_by': \"{other}\"; expected `create_time desc` or `create_time`."
            );
            return Err(Error::invalid("order_by", description));
        }
    };
    let ask = Ask {
        filter: &request.filter,
        page_size: request.page_size,
        page_token: &request.page_token,
        bound: [scope, "", if order == Order::NewestFirst { "desc" } else { "asc" }],
    };
    let query = ListQuery {
        service: (scope != "-").then(|| scope.to_owned()),
        parent: None,
        owner: None,
        hidden: true,
        filter: Filter::default(),
        order,
        after: None,
        limit: 0,
        bytes_max: 0,
        rows_max: 0,
    };
    let view = |record: &_| wire::record(record, None);
    let Page { items, next_page_token, kept, slot } = page(api, call, ask, query, view).await?;
    let response = ListRecordsResponse { records: items, next_page_token };
    Ok(Reply { kept, slot: Some(slot), ..Reply::message(&response) })
}

/// The most labels on one record.
const LABELS_MAX: usize = 64;

/// Adds what is wrong with labels to `violations`: at most 64; keys of 1 to 63 lower-case
/// letters, digits, `_`, `-`, starting with a letter; values of at most 255 bytes.
pub(super) fn check_labels(field: &str, labels: &Labels, violations: &mut Vec<Violation>) {
    let mut refuse = |description: String| {
        let description = format!("Invalid value at '{field}': {description}");
        violations.push(Violation { field: field.to_owned(), description });
    };
    if labels.len() > LABELS_MAX {
        refuse(format!("{} labels; a record has at most {LABELS_MAX}.", labels.len()));
    }
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
    for (key, value) in labels {
        let starts = key.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if !starts || key.len() > 63 || !key.bytes().all(inner) {
            refuse(format!("\"{key}\" is no label key, `[a-z][a-z0-9_-]{{0,62}}`."));
        }
        if value.len() > 255 || value.contains(char::is_control) {
            refuse(format!("the value of \"{key}\" is over 255 bytes or has control characters."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        let long = "k".repeat(64);
        let table = [
            ("env", "prod", true),
            ("a1_-", "", true),
            ("Env", "prod", false),
            ("1a", "x", false),
            ("", "x", false),
            (&long, "x", false),
            ("a", "line\nbreak", false),
        ];
        for (key, value, good) in table {
            let mut violations = vec![];
            let labels = Labels::from([(key.to_owned(), value.to_owned())]);
            check_labels("labels", &labels, &mut violations);
            assert_eq!(violations.is_empty(), good, "{key:?}={value:?}");
        }
        let many = (0..65).map(|index| (format!("k{index}"), String::new())).collect();
        let mut violations = vec![];
        check_labels("labels", &many, &mut violations);
        assert_eq!(violations.len(), 1);
    }
}
