//! A server that starts with other protos over what a former one has kept.

use longrun_api::google::longrunning::{GetOperationRequest, ListOperationsRequest};
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use prost::Message as _;

use crate::harness::Server;

const HEAD: &str = r#"
syntax = "proto3";
package yard.v1;
import "google/api/annotations.proto";
import "google/api/client.proto";
import "google/longrunning/operations.proto";
import "google/protobuf/any.proto";
service Yard {
  option (google.api.default_host) = "yard.example.com";
  option (google.api.oauth_scopes) = "https://www.googleapis.com/auth/chat.bot";
  rpc Build(BuildRequest) returns (google.longrunning.Operation) {
    option (google.api.http) = {post: "/v1/ships:build" body: "*"};
    option (google.longrunning.operation_info) = {response_type: "RESULT" metadata_type: "Progress"};
  }
}
message BuildRequest { string name = 1; google.protobuf.Any extra = 2; }
"#;

const FIRST: &str = r#"
message Ship { string name = 1; map<string, int32> parts = 2; }
message Progress { int32 percent = 1; }
message Note { string text = 1; }
"#;

/// Ship and Note are dropped, and what Progress has cannot be read by the new one.
const SECOND: &str = r#"
message Boat { string title = 1; }
message Progress { string phase = 1; }
"#;

/// What has new names and fields, but reads the old bytes, is shown by the new.
const RENAMED: &str = r#"
message Ship { string title = 1; map<string, int32> parts = 2; bool afloat = 3; }
message Progress { int32 per_cent = 1; }
message Note { string text = 1; }
"#;

/// Sources of one folder with one file.
fn sources(dir: &tempfile::TempDir, result: &str, messages: &str) -> Sources {
    let text = format!("{}{messages}", HEAD.replace("RESULT", result));
    std::fs::write(dir.path().join("yard.proto"), text).unwrap();
    Sources { proto_path: vec![dir.path().to_owned()], ..Default::default() }
}

const RECORDS: &str = "/longrun/v1/services/yard.example.com/operations";

/// Makes and finishes `operations/{id}`.
async fn run(server: &Server, id: &str, metadata: &str, response: &str) {
    let ok = async |path: &str, body: &str| {
        let answer = server.rest("backend", "POST", path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    };
    let record = format!(
        r#"{{"method":"yard.v1.Yard/Build","owner":"static:alice","operation":{{"metadata":{metadata}}},
            "request":{{"@type":"type.googleapis.com/yard.v1.BuildRequest","name":"Vasa","extra":{response}}}}}"#
    );
    ok(&format!("{RECORDS}?operationId={id}"), &record).await;
    let lease = r#"{"methods":["yard.v1.Yard/Build"],"workerId":"w"}"#;
    let leased = ok(&format!("{RECORDS}:lease"), lease).await;
    let token = &leased["records"][0]["lease"]["token"];
    ok(
        &format!("{RECORDS}/{id}:finish"),
        &format!(r#"{{"leaseToken":{token},"response":{response}}}"#),
    )
    .await;
}

/// All that shows an operation in JSON, and its bytes over gRPC.
async fn shown(server: &Server) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut texts = Vec::new();
    let all = "/longrun/v1/services/-/operations".to_owned();
    let paths = [
        ("alice", "/v1/operations/old".to_owned()),
        ("alice", "/v1/operations/old?prettyPrint=false".to_owned()),
        ("alice", "/v1/operations?filter=name%3D%22operations%2Fold%22".to_owned()),
        ("backend", format!("{RECORDS}/old")),
        ("backend", format!("{RECORDS}?filter=name%3D%22operations%2Fold%22")),
        ("backend", format!("{all}?filter=name%3D%22operations%2Fold%22")),
    ];
    for (who, path) in paths {
        let answer = server.rest(who, "GET", &path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        texts.push(answer.body);
    }
    let mut bytes = Vec::new();
    let get = GetOperationRequest { name: "operations/old".to_owned() };
    let list = ListOperationsRequest {
        name: "operations".to_owned(),
        filter: "name=\"operations/old\"".to_owned(),
        ..Default::default()
    };
    for (rpc, request) in
        [("GetOperation", get.encode_to_vec()), ("ListOperations", list.encode_to_vec())]
    {
        let rpc = format!("google.longrunning.Operations/{rpc}");
        let answer = server.grpc("alice", &rpc, request.into()).await.unwrap();
        bytes.push(answer.into_inner().to_vec());
    }
    (texts, bytes)
}

