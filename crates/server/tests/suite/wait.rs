//! Calls that are held: WaitOperation, `Prefer: wait`, and the interval that is recommended
//! to those who poll.

use longrun_api::google::longrunning::{GetOperationRequest, Operation, WaitOperationRequest};
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use prost::Message as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::harness::{Answer, Server};
use crate::scenes::{Scene, set};

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

async fn wait_by_grpc(server: &Server) -> Result<Operation, tonic::Status> {
    let request = WaitOperationRequest { name: "operations/one".to_owned(), timeout: None };
    let rpc = "google.longrunning.Operations/WaitOperation";
    let answer = server.grpc("alice", rpc, request.encode_to_vec().into()).await?;
    Ok(Operation::decode(answer.into_inner()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
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

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_wait_changes_nothing_else() {
    let set = set(Scene::Pending).await;
    let head = "DELETE /v1/operations/one HTTP/1.1\r\nHost: localhost\r\n\
                Authorization: Bearer alice\r\nPrefer: wait=60\r\nConnection: close\r\n\r\n";
    let answer = Answer::parse(&set.server.raw(head.as_bytes()).await);
    assert_eq!((answer.status, answer.header("preference-applied")), (200, None));
    let gone = get(&set.server, "Prefer: wait=60\r\n").await;
    assert_eq!((gone.status, gone.header("preference-applied")), (404, None), "at once");
    set.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finish_ends_every_wait() {
    let set = set(Scene::Leased).await;
    let server = &set.server;
    let by_rest = (0..100).map(|_| async {
        let answer = get(server, "Prefer: wait=60\r\n").await;
        assert_eq!(answer.header("preference-applied"), Some("wait=60"));
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.json()["done"], true);
    });
    let by_wait = (0..50).map(|_| async {
        let answer = server.rest("alice", "POST", "/v1/operations/one:wait", "{}").await;
        assert_eq!(answer.json()["done"], true);
    });
    let by_grpc = (0..50).map(|_| async {
        assert!(wait_by_grpc(server).await.unwrap().done);
    });
    let token = set.token.as_deref().unwrap();
    // Whether a wait begins before the finish or after, it ends with it.
    tokio::join!(
        futures::future::join_all(by_rest),
        futures::future::join_all(by_wait),
        futures::future::join_all(by_grpc),
        finish(server, "one", token),
    );
    set.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_ends_every_wait_with_not_found() {
    let set = set(Scene::Leased).await;
    let server = &set.server;
    let (by_rest, by_grpc, deleted) = tokio::join!(
        get(server, "Prefer: wait=60\r\n"),
        wait_by_grpc(server),
        server.rest("alice", "DELETE", "/v1/operations/one", ""),
    );
    assert_eq!(deleted.status, 200);
    assert_eq!(by_rest.status, 404);
    assert_eq!(by_grpc.unwrap_err().code(), tonic::Code::NotFound);
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
