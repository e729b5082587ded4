//! Two configs of one name, each with protos of its own: one service, whose operations may hold
//! types of either version.

use std::path::Path;

use longrun_server::catalog::{ConfigSource, ServiceSource, Sources};
use longrun_server::config::Limits;
use serde_json::{Value, json};

use crate::harness::Server;

const PROTO: &str = r#"syntax = "proto3";
package lib.VERSION;
import "google/api/annotations.proto";
import "google/api/client.proto";
import "google/api/field_behavior.proto";
import "google/longrunning/operations.proto";
import "google/protobuf/any.proto";
message Book { string title = 1; }
message Request {
  string name = 1;
  google.protobuf.Any book = 2;
  string edition = 3 [(google.api.field_behavior) = REQUIRED];
}
service Library {
  option (google.api.oauth_scopes) = "https://www.googleapis.com/auth/chat.bot";
  rpc Bind(Request) returns (google.longrunning.Operation) {
    option (google.api.http) = {post: "/VERSION/{name=books/*}:bind" body: "*"};
  }
}
"#;

fn version(folder: &Path, version: &str) -> ServiceSource {
    let path = folder.join(version);
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join(format!("{version}.proto")), PROTO.replace("VERSION", version))
        .unwrap();
    let config = path.join("lib.yaml");
    let text = format!(
        "type: google.api.Service\nname: lib.example.com\napis:\n- name: lib.{version}.Library\n"
    );
    std::fs::write(&config, text).unwrap();
    ServiceSource {
        config: Some(ConfigSource::File(config)),
        proto_path: vec![path],
        ..Default::default()
    }
}

async fn ok(server: &Server, token: &str, verb: &str, path: &str, body: &str) -> Value {
    let answer = server.rest(token, verb, path, body).await;
    assert_eq!(answer.status, 200, "{verb} {path}: {}", answer.body);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_may_hold_the_other_versions_types() {
    let folder = tempfile::tempdir().unwrap();
    let services = vec![version(folder.path(), "v1"), version(folder.path(), "v1beta")];
    let sources = Sources { services, ..Default::default() };
    let server = Server::start(sources, Limits::default()).await;
    for (own, other) in [("v1", "v1beta"), ("v1beta", "v1")] {
        let book = |version: &str| json!({"@type": format!("type.googleapis.com/lib.{version}.Book"), "title": "Emma"});
        let method = format!("lib.{own}.Library/Bind");
        let path = format!("/{own}/books/b:bind");
        let call = json!({"edition": "first", "book": book(other)}).to_string();
        let header = format!("alice\r\nx-longrun-request-id: {own}");
        let open = ok(&server, &header, "POST", &path, &call).await;

        let lease = json!({"methods": [method], "workerId": "w"}).to_string();
        let service = "/longrun/v1/services/lib.example.com";
        let lease_path = format!("{service}/operations:lease");
        let leased = ok(&server, "backend", "POST", &lease_path, &lease).await;
        let record = &leased["records"][0];
        assert_eq!(record["request"]["book"], book(other), "{own}");
        let end = json!({"leaseToken": record["lease"]["token"], "response": book(other)});
        let name = open["name"].as_str().unwrap();
        let finish = format!("{service}/{name}:finish");
        ok(&server, "backend", "POST", &finish, &end.to_string()).await;

        let read = ok(&server, "alice", "GET", &format!("/v1/{name}"), "").await;
        let again = ok(&server, &header, "POST", &path, &call).await;
        assert_eq!((&again, &again["response"]), (&read, &book(other)), "{own}");

        // What a field's options say counts for both.
        let refused = server.rest("alice", "POST", &path, "{}").await.json();
        let violation = &refused["error"]["details"][1]["fieldViolations"][0]["field"];
        assert_eq!(violation, "edition", "{own}: {refused}");
    }
    server.stop().await;
}
