//! What no client library would send: bytes on a connection, and HTTP/2 frame by frame.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use longrun_api::google::rpc::{ErrorInfo, Status};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tonic::transport::Channel;
use tower::Service as _;

/// What an answer comes to, through either door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The HTTP status of REST; gRPC's is always 200.
    pub http: u16,
    /// `NOT_FOUND`, or `OK`.
    pub code: String,
    /// The reason of the `ErrorInfo`.
    pub reason: String,
}

impl Told {
    /// Reads an answer of HTTP/1.1 with its head.
    pub fn of_rest(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let http = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        Self::of_json(http, body.as_bytes())
    }

    pub fn of_json(http: u16, body: &[u8]) -> Self {
        let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &json["error"];
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let code = if json.is_object() && error.is_null() { "OK" } else { &text(&error["status"]) };
        let reason = text(&error["details"][0]["reason"]);
        Self { http, code: code.to_owned(), reason }
    }

    fn of_grpc(http: u16, headers: &http::HeaderMap) -> Self {
        let status = tonic::Status::from_header_map(headers).expect("a gRPC status");
        let details = Status::decode(status.details()).unwrap().details;
        let info = details.first().map(|any| ErrorInfo::decode(any.value.as_slice()).unwrap());
        let code = longrun_api::google::rpc::Code::try_from(status.code() as i32).unwrap();
        let reason = info.map(|info| info.reason).unwrap_or_default();
        Self { http, code: code.as_str_name().to_owned(), reason }
    }

    pub fn new(http: u16, code: &str, reason: &str) -> Self {
        Self { http, code: code.to_owned(), reason: reason.to_owned() }
    }
}

/// Sends the bytes, and then returns everything that comes back until the server closes.
pub async fn raw(address: SocketAddr, request: &[u8]) -> String {
    repeated(address, request, &[], 0).await
}

/// As [`raw`], with a piece of a body that is sent again and again. Whoever sends all before
/// reading anything gets an answer too.
pub async fn repeated(address: SocketAddr, head: &[u8], piece: &[u8], times: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head).await.unwrap();
    for _ in 0..times {
        stream.write_all(piece).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// A connection of HTTP/1.1 that stays.
pub struct Line(pub TcpStream);

impl Line {
    pub async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// From an address of this machine, each of which has ports of its own.
    pub async fn connect_from(from: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        Self(socket.connect(address).await.unwrap())
    }

    /// Sends the bytes and reads one answer; `None` once the server has closed.
    pub async fn ask(&mut self, request: &str) -> Option<String> {
        self.0.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::with_capacity(1024);
        let head = loop {
            if self.0.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
            if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
                break String::from_utf8(answer[..end].to_vec()).unwrap();
            }
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let read = answer.len();
        answer.resize(head.len() + 4 + length.parse::<usize>().unwrap(), 0);
        self.0.read_exact(&mut answer[read..]).await.ok()?;
        Some(String::from_utf8(answer).unwrap())
    }

    /// All that still comes until the server closes, gently or not.
    pub async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest).await;
        String::from_utf8(rest).unwrap()
    }
}

/// A request of HTTP/1.1 without a body.
pub fn request(verb: &str, path: &str, token: &str, headers: &str) -> String {
    format!(
        "{verb} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
    )
}

/// Connects over HTTP/2.
pub async fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// An HTTP/2 request with whatever headers and bytes: the response's status, all of its
/// headers and trailers, and its body.
pub async fn http2(
    channel: &mut Channel,
    verb: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<(u16, http::HeaderMap, Bytes), tonic::transport::Error> {
    let mut request = http::Request::builder().method(verb).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(tonic::body::Body::new(Full::new(body))).unwrap();
    std::future::poll_fn(|context| channel.poll_ready(context)).await?;
    let response = channel.call(request).await?;
    let status = response.status().as_u16();
    let mut headers = response.headers().clone();
    let body = response.into_body().collect().await.unwrap();
    headers.extend(body.trailers().cloned().unwrap_or_default());
    Ok((status, headers, body.to_bytes()))
}

/// A gRPC request whose body may be none, and whose response is read as it comes.
pub async fn posted(
    channel: &mut Channel,
    rpc: &str,
    headers: &[(&str, &str)],
    body: tonic::body::Body,
) -> Result<http::Response<tonic::body::Body>, tonic::transport::Error> {
    let usual = [("content-type", "application/grpc"), ("te", "trailers")];
    let mut request = http::Request::post(format!("/{rpc}"));
    for (name, value) in [&usual, headers].concat() {
        request = request.header(name, value);
    }
    std::future::poll_fn(|context| channel.poll_ready(context)).await?;
    channel.call(request.body(body).unwrap()).await
}

/// A gRPC request, of any bytes as its body.
pub async fn grpc(
    address: SocketAddr,
    rpc: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> (Told, http::HeaderMap) {
    let usual = [("content-type", "application/grpc"), ("te", "trailers")];
    let headers = [&usual, headers].concat();
    let path = format!("/{rpc}");
    let answer = http2(&mut channel(address).await, "POST", &path, &headers, body).await;
    let (http, headers, _) = answer.unwrap();
    (Told::of_grpc(http, &headers), headers)
}

/// A message in its frame.
pub fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), message].concat().into()
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
/// Of a stream, in SETTINGS.
pub const INITIAL_WINDOW_SIZE: u16 = 4;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// An HTTP/2 connection, frame by frame (RFC 9113).
pub struct Frames(pub TcpStream);

/// One frame.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code of a RST_STREAM or a GOAWAY.
    pub fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

impl Frames {
    /// Connects and greets.
    pub async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        Self::greet(TcpStream::connect(address).await.unwrap(), settings).await
    }

    /// Greets; `settings` are pairs of identifier and value.
    pub async fn greet(stream: TcpStream, settings: &[(u16, u32)]) -> Self {
        stream.set_nodelay(true).unwrap();
        let mut frames = Self(stream);
        frames.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let pair = |(id, value): &(u16, u32)| {
            [id.to_be_bytes().as_slice(), value.to_be_bytes().as_slice()].concat()
        };
        let settings: Vec<u8> = settings.iter().flat_map(pair).collect();
        frames.send(&frame(SETTINGS, 0, 0, &settings)).await.unwrap();
        frames
    }

    pub async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// The next frame; `None` once the server has closed.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of a kind, whatever comes before it.
    pub async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }
}

/// The bytes of one frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block (RFC 7541): literals that nobody remembers.
pub fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            // Seven bits of length, then seven at a time.
            match text.len().checked_sub(127) {
                None => block.push(text.len() as u8),
                Some(mut more) => {
                    block.push(127);
                    while more >= 128 {
                        block.push((more % 128) as u8 | 128);
                        more /= 128;
                    }
                    block.push(more as u8);
                }
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// The head of a gRPC call.
pub fn call(stream: u32, rpc: &str, token: &str, flags: u8) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", &format!("/{rpc}")),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", &format!("Bearer {token}")),
    ];
    frame(HEADERS, END_HEADERS | flags, stream, &block(&headers))
}
