//! Accepts connections and lets each request in by one of the doors.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::entry::Entry;
use super::io::Plain;
use super::{grpc, rest};

/// A bound socket, the service that it is for (if one), and its limits.
pub(crate) struct Listener {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// `[[service]] listen`: requests here mean this service.
    pub(crate) bound: Option<String>,
    /// Open connections; further ones wait to be accepted.
    pub(crate) connections_max: usize,
    /// Concurrent HTTP/2 streams of one connection.
    pub(crate) streams_max: u32,
    /// From the first byte of a request to the end of its headers.
    pub(crate) header_timeout: Duration,
}

/// Bytes of a request's headers.
const HEADER_BYTES_MAX: u32 = 32 * 1024;
/// Whether an HTTP/2 peer is still there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// When accepting fails (no file descriptors left), it is tried again after so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the server stops, then until the requests under way are answered.
pub(crate) async fn serve(listener: Listener, entry: Arc<Entry>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(listener.connections_max));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(listener.header_timeout)
        .max_buf_size(HEADER_BYTES_MAX as usize * 2);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(listener.streams_max)
        .max_header_list_size(HEADER_BYTES_MAX)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    let builder = Arc::new(builder);
    let bound: Option<Arc<str>> = listener.bound.map(Into::into);
    let mut draining = entry.draining.clone();

    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener.socket, &places) => accepted,
            // An error means that the server is gone, which is stopping too.
            _ = draining.wait_for(|stop| *stop) => break,
        };
        let Some((stream, place)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (entry, bound, builder) = (entry.clone(), bound.clone(), builder.clone());
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (entry, bound) = (entry.clone(), bound.clone());
                async move {
                    let bound = bound.as_deref();
                    Ok::<_, Infallible>(if grpc::is_grpc(request.headers()) {
                        grpc::answer(&entry, bound, request).await
                    } else {
                        rest::answer(&entry, bound, request).await
                    })
                }
            });
            let connection = builder.serve_connection(TokioIo::new(Plain(stream)), service);
            // A connection that breaks is the peer's affair.
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener.socket);
    graceful.shutdown().await;
}

async fn accept(
    socket: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, _)) => {
            // Answers are small and whole: waiting to fill a packet only delays them.
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!(%error, "could not accept a connection");
            None
        }
    }
}
