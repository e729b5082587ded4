//! The sizes and counts of `[limits]` that are about requests and connections, kept and
//! crossed.

use std::num::NonZeroU32;

use bytes::Bytes;
use longrun_api::google::rpc;
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use prost::Message as _;

use super::wires::{
    self, END_STREAM, Frames, GOAWAY, Line, RST_STREAM, SETTINGS, Told, call, framed, request,
};
use super::work::create;
use crate::harness::Server;

const GET: &str = "google.longrunning.Operations/GetOperation";
const LIST: &str = "google.longrunning.Operations/ListOperations";
const WAIT: &str = "google.longrunning.Operations/WaitOperation";
const CREATE: &str = "/longrun/v1/services/longrun.local/operations";
const ALICE: (&str, &str) = ("authorization", "Bearer alice");

async fn server(limits: Limits) -> Server {
    Server::start(Sources::default(), limits).await
}

/// The same answer by both doors.
async fn told(server: &Server, rest: &str, grpc: (&str, Bytes)) -> (Told, Told) {
    let rest = wires::raw(server.address, rest.as_bytes()).await;
    let (grpc, _) = wires::grpc(server.address, grpc.0, &[ALICE], grpc.1).await;
    (Told::of_rest(&rest), grpc)
}

fn refused(code: &str, reason: &str) -> (Told, Told) {
    (Told::new(400, code, reason), Told::new(200, code, reason))
}

