//! The times of `[limits]`, kept and crossed; and what a stop waits for. The clock stands
//! still unless a test lets time pass.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::wires::{
    self, END_STREAM, Frames, GOAWAY, Line, Told, call, channel, framed, posted, request,
};
use super::work::{create, finish, lease, text};
use crate::harness::Server;
use crate::still::Still;

const GET: &str = "google.longrunning.Operations/GetOperation";
const WAIT: &str = "google.longrunning.Operations/WaitOperation";
const WATCH: &str = "longrun.v1.Backend/WatchRecords";
const CREATE: &str = "/longrun/v1/services/longrun.local/operations";
const SHORT: Duration = Duration::from_secs(1);
/// More than any test lets pass.
const EVER: Duration = Duration::from_secs(1_000_000_000);

/// No limit of time but those that the test sets.
fn patient() -> Limits {
    Limits {
        header_timeout: EVER,
        body_timeout: EVER,
        write_timeout: EVER,
        idle_timeout: EVER,
        drain_timeout: EVER,
        ..Default::default()
    }
}

/// A server whose time passes only where the test says so.
struct Timed {
    server: Server,
    still: Still,
}

impl Timed {
    async fn start(limits: Limits) -> Self {
        let still = Still::new();
        Self { server: Server::start(Sources::default(), limits).await, still }
    }

    async fn line(&self) -> Line {
        Line::connect(self.server.address).await
    }

    async fn frames(&self) -> Frames {
        Frames::connect(self.server.address, &[]).await
    }
}

/// Lets time pass until something comes to its end.
async fn passing<F: Future>(awaited: F) -> F::Output {
    let mut awaited = pin!(awaited);
    loop {
        tokio::select! {
            biased;
            output = &mut awaited => return output,
            () = tokio::time::advance(SHORT / 10) => {}
        }
    }
}

/// Lets so much time pass, in steps that everybody sees.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        tokio::time::advance(SHORT / 10).await;
    }
}

fn get() -> String {
    request("GET", "/v1/operations/one", "alice", "")
}

