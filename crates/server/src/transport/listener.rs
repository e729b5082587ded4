//! Accepts connections and lets each request in by one of the doors.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::connection::{Activity, drive};
use super::entry::{Arrival, Entry};
use super::io::Watched;
use super::{grpc, rest};
use crate::config::Limits;
use crate::service::Slots;

/// A bound socket, the service that it is for (if one), and where its connections stay.
pub(crate) struct Listener {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// `[[service]] listen`: requests here mean this service.
    pub(crate) bound: Option<String>,
    /// Places for open connections, shared by all sockets.
    pub(crate) places: Arc<Semaphore>,
}

/// The connections beyond all places that a socket has open at once, to tell them so.
const FULL_MAX: usize = 64;
/// Whether an HTTP/2 peer is still there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Streams of one HTTP/2 connection that the server itself may have to reset because the
/// peer breaks the protocol; one more ends the connection.
const ERRORS_MAX: usize = 100;
/// Headers that hyper takes without being told to.
const HEADERS_USUAL: usize = 100;
/// The least buffer that hyper takes.
const BUFFER_BYTES_MIN: usize = 8 * 1024;
/// When accepting fails (no file descriptors left), it is tried again after so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the server stops, then until the requests under way are answered.
pub(crate) async fn serve(listener: Listener, entry: Arc<Entry>) {
    let Listener { socket, bound, places } = listener;
    let spare = Arc::new(Semaphore::new(FULL_MAX));
    let tasks = Tasks(TaskTracker::new());
    let builder = Arc::new(builder(&entry.limits, tasks.clone()));
    let bound: Option<Arc<str>> = bound.map(Into::into);
    let mut draining = entry.draining.clone();

    loop {
        let accepted = tokio::select! {
            accepted = accept(&socket, &places, &spare) => accepted,
            // An error means that the server is gone, which is stopping too.
            _ = draining.wait_for(|stop| *stop) => break,
        };
        let Some(accepted) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let slots = Slots::new(entry.limits.answers_max);
        let arrival = Arrival { bound: bound.clone(), full: accepted.full, slots };
        let (entry, builder) = (entry.clone(), builder.clone());
        tasks.0.spawn(async move {
            connection(accepted.stream, entry, arrival, &builder).await;
            drop(accepted.place);
        });
    }
    drop(socket);
    tasks.0.close();
    tasks.0.wait().await;
}

/// The connections, and the calls that hyper runs beside them (those of HTTP/2): a call may
/// outlive its connection, but not the stop, after which there is no store.
#[derive(Clone)]
struct Tasks(TaskTracker);

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, call: F) {
        self.0.spawn(call);
    }
}

/// Limits go to hyper where it keeps them; doors check again what they can answer better.
fn builder(limits: &Limits, tasks: Tasks) -> auto::Builder<Tasks> {
    // An HTTP/2 head over hyper's limit is answered by hyper, without a body: what is only
    // a little over ours shall not be.
    let head = limits.header_bytes_max.saturating_mul(2);
    let mut builder = auto::Builder::new(tasks);
    let mut http1 = builder.http1();
    http1
        .timer(TokioTimer::new())
        // `drive` keeps this time; hyper's would count idle time too.
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes_max.max(BUFFER_BYTES_MIN));
    if limits.headers_max > HEADERS_USUAL {
        // It costs an allocation per request.
        http1.max_headers(limits.headers_max);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(limits.resets_max)
        .max_local_error_reset_streams(ERRORS_MAX)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    builder
}

async fn connection(
    stream: TcpStream,
    entry: Arc<Entry>,
    arrival: Arrival,
    builder: &auto::Builder<Tasks>,
) {
    let draining = entry.draining.clone();
    let activity = Arc::new(Activity::new());
    let socket = TokioIo::new(Watched::new(stream, activity.clone(), entry.clone()));
    // One count for each request to move, and none that other connections move as well.
    let shared = Arc::new((entry, arrival));
    let (called, requests) = (shared.clone(), activity.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, open) = (called.clone(), requests.enter());
        async move {
            let (entry, arrival) = &*shared;
            let bodied = !http_body::Body::is_end_stream(request.body());
            let last = arrival.full && request.version() < Version::HTTP_2;
            let mut response = if grpc::is_grpc(&request) {
                grpc::answer(entry, arrival, request).await
            } else {
                rest::answer(entry, arrival, request).await
            };
            if bodied && !response.status().is_success() {
                open.leave_unread();
            }
            if last {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| body.held(open, &entry.draining)))
        }
    });
    let connection = pin!(builder.serve_connection(socket, service));
    // A connection that breaks is the peer's affair.
    let (limits, full) = (&shared.0.limits, shared.1.full);
    if let Err(error) = drive(connection, activity, limits, full, draining).await {
        tracing::debug!(%error, "connection ended");
    }
}

struct Accepted {
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    full: bool,
}

/// The next connection. One too many is accepted as well, to be told so; if there are too
/// many of those, they wait, at most as long as one of them may stay.
async fn accept(
    socket: &TcpListener,
    places: &Arc<Semaphore>,
    spare: &Arc<Semaphore>,
) -> Option<Accepted> {
    let spare = spare.clone().acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, _)) => {
            // Answers are small and whole: waiting to fill a packet only delays them.
            let _ = stream.set_nodelay(true);
            Some(match places.clone().try_acquire_owned() {
                Ok(place) => Accepted { stream, place, full: false },
                Err(_) => Accepted { stream, place: spare, full: true },
            })
        }
        Err(error) => {
            tracing::warn!(%error, "could not accept a connection");
            None
        }
    }
}
