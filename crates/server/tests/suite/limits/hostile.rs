//! What nobody means well with, and the answer of the contract's table to each.

use bytes::Bytes;
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;

use super::wires::{self, Told, framed};
use crate::harness::Server;

const GET: &str = "google.longrunning.Operations/GetOperation";
const CREATE: &str = "longrun.v1.Backend/CreateOperation";

/// A request of HTTP/1.1 by alice, and what it is told.
struct Rest {
    what: &'static str,
    line: String,
    headers: String,
    body: Vec<u8>,
    told: Told,
}

fn rest(what: &'static str, line: impl Into<String>, told: (u16, &str, &str)) -> Rest {
    let (line, headers, body) = (line.into(), String::new(), Vec::new());
    Rest { what, line, headers, body, told: Told::new(told.0, told.1, told.2) }
}

impl Rest {
    fn with(mut self, header: &str) -> Self {
        self.headers.push_str(header);
        self.headers.push_str("\r\n");
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = format!("Content-Length: {}", self.body.len());
        self.with(&length)
    }

    /// A body as it stands, without its length.
    fn tail(mut self, bytes: &str) -> Self {
        self.body = bytes.into();
        self
    }

    async fn play(&self, server: &Server) {
        let Self { what, line, headers, body, told } = self;
        let token = if line.contains("/longrun/") { "backend" } else { "alice" };
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             {headers}Connection: close\r\n\r\n"
        );
        let answer = wires::raw(server.address, &[head.as_bytes(), body].concat()).await;
        assert_eq!(Told::of_rest(&answer), *told, "{what}: {answer}");
        assert!(answer.contains("application/json; charset=UTF-8"), "{what}: {answer}");
        assert!(answer.contains("x-trace-id: "), "{what}: {answer}");
    }
}

