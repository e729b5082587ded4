//! A connection's bytes on their way between hyper and the socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Activity;
use super::entry::Entry;
use super::rest;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A socket that tells what goes on, and says more than hyper would.
///
/// It doesn't advertise vectored writes: HTTP/2 then copies small frames into one buffer
/// instead of sending each piece with a system call of its own.
pub(super) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    protocol: Protocol,
    entry: Arc<Entry>,
    /// What goes out in place of hyper's own answer, and is still to be written.
    instead: Option<Bytes>,
    shut: bool,
}

enum Protocol {
    /// So many bytes of the preface have come.
    Unknown(usize),
    Http1,
    Http2,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, entry: Arc<Entry>) -> Self {
        let protocol = Protocol::Unknown(0);
        Self { stream, activity, protocol, entry, instead: None, shut: false }
    }

    fn saw(&mut self, bytes: &[u8]) {
        if let Protocol::Unknown(before) = self.protocol {
            let wanted = &PREFACE[before..];
            let some = wanted.len().min(bytes.len());
            self.protocol = if bytes[..some] != wanted[..some] {
                Protocol::Http1
            } else if some < wanted.len() {
                Protocol::Unknown(before + some)
            } else {
                self.activity.greeted();
                Protocol::Http2
            };
        }
        if !matches!(self.protocol, Protocol::Http2) {
            self.activity.read();
        }
    }
}

/// Whether it is hyper's own answer to what it can't parse: a head alone. Errors of ours
/// have a body.
fn is_bare_refusal(bytes: &[u8]) -> bool {
    let refusal = bytes.starts_with(b"HTTP/1.1 4") || bytes.starts_with(b"HTTP/1.0 4");
    refusal && {
        const BARE: &[u8] = b"\r\ncontent-length: 0\r\n";
        bytes.windows(BARE.len()).any(|some| some.eq_ignore_ascii_case(BARE))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.saw(&buffer.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.instead.is_none() && is_bare_refusal(buffer) {
            self.activity.leave_unread();
            self.instead = Some(rest::unreadable(&self.entry, buffer).into());
        }
        let this = &mut *self;
        loop {
            let rest = this.instead.as_deref().unwrap_or(buffer);
            let written = Pin::new(&mut this.stream).poll_write(context, rest);
            if let Poll::Ready(Err(error)) = written {
                return Poll::Ready(Err(error));
            }
            let count = written.map(Result::unwrap_or_default);
            this.activity.wrote(match count {
                Poll::Ready(count) => Some(count),
                Poll::Pending => None,
            });
            let count = ready!(count);
            match &mut this.instead {
                None => return Poll::Ready(Ok(count)),
                Some(_) if count == 0 => return Poll::Ready(Ok(0)),
                Some(rest) => rest.advance(count),
            }
            if this.instead.as_ref().is_some_and(Bytes::is_empty) {
                this.instead = None;
                return Poll::Ready(Ok(buffer.len()));
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Says that all is said. A peer that is still sending then would have its answer torn
    /// away by a reset: what it sends is taken and dropped until it stops.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.shut = true;
        }
        if !self.activity.close() {
            return Poll::Ready(Ok(()));
        }
        let mut space = [0; 8 * 1024];
        loop {
            let mut dropped = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut dropped))?;
            if dropped.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::is_bare_refusal;

    #[test]
    fn only_a_refusal_without_a_body_is_hypers_own() {
        let table = [
            ("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: x\r\n\r\n", true),
            ("HTTP/1.0 431 Large\r\nconnection: close\r\nContent-Length: 0\r\n\r\n", true),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 370\r\n\r\n{}", false),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false),
        ];
        for (head, expected) in table {
            assert_eq!(is_bare_refusal(head.as_bytes()), expected, "{head}");
        }
    }
}