#[tokio::test(start_paused = true)]
async fn a_head_comes_in_time_or_not_at_all() {
    let timed = Timed::start(Limits { header_timeout: SHORT, ..patient() }).await;
    let mut used = timed.line().await;
    assert!(used.ask(&get()).await.unwrap().starts_with("HTTP/1.1 404"));
    let mut idle = timed.frames().await;
    assert!(idle.next_of(wires::SETTINGS).await.is_some());

    for begun in [
        "",
        "G",
        "GET /v1/operations/one HTTP/1.1\r\nHost: localhost\r\nx: ",
        "PRI * HTTP/2.0\r\n\r\nSM",
    ] {
        let mut line = timed.line().await;
        line.0.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(passing(line.rest()).await, "", "{begun}");
    }
    // By then as much time has gone by for these, of which nothing is due.
    assert!(used.ask(&get()).await.unwrap().starts_with("HTTP/1.1 404"));
    idle.send(&call(1, GET, "alice", END_STREAM)).await.unwrap();
    assert!(idle.next_of(wires::HEADERS).await.is_some());
    // A second head counts from its own first byte.
    used.0.write_all(b"GET /").await.unwrap();
    assert_eq!(passing(used.rest()).await, "");
    // Its peer doesn't echo pings.
    drop(idle);
    timed.server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_comes_in_time_or_is_refused() {
    let timed = Timed::start(Limits { body_timeout: SHORT, ..patient() }).await;
    let (code, reason) = ("DEADLINE_EXCEEDED", "REQUEST_TIMEOUT");
    for (headers, begun) in
        [("Content-Length: 10\r\n", "{\"o"), ("Transfer-Encoding: chunked\r\n", "5\r\n{\"")]
    {
        let (mut line, post) =
            (timed.line().await, request("POST", CREATE, "backend", headers) + begun);
        let answer = passing(line.ask(&post)).await.unwrap();
        assert_eq!(Told::of_rest(&answer), Told::new(504, code, reason), "{answer}");
        assert!(answer.contains("within 1 s (body_timeout)"), "{answer}");
    }
    // Nobody unknown keeps a stream open either.
    for (rpc, token) in [(GET, "Bearer alice"), ("grpc.health.v1.Health/Check", "")] {
        let never = futures::stream::pending::<Result<http_body::Frame<Bytes>, tonic::Status>>();
        let body = tonic::body::Body::new(http_body_util::StreamBody::new(never));
        let mut channel = channel(timed.server.address).await;
        let headers = [("authorization", token)];
        let answer = passing(posted(&mut channel, rpc, &headers, body)).await.unwrap();
        let status = tonic::Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded, "{rpc}");
    }
    timed.server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed() {
    let timed = Timed::start(Limits { idle_timeout: SHORT, ..patient() }).await;
    let mut line = timed.line().await;
    assert!(line.ask(&get()).await.unwrap().starts_with("HTTP/1.1 404"));
    assert_eq!(passing(line.rest()).await, "");
    let mut frames = timed.frames().await;
    let away = passing(frames.next_of(GOAWAY)).await.unwrap();
    assert_eq!(away.error(), 0, "NO_ERROR");
    drop(frames);
    timed.server.stop().await;
}

/// Whoever waits or watches is neither idle nor stalled, however long nothing happens.
#[tokio::test(start_paused = true)]
async fn open_calls_stay_open() {
    let limits = Limits {
        header_timeout: SHORT,
        body_timeout: SHORT,
        write_timeout: SHORT,
        idle_timeout: SHORT,
        ..patient()
    };
    let timed = Timed::start(limits).await;
    create(&timed.server, "one", None).await;
    let record = lease(&timed.server, 1).await.remove(0);

    let mut waiting = timed.line().await;
    let wait = request("POST", "/v1/operations/one:wait", "alice", "Content-Length: 0\r\n");
    waiting.0.write_all(wait.as_bytes()).await.unwrap();
    let mut waiting2 = timed.frames().await;
    let wait = wires::frame(wires::DATA, END_STREAM, 1, &framed(b"\x0a\x0eoperations/one"));
    waiting2.send(&[call(1, WAIT, "alice", 0), wait].concat()).await.unwrap();
    let watch = "/longrun/v1/services/longrun.local/operations:watch";
    let mut watching =
        timed.server.open("backend", watch, "Accept: application/x-ndjson\r\n").await;
    assert!(watching.next().await.unwrap().contains("resumeToken"));
    let message = Bytes::from_static(b"\x0a\x16services/longrun.local");
    let mut watching2 = timed.server.grpc_stream("backend", WATCH, message).await.unwrap();
    assert!(watching2.message().await.unwrap().is_some());
    // The waits' own limit is a minute, and so is the time until an HTTP/2 peer is asked
    // whether it is there.
    pass(SHORT * 50).await;

    let until = Instant::now();
    finish(&timed.server, &record, text(3)).await.unwrap();
    let answer = waiting.ask("").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"done\": true"), "{answer}");
    let frame = waiting2.next_of(wires::DATA).await.unwrap();
    assert_eq!(frame.payload.windows(3).filter(|three| three == b"xxx").count(), 1);
    assert!(watching.next().await.unwrap().contains("SUCCEEDED"));
    assert!(watching2.message().await.unwrap().is_some());
    assert_eq!(until.elapsed(), Duration::ZERO, "no wait came to its end");
    drop((waiting2, watching, watching2));
    timed.server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_is_cut() {
    let timed = Timed::start(Limits { write_timeout: SHORT, ..patient() }).await;
    create(&timed.server, "one", None).await;
    let record = lease(&timed.server, 1).await.remove(0);
    finish(&timed.server, &record, text(500_000)).await.unwrap();
    // Sends until the server takes no more, because nobody takes its answers.
    let mut stream = TcpStream::connect(timed.server.address).await.unwrap();
    let get = get();
    passing(async { while stream.write_all(get.as_bytes()).await.is_ok() {} }).await;

    // In HTTP/2 the connection goes on reading; it is cut all the same.
    let mut frames = Frames::connect(timed.server.address, &[(4, 0x7fff_ffff)]).await;
    let window = 0x7fff_0000_u32.to_be_bytes();
    frames.send(&wires::frame(wires::WINDOW_UPDATE, 0, 0, &window)).await.unwrap();
    let name = framed(b"\x0a\x0eoperations/one");
    for stream in (0..200).map(|at| 2 * at + 1) {
        let data = wires::frame(wires::DATA, END_STREAM, stream, &name);
        frames.send(&[call(stream, GET, "alice", 0), data].concat()).await.unwrap();
    }
    let ping = wires::frame(wires::PING, 0, 0, &[0; 8]);
    passing(async { while frames.send(&ping).await.is_ok() {} }).await;
    timed.server.stop().await;
}

