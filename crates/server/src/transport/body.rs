//! Bodies of both doors: a request's, read within its limits, and the one of responses.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream::{BoxStream, unfold};
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};

use super::connection::Open;
use crate::config::Limits;
use crate::error::{Error, Kind, Result};

/// A request's body, and its place in memory until the request is answered.
#[derive(Default)]
pub(super) struct Taken<'a> {
    pub(super) bytes: Bytes,
    pub(super) _place: Option<SemaphorePermit<'a>>,
}

/// Reads a request's body of at most `bytes_max` bytes; it never holds more of a larger one.
/// `memory` has a permit for each byte of bodies.
///
/// # Errors
/// When it is too large, too slow, breaks off, or there is no memory for it.
pub(super) async fn read<'a>(
    mut body: Incoming,
    bytes_max: usize,
    limits: &Limits,
    memory: &'a Semaphore,
) -> Result<Taken<'a>> {
    if body.is_end_stream() {
        return Ok(Taken::default());
    }
    // What the headers promise is enough to say no.
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large(limits.request_bytes_max));
    }
    let deadline = Instant::now() + limits.body_timeout;
    let mut whole = BytesMut::new();
    let mut place: Option<SemaphorePermit<'_>> = None;
    let late = |_| {
        let seconds = limits.body_timeout.as_secs_f64();
        let message = format!("The request's body did not come within {seconds} s (body_timeout).");
        Error::new(Kind::RequestTimeout, message)
    };
    while let Some(frame) = timeout_at(deadline, body.frame()).await.map_err(late)? {
        let frame = frame.map_err(|_| broken())?;
        // What comes behind the data says nothing that counts.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > bytes_max {
            return Err(too_large(limits.request_bytes_max));
        }
        let bytes = u32::try_from(data.len()).map_err(|_| too_large(limits.request_bytes_max))?;
        let more = memory.try_acquire_many(bytes).map_err(|_| busy())?;
        match &mut place {
            None => place = Some(more),
            Some(place) => place.merge(more),
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(Taken { bytes: data, _place: place });
        }
        whole.extend_from_slice(&data);
    }
    Ok(Taken { bytes: whole.freeze(), _place: place })
}

/// Over `request_bytes_max`.
pub(super) fn too_large(request_bytes_max: usize) -> Error {
    let message =
        format!("The request is larger than {request_bytes_max} bytes (request_bytes_max).");
    let limit_bytes = Some(request_bytes_max);
    Error::new(Kind::RequestTooLarge { limit_bytes, limit_headers: None }, message)
}

/// There is no room for this request.
pub(super) fn busy() -> Error {
    let message = "The server has as much to do as it bears; nothing was changed. Try again.";
    Error::new(Kind::ServerBusy, message)
}

fn broken() -> Error {
    Error::invalid("", "The request's body broke off.")
}

/// At most one piece of data, then perhaps trailers; or a stream; or another service's body.
pub(super) enum Body {
    /// Bytes, then trailers.
    Whole {
        /// The bytes.
        data: Option<Bytes>,
        /// What follows them (gRPC).
        trailers: Option<HeaderMap>,
    },
    /// Frames as they come. The request stays open until they end.
    Stream {
        /// The frames.
        frames: BoxStream<'static, Frame<Bytes>>,
        /// What they keep open, once the answer has left its door.
        _open: Option<Open>,
    },
    /// From a tonic service (health, reflection).
    Tonic(tonic::body::Body),
}

impl Body {
    pub(super) fn empty() -> Self {
        Self::Whole { data: None, trailers: None }
    }

    pub(super) fn bytes(data: Bytes) -> Self {
        Self::Whole { data: Some(data), trailers: None }
    }

    pub(super) fn stream(frames: BoxStream<'static, Frame<Bytes>>) -> Self {
        Self::Stream { frames, _open: None }
    }

    /// The body, and with it the request if the answer may take its time; whatever is
    /// whole has only to be fetched.
    pub(super) fn held(self, open: Open, draining: &watch::Receiver<bool>) -> Self {
        let frames = match self {
            Self::Stream { frames, .. } => frames,
            Self::Tonic(body) if !body.is_end_stream() => until_stop(body, draining.clone()),
            body => return body,
        };
        Self::Stream { frames, _open: Some(open) }
    }
}

/// The frames of a tonic service, which knows nothing of a stop. What it has to say by then
/// comes first.
fn until_stop(
    body: tonic::body::Body,
    draining: watch::Receiver<bool>,
) -> BoxStream<'static, Frame<Bytes>> {
    let last = |status: tonic::Status| {
        let mut trailers = HeaderMap::new();
        // Its texts are ours or tonic's, which fit into headers.
        let _ = status.add_header(&mut trailers);
        Some((Frame::trailers(trailers), None))
    };
    unfold(Some((body, draining)), move |state| async move {
        let (mut body, mut draining) = state?;
        let stopping = || Err(tonic::Status::unavailable("The server is stopping."));
        let next = tokio::select! {
            biased;
            frame = body.frame() => frame?,
            // An error means that the server is gone, which is stopping too.
            _ = draining.wait_for(|stop| *stop) => stopping(),
        };
        match next {
            Ok(frame) => Some((frame, Some((body, draining)))),
            Err(status) => last(status),
        }
    })
    .boxed()
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, tonic::Status>>> {
        match &mut *self {
            Self::Whole { data, trailers } => {
                let data = data.take().filter(|data| !data.is_empty()).map(Frame::data);
                Poll::Ready(data.or_else(|| trailers.take().map(Frame::trailers)).map(Ok))
            }
            Self::Stream { frames, .. } => frames.poll_next_unpin(context).map(|one| one.map(Ok)),
            Self::Tonic(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { data, trailers } => {
                trailers.is_none() && data.as_ref().is_none_or(Bytes::is_empty)
            }
            Self::Stream { .. } => false,
            Self::Tonic(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { data, .. } => {
                SizeHint::with_exact(data.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Stream { .. } => SizeHint::default(),
            Self::Tonic(body) => body.size_hint(),
        }
    }
}
