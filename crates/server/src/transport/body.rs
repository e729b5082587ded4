//! The one response body of both doors.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::BoxStream;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

/// At most one piece of data, then perhaps trailers; or a stream; or another server's body.
pub(super) enum Body {
    /// Bytes, then trailers.
    Whole {
        /// The bytes.
        data: Option<Bytes>,
        /// What follows them (gRPC).
        trailers: Option<HeaderMap>,
    },
    /// Frames as they come.
    Stream(BoxStream<'static, Frame<Bytes>>),
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
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        match &mut *self {
            Self::Whole { data, trailers } => {
                let data = data.take().filter(|data| !data.is_empty()).map(Frame::data);
                Poll::Ready(data.or_else(|| trailers.take().map(Frame::trailers)).map(Ok))
            }
            Self::Stream(frames) => frames.as_mut().poll_next(context).map(|frame| frame.map(Ok)),
            Self::Tonic(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { data, trailers } => {
                trailers.is_none() && data.as_ref().is_none_or(Bytes::is_empty)
            }
            Self::Stream(_) => false,
            Self::Tonic(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { data, .. } => {
                SizeHint::with_exact(data.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Stream(_) => SizeHint::default(),
            Self::Tonic(body) => body.size_hint(),
        }
    }
}
