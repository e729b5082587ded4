//! How `longrun serve` ends: nobody is left without an answer, nothing is left to repair.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use longrun_api::longrun::v1::LeaseOperationsRequest;
use serde_json::json;

use crate::http::{Connection, request};
use crate::program::Ended;
use crate::server::{RECORDS, Server, serve};

/// A call that is under way, and what of its body is still to come.
struct UnderWay {
    connection: Connection,
    rest: String,
}

impl UnderWay {
    /// A call of which the server has everything but the body.
    fn begin(server: &Server, path: &str, body: &str) -> Self {
        let headers = format!(
            "Authorization: Bearer {}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n",
            server.token()
        );
        let mut connection = Connection::open(server.address);
        connection.begin(&request("POST", path, &headers, body));
        Self { connection, rest: body.to_owned() }
    }

    /// And the body, so that the server can hold the call.
    fn held(server: &Server, path: &str, body: &str) -> Connection {
        let mut call = Self::begin(server, path, body);
        call.connection.send(&call.rest);
        call.connection
    }
}

fn is_stopping(server: &Server) {
    server.program.stderr.find(|line| line.contains(r#""message":"stopping""#).then_some(()));
}

fn assert_closed(dir: &Path) {
    let log = std::fs::metadata(dir.join("longrun.db-wal")).map_or(0, |file| file.len());
    assert_eq!(log, 0, "the write-ahead log is not in the database");
}

/// Not ready: 503 or closed on a connection that was open, 503 or refused on a new one.
fn assert_not_ready(open: &mut Connection, address: SocketAddr) {
    if open.try_send(&request("GET", "/readyz", "", ""))
        && let Some(answer) = open.answer()
    {
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    if TcpStream::connect(address).is_ok() {
        let mut new = Connection::open(address);
        if new.try_send(&request("GET", "/readyz", "", ""))
            && let Some(answer) = new.answer()
        {
            assert_eq!(answer.status, 503, "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_waits_is_answered_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    server.create("open");
    let mut probe = Connection::open(server.address);
    probe.send(&request("GET", "/readyz", "", ""));
    assert_eq!(probe.answer().expect("it is ready").status, 200);

    let wait = "/v1/operations/open:wait";
    let mut waiting = UnderWay::held(&server, wait, r#"{"timeout":"60s"}"#);
    let lease = json!({ "methods": ["stop.v1.Stop/Work"], "waitTimeout": "60s" }).to_string();
    let mut leasing = UnderWay::held(&server, &format!("{RECORDS}:lease"), &lease);
    let body = r#"{"owner":"local:admin"}"#;
    let mut creating = UnderWay::begin(&server, &format!("{RECORDS}?operationId=late"), body);

    let client = server.client().await;
    let request = LeaseOperationsRequest {
        parent: "services/longrun.local".to_owned(),
        methods: vec!["stop.v1.Stop/Work".to_owned()],
        wait_timeout: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        ..LeaseOperationsRequest::default()
    };
    let (waited, leased, ()) = tokio::join!(
        biased;
        client.wait_operation("operations/open", None),
        client.lease(request),
        async {
            // Sent last on the same connection: once it is answered, the two have arrived.
            client.get_operation("operations/open").await.unwrap();
            server.program.signal("TERM");
            is_stopping(&server);
        }
    );
    let operation = waited.unwrap();
    assert_eq!((&*operation.name, operation.done), ("operations/open", false));
    assert_eq!(leased, Ok(vec![]));
    let answer = waiting.answer().expect("the state as it is");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "name": "operations/open" }));
    let answer = leasing.answer().expect("nothing was there to lease");
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    assert_not_ready(&mut probe, server.address);

    // A call that was under way is taken to its end, however late that is.
    creating.connection.send(&creating.rest);
    assert_eq!(creating.connection.answer().expect("it is answered").status, 200);
    let ended = server.program.end();
    assert_eq!((ended.code, &*ended.stdout), (Some(0), ""));
    assert_calm(&ended);
    assert_closed(dir.path());

    let server = Server::start(dir.path());
    assert_eq!(server.rest("GET", "/v1/operations/late", "").status, 200);
}

fn assert_calm(ended: &Ended) {
    for level in ["WARN", "ERROR"] {
        assert!(!ended.stderr.contains(level), "{}", ended.stderr);
    }
}

/// With threads of its own, the client's side sees the connection end.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_is_silent_keeps_nobody() {
    for signal in ["TERM", "INT"] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        server.create("open");
        let mut idle = Connection::open(server.address);
        idle.send(&server.request("GET", "/v1/operations/open", ""));
        assert_eq!(idle.answer().expect("it is there").status, 200);
        let client = server.client().await;
        client.get_operation("operations/open").await.unwrap();
        let unused = Connection::open(server.address);

        server.program.signal(signal);
        let ended = server.program.end();
        assert_eq!(ended.code, Some(0), "{signal}");
        assert!(ended.stderr.contains(&format!(r#""signal":"SIG{signal}""#)), "{}", ended.stderr);
        assert_calm(&ended);
        assert_closed(dir.path());
        drop((idle, client, unused));
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (second, code) in [("TERM", 143), ("INT", 130)] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path());
        server.create("open");
        let mut call = UnderWay::begin(&server, &format!("{RECORDS}?operationId=late"), "{}");
        server.program.signal("TERM");
        is_stopping(&server);
        server.program.signal(second);
        assert!(call.connection.answer().is_none(), "the call was cut");
        let ended = server.program.end();
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);

        let server = Server::start(dir.path());
        assert_eq!(server.rest("GET", "/v1/operations/open", "").status, 200);
        assert_eq!(server.rest("GET", &format!("{RECORDS}/late"), "").status, 404);
    }
}

/// The one test that takes its time: a stop is over after eight seconds, however patient the
/// configuration is.
#[test]
fn whoever_is_slow_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("longrun.toml");
    std::fs::write(&config, "[limits]\ndrain_timeout = \"1h\"\n").unwrap();
    let server = Server::start_as(dir.path(), serve(dir.path()).arg("--config").arg(config));
    server.create("open");
    let mut call = UnderWay::begin(&server, &format!("{RECORDS}?operationId=late"), "{}");
    server.program.signal("TERM");
    is_stopping(&server);
    let ended = server.program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("they are cut"), "{}", ended.stderr);
    assert!(call.connection.answer().is_none(), "the call was cut");
    assert_closed(dir.path());
}
