//! A typed client: what callers ask of `google.longrunning.Operations`, and what workers
//! and operators ask of `longrun.v1.Backend`.
//!
//! [`Client`] makes the calls, [`Poller`] follows one operation to its end, and [`Worker`]
//! does the work: it leases records, hands each to a handler, and finishes them.

mod any;
mod away;
mod error;
mod json;
mod operations;
mod payload;
mod poller;
mod records;
pub mod signal;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use longrun_api::google::longrunning::operations_client::OperationsClient;
use longrun_api::longrun::v1::backend_client::BackendClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};

pub use any::{pack, unpack};
pub use away::patiently;
pub use error::ClientError;
pub use json::{JsonStream, escape_path};
pub use payload::{Failure, Payload};
pub use poller::{OperationError, Poller};
pub use tonic::Code;
pub use worker::{Context, Retry, WorkError, Worker};

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How soon a call learns that the machine on the other side is gone: without it, a wait
/// would never end.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

type Bound = InterceptedService<Channel, Bearer>;

/// A connection to one server; clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    bearer: Bearer,
    operations: OperationsClient<Bound>,
    backend: BackendClient<Bound>,
}

impl Client {
    /// Connects to `http://HOST:PORT`, with a bearer token if the server asks for one.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when the endpoint or token is none, `UNAVAILABLE` when nobody
    /// answers there.
    pub async fn connect(endpoint: &str, token: Option<String>) -> Result<Self, ClientError> {
        Self::connect_as(endpoint, token, None).await
    }

    /// As [`connect`](Self::connect), naming a host: on a server of several services it
    /// says which one is meant.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_as(
        endpoint: &str,
        token: Option<String>,
        host: Option<&str>,
    ) -> Result<Self, ClientError> {
        let invalid = |what: String| ClientError::new(Code::InvalidArgument, what);
        let uri: Uri = endpoint.parse().map_err(|_| {
            invalid(format!("`{endpoint}` is no endpoint: expected http://HOST:PORT"))
        })?;
        if uri.scheme_str() != Some("http") || !matches!(uri.path(), "" | "/") {
            let what = "only http://HOST:PORT is supported yet, without a path";
            return Err(invalid(format!("`{endpoint}`: {what}")));
        }
        let mut target = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
        if let Some(host) = host {
            let origin = format!("http://{host}").parse();
            target = target.origin(origin.map_err(|_| invalid(format!("`{host}` is no host")))?);
        }
        let bearer = Bearer::new(token)?;
        let channel = target.connect().await.map_err(|error| {
            ClientError::new(Code::Unavailable, format!("{endpoint}: {}", error::chain(&error)))
        })?;
        Ok(Self {
            operations: OperationsClient::with_interceptor(channel.clone(), bearer.clone()),
            backend: BackendClient::with_interceptor(channel.clone(), bearer.clone()),
            channel,
            bearer,
        })
    }
}

/// Puts the token into every call.
#[derive(Clone)]
struct Bearer(Option<Arc<MetadataValue<Ascii>>>);

impl Bearer {
    fn new(token: Option<String>) -> Result<Self, ClientError> {
        let value = |token: String| {
            let mut value: MetadataValue<Ascii> =
                format!("Bearer {}", token.trim()).parse().map_err(|_| {
                    ClientError::new(
                        Code::InvalidArgument,
                        "the token has bytes that no header takes",
                    )
                })?;
            value.set_sensitive(true);
            Ok(Arc::new(value))
        };
        token.map(value).transpose().map(Self)
    }
}

impl Interceptor for Bearer {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.as_ref().clone());
        }
        Ok(request)
    }
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Bearer(…)" } else { "Bearer(none)" })
    }
}
