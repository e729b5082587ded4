//! `longrun operations list`.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::cli;
use super::operations::{EMPTY, here, parsed};
use crate::program::{longrun, run};
use crate::server::{RECORDS, Server, progress};

/// A server with operations `a` to `e`, in that order, and one under a parent.
fn server(home: &Path) -> Server {
    let server = Server::start(home);
    for (id, label) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "x")] {
        server.create_with(id, json!({ "labels": { "team": label } }));
    }
    server.create("f&operationParent=projects/p");
    server.progress("b", 42);
    server.finish("c", json!({ "response": { "@type": EMPTY } }));
    server.finish("d", json!({ "error": { "code": 9, "message": "no paper" } }));
    server
}

#[test]
fn every_format() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let list = |view: &str, format: &str| {
        let ended = cli(home.path(), &format!("operations list {view}{here} -o {format}"));
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{format}");
        ended.stdout
    };
    let records = server.rest("GET", RECORDS, "").json()["records"].take();
    let operations = server.rest("GET", "/v1/operations", "").json()["operations"].take();
    for (view, expected) in [("", records), ("--as-client ", operations)] {
        let json: Value = serde_json::from_str(&list(view, "json")).unwrap();
        assert_eq!(json, expected);
        let lines = list(view, "jsonl");
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json, Value::from(lines));
        let documents = list(view, "yaml");
        let documents: Vec<Value> = documents
            .split("---\n")
            .map(|document| serde_saphyr::from_str(document).unwrap())
            .collect();
        assert_eq!(json, Value::from(documents));
    }
    let mut shown = String::new();
    for view in ["", "--as-client ", "--service longrun.local "] {
        for format in ["table", "wide", "name", "value=metadata.progressPercent"] {
            shown += &format!("=== {view}-o {format}\n{}", list(view, format));
        }
    }
    insta::with_settings!({ filters => vec![(r"\b\d+s ago|\bnow\b", "[ago]"), (r"\b\d+s\b", "[s]"), (r" +", " ")] }, {
        insta::assert_snapshot!(shown);
    });
}

#[test]
fn pages_limits_orders_filters_and_parents() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let run = |flags: &[&str]| {
        let mut command = longrun(home.path());
        command.args(["operations", "list", "-o", "value=operation.name"]).args(flags);
        crate::program::run(command.args(here.split(' ')))
    };
    let table: [(&[&str], &str); 11] = [
        (&["--page-size", "2", "--order-by", "create_time"], "a b c d e projects/p/f"),
        (&["--page-size", "2", "--order-by", "create_time desc"], "projects/p/f e d c b a"),
        (&["--limit", "3"], "projects/p/f e d"),
        (&["--limit", "3", "--page-size", "2"], "projects/p/f e d"),
        (&["--limit", "99"], "projects/p/f e d c b a"),
        (&["--filter", "state=RUNNING", "--service", "longrun.local"], "projects/p/f e b a"),
        (&["--filter", "labels.team=x OR labels.team=z", "--page-size", "1"], "e c a"),
        (&["--filter", "metadata.progressPercent>=42"], "b"),
        (&["--parent", "projects/p"], "projects/p/f"),
        (&["--parent", "projects/p", "--filter", "done=true OR name=\"operations/a\""], ""),
        (&["--parent", "projects/p", "--filter", "done=false"], "projects/p/f"),
    ];
    for (flags, expected) in table {
        let ended = run(flags);
        let names = ended.stdout.replace("operations/", "");
        assert_eq!((ended.code, names.trim().replace('\n', " ")), (Some(0), expected.to_owned()));
        let said = if expected.is_empty() { "longrun: no operations\n" } else { "" };
        assert_eq!(ended.stderr, said, "{flags:?}");
    }
    let as_client = |line: &str| {
        cli(home.path(), &format!("operations list --as-client -o name {line} {here}"))
    };
    assert_eq!(as_client("--parent projects/p").stdout, "projects/p/operations/f\n");
    let names = "operations/e\noperations/d\noperations/c\n";
    assert_eq!(as_client("--page-size 2 --limit 3").stdout, names);
    let order = as_client("--order-by create_time");
    assert_eq!((order.code, &*order.stdout), (Some(2), ""), "{}", order.stderr);

    let bad = run(&["--filter", "state=GONE"]);
    assert_eq!((bad.code, &*bad.stdout), (Some(1), ""));
    assert!(bad.stderr.contains("GONE"), "{}", bad.stderr);
    let absent = run(&["--service", "no.example.com"]);
    assert_eq!((absent.code, &*absent.stdout), (Some(4), ""), "{}", absent.stderr);
}

#[test]
fn nothing_is_whole_json_too() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let here = here(home.path(), &server);
    let ended = cli(home.path(), &format!("operations list -o json {here}"));
    assert_eq!((ended.code, &*ended.stderr), (Some(0), "longrun: no operations\n"));
    assert_eq!(parsed(&ended), json!([]));
}

#[test]
fn metadata_and_progress_are_those_of_the_server() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let ended = cli(home.path(), &format!("operations describe b -o json {here}"));
    assert_eq!(parsed(&ended)["operation"]["metadata"], progress(42));
}

/// As `head` does it, without its timing.
#[test]
fn a_reader_that_has_gone_is_no_error() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = longrun(home.path());
    command.args(["operations", "list", "-o", "jsonl"]).args(here.split(' '));
    let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    assert_eq!(run(longrun(home.path()).arg("man")).code, Some(0));
}
