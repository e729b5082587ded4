//! Many messages as the frames of one gRPC response.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{BoxStream, unfold};
use http::HeaderMap;
use http_body::Frame;

use super::{Edge, frame, good, log};
use crate::service::Messages;

/// A frame for each message, then trailers: those of an error if one is the last item.
pub(super) fn frames(messages: Messages, edge: Edge) -> BoxStream<'static, Frame<Bytes>> {
    unfold(Some((messages, edge)), |state| async {
        let (mut messages, edge) = state?;
        Some(match messages.next().await {
            Some(Ok(item)) => (Frame::data(frame(item.message)), Some((messages, edge))),
            Some(Err(error)) => {
                let mut trailers = HeaderMap::new();
                if edge.status(&error).add_header(&mut trailers).is_err() {
                    // Nothing of it fits into a header but that it failed.
                    trailers.insert("grpc-status", (error.code() as i32).into());
                }
                log(edge.trace_id, "grpc", &edge.rpc, &Err(error));
                (Frame::trailers(trailers), None)
            }
            None => (Frame::trailers(good()), None),
        })
    })
    .boxed()
}
