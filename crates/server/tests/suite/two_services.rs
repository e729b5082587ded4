//! Two services with the same templates on one port, and what tells them apart.

use std::net::SocketAddr;
use std::path::Path;

use longrun_api::google::longrunning::{GetOperationRequest, Operation};
use longrun_api::google::rpc::{ErrorInfo, Status};
use longrun_server::catalog::{ConfigSource, ServiceSource, Sources};
use longrun_server::config::Limits;
use prost::Message as _;

use crate::harness::Server;

const BOOKS: &str = "books.example.com";
const FILMS: &str = "films.example.com";
const AMBIGUOUS: &str = "SERVICE_AMBIGUOUS";

/// A service whose rules are the default ones, and which alice may use.
fn service(folder: &Path, name: &str, hosts: &[&str]) -> ServiceSource {
    let config = folder.join(format!("{name}.yaml"));
    let text = format!(
        "type: google.api.Service
name: {name}
authentication:
  rules:
  - selector: google.longrunning.Operations.*
    oauth:
      canonical_scopes: https://www.googleapis.com/auth/chat.bot
"
    );
    std::fs::write(&config, text).unwrap();
    ServiceSource {
        name: Some(name.to_owned()),
        config: Some(ConfigSource::File(config)),
        hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        ..Default::default()
    }
}

/// An address that nobody listens on. Only here is there a 127.0.0.2.
fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap()
}

/// Both services have an `operations/one`, and its metadata says whose it is.
async fn start(services: &[ServiceSource]) -> Server {
    let sources = Sources { services: services.to_vec(), ..Default::default() };
    let server = Server::start(sources, Limits::default()).await;
    for name in services.iter().filter_map(|service| service.name.as_deref()) {
        let text = "type.googleapis.com/google.protobuf.StringValue";
        let body = serde_json::json!({
            "owner": "static:alice",
            "method": "any.v1.Any/Make",
            "operation": {"metadata": {"@type": text, "value": name}},
        });
        let path = format!("/longrun/v1/services/{name}/operations?operationId=one");
        let answer = server.rest("backend", "POST", &path, &body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    server
}

/// Whose `operations/one` both doors give, or the reason for which they give none.
async fn whose(server: &Server, host: &str) -> String {
    let rest = server.rest_at(host, "alice", "GET", "/v1/operations/one", "").await.json();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let by_rest = text(&rest["metadata"]["value"])
        .or_else(|| text(&rest["error"]["details"][0]["reason"]))
        .expect("an operation or an error");

    let request = GetOperationRequest { name: "operations/one".to_owned() };
    let get = "google.longrunning.Operations/GetOperation";
    let grpc = server.grpc_at(host, "alice", get, request.encode_to_vec().into(), &[]).await;
    let by_grpc = match grpc {
        Ok(answer) => {
            let metadata = Operation::decode(answer.into_inner()).unwrap().metadata.unwrap();
            String::decode(metadata.value.as_slice()).unwrap()
        }
        Err(status) => {
            let status = Status::decode(status.details()).unwrap();
            assert!(status.message.contains(&format!("({BOOKS}, {FILMS})")), "{}", status.message);
            ErrorInfo::decode(status.details[0].value.as_slice()).unwrap().reason
        }
    };
    assert_eq!(by_rest, by_grpc, "{host}");
    by_rest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_an_address_or_nothing_tells_them_apart() {
    let (shared, extra) = ("library.test", free());
    let folder = tempfile::tempdir().unwrap();
    let books = service(folder.path(), BOOKS, &["library.test:8443"]);
    let films = service(folder.path(), FILMS, &[shared]);
    let mut server = start(&[books, ServiceSource { listen: Some(extra), ..films }]).await;
    let main = server.address;
    // (where the request comes in, Host or :authority, whose operation is meant)
    let table = [
        (main, BOOKS, BOOKS),
        (main, FILMS, FILMS),
        (main, "BOOKS.example.com:9999", BOOKS),
        (main, "library.test:8443", BOOKS),
        (main, "library.test:8444", FILMS),
        (main, shared, FILMS),
        (main, "localhost", AMBIGUOUS),
        (main, "library", AMBIGUOUS),
        (extra, "localhost", FILMS),
        (extra, FILMS, FILMS),
        (extra, BOOKS, BOOKS),
    ];
    for (address, host, expected) in table {
        server.address = address;
        assert_eq!(whose(&server, host).await, expected, "{host} on {address}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_one_is_not_done_to_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let both = [BOOKS, FILMS].map(|name| service(folder.path(), name, &[]));
    let server = start(&both).await;
    let path = "/v1/operations/one";
    let nobody = server.rest_at("localhost", "alice", "DELETE", path, "").await.json();
    assert_eq!(nobody["error"]["details"][0]["reason"], AMBIGUOUS);
    let mut names = Vec::new();
    for (host, left) in [(BOOKS, true), (FILMS, false)] {
        assert_eq!(server.rest_at(host, "alice", "DELETE", path, "").await.status, 200);
        for host in [BOOKS, FILMS] {
            let list = server.rest_at(host, "alice", "GET", "/v1/operations", "").await.json();
            names.push(list["operations"].as_array().map_or(0, Vec::len));
        }
        assert_eq!(names, [0, usize::from(left)]);
        names.clear();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_one_is_meant_whatever_the_host_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&[service(folder.path(), BOOKS, &[])]).await;
    for host in [BOOKS, FILMS, "localhost", "127.0.0.1:1"] {
        assert_eq!(whose(&server, host).await, BOOKS);
    }
    server.stop().await;
}