const CLOSE: &str = "Connection: close\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn request_bytes() {
    let server = server(Limits { request_bytes_max: 100, ..Default::default() }).await;
    let body = |bytes: usize| format!("{{{}}}", " ".repeat(bytes - 2));
    let post = |headers: &str, body: &str| {
        let headers = format!("{CLOSE}{headers}\r\n");
        request("POST", CREATE, "backend", &headers) + body
    };
    let plain = |bytes: usize| post(&format!("Content-Length: {bytes}"), &body(bytes));
    let chunked = |bytes: usize| {
        let body = format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", body(bytes));
        post("Transfer-Encoding: chunked", &body)
    };
    let large = Told::new(400, "INVALID_ARGUMENT", "REQUEST_TOO_LARGE");
    for (what, sent, expected) in [
        ("as large as may be", plain(100), Told::new(200, "", "")),
        ("one more", plain(101), large.clone()),
        ("chunked, as large as may be", chunked(100), Told::new(200, "", "")),
        ("chunked, one more", chunked(101), large.clone()),
        (
            "not sent, for it was asked first",
            post("Expect: 100-continue\r\nContent-Length: 101", ""),
            large,
        ),
    ] {
        let answer = wires::raw(server.address, sent.as_bytes()).await;
        if expected.http == 200 {
            assert!(answer.starts_with("HTTP/1.1 200"), "{what}: {answer}");
        } else {
            assert_eq!(Told::of_rest(&answer), expected, "{what}: {answer}");
            assert!(answer.contains("\"limit_bytes\": \"100\""), "{what}: {answer}");
        }
    }
    // A key and a length are two bytes.
    let message = |bytes: usize| {
        framed(&[&[10, (bytes - 2) as u8], [b'n'].repeat(bytes - 2).as_slice()].concat())
    };
    for (bytes, reason) in [(100, "OPERATION_NOT_FOUND"), (101, "REQUEST_TOO_LARGE")] {
        let (told, _) = wires::grpc(server.address, GET, &[ALICE], message(bytes)).await;
        assert_eq!(told.reason, reason, "{bytes}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_bodies() {
    let server = server(Limits { bodies_bytes_max: 1000, ..Default::default() }).await;
    let part = |bytes: usize| {
        let head = request("POST", CREATE, "backend", "Content-Length: 5000\r\n");
        head + &" ".repeat(bytes)
    };
    let answer = Line::connect(server.address).await.ask(&part(2000)).await.unwrap();
    assert_eq!(Told::of_rest(&answer), Told::new(503, "UNAVAILABLE", "SERVER_BUSY"));
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");

    // A request that waits for its answer has its place until then.
    let whole = |path: &str, token: &str, body: &str| {
        let head = request("POST", path, token, "Content-Length: 700\r\n");
        head + body + &" ".repeat(700 - body.len())
    };
    let ask = async |sent: String| {
        let answer = Line::connect(server.address).await.ask(&sent).await.unwrap();
        Told::of_rest(&answer)
    };
    let create = format!("{CREATE}?operationId=one");
    let answer = ask(whole(&create, "backend", r#"{"owner":"static:alice"}"#)).await;
    assert_eq!(answer.http, 200);
    let waits = tokio::spawn({
        let (address, sent) = (server.address, whole("/v1/operations/one:wait", "alice", "{}"));
        async move { Line::connect(address).await.ask(&sent).await.unwrap() }
    });
    let another = || ask(whole(CREATE, "backend", "{"));
    let mut told = another().await;
    for _ in 0..10_000 {
        if told.reason == "SERVER_BUSY" {
            break;
        }
        told = another().await;
    }
    assert_eq!(told, Told::new(503, "UNAVAILABLE", "SERVER_BUSY"));
    let cancel = request("POST", "/v1/operations/one:cancel", "alice", "Content-Length: 0\r\n");
    assert_eq!(ask(cancel).await.http, 200);
    assert!(waits.await.unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(another().await, Told::new(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_heads() {
    let limits = Limits {
        header_bytes_max: 1000,
        headers_max: 10,
        uri_bytes_max: 200,
        ..Default::default()
    };
    let server = server(limits).await;
    let get =
        |path: &str, headers: &str| request("GET", path, "alice", &format!("{CLOSE}{headers}"));
    let name = framed(&[10, 1, b'n']);
    let long = "x".repeat(200);
    let path = |bytes: usize| format!("/v1/operations/{}", &"x".repeat(200)[..bytes - 15]);
    for (bytes, expected) in [(200, "OPERATION_NOT_FOUND"), (201, "REQUEST_TOO_LARGE")] {
        let answer = wires::raw(server.address, get(&path(bytes), "").as_bytes()).await;
        assert_eq!(Told::of_rest(&answer).reason, expected, "{answer}");
    }
    let large = refused("INVALID_ARGUMENT", "REQUEST_TOO_LARGE");
    assert_eq!(told(&server, &get(&path(201), ""), (&long, name.clone())).await, large);

    let one = "/v1/operations/x";
    // Three are there already; gRPC's own make four.
    let many = |count: usize| (0..count).map(|at| format!("x-{at}: y\r\n")).collect::<String>();
    for (count, expected) in [(7, "OPERATION_NOT_FOUND"), (8, "REQUEST_TOO_LARGE")] {
        let answer = wires::raw(server.address, get(one, &many(count)).as_bytes()).await;
        assert_eq!(Told::of_rest(&answer).reason, expected, "{answer}");
        // The limit that was crossed, and no other.
        assert_eq!(answer.contains("\"limit_headers\": \"10\""), count == 8, "{answer}");
        assert_eq!(answer.contains("(headers_max)"), count == 8, "{answer}");
        assert!(!answer.contains("limit_bytes"), "{answer}");
    }
    // What HTTP/1 itself refuses might be either.
    let answer = wires::raw(server.address, get(one, &many(100)).as_bytes()).await;
    assert_eq!(Told::of_rest(&answer).reason, "REQUEST_TOO_LARGE", "{answer}");
    for limit in ["\"limit_headers\": \"10\"", "\"limit_bytes\": \"1000\""] {
        assert!(answer.contains(limit), "{answer}");
    }
    let wide = |bytes: usize| "x".repeat(bytes);
    for (bytes, expected) in [(800, "OPERATION_NOT_FOUND"), (1000, "REQUEST_TOO_LARGE")] {
        let answer =
            wires::raw(server.address, get(one, &format!("x: {}\r\n", wide(bytes))).as_bytes())
                .await;
        assert_eq!(Told::of_rest(&answer).reason, expected, "{answer}");
        let wide = wide(bytes);
        let (told, _) =
            wires::grpc(server.address, GET, &[ALICE, ("x", &wide)], name.clone()).await;
        assert_eq!(told.reason, expected);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn depth_of_json() {
    let server = server(Limits { json_depth_max: 3, ..Default::default() }).await;
    for (body, expected) in [
        (
            r#"{"operation":{"metadata":{"@type":"type.googleapis.com/google.protobuf.Empty"}}}"#,
            200,
        ),
        (
            r#"{"operation":{"metadata":{"@type":"type.googleapis.com/google.protobuf.Struct","value":{}}}}"#,
            400,
        ),
    ] {
        let answer = server.rest("backend", "POST", CREATE, body).await;
        assert_eq!(answer.status, expected, "{}", answer.body);
        let deep = answer.body.contains("more than 3 levels of nesting at line 1 column");
        assert_eq!(deep, expected == 400, "{}", answer.body);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_a_filter() {
    let server = server(Limits { filter_bytes_max: 10, ..Default::default() }).await;
    let list =
        |filter: &str| request("GET", &format!("/v1/operations?filter={filter}"), "alice", CLOSE);
    let message = |filter: &str| {
        framed(&[&[10, filter.len() as u8], filter.as_bytes(), &[34, 10], b"operations"].concat())
    };
    let expected = (Told::new(200, "OK", ""), Told::new(200, "OK", ""));
    assert_eq!(told(&server, &list("done=false"), (LIST, message("done=false"))).await, expected);
    let expected = refused("INVALID_ARGUMENT", "INVALID_ARGUMENT");
    assert_eq!(
        told(&server, &list("done=false%20"), (LIST, message("done=false "))).await,
        expected
    );
    for path in [CREATE, &format!("{CREATE}:watch")] {
        let path = format!("{path}?filter=done=false%20");
        let refused = server.rest("backend", "GET", &path, "").await;
        assert_eq!(refused.status, 400, "{path}");
        assert!(refused.body.contains("11 bytes; a filter has at most 10"), "{}", refused.body);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_per_principal() {
    let limits = Limits {
        requests_per_second: NonZeroU32::new(1),
        burst: NonZeroU32::new(2),
        ..Default::default()
    };
    let server = server(limits).await;
    let name = framed(&[10, 1, b'n']);
    let get = request("GET", "/v1/operations/x", "alice", CLOSE);
    let there = Told::new(404, "NOT_FOUND", "OPERATION_NOT_FOUND");
    let (rest, grpc) = told(&server, &get, (GET, name.clone())).await;
    assert_eq!((rest, grpc.reason.as_str()), (there, "OPERATION_NOT_FOUND"));
    let (rest, grpc) = told(&server, &get, (GET, name.clone())).await;
    let (code, reason) = ("RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED");
    assert_eq!((rest, grpc), (Told::new(429, code, reason), Told::new(200, code, reason)));

    let (_, headers) = wires::grpc(server.address, GET, &[ALICE], name.clone()).await;
    let answer = wires::raw(server.address, get.as_bytes()).await;
    let status = tonic::Status::from_header_map(&headers).unwrap();
    let status = rpc::Status::decode(status.details()).unwrap();
    let kinds: Vec<&str> =
        status.details.iter().filter_map(|any| any.type_url.rsplit('.').next()).collect();
    assert_eq!(kinds, ["ErrorInfo", "QuotaFailure", "RetryInfo"]);
    for kind in kinds {
        assert!(answer.contains(&format!("google.rpc.{kind}\"")), "{answer}");
    }
    assert_eq!(headers["retry-after"], "1");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    // Somebody else isn't held up.
    let (told, _) =
        wires::grpc(server.address, GET, &[("authorization", "Bearer bob")], name).await;
    assert_eq!(told.code, "NOT_FOUND");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections() {
    let server = server(Limits { connections_max: 2, ..Default::default() }).await;
    let get = request("GET", "/v1/operations/x", "alice", "");
    let (mut one, mut two) =
        (Line::connect(server.address).await, Line::connect(server.address).await);
    assert!(one.ask(&get).await.unwrap().starts_with("HTTP/1.1 404"));
    assert!(two.ask(&get).await.unwrap().starts_with("HTTP/1.1 404"));

    let (rest, grpc) = told(&server, &get, (GET, framed(b""))).await;
    let (code, reason) = ("UNAVAILABLE", "SERVER_BUSY");
    assert_eq!((rest, grpc), (Told::new(503, code, reason), Told::new(200, code, reason)));
    let answer = Line::connect(server.address).await.ask(&get).await.unwrap();
    assert!(
        answer.contains("retry-after: 1\r\n") && answer.contains("connection: close"),
        "{answer}"
    );
    // It lives, but takes nobody else.
    let probe =
        async |path| wires::raw(server.address, request("GET", path, "", "").as_bytes()).await;
    assert!(probe("/livez").await.starts_with("HTTP/1.1 200"));
    assert!(probe("/readyz").await.starts_with("HTTP/1.1 503"));

    assert!(one.ask(&get).await.unwrap().starts_with("HTTP/1.1 404"), "who is in stays in");
    drop(one);
    while Told::of_rest(
        &wires::raw(
            server.address,
            (request("GET", "/v1/operations/x", "alice", CLOSE)).as_bytes(),
        )
        .await,
    )
    .http
        == 503
    {}
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_a_connection() {
    let server = server(Limits { streams_max: 3, ..Default::default() }).await;
    create(&server, "one", None).await;
    let mut frames = Frames::connect(server.address, &[]).await;
    let settings = frames.next_of(SETTINGS).await.unwrap().payload;
    let streams = settings.chunks(6).find(|pair| pair[..2] == [0, 3]).unwrap();
    assert_eq!(streams[2..], [0, 0, 0, 3]);
    let wait = framed(b"\x0a\x0eoperations/one");
    for stream in [1, 3, 5, 7] {
        frames.send(&call(stream, WAIT, "alice", 0)).await.unwrap();
        let _ = frames.send(&wires::frame(wires::DATA, END_STREAM, stream, &wait)).await;
    }
    let reset = frames.next_of(RST_STREAM).await.unwrap();
    assert_eq!((reset.stream, reset.error()), (7, 7), "REFUSED_STREAM");
    // Its peer doesn't echo pings.
    drop(frames);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_of_streams() {
    let server = server(Limits { resets_max: 5, ..Default::default() }).await;
    let mut frames = Frames::connect(server.address, &[]).await;
    let mut flood = Vec::new();
    for stream in (0..1000).map(|at| 2 * at + 1) {
        flood.extend(call(stream, GET, "alice", 0));
        flood.extend(wires::frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    let _ = frames.send(&flood).await;
    let away = frames.next_of(GOAWAY).await.unwrap();
    assert_eq!(away.error(), 11, "ENHANCE_YOUR_CALM");
    let (told, _) = wires::grpc(server.address, GET, &[ALICE], framed(&[10, 1, b'n'])).await;
    assert_eq!(told.code, "NOT_FOUND", "another connection is served");
    server.stop().await;
}
