//! `longrun operations`.

use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use super::cli;
use crate::program::{Ended, Program, longrun};
use crate::server::{RECORDS, Server};

const EMPTY: &str = "type.googleapis.com/google.protobuf.Empty";

/// A server with an operation of each kind.
fn server(home: &Path) -> Server {
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
fn here(home: &Path, server: &Server) -> String {
    format!("--server {} --data-dir {}", server.url(), home.display())
}

#[test]
fn describe_shows_operations_as_they_are() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let describe = |what: &str| cli(home.path(), &format!("operations describe {what} {here}"));

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
         Error         FailedPrecondition: no paper\n\n\
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

fn parsed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn a_service_shows_its_records() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let run = |line: &str| cli(home.path(), &format!("operations {line} {here} -o json"));

    let record = server.rest("GET", &format!("{RECORDS}/good"), "").json();
    let operation = server.rest("GET", "/v1/operations/good", "").json();
    for command in ["describe", "wait"] {
        for name in ["good --service longrun.local", "services/longrun.local/operations/good"] {
            assert_eq!(parsed(&run(&format!("{command} {name}"))), record, "{command} {name}");
            let as_client = run(&format!("{command} {name} --as-client"));
            assert_eq!(parsed(&as_client), operation, "{command} {name}");
        }
    }
    let table = cli(
        home.path(),
        &format!("operations describe services/longrun.local/operations/open {here}"),
    );
    for line in
        ["State         RUNNING", "Owner         local:admin", "Deadline      2100-01-01T00:00:00Z"]
    {
        assert!(table.stdout.lines().any(|one| one == line), "{line}: {}", table.stdout);
    }
}

#[test]
fn a_wait_ends_as_its_operation_did() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let table = [
        ("good", 0, "", 1),
        ("failed", 3, "", 1),
        ("cancelled", 6, "", 1),
        ("absent", 4, "longrun: operations/absent: ", 0),
        ("open --timeout 1ms", 124, "longrun: operations/open: still open\n", 0),
        // The first that isn't well decides; the others are waited for all the same.
        ("good failed cancelled", 3, "", 3),
        ("good absent failed", 4, "longrun: operations/absent: ", 2),
        ("open cancelled good --timeout 1ms", 124, "longrun: operations/open: still open\n", 2),
    ];
    for service in ["", " --service longrun.local"] {
        for (what, code, stderr, shown) in table {
            let line = format!("operations wait {what} {here}{service}");
            let ended = cli(home.path(), &line);
            assert_eq!(ended.code, Some(code), "{what}{service}: {ended:?}");
            assert!(ended.stderr.starts_with(stderr), "{what}: {}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), usize::from(!stderr.is_empty()), "{what}");
            assert_eq!(ended.stdout.matches("Name ").count(), shown, "{what}: {}", ended.stdout);
            let json = cli(home.path(), &format!("{line} -o json"));
            assert_eq!((json.code, &json.stderr), (ended.code, &ended.stderr), "{what}");
            if what.contains(' ') && !what.starts_with("open --timeout") {
                assert_eq!(parsed(&json).as_array().map(Vec::len), Some(shown), "{what}");
            } else if shown == 0 {
                assert_eq!(json.stdout, "", "{what}");
            } else {
                assert!(parsed(&json).is_object(), "{what}");
            }
        }
    }
}

#[test]
fn a_wait_returns_when_the_work_is_done() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    for (id, service) in [("one", ""), ("two", " --service longrun.local")] {
        server.create(id);
        // What is shown first tells that the second is waited for.
        let line = format!("operations wait good {id} {here}{service}");
        let waiting = Program::start(longrun(home.path()).args(line.split(' ')));
        waiting.stdout.find(|line| line.starts_with("Response").then_some(()));
        server.finish(id, json!({ "error": { "code": 9, "message": "no paper" } }));
        let ended = waiting.end();
        assert_eq!((ended.code, &*ended.stderr), (Some(3), ""), "{id}");
        assert!(ended.stdout.contains("FailedPrecondition: no paper"), "{}", ended.stdout);
    }
}

#[test]
fn who_interrupts_a_wait_learns_how_to_resume_it() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let line = format!("operations wait good open --service longrun.local {here} -o table");
    let waiting = Program::start(longrun(home.path()).args(line.split(' ')));
    waiting.stdout.find(|line| line.starts_with("Response").then_some(()));
    waiting.signal("INT");
    let ended = waiting.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(ended.stdout.matches("Name ").count(), 1, "{}", ended.stdout);
    let (said, resume) = ended.stderr.trim_end().split_once(": longrun ").expect("how to resume");
    assert_eq!(said, "longrun: interrupted; the work goes on. To wait again");

    server.finish("open", json!({ "response": { "@type": EMPTY } }));
    let resumed = cli(home.path(), resume);
    assert_eq!((resumed.code, &*resumed.stderr), (Some(0), ""), "{resume}");
    assert!(resumed.stdout.contains("operations/open"), "{}", resumed.stdout);
}

#[test]
fn a_server_that_is_away_is_exit_code_7() {
    let home = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for command in ["describe", "wait"] {
        let line = format!("operations {command} one --server http://{address}");
        let ended = cli(home.path(), &line);
        assert_eq!((ended.code, &*ended.stdout), (Some(7), ""), "{command}");
        assert!(ended.stderr.contains(&address.to_string()), "{}", ended.stderr);
    }
    let ended = cli(home.path(), &format!("operations describe one --server https://{address}"));
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{}", ended.stderr);
}

#[test]
fn a_wait_outlives_its_server() {
    let home = tempfile::tempdir().unwrap();
    for (id, good, service) in [("one", "good", ""), ("two", "better", " --service longrun.local")]
    {
        let mut first = Server::start(home.path());
        first.create(good);
        first.create(id);
        first.finish(good, json!({ "response": { "@type": EMPTY } }));
        let here = here(home.path(), &first);
        let line = format!("operations wait {good} {id} {here}{service}");
        let waiting = Program::start(longrun(home.path()).args(line.split(' ')));
        waiting.stdout.find(|line| line.starts_with("Response").then_some(()));
        first.program.kill();
        let mut again = longrun(home.path());
        again.args(["serve", "--data-dir"]).arg(home.path());
        again.args(["--listen", &first.address.to_string()]);
        let second = Server::start_as(home.path(), &mut again);
        second.finish(id, json!({ "response": { "@type": EMPTY } }));
        let ended = waiting.end();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{id}");
        assert!(ended.stdout.contains(&format!("operations/{id}\n")), "{}", ended.stdout);
    }
}
