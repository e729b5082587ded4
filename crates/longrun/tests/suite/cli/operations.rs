//! `longrun operations describe`, and what all of `longrun operations` have in common.

use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use super::cli;
use crate::program::Ended;
use crate::server::{RECORDS, Server};

pub(super) const EMPTY: &str = "type.googleapis.com/google.protobuf.Empty";

/// A server with an operation of each kind.
pub(super) fn server(home: &Path) -> Server {
    let server = Server::start(home);
    for id in ["open", "good", "failed", "cancelled"] {
        server.create(id);
    }
    server.finish("good", json!({ "response": { "@type": EMPTY } }));
    server.finish("failed", json!({ "error": { "code": 9, "message": "no paper" } }));
    server.finish("cancelled", json!({ "error": { "code": 1, "message": "asked to" } }));
    server
}

/// Arguments that find the server and its token.
pub(super) fn here(home: &Path, server: &Server) -> String {
    format!("--server {} --data-dir {}", server.url(), home.display())
}

#[test]
fn describe_shows_operations_as_they_are() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let describe =
        |what: &str| cli(home.path(), &format!("operations describe {what} --as-client {here}"));

    let one = describe("good");
    assert_eq!((one.code, &*one.stderr), (Some(0), ""));
    let response = format!(r#"{{"@type":"{EMPTY}"}}"#);
    let table = format!(
        "Name          operations/good\nState         SUCCEEDED\nResponse      {response}\n"
    );
    assert_eq!(one.stdout, table);
    assert_eq!(describe("operations/good").stdout, table);

    // A describe isn't a wait: what failed is described well.
    let two = describe("failed open");
    assert_eq!((two.code, &*two.stderr), (Some(0), ""));
    assert_eq!(
        two.stdout,
        "Name          operations/failed\nState         FAILED\n\
         Error         FAILED_PRECONDITION: no paper\n\n\
         Name          operations/open\nState         OPEN\n"
    );

    let json = describe("good -o json");
    assert_eq!((json.code, &*json.stderr), (Some(0), ""));
    let good = server.rest("GET", "/v1/operations/good", "").json();
    assert_eq!(parsed(&json), good);
    let json = describe("open good --output json");
    let open = server.rest("GET", "/v1/operations/open", "").json();
    assert_eq!(parsed(&json), json!([open, good]));
}

pub(super) fn parsed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn who_may_see_records_sees_them() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let run = |line: &str| cli(home.path(), &format!("operations {line} {here} -o json"));

    let record = server.rest("GET", &format!("{RECORDS}/good"), "").json();
    let operation = server.rest("GET", "/v1/operations/good", "").json();
    let names = ["good", "good --service longrun.local", "services/longrun.local/operations/good"];
    for command in ["describe", "wait"] {
        for name in names {
            assert_eq!(parsed(&run(&format!("{command} {name}"))), record, "{command} {name}");
            let as_client = run(&format!("{command} {name} --as-client"));
            assert_eq!(parsed(&as_client), operation, "{command} {name}");
        }
    }
    let table = cli(home.path(), &format!("operations describe open {here}"));
    for line in
        ["State         RUNNING", "Owner         local:admin", "Deadline      2100-01-01T00:00:00Z"]
    {
        assert!(table.stdout.lines().any(|one| one.starts_with(line)), "{}", table.stdout);
    }
}

#[test]
fn formats_of_a_description() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let show = |format: &str| {
        let line = format!("operations describe good failed --as-client {here} -o {format}");
        let ended = cli(home.path(), &line);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{format}");
        ended.stdout
    };
    let all = ["table", "wide", "json", "jsonl", "yaml", "name", "value=error.message"];
    let all = all.map(|format| format!("=== {format}\n{}", show(format)));
    insta::assert_snapshot!(all.concat());
}

#[test]
fn a_server_that_is_away_is_exit_code_7() {
    let home = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for command in ["describe one", "wait one", "list", "cancel one", "delete one --yes", "watch"] {
        let line = format!("operations {command} --server http://{address}");
        let ended = cli(home.path(), &line);
        assert_eq!((ended.code, &*ended.stdout), (Some(7), ""), "{command}");
        assert!(ended.stderr.contains(&address.to_string()), "{}", ended.stderr);
    }
    let ended = cli(home.path(), &format!("operations describe one --server https://{address}"));
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{}", ended.stderr);
}
