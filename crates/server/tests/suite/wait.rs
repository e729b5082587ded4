//! Calls that are held: WaitOperation, `Prefer: wait`, and the interval that is recommended
//! to those who poll.

use http_body_util::Full;
use longrun_api::google::longrunning::{GetOperationRequest, Operation, WaitOperationRequest};
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use prost::Message as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::harness::{Answer, Server};
use crate::limits::wires::{
    DATA, END_STREAM, Frames, Line, Told, call, channel, frame, framed, posted, request,
};
use crate::scenes::{Scene, set};
use crate::still::Still;

const OPERATIONS: &str = "/longrun/v1/services/longrun.local/operations";
const EMPTY: &str = r#"{"@type":"type.googleapis.com/google.protobuf.Empty"}"#;

async fn get(server: &Server, prefer: &str) -> Answer {
    let head = format!(
        "GET /v1/operations/one HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alice\r\n\
         {prefer}Connection: close\r\n\r\n"
    );
    Answer::parse(&server.raw(head.as_bytes()).await)
}

async fn finish(server: &Server, id: &str, token: &str) {
    let body = format!(r#"{{"response":{EMPTY},"leaseToken":"{token}"}}"#);
    let path = format!("{OPERATIONS}/{id}:finish");
    let answer = server.rest("backend", "POST", &path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// An RPC's frames, on a stream of an HTTP/2 connection.
fn asked(stream: u32, rpc: &str) -> Vec<u8> {
    let rpc = format!("google.longrunning.Operations/{rpc}");
    let name = framed(b"\x0a\x0eoperations/one");
    [call(stream, &rpc, "alice", 0), frame(DATA, END_STREAM, stream, &name)].concat()
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_says_what_was_applied() {
    // (scene, Prefer, done, Preference-Applied, Retry-After)
    let table = [
        (Scene::Succeeded, "Prefer: wait=30\r\n", true, Some("wait=30"), None),
        (Scene::Succeeded, "Prefer: wait=90\r\n", true, Some("wait=60"), None),
        (Scene::Succeeded, "prefer: foo, WAIT=\"7\"; a=b\r\n", true, Some("wait=7"), None),
        (Scene::Failed, "Prefer: wait=30\r\n", true, Some("wait=30"), None),
        (Scene::Leased, "Prefer: wait=0\r\n", false, Some("wait=0"), Some("5")),
        (Scene::Leased, "Prefer: wait=soon\r\n", false, None, Some("5")),
        (Scene::Leased, "Prefer: respond-async\r\n", false, None, Some("5")),
        (Scene::Leased, "", false, None, Some("5")),
    ];
    let still = Still::new();
    for (scene, prefer, done, applied, retry) in table {
        let set = set(scene).await;
        let answer = get(&set.server, prefer).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["done"].as_bool().unwrap_or_default(), done, "{prefer}");
        assert_eq!(answer.header("preference-applied"), applied, "{prefer}");
        assert_eq!(answer.header("retry-after"), retry, "{prefer}");
        let plain = get(&set.server, "").await;
        assert_eq!(answer.body, plain.body, "the same bytes as without");
        set.server.stop().await;
    }
    still.no_time_has_passed();
}

/// Whichever rule leads to GetOperation, and whatever verb stands for GET.
#[tokio::test(flavor = "multi_thread")]
async fn every_binding_takes_the_wish() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    for (id, parent) in [("one", ""), ("two", "&operationParent=projects/p")] {
        let path = format!("{OPERATIONS}?operationId={id}{parent}");
        let made = server.rest("backend", "POST", &path, r#"{"owner":"static:alice"}"#).await;
        assert_eq!(made.status, 200, "{}", made.body);
    }
    let table = [
        "GET /v1/operations/one HTTP/1.1\r\n",
        "GET /v1/operations/one/ HTTP/1.1\r\n",
        "HEAD /v1/operations/one HTTP/1.1\r\n",
        "GET /v1/projects/p/operations/two HTTP/1.1\r\n",
        "POST /v1/projects/p/operations/two HTTP/1.1\r\nX-HTTP-Method-Override: GET\r\n",
    ];
    for line in table {
        let rest = "Authorization: Bearer alice\r\nPrefer: wait=0\r\nConnection: close\r\n\r\n";
        let head = format!("{line}Host: localhost\r\n{rest}");
        let answer = Answer::parse(&server.raw(head.as_bytes()).await);
        let found = (answer.status, answer.header("preference-applied"));
        assert_eq!(found, (200, Some("wait=0")), "{line}");
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_wait_changes_nothing_else() {
    let still = Still::new();
    let set = set(Scene::Pending).await;
    let head = "DELETE /v1/operations/one HTTP/1.1\r\nHost: localhost\r\n\
                Authorization: Bearer alice\r\nPrefer: wait=60\r\nConnection: close\r\n\r\n";
    let answer = Answer::parse(&set.server.raw(head.as_bytes()).await);
    assert_eq!((answer.status, answer.header("preference-applied")), (200, None));
    let gone = get(&set.server, "Prefer: wait=60\r\n").await;
    assert_eq!((gone.status, gone.header("preference-applied")), (404, None));
    still.no_time_has_passed();
    set.server.stop().await;
}

/// Waits by REST, as many of each kind, on connections of their own.
async fn waiting(server: &Server, count: usize) -> (Vec<Line>, Vec<Line>) {
    let get = request("GET", "/v1/operations/one", "alice", "Prefer: wait=60\r\n");
    let wait = request("POST", "/v1/operations/one:wait", "alice", "Content-Length: 0\r\n");
    let (mut by_get, mut by_wait) = (Vec::new(), Vec::new());
    for _ in 0..count {
        for (asked, lines) in [(&get, &mut by_get), (&wait, &mut by_wait)] {
            let mut line = Line::connect(server.address).await;
            line.0.write_all(asked.as_bytes()).await.unwrap();
            lines.push(line);
        }
    }
    (by_get, by_wait)
}

#[tokio::test(start_paused = true)]
async fn a_finish_ends_every_wait() {
    let still = Still::new();
    let set = set(Scene::Leased).await;
    let (by_get, by_wait) = waiting(&set.server, 75).await;
    let mut by_grpc = Frames::connect(set.server.address, &[]).await;
    let waits = (0..50).flat_map(|at| asked(2 * at + 1, "WaitOperation"));
    // The server has one thread here, and takes up what comes in its order: once it has
    // answered what was sent last, all wait.
    let sent = waits.chain(asked(101, "GetOperation")).collect::<Vec<u8>>();
    by_grpc.send(&sent).await.unwrap();
    let open = by_grpc.next_of(DATA).await.unwrap();
    assert!(open.stream == 101 && !Operation::decode(&open.payload[5..]).unwrap().done);

    finish(&set.server, "one", set.token.as_deref().unwrap()).await;
    for mut line in by_get {
        let answer = Answer::parse(&line.ask("").await.unwrap());
        assert_eq!(answer.header("preference-applied"), Some("wait=60"));
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.json()["done"], true);
    }
    for mut line in by_wait {
        assert_eq!(Answer::parse(&line.ask("").await.unwrap()).json()["done"], true);
    }
    for _ in 0..50 {
        let answer = by_grpc.next_of(DATA).await.unwrap();
        assert!(Operation::decode(&answer.payload[5..]).unwrap().done);
    }
    still.no_time_has_passed();
    drop(by_grpc);
    set.server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_ends_every_wait_with_not_found() {
    let still = Still::new();
    let set = set(Scene::Leased).await;
    let server = &set.server;
    let (by_get, by_wait) = waiting(server, 2).await;
    let channel = channel(server.address).await;
    let by_grpc = async |rpc: &str| {
        let rpc = format!("google.longrunning.Operations/{rpc}");
        let body = tonic::body::Body::new(Full::new(framed(b"\x0a\x0eoperations/one")));
        posted(&mut channel.clone(), &rpc, &[("authorization", "Bearer alice")], body).await
    };
    let (waited, deleted) = tokio::join!(biased; by_grpc("WaitOperation"), async {
        // Sent last: once it is answered, all wait.
        assert!(by_grpc("GetOperation").await.is_ok());
        server.rest("alice", "DELETE", "/v1/operations/one", "").await
    });
    assert_eq!(deleted.status, 200);
    for mut line in by_get.into_iter().chain(by_wait) {
        let told = Told::of_rest(&line.ask("").await.unwrap());
        assert_eq!(told, Told::new(404, "NOT_FOUND", "OPERATION_DELETED"));
    }
    let status = tonic::Status::from_header_map(waited.unwrap().headers()).unwrap();
    assert_eq!(status.code(), tonic::Code::NotFound);
    still.no_time_has_passed();
    set.server.stop().await;
}

/// The body is asked for when the call is under way, so it is in the server when that stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_answers_waits_with_the_current_state() {
    let set = set(Scene::Leased).await;
    let table = [
        ("POST /v1/operations/one:wait", "Content-Type: application/json", "{}"),
        (
            "POST /v1/operations/one",
            "X-HTTP-Method-Override: GET\r\nPrefer: wait=60\r\n\
             Content-Type: application/x-www-form-urlencoded",
            "alt=json",
        ),
    ];
    let mut waits = Vec::new();
    for (line, headers, body) in table {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alice\r\n{headers}\r\n\
             Expect: 100-continue\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = BufReader::new(TcpStream::connect(set.server.address).await.unwrap());
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
        stream.read_line(&mut line).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        waits.push(stream);
    }
    set.server.stop().await;
    for mut stream in waits {
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let answer = Answer::parse(&response);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["done"], serde_json::Value::Null);
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
}

/// Every answer for an open operation, over both doors.
async fn recommended(server: &Server) -> Vec<String> {
    let mut all = Vec::new();
    let wait = server.rest("alice", "POST", "/v1/operations/one:wait", r#"{"timeout":"0s"}"#);
    for answer in [get(server, "").await, get(server, "Prefer: wait=0\r\n").await, wait.await] {
        all.push(answer.header("retry-after").unwrap_or_default().to_owned());
    }
    let name = "operations/one".to_owned();
    let get = GetOperationRequest { name: name.clone() }.encode_to_vec();
    let timeout = Some(prost_types::Duration::default());
    let wait = WaitOperationRequest { name, timeout }.encode_to_vec();
    for (rpc, request) in [("GetOperation", get), ("WaitOperation", wait)] {
        let rpc = format!("google.longrunning.Operations/{rpc}");
        let answer = server.grpc("alice", &rpc, request.into()).await.unwrap();
        let found = answer.metadata().get("retry-after").unwrap();
        all.push(found.to_str().unwrap().to_owned());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recommended_interval_is_learned_and_outlives_the_server() {
    let server = set(Scene::Running).await.server;
    assert_eq!(recommended(&server).await, ["5"; 5]);
    for (index, seconds) in [10, 100, 100, 1000, 100].into_iter().enumerate() {
        let id = format!("other-{index}");
        let path = format!("{OPERATIONS}?operationId={id}");
        let record = r#"{"method":"demo.v1.Demo/Build"}"#;
        assert_eq!(server.rest("backend", "POST", &path, record).await.status, 200);
        server.clock.advance(Span::seconds(seconds));
        let lease = r#"{"methods":["demo.v1.Demo/Build"]}"#;
        let path = format!("{OPERATIONS}:lease");
        let leased = server.rest("backend", "POST", &path, lease).await.json();
        let token = leased["records"][0]["lease"]["token"].as_str().unwrap().to_owned();
        finish(&server, &id, &token).await;
        if index < 4 {
            assert_eq!(recommended(&server).await, ["5"; 5], "{index}");
        }
    }
    assert_eq!(recommended(&server).await, ["20"; 5]);
    let server = server.restart().await;
    assert_eq!(recommended(&server).await, ["20"; 5]);
    server.stop().await;
}
