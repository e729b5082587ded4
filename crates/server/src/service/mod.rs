//! One function per RPC: authorize, decide, store. Both doors come through [`Api::call`];
//! neither a header nor a socket gets this far.

mod backend;
mod birth;
mod caller;
mod filter;
mod list;
mod lro;
mod operations;
mod pace;
mod payload;
mod pools;
mod request_id;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use prost::Message;
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use backend::Strays;
pub(crate) use caller::{authorize, authorize_backend, authorize_backend_of};
pub(crate) use lro::stamp_change;
pub(crate) use pools::{Kept, Pools};
pub(crate) use slots::{Slot, Slots};

use crate::auth::Caller;
use crate::catalog::{Catalog, Method, Service};
use crate::clock::Random;
use crate::error::{Error, Kind, Result};
use crate::live::{Hot, Live};
use crate::operation::{Change, Record, transition};
use crate::store::Store;

/// All that a call needs: what is served, where it is kept, and the limits.
pub(crate) struct Api {
    /// The services.
    pub catalog: Arc<Catalog>,
    /// The records.
    pub store: Arc<dyn Store>,
    /// The hot map and the waiters.
    pub live: Arc<Live>,
    /// The descriptors by which payloads are read.
    pub pools: Pools,
    /// For ids and lease tokens.
    pub random: Arc<dyn Random>,
    /// The limits that handlers keep.
    pub limits: Limits,
    /// Methods that workers ask for in vain.
    pub strays: Strays,
    /// Becomes true when the server stops: calls that wait answer at once.
    pub draining: watch::Receiver<bool>,
}

/// The limits that handlers keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Response, metadata and error of one operation together, encoded.
    pub operation_bytes_max: usize,
    /// A list or lease answer, encoded.
    pub message_bytes_max: usize,
    /// A page, whatever the caller asks for.
    pub page_size_max: usize,
    /// Between two heartbeats of a watch.
    pub heartbeat: Duration,
    /// Rows that one page looks at for what of its filter the store doesn't answer.
    pub list_scan_max: usize,
    /// Rows that the store looks at for one page.
    pub store_rows_max: usize,
    /// A list's filter.
    pub filter_bytes_max: usize,
}

#[cfg(test)]
impl Limits {
    /// Those that a server has unless it is told otherwise.
    pub(crate) const USUAL: Self = Self {
        operation_bytes_max: 1 << 20,
        message_bytes_max: 3 << 20,
        page_size_max: 1000,
        heartbeat: Duration::from_secs(15),
        list_scan_max: 10_000,
        store_rows_max: 100_000,
        filter_bytes_max: 4 << 10,
    };
}

/// The longest that WaitOperation and LeaseOperations hold a call.
const HOLD_MAX: Duration = Duration::from_secs(60);

/// Who calls what, and by when.
pub(crate) struct Call {
    /// The service whose operations the call is about; the Backend's calls name it themselves.
    pub service: Arc<Service>,
    /// The RPC.
    pub method: Arc<Method>,
    /// Who calls.
    pub caller: Arc<Caller>,
    /// When the caller stops listening.
    pub deadline: Option<Instant>,
    /// How long a GetOperation shall wait for the operation to be done.
    pub wait: Option<Duration>,
    /// The header [`REQUEST_ID`].
    pub request_id: Option<String>,
    /// Those of its connection.
    pub slots: Slots,
}

/// The header with a request's id (AIP-155), for requests that have no field for it.
pub(crate) const REQUEST_ID: &str = "x-longrun-request-id";

/// A call's answer.
pub(crate) struct Reply {
    /// The message.
    pub body: Body,
    /// For an open operation: whole seconds after which to look again.
    pub retry_seconds: Option<u32>,
    /// The descriptors that its payloads were checked against, if they aren't the service's.
    pub kept: Kept,
    /// What [`Call::wait`] was taken for.
    pub waited: Option<Duration>,
    /// The message's, if that may be large.
    pub slot: Option<Slot>,
}

/// The message of an answer.
pub(crate) enum Body {
    /// An Operation whose bytes may have been made already.
    Hot(Arc<Hot>),
    /// An encoded message.
    Message(Bytes),
    /// Encoded messages, one after another; an error is the last item. Whoever drops it
    /// ends it.
    Stream(Messages),
}

/// The messages of a stream.
pub(crate) type Messages = BoxStream<'static, Result<Streamed>>;

