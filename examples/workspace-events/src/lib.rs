//! The worker of the Workspace Events example: it carries out what callers ask of
//! `google.apps.events.subscriptions.v1.SubscriptionsService`, and keeps the subscriptions in a
//! file.
//!
//! Requests come checked against the protos, responses go out by gRPC and REST: all that is
//! left to do here is the API's own business. There is no Pub/Sub behind it, so no event flows.

mod call;
mod file;
mod refusal;
mod subscriptions;
mod wanted;

/// The API's messages, made from the protos.
#[allow(missing_docs, clippy::all)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/google.apps.events.subscriptions.v1.rs"));
}

use std::sync::Arc;
use std::time::Duration;

use longrun_client::{Client, Context, WorkError, Worker};
use prost::{Message, Name};

use call::Call;
pub use file::File;
use refusal::Refusal;
use subscriptions::Subscriptions;

/// The service's name.
pub const SERVICE: &str = "workspaceevents.googleapis.com";

/// A `longrun.toml` that serves it.
pub const CONFIG: &str = include_str!("../longrun.toml");

/// How long it takes to find out that events flow again: long enough to watch an operation run.
const REACTIVATION: Duration = Duration::from_secs(2);

/// A worker that keeps the subscriptions in `file`.
///
/// It is the only one who writes there: a second worker needs a store that both can write to.
pub fn worker(client: Client, file: File) -> Worker {
    let file = Arc::new(file);
    let worker = Worker::new(client, SERVICE);
    let worker = on(worker, &file, "CreateSubscription", Subscriptions::create);
    let worker = on(worker, &file, "UpdateSubscription", Subscriptions::update);
    let worker = on(worker, &file, "DeleteSubscription", Subscriptions::delete);
    worker.handle(method("ReactivateSubscription"), move |context: Context, request| {
        let file = file.clone();
        async move {
            if tokio::time::timeout(REACTIVATION, context.cancelled()).await.is_ok() {
                return Err(WorkError::cancelled("cancelled before it was reactivated"));
            }
            decide(&file, &context, request, Subscriptions::reactivate).await
        }
    })
}

/// What one method does to the subscriptions.
type Decision<Request, Response> =
    fn(&mut Subscriptions, &Call, Request) -> Result<Response, Refusal>;

/// The worker, with a handler for one more method.
fn on<Request, Response>(
    worker: Worker,
    file: &Arc<File>,
    rpc: &str,
    decision: Decision<Request, Response>,
) -> Worker
where
    Request: Message + Name + Default + 'static,
    Response: Message + Name + 'static,
{
    let file = file.clone();
    worker.handle(method(rpc), move |context, request| {
        let file = file.clone();
        async move { decide(&file, &context, request, decision).await }
    })
}

async fn decide<Request, Response>(
    file: &Arc<File>,
    context: &Context,
    request: Request,
    decision: Decision<Request, Response>,
) -> Result<Response, WorkError>
where
    Request: Send + 'static,
    Response: Send + 'static,
{
    let (file, call) = (file.clone(), Call::of(context.record()));
    // The disk keeps a thread waiting: it had better not be one that renews leases.
    let decided = tokio::task::spawn_blocking(move || {
        file.change(|subscriptions| decision(subscriptions, &call, request))
    });
    decided.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn method(rpc: &str) -> String {
    format!("google.apps.events.subscriptions.v1.SubscriptionsService/{rpc}")
}
