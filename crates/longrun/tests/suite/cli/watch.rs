//! `longrun operations watch`.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::cli;
use super::operations::{EMPTY, here, server};
use crate::program::{Program, longrun};
use crate::server::Server;

/// A token of a watch that begins now.
async fn now(server: &Server) -> String {
    let client = server.client().await;
    let watch = client.stream_json("/longrun/v1/services/-/operations:watch").await;
    let heartbeat = watch.unwrap().next().await.unwrap().unwrap();
    heartbeat["resumeToken"].as_str().unwrap().to_owned()
}

/// The change that a line of `-o jsonl` tells.
fn change(line: &str) -> (String, String) {
    let message: Value = serde_json::from_str(line).unwrap();
    assert!(message["resumeToken"].is_string(), "{message}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match message.get("record") {
        Some(record) => (text(&record["name"]), text(&record["state"])),
        None => (text(&message["name"]), format!("removed {}", message["removed"])),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_interrupts_a_watch_goes_on_where_it_was() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let here = here(home.path(), &server);
    let token = now(&server).await;
    server.create("a");
    let line = format!("operations watch -o jsonl --resume-token {token} {here}");
    let watch = |line: &str| Program::start(longrun(home.path()).args(line.split(' ')));
    let watching = watch(&line);
    let name = |id: &str| format!("services/longrun.local/operations/{id}");
    let wait_for = |watching: &Program, id: &str, state: &str| {
        let expected = (name(id), state.to_owned());
        watching.stdout.find(|line| (change(line) == expected).then_some(()));
    };
    wait_for(&watching, "a", "RUNNING");
    server.create("b");
    wait_for(&watching, "b", "RUNNING");
    server.finish("a", json!({ "response": { "@type": EMPTY } }));
    wait_for(&watching, "a", "SUCCEEDED");
    watching.signal("INT");
    let ended = watching.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let resume = ended.stderr.trim_end().strip_prefix("longrun: interrupted; to go on: longrun ");
    let resume = resume.unwrap_or_else(|| panic!("{}", ended.stderr));
    assert!(!resume.contains(&token), "{resume}");

    server.create("c");
    let watching = watch(resume);
    wait_for(&watching, "c", "RUNNING");
    server.finish("b", json!({ "error": { "code": 9, "message": "no paper" } }));
    wait_for(&watching, "b", "FAILED");
    watching.signal("INT");
    let ended = watching.end();
    // What was told once isn't again, but perhaps the last.
    let first = change(ended.stdout.lines().next().expect("a line"));
    let (last, next) = ((name("a"), "SUCCEEDED".to_owned()), (name("c"), "RUNNING".to_owned()));
    assert!(first == last || first == next, "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_passes_a_filter_no_more_is_removed() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let here = here(home.path(), &server);
    for (id, format, removed) in [("a", "table", "REMOVED"), ("b", "jsonl", "\"removed\":true")] {
        let token = now(&server).await;
        server.create(id);
        let line = format!(
            "operations watch -o {format} --filter done=false --resume-token {token} {here}"
        );
        let watching = Program::start(longrun(home.path()).args(line.split(' ')));
        watching.stdout.find(|line| line.contains("RUNNING").then_some(()));
        server.finish(id, json!({ "response": { "@type": EMPTY } }));
        watching.stdout.find(|line| line.contains(removed).then_some(()));
    }
}

#[test]
fn names_are_watched_to_their_end() {
    for view in ["", " --as-client"] {
        let home = tempfile::tempdir().unwrap();
        let server = server(home.path());
        let here = format!("{}{view}", here(home.path(), &server));
        server.create("late");
        let line = format!("operations watch failed open late -o value=state {here}");
        let line = if view.is_empty() { line } else { line.replace("=state", "=done") };
        let watching = Program::start(longrun(home.path()).args(line.split(' ')));
        let (open, done) = if view.is_empty() { ("RUNNING", "SUCCEEDED") } else { ("", "true") };
        watching.stdout.find(|line| (line == open).then_some(()));
        server.finish("open", json!({ "response": { "@type": EMPTY } }));
        watching.stdout.find(|line| (line == done).then_some(()));
        server.finish("late", json!({ "error": { "code": 1, "message": "asked to" } }));
        let ended = watching.end();
        // As a wait: one failed, one was cancelled.
        assert_eq!((ended.code, &*ended.stderr), (Some(3), ""), "{view}");
        assert!(ended.stdout.lines().count() >= 4, "{}", ended.stdout);
    }
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let absent = cli(home.path(), &format!("operations watch good absent {here}"));
    assert_eq!(absent.code, Some(4), "{}", absent.stderr);
    assert!(absent.stdout.contains("SUCCEEDED"), "{}", absent.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_watch_outlives_its_server() {
    let home = tempfile::tempdir().unwrap();
    let mut first = Server::start(home.path());
    let here = here(home.path(), &first);
    let token = now(&first).await;
    first.create("a");
    let line = format!("operations watch -o name --resume-token {token} {here}");
    let watching = Program::start(longrun(home.path()).args(line.split(' ')));
    watching.stdout.find(|line| line.ends_with("/a").then_some(()));
    first.program.kill();
    let mut second = Server::start_as(home.path(), &mut again(home.path(), &first));
    second.create("b");
    watching.stdout.find(|line| line.ends_with("/b").then_some(()));

    // One that lets it in no more ends it, and it says how to go on.
    second.program.kill();
    std::fs::remove_file(home.path().join("token")).unwrap();
    let _third = Server::start_as(home.path(), &mut again(home.path(), &first));
    let ended = watching.end();
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("ACCESS_TOKEN_INVALID"), "{}", ended.stderr);
    assert!(ended.stderr.contains("; to go on: longrun operations watch "), "{}", ended.stderr);
}

/// A server where another was.
fn again(home: &Path, first: &Server) -> Command {
    let mut command = longrun(home);
    command.args(["serve", "--data-dir"]).arg(home);
    command.args(["--listen", &first.address.to_string()]);
    command
}

#[test]
fn a_token_that_is_none_says_so() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let ended = cli(home.path(), &format!("operations watch --resume-token nonsense {here}"));
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.contains("resume"), "{}", ended.stderr);
}