/// No time passes here at all.
#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_nobody_who_is_idle() {
    let timed = Timed::start(patient()).await;
    create(&timed.server, "one", None).await;
    let silent = timed.line().await;
    let mut idle = timed.line().await;
    assert!(idle.ask(&get()).await.unwrap().starts_with("HTTP/1.1 200"));
    let mut idle2 = channel(timed.server.address).await;
    let name = framed(b"\x0a\x0eoperations/one");
    let body = |bytes| tonic::body::Body::new(http_body_util::Full::new(bytes));
    let alice = [("authorization", "Bearer alice")];
    let answer = posted(&mut idle2, GET, &alice, body(name)).await.unwrap();
    assert!(answer.into_body().collect().await.is_ok());

    // A call that waits is answered, a stream is ended.
    let mut waiting = timed.line().await;
    let wait = request("POST", "/v1/operations/one:wait", "alice", "Content-Length: 0\r\n");
    waiting.0.write_all(wait.as_bytes()).await.unwrap();
    let mut channel = channel(timed.server.address).await;
    let watched = posted(&mut channel, "grpc.health.v1.Health/Watch", &[], body(framed(b""))).await;
    let watched = watched.unwrap().into_body().collect();

    let ((), answer, watched) =
        tokio::join!(timed.server.stop(), async { waiting.ask("").await.unwrap() }, watched);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    let watched = watched.unwrap();
    let status = tonic::Status::from_header_map(watched.trailers().unwrap()).unwrap();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    // That it serves, and that it doesn't any more.
    assert_eq!(watched.to_bytes(), [framed(b"\x08\x01"), framed(b"\x08\x02")].concat());
    assert_eq!(silent.rest().await, "");
    assert_eq!(idle.rest().await, "");
    timed.still.no_time_has_passed();
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_so_long_and_no_longer() {
    let timed = Timed::start(Limits { drain_timeout: SHORT, ..patient() }).await;
    let mut sending = timed.line().await;
    let post = request("POST", CREATE, "backend", "Expect: 100-continue\r\nContent-Length: 10\r\n");
    sending.0.write_all(post.as_bytes()).await.unwrap();
    // It is being read.
    sending.0.read_exact(&mut [0; 25]).await.unwrap();
    let mut begun = timed.line().await;
    begun.0.write_all(b"GET /").await.unwrap();
    // Its peer never echoes a ping, and its calls never come to their end.
    let mut deaf = timed.frames().await;
    for stream in (0..100).map(|at| 2 * at + 1) {
        deaf.send(&call(stream, GET, "alice", 0)).await.unwrap();
    }
    passing(timed.server.stop()).await;
    assert_eq!(sending.rest().await, "");
    drop((begun, deaf));
}

/// A call whose connection was cut may be in the middle of its work.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_outlives_every_call() {
    let limits = Limits { drain_timeout: Duration::from_millis(1), ..patient() };
    let server = Server::start(Sources::default(), limits).await;
    let mut frames = Frames::connect(server.address, &[]).await;
    let (drawn, held) = server.hold();
    let create = "longrun.v1.Backend/CreateOperation";
    let message = framed(b"\x0a\x16services/longrun.local\x12\x03\x1a\x01m");
    let data = wires::frame(wires::DATA, END_STREAM, 1, &message);
    frames.send(&[call(1, create, "backend", 0), data].concat()).await.unwrap();
    drawn.await.unwrap();

    let stop = tokio::spawn(server.stop());
    while frames.next().await.is_some() {}
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert!(!stop.is_finished(), "it waits for the call");
    drop(held);
    stop.await.unwrap();
}