const NOT_FOUND: (u16, &str, &str) = (404, "NOT_FOUND", "OPERATION_NOT_FOUND");
const NO_ROUTE: (u16, &str, &str) = (404, "NOT_FOUND", "ROUTE_NOT_FOUND");
const NO_VERB: (u16, &str, &str) = (405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED");
const INVALID: (u16, &str, &str) = (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT");
const LARGE: (u16, &str, &str) = (400, "INVALID_ARGUMENT", "REQUEST_TOO_LARGE");

fn unknown_keys(count: usize) -> String {
    let keys: Vec<String> = (0..count).map(|at| format!("\"k{at}\":[1,{{}}]")).collect();
    format!("{{{}}}", keys.join(","))
}

fn bad_labels(count: usize) -> String {
    let labels: Vec<String> = (0..count).map(|at| format!("\"K{at}\":\"\"")).collect();
    format!("{{\"labels\":{{{}}}}}", labels.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn by_rest() {
    let long = |bytes: usize| "n".repeat(bytes);
    let create = "POST /longrun/v1/services/longrun.local/operations";
    let name = |bytes: usize| format!("GET /v1/operations/{}", long(bytes));
    let many = |count: usize| (0..count).map(|at| format!("x-{at}: y")).collect::<Vec<_>>();
    let table = [
        rest("a name that none can have", name(2000), NOT_FOUND),
        rest(
            "a name of many segments",
            format!("GET /v1/operations{}", "/x".repeat(5000)),
            NOT_FOUND,
        ),
        rest(
            "a name of many slashes",
            format!("GET /v1/operations/{}", "/".repeat(8000) + "x"),
            NOT_FOUND,
        ),
        rest("a path over its limit", name(17 << 10), LARGE),
        rest(
            "a query over its limit",
            format!("GET /v1/operations?filter={}", long(17 << 10)),
            LARGE,
        ),
        rest("a path that hyper doesn't take", name(70 << 10), LARGE),
        rest("headers over their limit", name(1), LARGE).with(&format!("x: {}", long(33 << 10))),
        rest("headers that hyper doesn't take", name(1), LARGE)
            .with(&format!("x: {}", long(80 << 10))),
        rest("a hundred headers and more", name(1), LARGE).with(&many(120).join("\r\n")),
        rest("a long verb", format!("{} /v1/operations/x", long(1000)), NO_VERB),
        rest("bytes that are no UTF-8, encoded", "GET /v1/operations/%ff", INVALID),
        rest("a truncated encoding", "GET /v1/operations/%f", INVALID),
        rest("a NUL, encoded", "GET /v1/operations/%00", NOT_FOUND),
        rest("a NUL", "GET /v1/operations/\0", INVALID),
        rest("dots", "GET /v1/operations/../../etc/passwd", INVALID),
        rest("dots, encoded", "GET /v1/operations/%2e%2e/x", INVALID),
        rest("a whole URL of elsewhere", "GET http://elsewhere.example/v1/operations/x", NOT_FOUND),
        rest("no path", "OPTIONS *", NO_ROUTE),
        rest("a tunnel", "CONNECT example.com:443", NO_ROUTE),
        rest("a header without a colon", name(1), INVALID).with("nonsense"),
        rest("a header with a control character", name(1), INVALID).with("x: \x01"),
        rest("a folded header", name(1), INVALID).with("x: a\r\n b"),
        rest("a version of tomorrow", "GET /v1/operations/x HTTP/3.0\r\nx: HTTP/1.1", INVALID),
        rest("two lengths", create, INVALID).with("Content-Length: 5").body("{}"),
        rest("a length that is none", create, INVALID).with("Content-Length: -1"),
        rest("an unknown coding", create, INVALID).with("Transfer-Encoding: gzip"),
        rest("a broken chunk", create, INVALID)
            .with("Transfer-Encoding: chunked")
            .tail("zz\r\n{}\r\n"),
        rest("a length that promises too much", create, LARGE).with("Content-Length: 104857600"),
        rest("a length beyond numbers", create, LARGE).with("Content-Length: 18446744073709551613"),
        rest("JSON that is no UTF-8", create, INVALID).body(b"{\"owner\":\"\xff\"}"),
        rest("JSON with a lone surrogate", create, INVALID).body(r#"{"owner":"\ud800"}"#),
        rest("JSON that goes deep", create, INVALID)
            .body(format!("{{\"request\":{}", "[".repeat(1 << 19))),
        rest("JSON of objects that go deep", create, INVALID).body("{\"a\":".repeat(1 << 17)),
        rest("a number of many digits", create, INVALID)
            .body(format!("{{\"maxAttempts\":{}}}", "9".repeat(1 << 19))),
        rest("a number with a large exponent", create, INVALID)
            .body(r#"{"maxAttempts":1e999999999}"#),
        rest("a key of many bytes", create, INVALID).body(format!("{{\"{}\":1}}", long(1 << 19))),
        rest("many unknown keys", create, INVALID).body(unknown_keys(50_000)),
        rest("many bad labels", create, INVALID).body(bad_labels(50_000)),
        rest("a body where none belongs", name(1), INVALID).body("{}"),
        rest("a gRPC call by GET", format!("GET /{GET}"), NO_ROUTE)
            .with("Content-Type: application/grpc"),
        rest("gRPC-Web", format!("POST /{GET}"), NO_ROUTE)
            .with("Content-Type: application/grpc-web"),
    ];
    let server = Server::start(Sources::default(), Limits::default()).await;
    for case in table {
        case.play(&server).await;
    }
    server.stop().await;
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut message = vec![number << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut message);
    message.extend_from_slice(bytes);
    message
}

/// A CreateOperationRequest whose record's request is `request`.
fn creation(request: &[u8]) -> Vec<u8> {
    let any = [field(1, b"type.googleapis.com/google.protobuf.Struct"), field(2, request)];
    let record = field(6, &any.concat());
    [field(1, b"services/longrun.local"), field(2, &record)].concat()
}

/// A Struct in a Struct in a Struct…
fn deep(levels: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..levels {
        let value = field(5, &inner);
        inner = field(1, &[field(1, b"a"), field(2, &value)].concat());
    }
    inner
}

const NOT_THERE: (&str, &str) = ("NOT_FOUND", "OPERATION_NOT_FOUND");
const BAD: (&str, &str) = ("INVALID_ARGUMENT", "INVALID_ARGUMENT");
const TOO_LARGE: (&str, &str) = ("INVALID_ARGUMENT", "REQUEST_TOO_LARGE");
const UNKNOWN: (&str, &str) = ("UNIMPLEMENTED", "METHOD_UNIMPLEMENTED");
const COMPRESSED: (&str, &str) = ("UNIMPLEMENTED", "COMPRESSION_UNSUPPORTED");

#[tokio::test(flavor = "multi_thread")]
async fn by_grpc() {
    let name = |bytes: usize| field(1, format!("operations/{}", "n".repeat(bytes)).as_bytes());
    let long = "n".repeat(33 << 10);
    let large = [("x", long.as_str())];
    let one = framed(&name(1));
    let lie = |length: u32| Bytes::from([&[0], &length.to_be_bytes()[..], &name(1)].concat());
    let path = format!("google.longrunning.Operations/{}", "N".repeat(17 << 10));
    let spaces = "n".repeat(500);
    let many: Vec<(String, String)> = (0..120).map(|at| (format!("x-{at}"), "y".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let health = "grpc.health.v1.Health/Check";
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Bytes, (&'a str, &'a str));
    let table: Vec<Row<'_>> = vec![
        ("a name that none can have", GET, &[], framed(&name(2000)), NOT_THERE),
        ("a name of a megabyte", GET, &[], framed(&name(1_000_000)), NOT_THERE),
        ("a message over its limit", GET, &[], framed(&name(1 << 20)), TOO_LARGE),
        ("a message of a hundred megabytes", GET, &[], framed(&name(100 << 20)), TOO_LARGE),
        ("a length that promises too much", GET, &[], lie(u32::MAX), TOO_LARGE),
        ("a length that promises less", GET, &[], lie(3), BAD),
        ("a length that promises more", GET, &[], lie(300), BAD),
        ("two messages", GET, &[], [one.clone(), one.clone()].concat().into(), BAD),
        ("no message", GET, &[], Bytes::new(), BAD),
        ("half a frame", GET, &[], Bytes::from_static(&[0, 0, 0]), BAD),
        (
            "a compressed message",
            GET,
            &[("grpc-encoding", "gzip")],
            [&[1], &one[1..]].concat().into(),
            COMPRESSED,
        ),
        ("no protobuf", GET, &[], framed(&[0xff; 100]), BAD),
        ("a name that is no UTF-8", GET, &[], framed(&field(1, b"operations/\xff")), BAD),
        ("a group without an end", GET, &[], framed(&[0x0b; 1000]), BAD),
        ("a message that goes deep", CREATE, &[], framed(&creation(&deep(1000))), BAD),
        ("a timeout that is none", GET, &[("grpc-timeout", "soon")], one.clone(), NOT_THERE),
        ("a timeout below zero", GET, &[("grpc-timeout", "-1S")], one.clone(), NOT_THERE),
        ("a timeout beyond numbers", GET, &[("grpc-timeout", "99999999H")], one.clone(), NOT_THERE),
        ("a path over its limit", &path, &[], one.clone(), TOO_LARGE),
        ("headers over their limit", GET, &large, one.clone(), TOO_LARGE),
        ("a hundred headers and more", GET, &many, one.clone(), TOO_LARGE),
        ("an RPC that nobody serves", "no.such.Service/Method", &[], one.clone(), UNKNOWN),
        ("an RPC without a method", &spaces, &[], one.clone(), UNKNOWN),
        ("health, over the limit", health, &[], framed(&field(1, &[b'n'; 2 << 20])), TOO_LARGE),
    ];
    let server = Server::start(Sources::default(), Limits::default()).await;
    for (what, rpc, headers, body, (code, reason)) in table {
        let token = if rpc == CREATE { "Bearer backend" } else { "Bearer alice" };
        let headers = [&[("authorization", token)], headers].concat();
        let (told, headers) = wires::grpc(server.address, rpc, &headers, body).await;
        assert_eq!(told, Told::new(200, code, reason), "{what}: {headers:?}");
        let trailers: usize = headers.values().map(http::HeaderValue::len).sum();
        assert!(trailers < 8 << 10, "{what}: {trailers} bytes of trailers");
    }
    server.stop().await;
}

/// What h2 says by itself, where nothing of ours is asked.
#[tokio::test(flavor = "multi_thread")]
async fn by_broken_http2() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let mut channel = wires::channel(server.address).await;
    let huge = "n".repeat(80 << 10);
    let answer = wires::http2(&mut channel, "GET", "/", &[("x", &huge)], Bytes::new()).await;
    let (status, _, body) = answer.unwrap();
    assert_eq!((status, body.len()), (431, 0), "over twice the limit of headers");

    let head = |path: &str, more: (&str, &str)| {
        let usual = [(":method", "GET"), (":scheme", "http"), (":path", path)];
        wires::block(&[usual.as_slice(), &[more]].concat())
    };
    let bad = |block: &[u8]| wires::frame(wires::HEADERS, 5, 1, block);
    for (what, frame, kind) in [
        ("a path that is none", bad(&head("/\0", ("x", "y"))), wires::RST_STREAM),
        ("a header in capitals", bad(&head("/", ("X", "y"))), wires::GOAWAY),
        ("a header of HTTP/1", bad(&head("/", ("connection", "close"))), wires::RST_STREAM),
        ("no header block", bad(&[0xff; 100]), wires::GOAWAY),
        ("a stream of the server's", wires::frame(wires::HEADERS, 5, 2, &[]), wires::GOAWAY),
        ("data out of nowhere", wires::frame(wires::DATA, 0, 9, b"x"), wires::GOAWAY),
        ("a frame too long", wires::frame(wires::DATA, 0, 1, &[0; 20_000]), wires::GOAWAY),
        (
            "a window beyond numbers",
            wires::frame(wires::WINDOW_UPDATE, 0, 0, &[127, 255, 255, 255]),
            wires::GOAWAY,
        ),
    ] {
        let mut frames = wires::Frames::connect(server.address, &[]).await;
        let _ = frames.send(&frame).await;
        let answer = loop {
            let frame = frames.next().await.unwrap_or_else(|| panic!("{what}: closed"));
            if matches!(frame.kind, wires::RST_STREAM | wires::GOAWAY) {
                break frame;
            }
        };
        assert_eq!(answer.kind, kind, "{what}");
    }
    server.stop().await;
}
