//! What hostile clients cost the server in memory: read before, at the worst, and after.

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::process::{Crowd, Done, Process, WORKERS, may_open};
use super::wires::{
    self, CONTINUATION, DATA, END_STREAM, Frames, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, Line, PING,
    RST_STREAM, Told, WINDOW_UPDATE, call, frame, framed, request,
};

const GET: &str = "google.longrunning.Operations/GetOperation";
const LIST: &str = "longrun.v1.Backend/ListRecords";
const LEASE: &str = "longrun.v1.Backend/LeaseOperations";
const CREATE: &str = "/longrun/v1/services/longrun.local/operations";
const MIB: u64 = 1 << 20;

/// Nobody is sent away for being slow.
const PATIENT: &str = "header_timeout = \"1h\"\nbody_timeout = \"1h\"\nidle_timeout = \"1h\"\n";

/// The server still answers, on a connection of its own.
async fn answers(process: &Process) {
    let get = request("GET", "/v1/operations/one", "alice", "Connection: close\r\n");
    let answer = wires::raw(process.address, get.as_bytes()).await;
    assert_eq!(Told::of_rest(&answer), Told::new(404, "NOT_FOUND", "OPERATION_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_a_hundred_megabytes() {
    let process = Process::start("");
    answers(&process).await;
    let before = process.memory();
    let large = Told::new(400, "INVALID_ARGUMENT", "REQUEST_TOO_LARGE");
    let head = |headers: &str| request("POST", CREATE, "backend", headers);
    let spaces = [b' '].repeat(64 << 10);
    let chunk = [b"10000\r\n", spaces.as_slice(), b"\r\n"].concat();
    for (headers, piece) in
        [("Content-Length: 104857600\r\n", &spaces), ("Transfer-Encoding: chunked\r\n", &chunk)]
    {
        let head = head(headers);
        let answer = wires::repeated(process.address, head.as_bytes(), piece, 1600).await;
        assert_eq!(Told::of_rest(&answer), large, "{answer}");
    }
    // The length is a lie: what comes behind it is no request.
    let head = head("Content-Length: 2\r\n") + "{}";
    let answer = wires::repeated(process.address, head.as_bytes(), &spaces, 1600).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let second = answer.split("HTTP/1.1 ").nth(2).expect("a second answer");
    assert!(second.starts_with("400 Bad Request"), "{second}");

    let name = framed(&[&[10, 128, 128, 128, 50], [b'n'].repeat(100 << 20).as_slice()].concat());
    let alice = [("authorization", "Bearer alice")];
    let (told, _) = wires::grpc(process.address, GET, &alice, name).await;
    assert_eq!(told, Told { http: 200, ..large });
    answers(&process).await;
    let grown = process.grown(before);
    assert!(grown < 16 * MIB, "{grown} bytes");
    process.stop();
}

/// Whoever asks for large answers and takes none of them gets a few, and the rest once those
/// have left.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes() {
    const CALLS: usize = 200;
    let process = Process::start("answers_max = 4");
    let large = format!("{{\"request\":{},\"owner\":\"static:alice\"}}", struct_of(900 << 10));
    for _ in 0..3 {
        let head = format!("Connection: close\r\nContent-Length: {}\r\n", large.len());
        let request = request("POST", CREATE, "backend", &head) + &large;
        let answer = wires::raw(process.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let before = process.memory();
    // No stream may send any data until its window opens.
    let mut frames = Frames::connect(process.address, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    let ask = |at: usize| {
        let stream = 2 * at as u32 + 1;
        let list = framed(b"\x0a\x16services/longrun.local");
        [call(stream, LIST, "backend", 0), frame(DATA, END_STREAM, stream, &list)].concat()
    };
    for at in 0..CALLS {
        frames.send(&ask(at)).await.unwrap();
    }
    let window = |stream: u32| frame(WINDOW_UPDATE, 0, stream, &(1u32 << 30).to_be_bytes());
    frames.send(&window(0)).await.unwrap();
    let (mut begun, mut ended, mut waiting) = (0, 0, Vec::new());
    while ended < CALLS {
        let next = frames.next().await.expect("the connection stays");
        match next.kind {
            HEADERS if next.flags & END_STREAM == 0 => {
                begun += 1;
                waiting.push(next.stream);
                assert!(begun - ended <= 4, "{begun} answers, of which {ended} were taken");
                if waiting.len() == 4 {
                    for stream in waiting.drain(..) {
                        frames.send(&window(stream)).await.unwrap();
                    }
                }
            }
            HEADERS => ended += 1,
            _ => {}
        }
    }
    let grown = process.grown(before);
    assert!(grown < 96 * MIB, "{grown} bytes");
    answers(&process).await;
    process.stop();
}

/// A payload of about so many bytes.
fn struct_of(bytes: usize) -> String {
    let text = "x".repeat(bytes);
    format!(
        "{{\"@type\":\"type.googleapis.com/google.protobuf.Struct\",\"value\":{{\"a\":\"{text}\"}}}}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn json_bombs() {
    let process = Process::start("");
    answers(&process).await;
    let many = |start: &str, one: &str, end: &str| {
        let room = (1 << 20) - start.len() - end.len();
        let items = room / (one.len() + 1);
        format!("{start}{}{end}", vec![one; items].join(","))
    };
    let value =
        "{\"request\":{\"@type\":\"type.googleapis.com/google.protobuf.Struct\",\"value\":{\"a\":[";
    let keys = |start: &str, value: &str, end: &str| {
        let pairs: Vec<String> = (0..60_000).map(|at| format!("\"K{at}\":{value}")).collect();
        format!("{start}{{{}}}{end}", pairs.join(","))
    };
    let bombs = [
        ("deep lists", "[".repeat(1 << 20)),
        ("deep objects", "{\"a\":".repeat(200_000)),
        ("numbers", many(value, "1", "]}}}")),
        ("nothings", many(value, "null", "]}}}")),
        ("objects", many(value, "{}", "]}}}")),
        ("lists", many(value, "[]", "]}}}")),
        ("labels", keys("{\"labels\":", "\"\"", "}")),
        ("unknown keys", keys("", "[{}]", "")),
        ("one text", format!("{{\"owner\":\"{}\"}}", "\\u0001".repeat(170_000))),
        ("one number", format!("{{\"maxAttempts\":{}}}", "9".repeat(1_000_000))),
        ("one key", format!("{{\"{}\":1}}", "k".repeat(1_000_000))),
    ];
    let before = process.memory();
    let invalid = Told::new(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT");
    let throw = async || {
        for (what, bomb) in &bombs {
            let head = format!("Connection: close\r\nContent-Length: {}\r\n", bomb.len());
            let request = request("POST", CREATE, "backend", &head) + bomb;
            let answer = wires::raw(process.address, request.as_bytes()).await;
            assert_eq!(Told::of_rest(&answer), invalid, "{what}: {answer}");
            assert!(answer.len() < 32 << 10, "{what}: {} bytes", answer.len());
        }
    };
    // A message of two bytes takes up to a kilobyte, and a thread's allocator keeps what its
    // worst document took: it is enough for all that come after.
    for _ in 0..3 {
        throw().await;
    }
    let worst = process.peak();
    let grown = process.grown(before);
    assert!(grown < (WORKERS + 1) * 96 * MIB, "{grown} bytes");
    for _ in 0..2 {
        throw().await;
    }
    answers(&process).await;
    let grown = process.grown(worst);
    assert!(grown < 32 * MIB, "{grown} bytes more");
    process.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_that_do_nothing() {
    // And some for the store, the log and the runtime.
    may_open(10_000 + 500);
    let process = Process::start(&format!("{PATIENT}connections_max = 20_000"));
    answers(&process).await;
    for (done, count, each) in [
        (Done::Nothing, 10_000, 8 << 10),
        (Done::Begun, 500, 64 << 10),
        (Done::Greeted, 5_000, 20 << 10),
        (Done::Asked, 10_000, 24 << 10),
    ] {
        let before = process.memory();
        let crowd = Crowd::hold(process.address, count, done);
        let now = process.memory();
        let grown = now.saturating_sub(before);
        assert!(grown < count as u64 * each, "{done:?}: {grown} bytes");
        answers(&process).await;
        crowd.leave();
    }
    process.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_end() {
    let process = Process::start(&format!("{PATIENT}bodies_bytes_max = 8_388_608"));
    answers(&process).await;
    let before = process.memory();
    let head = request("POST", CREATE, "backend", "Content-Length: 1000000\r\n");
    let sent = head + &" ".repeat(900_000);
    let one = async || {
        let mut line = Line::connect(process.address).await;
        line.ask(&sent).await.expect("an answer")
    };
    // Nine fit at most, and wait for their end; all others are told so.
    let busy = Told::new(503, "UNAVAILABLE", "SERVER_BUSY");
    let mut lines: FuturesUnordered<_> = (0..100).map(|_| one()).collect();
    for _ in 0..91 {
        let answer = lines.next().await.expect("a hundred lines");
        assert_eq!(Told::of_rest(&answer), busy, "{answer}");
    }
    answers(&process).await;
    let grown = process.grown(before);
    assert!(grown < 48 * MIB, "{grown} bytes");
    drop(lines);
    process.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_resets() {
    let process = Process::start("");
    answers(&process).await;
    let before = process.memory();
    let lease = {
        let mut message = vec![10, 22];
        message.extend(b"services/longrun.local\x12\x01m\x32\x03\x08\xe8\x07");
        framed(&message)
    };
    let reset = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    let streams = || (0..10_000).map(|at| 2 * at + 1);
    let resets = |stream| [call(stream, GET, "alice", 0), reset(stream)].concat();
    let calls = |stream| {
        let data = frame(DATA, END_STREAM, stream, &lease);
        [call(stream, LEASE, "backend", 0), data, reset(stream)].concat()
    };
    let flood = |one: &dyn Fn(u32) -> Vec<u8>| streams().flat_map(one).collect::<Vec<u8>>();
    for (what, flood) in [("resets", flood(&resets)), ("calls", flood(&calls))] {
        for _ in 0..10 {
            let mut frames = Frames::connect(process.address, &[]).await;
            let _ = frames.send(&flood).await;
            let away = frames.next_of(GOAWAY).await.expect("a GOAWAY");
            assert_eq!(away.error(), 11, "{what}: ENHANCE_YOUR_CALM");
        }
    }
    // One by one, each looked at before it is reset.
    let mut frames = Frames::connect(process.address, &[]).await;
    for stream in streams() {
        let opened = [call(stream, GET, "alice", 0), frame(PING, 0, 0, &[0; 8])].concat();
        frames.send(&opened).await.unwrap();
        while frames.next().await.is_some_and(|frame| frame.kind != PING) {}
        frames.send(&reset(stream)).await.unwrap();
    }
    drop(frames);
    // A head that never ends.
    let mut frames = Frames::connect(process.address, &[]).await;
    let mut flood = frame(HEADERS, 0, 1, &wires::block(&[(":method", "GET")]));
    let field = wires::block(&[("x", &"x".repeat(16_000))]);
    for _ in 0..1000 {
        flood.extend(frame(CONTINUATION, 0, 1, &field));
    }
    let _ = frames.send(&flood).await;
    assert!(frames.next_of(GOAWAY).await.is_some());
    answers(&process).await;
    let grown = process.grown(before);
    assert!(grown < 16 * MIB, "{grown} bytes");
    process.stop();
}
