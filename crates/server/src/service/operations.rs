//! `google.longrunning.Operations`: what clients ask.

use std::sync::Arc;
use std::time::Duration;

use longrun_api::google::longrunning::{
    CancelOperationRequest, DeleteOperationRequest, GetOperationRequest, ListOperationsRequest,
    ListOperationsResponse, WaitOperationRequest,
};
use tokio::time::{Instant, timeout_at};

use super::caller::{sees, told};
use super::list::{Ask, Page, page};
use super::{Api, Body, Call, HOLD_MAX, Reply, hold_until, pace};
use crate::catalog::Policy;
use crate::error::{Error, Kind, Result};
use crate::live::Hot;
use crate::operation::{Decision, Filter, Parent, Record, RecordName, Timestamp, transition};
use crate::store::{ListQuery, Order, StoreError};
use crate::wire;

/// GetOperation: the latest state; with a wish to wait, as WaitOperation.
pub(super) async fn get(api: &Api, call: &Call, request: GetOperationRequest) -> Result<Reply> {
    let name = name_of(call, &request.name)?;
    let Some(wish) = call.wait else {
        let hot = visible(api, call, &name).await?;
        return Ok(reply(api, call, hot));
    };
    let hot = hold(api, call, &name, Some(wish)).await?;
    Ok(Reply { waited: Some(wish.min(HOLD_MAX)), ..reply(api, call, hot) })
}

/// WaitOperation: the latest state, once it is done or the time is over.
pub(super) async fn wait(api: &Api, call: &Call, request: WaitOperationRequest) -> Result<Reply> {
    let wish = match &request.timeout {
        None => None,
        Some(timeout) => Some(Duration::from(wire::span(timeout).ok_or_else(|| {
            Error::invalid(
                "timeout",
                "Invalid value at 'timeout': no valid google.protobuf.Duration.",
            )
        })?)),
    };
    let name = name_of(call, &request.name)?;
    let hot = hold(api, call, &name, wish).await?;
    Ok(reply(api, call, hot))
}

/// The record once it is done, or the time is over, or the server stops.
async fn hold(
    api: &Api,
    call: &Call,
    name: &RecordName,
    wish: Option<Duration>,
) -> Result<Arc<Hot>> {
    let until = hold_until(wish, call.deadline, Instant::now());
    let mut draining = api.draining.clone();
    loop {
        // Registered before the read, so that no commit falls between the two.
        let mut signal = api.live.watch_record(name);
        let hot = visible(api, call, name).await?;
        if hot.record.done().is_some() || until <= Instant::now() || *draining.borrow() {
            return Ok(hot);
        }
        let woken = async {
            tokio::select! {
                // No chance in what comes first: the simulation repeats itself.
                biased;
                () = signal.wait() => {}
                // An error means that the server is gone, which is stopping too.
                _ = draining.wait_for(|stop| *stop) => {}
            }
        };
        if timeout_at(until, woken).await.is_err() {
            return visible(api, call, name).await;
        }
    }
}

/// ListOperations: a page of the caller's operations under a parent.
pub(super) async fn list(api: &Api, call: &Call, request: ListOperationsRequest) -> Result<Reply> {
    if request.return_partial_success {
        return Err(Error::new(
            Kind::PartialSuccessUnsupported,
            "return_partial_success is not supported: one collection is always whole.",
        ));
    }
    let parent = parent_of(&request.name)
        .ok_or_else(|| Error::invalid("name", "Invalid value at 'name': no resource name."))?;
    let ask = Ask {
        filter: &request.filter,
        page_size: request.page_size,
        page_token: &request.page_token,
        bound: [&call.service.name, parent.as_str(), "client"],
    };
    let shared = call.service.policy == Policy::Shared;
    let query = ListQuery {
        service: Some(call.service.name.clone()),
        parent: Some(parent.clone()),
        owner: (!shared).then(|| call.caller.principal.clone()),
        hidden: false,
        filter: Filter::default(),
        order: Order::NewestFirst,
        after: None,
        limit: 0,
        bytes_max: 0,
        rows_max: 0,
    };
    let Page { items, next_page_token, kept, slot } =
        page(api, call, ask, query, wire::operation).await?;
    let response =
        ListOperationsResponse { operations: items, next_page_token, unreachable: vec![] };
    Ok(Reply { kept, slot: Some(slot), ..Reply::message(&response) })
}

/// CancelOperation: asks, and doesn't wait.
pub(super) async fn cancel(
    api: &Api,
    call: &Call,
    request: CancelOperationRequest,
) -> Result<Reply> {
    change(api, call, &request.name, transition::cancel).await
}

/// DeleteOperation: hides it at once.
pub(super) async fn delete(
    api: &Api,
    call: &Call,
    request: DeleteOperationRequest,
) -> Result<Reply> {
    change(api, call, &request.name, transition::delete).await
}

async fn change(
    api: &Api,
    call: &Call,
    name: &str,
    event: fn(&Record, Timestamp) -> Decision,
) -> Result<Reply> {
    let name = name_of(call, name)?;
    let (caller, service) = (call.caller.clone(), call.service.clone());
    let apply = move |record: &Record, now| {
        sees(&caller, &service, record)?;
        event(record, now)
    };
    match super::backend::update(api, &name, Box::new(apply)).await {
        Ok(_) => Ok(Reply::message(&())),
        Err(error) => Err(refusal(call, error, &name)),
    }
}

/// The record of an operation that the caller may see.
async fn visible(api: &Api, call: &Call, name: &RecordName) -> Result<Arc<Hot>> {
    let found = api.live.get(&*api.store, name).await.and_then(|hot| {
        sees(&call.caller, &call.service, &hot.record).map_err(StoreError::Refused)?;
        Ok(hot)
    });
    found.map_err(|error| refusal(call, error, name))
}

fn refusal(call: &Call, error: StoreError, name: &RecordName) -> Error {
    Error::from_store(told(&call.caller, &call.service, error), &name.operation)
}

fn reply(api: &Api, call: &Call, hot: Arc<Hot>) -> Reply {
    let retry_seconds = pace::retry_seconds(api, &call.service, &hot.record);
    let kept = api.pools.kept(&hot.record);
    Reply { body: Body::Hot(hot), retry_seconds, kept, waited: None, slot: None }
}

/// A text that can be no operation's name names none: NOT_FOUND, as for any other.
fn name_of(call: &Call, text: &str) -> Result<RecordName> {
    let operation = wire::operation_name(text).ok_or_else(|| Error::not_found(&text))?;
    Ok(RecordName { service: call.service.name.clone(), operation })
}

/// The parent that a list names: `operations`, nothing, `P` or `P/operations`.
fn parent_of(name: &str) -> Option<Parent> {
    let parent = match name {
        "operations" => "",
        name => name.strip_suffix("/operations").filter(|rest| !rest.is_empty()).unwrap_or(name),
    };
    Parent::parse(parent).ok()
}

#[cfg(test)]
mod tests {
    use super::parent_of;

    #[test]
    fn lists_name_a_collection_or_its_parent() {
        let table = [
            ("", Some("")),
            ("operations", Some("")),
            ("projects/p", Some("projects/p")),
            ("projects/p/operations", Some("projects/p")),
            ("projects/myoperations", Some("projects/myoperations")),
            ("projects//p", None),
            ("/operations", None),
        ];
        for (name, parent) in table {
            assert_eq!(parent_of(name).as_ref().map(|found| found.as_str()), parent, "{name:?}");
        }
    }
}