const PROGRESS: &str = r#"{"@type":"type.googleapis.com/yard.v1.Progress","percent":40}"#;
const SHIP: &str =
    r#"{"@type":"type.googleapis.com/yard.v1.Ship","name":"Vasa","parts":{"mast":3}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_lost_its_type_is_shown_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(sources(&dir, "Ship", FIRST), Limits::default()).await;
    run(&server, "old", PROGRESS, SHIP).await;
    let before = shown(&server).await;
    assert!(before.0[0].contains("\"mast\": 3") && before.0[0].contains("\"percent\": 40"));

    let mut server = server.restart_with(sources(&dir, "Boat", SECOND)).await;
    let new = r#"{"@type":"type.googleapis.com/yard.v1.Progress","phase":"keel"}"#;
    let boat = r#"{"@type":"type.googleapis.com/yard.v1.Boat","title":"Kon"}"#;
    server.clock.advance(Span::seconds(1));
    run(&server, "new", new, boat).await;
    // And once more: what was kept stays, as long as somebody needs it.
    for _ in 0..2 {
        assert_eq!(shown(&server).await, before);
        let both = server.rest("alice", "GET", "/v1/operations", "").await.json();
        assert_eq!(both["operations"][0]["metadata"]["phase"], "keel");
        assert_eq!(both["operations"][1]["metadata"]["percent"], 40);
        server = server.restart_with(sources(&dir, "Boat", SECOND)).await;
    }
    let refused =
        r#"{"method":"yard.v1.Yard/Build","request":{"@type":"type.googleapis.com/yard.v1.Ship"}}"#;
    let answer = server.rest("backend", "POST", RECORDS, refused).await;
    assert_eq!(answer.status, 400, "what is new is checked by the new: {}", answer.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_new_type_can_read_is_shown_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(sources(&dir, "Ship", FIRST), Limits::default()).await;
    run(&server, "old", PROGRESS, SHIP).await;
    let before = shown(&server).await;
    let server = server.restart_with(sources(&dir, "Ship", RENAMED)).await;
    let after = shown(&server).await;
    assert_eq!(after.1, before.1, "bytes are bytes");
    let operation = server.rest("alice", "GET", "/v1/operations/old", "").await.json();
    assert_eq!(operation["metadata"]["perCent"], 40);
    assert_eq!(operation["response"]["title"], "Vasa");
    server.stop().await;
}

/// A stream tells of what lost its type in JSON, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_what_lost_its_type() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(sources(&dir, "Ship", FIRST), Limits::default()).await;
    run(&server, "old", PROGRESS, SHIP).await;
    let server = server.restart_with(sources(&dir, "Boat", SECOND)).await;
    let accept = "Accept: application/x-ndjson\r\n";
    let mut watch = server.open("backend", &format!("{RECORDS}:watch"), accept).await;
    watch.next().await.expect("where it begins");
    let label = r#"{"labels":{"a":"b"}}"#;
    assert_eq!(server.rest("backend", "PATCH", &format!("{RECORDS}/old"), label).await.status, 200);
    let line: serde_json::Value = serde_json::from_str(&watch.next().await.unwrap()).unwrap();
    let operation = &line["record"]["operation"];
    assert_eq!(operation["response"]["parts"]["mast"], 3, "{line}");
    assert_eq!(operation["metadata"]["percent"], 40);
    drop(watch);
    server.stop().await;
}

/// A record that is open while the server changes has payloads of both.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_record_is_finished_by_the_new_types() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(sources(&dir, "Ship", FIRST), Limits::default()).await;
    let record = format!(
        r#"{{"method":"yard.v1.Yard/Build","owner":"static:alice","execution":"SELF",
            "deadline":"2026-01-03T00:00:00Z","operation":{{"metadata":{PROGRESS}}}}}"#
    );
    let made = server.rest("backend", "POST", &format!("{RECORDS}?operationId=old"), &record).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let server = server.restart_with(sources(&dir, "Boat", SECOND)).await;
    let finish = r#"{"response":{"@type":"type.googleapis.com/yard.v1.Boat","title":"Kon"}}"#;
    let path = format!("{RECORDS}/old:finish");
    let done = server.rest("backend", "POST", &path, finish).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let before = shown(&server).await;
    let third = "message Raft { string name = 1; } message Progress { string phase = 1; }";
    let server = server.restart_with(sources(&dir, "Raft", third)).await;
    assert_eq!(shown(&server).await, before);
    let operation = server.rest("alice", "GET", "/v1/operations/old", "").await.json();
    assert_eq!(operation["metadata"]["percent"], 40);
    assert_eq!(operation["response"]["title"], "Kon");
    server.stop().await;
}

/// A method that the protos have dropped can't be called, but what is left of it is worked on.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_record_of_a_dropped_method_is_leased_and_finished() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(sources(&dir, "Ship", FIRST), Limits::default()).await;
    let record = r#"{"method":"yard.v1.Yard/Build","owner":"static:alice"}"#;
    let create = |id: &str| format!("{RECORDS}?operationId={id}");
    assert_eq!(server.rest("backend", "POST", &create("old"), record).await.status, 200);

    let new = sources(&dir, "Ship", FIRST);
    let file = dir.path().join("yard.proto");
    let text = std::fs::read_to_string(&file).unwrap().replace("rpc Build(", "rpc Raise(");
    std::fs::write(file, text).unwrap();
    let server = server.restart_with(new).await;
    assert_eq!(server.rest("backend", "POST", &create("new"), record).await.status, 400);
    let lease = r#"{"methods":["yard.v1.Yard/Raise","yard.v1.Yard/Build"]}"#;
    let leased = server.rest("backend", "POST", &format!("{RECORDS}:lease"), lease).await.json();
    let token = &leased["records"][0]["lease"]["token"];
    let finish = format!(r#"{{"leaseToken":{token},"response":{SHIP}}}"#);
    let done = server.rest("backend", "POST", &format!("{RECORDS}/old:finish"), &finish).await;
    assert_eq!(done.status, 200, "{}", done.body);
    server.stop().await;
}
