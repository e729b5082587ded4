//! `longrun operations list`.

use std::num::NonZeroUsize;

use clap::Args;
use longrun_api::google::longrunning::ListOperationsRequest;
use longrun_client::{ClientError, escape_path};
use serde_json::{Value, json};

use super::each::say;
use super::format::{Shape, Sink};
use super::query::{literal, with_query};
use super::session::{Session, is_no_route};
use super::{Access, Output, plain};
use crate::output::{Exit, Failure};

/// Flags of `longrun operations list`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    access: Access,
    /// Those right under this parent, such as projects/p. Without it a client sees those without
    /// a parent, the Backend all.
    #[arg(long, value_name = "PARENT")]
    parent: Option<String>,
    /// Those that pass (AIP-160), such as 'state=RUNNING create_time>"2026-01-01T00:00:00Z"'.
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,
    /// The order; the Backend's view only. [default: create_time desc]
    #[arg(long, value_name = "ORDER", value_parser = ["create_time", "create_time desc"])]
    order_by: Option<String>,
    /// So many at most. [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
    /// So many with each call. [default: the server's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    page_size: Option<u16>,
    #[command(flatten)]
    output: Output,
}

/// Lists page by page, to the end or the limit.
pub(super) async fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let session = Session::open(&arguments.access).await?;
    let explain = |error| session.explain(error);
    let limit = arguments.limit.map_or(usize::MAX, NonZeroUsize::get);
    let services = arguments.access.service.is_none();
    let mut sink = Sink::new(&arguments.output.format, Shape::List { services });
    let mut backend = true;
    let (mut token, mut left) = (String::new(), limit);
    loop {
        let size = size(arguments.page_size, left);
        let records = match backend {
            true => session.as_backend(records(&session, arguments, &size, &token)).await,
            false => Ok(None),
        };
        let mut page = match records.map_err(explain)? {
            Some(page) => page,
            None if arguments.order_by.is_some() => {
                return Err(Failure::usage("--order-by: a client's list has one order only"));
            }
            None => {
                backend = false;
                operations(&session, arguments, &size, &token).await.map_err(explain)?
            }
        };
        let key = if backend { "records" } else { "operations" };
        for value in page[key].as_array_mut().into_iter().flatten().map(Value::take).take(left) {
            left -= 1;
            sink.put(value)?;
        }
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() || left == 0 {
            break;
        }
    }
    if sink.end()? == 0 {
        say("no operations");
    }
    Ok(Exit::Ok)
}

/// The next page's size: no more than are wanted; empty, if the server is to choose.
fn size(page_size: Option<u16>, left: usize) -> String {
    let wanted = page_size.map(usize::from).unwrap_or(usize::MAX).min(left);
    match u16::try_from(wanted) {
        Ok(wanted) => wanted.to_string(),
        Err(_) => String::new(),
    }
}

async fn records(
    session: &Session,
    arguments: &Arguments,
    size: &str,
    token: &str,
) -> Result<Value, ClientError> {
    let service = arguments.access.service.as_deref().unwrap_or("-");
    let path = format!("/longrun/v1/services/{}/operations", escape_path(service));
    let filter = match &arguments.parent {
        None => arguments.filter.clone(),
        Some(parent) => below(parent, &arguments.filter),
    };
    let order = arguments.order_by.as_deref().unwrap_or_default();
    let path = with_query(
        &path,
        &[("filter", &filter), ("orderBy", order), ("pageSize", size), ("pageToken", token)],
    );
    session.backend().get_json(&path).await
}

/// A filter of those right under a parent: no id has a slash.
fn below(parent: &str, filter: &str) -> String {
    let prefix = literal(&format!("{parent}/operations/"));
    let name = format!("name={}*\"", prefix.trim_end_matches('"'));
    if filter.trim().is_empty() { name } else { format!("({filter}) AND {name}") }
}

async fn operations(
    session: &Session,
    arguments: &Arguments,
    size: &str,
    token: &str,
) -> Result<Value, ClientError> {
    let client = session.client_of(arguments.access.service.as_deref()).await?;
    let name = match &arguments.parent {
        Some(parent) => format!("{parent}/operations"),
        None => "operations".to_owned(),
    };
    let path = with_query(
        &format!("/v1/{}", escape_path(&name)),
        &[("filter", &arguments.filter), ("pageSize", size), ("pageToken", token)],
    );
    match client.get_json(&path).await {
        Err(error) if is_no_route(&error) => {}
        page => return page,
    }
    let request = ListOperationsRequest {
        name,
        filter: arguments.filter.clone(),
        page_size: size.parse().unwrap_or_default(),
        page_token: token.to_owned(),
        ..ListOperationsRequest::default()
    };
    let page = client.list_operations(request).await?;
    let operations: Vec<Value> = page.operations.iter().map(plain::operation).collect();
    Ok(json!({ "operations": operations, "nextPageToken": page.next_page_token }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_no_larger_than_what_is_wanted() {
        let table = [
            (None, usize::MAX, ""),
            (None, 5, "5"),
            (Some(10), usize::MAX, "10"),
            (Some(10), 3, "3"),
            (Some(2), 3, "2"),
        ];
        for (page_size, left, expected) in table {
            assert_eq!(size(page_size, left), expected, "{page_size:?} {left}");
        }
    }

    #[test]
    fn parents_are_a_filter() {
        assert_eq!(below("projects/p", " "), r#"name="projects/p/operations/*""#);
        let both = r#"(done=true OR a=b) AND name="p\*/operations/*""#;
        assert_eq!(below("p*", "done=true OR a=b"), both);
    }
}