/// One message of a stream.
#[derive(Debug)]
pub(crate) struct Streamed {
    /// Encoded.
    pub message: Bytes,
    /// As [`Reply::kept`].
    pub kept: Kept,
}

impl Reply {
    fn message(message: &impl Message) -> Self {
        let body = Body::Message(message.encode_to_vec().into());
        Self { body, retry_seconds: None, kept: Kept::None, waited: None, slot: None }
    }
}

impl Api {
    /// Answers one call. `request` is the encoded request message; the caller's scopes
    /// have been checked ([`authorize`]).
    ///
    /// # Errors
    /// The RPC's, or `UNIMPLEMENTED`.
    pub(crate) async fn call(&self, call: &Call, request: Bytes) -> Result<Reply> {
        if let Some(rpc) = call.method.name.strip_prefix("google.longrunning.Operations/") {
            match rpc {
                "GetOperation" => return operations::get(self, call, decode(request)?).await,
                "ListOperations" => return operations::list(self, call, decode(request)?).await,
                "CancelOperation" => return operations::cancel(self, call, decode(request)?).await,
                "DeleteOperation" => return operations::delete(self, call, decode(request)?).await,
                "WaitOperation" => return operations::wait(self, call, decode(request)?).await,
                _ => {}
            }
        }
        if let Some(rpc) = call.method.name.strip_prefix("longrun.v1.Backend/") {
            return backend::call(self, call, rpc, request).await;
        }
        if call.method.lro.is_some() {
            return lro::call(self, call, request).await;
        }
        Err(unimplemented(&call.method.name))
    }

    /// A change of time's with what the server itself writes into it.
    pub(crate) fn stamped(&self, record: &Record, change: Change) -> Change {
        self.stamping(&record.name.service)(record, change)
    }

    /// Sets what the server itself writes into the changes of a service's records.
    fn stamping(&self, service: &str) -> impl Fn(&Record, Change) -> Change + Send + Sync + use<> {
        let descriptors = self.pools.current(service);
        let service = self.catalog.service(service).cloned();
        move |record, change| {
            let change = stamp_change(service.as_deref(), record, change);
            transition::noted(record, change, descriptors)
        }
    }

    /// Whether writes reach the store.
    ///
    /// # Errors
    /// `UNAVAILABLE`.
    pub(crate) async fn ready(&self) -> Result<()> {
        self.store.ready().await.map_err(|error| Error::unavailable(Box::new(error)))
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }
}

/// `UNIMPLEMENTED` for an RPC that isn't served.
#[must_use]
pub(crate) fn unimplemented(rpc: &str) -> Error {
    let kind = Kind::MethodUnimplemented { method: rpc.replace('/', ".") };
    Error::new(kind, format!("Method {} is not implemented here.", rpc.replace('/', ".")))
}

fn decode<M: Message + Default>(request: Bytes) -> Result<M> {
    M::decode(request).map_err(|error| {
        Error::invalid("", format!("The request is not a valid protobuf message: {error}."))
    })
}

/// Until when a call may be held: by the caller's wish, the cap, and its deadline.
fn hold_until(wish: Option<Duration>, deadline: Option<Instant>, now: Instant) -> Instant {
    let wished = now + wish.unwrap_or(HOLD_MAX).min(HOLD_MAX);
    deadline.map_or(wished, |deadline| wished.min(answer_by(deadline, now)))
}

/// When an answer has to leave for a caller who stops listening at the deadline: 200 ms or a
/// tenth is for the way back, whichever is more.
fn answer_by(deadline: Instant, now: Instant) -> Instant {
    let left = deadline.saturating_duration_since(now);
    let margin = (left / 10).max(Duration::from_millis(200));
    now + left.saturating_sub(margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hold_ends_before_the_caller_stops_listening() {
        let now = Instant::now();
        let ms = Duration::from_millis;
        let table = [
            (None, None, ms(60_000)),
            (Some(ms(5_000)), None, ms(5_000)),
            (Some(ms(90_000)), None, ms(60_000)),
            (Some(ms(5_000)), Some(ms(1_000)), ms(800)),
            (Some(ms(50_000)), Some(ms(10_000)), ms(9_000)),
            (Some(ms(100)), Some(ms(10_000)), ms(100)),
            (None, Some(ms(150)), ms(0)),
        ];
        for (wish, deadline, expected) in table {
            let until = hold_until(wish, deadline.map(|left| now + left), now);
            assert_eq!(until - now, expected, "{wish:?} {deadline:?}");
        }
    }
}
