//! `longrun demo`, as a process. Its lines are run by `tests/clients/test_demo.py`, which has
//! what they need.

use std::net::SocketAddr;

use serde_json::json;

use crate::http::{self, Answer};
use crate::program::{Program, longrun, run};

const SUBSCRIPTIONS: &str = "subscriptions.binpb";

/// Where it listens.
fn address(program: &Program) -> SocketAddr {
    program.stdout.find(|line| {
        let (_, rest) = line.split_once("listens on http://")?;
        rest.split(',').next()?.parse().ok()
    })
}

/// Asks for a subscription to a space; the call is held until the worker has decided.
fn subscribe(program: &Program) -> Answer {
    let subscription = json!({
        "targetResource": "//chat.googleapis.com/spaces/AAAA",
        "eventTypes": ["google.workspace.chat.message.v1.created"],
        "notificationEndpoint": {"pubsubTopic": "projects/p/topics/t"},
    });
    let request = http::request("POST", "/v1/subscriptions", "", &subscription.to_string());
    http::call(address(program), &request)
}

#[test]
fn a_temporary_folder_goes_with_it() {
    let home = tempfile::tempdir().unwrap();
    let folders = || std::fs::read_dir(home.path()).unwrap().count();
    let program = Program::start(longrun(home.path()).args(["demo", "--listen", "127.0.0.1:0"]));
    assert_eq!(subscribe(&program).json()["done"], true);
    assert_eq!(folders(), 1, "records are in a temporary folder");
    program.signal("TERM");
    let ended = program.end();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert_eq!(folders(), 0);
}

#[test]
fn a_folder_that_was_named_stays() {
    let home = tempfile::tempdir().unwrap();
    let kept = home.path().join("kept");
    let mut command = longrun(home.path());
    command.args(["demo", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&kept);
    let program = Program::start(&mut command);
    assert_eq!(subscribe(&program).json()["done"], true);
    program.signal("INT");
    let ended = program.end();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert!(kept.join("longrun.db").exists());

    let program = Program::start(&mut command);
    let twin = subscribe(&program);
    assert_eq!(twin.status, 409, "{twin:?}");
    assert!(twin.body.contains("SUBSCRIPTION_ALREADY_EXISTS"), "{}", twin.body);
}

#[test]
fn subscriptions_that_cannot_be_read_are_not_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(SUBSCRIPTIONS);
    std::fs::write(&file, [0xff]).unwrap();
    let mut command = longrun(home.path());
    command.args(["demo", "--listen", "127.0.0.1:0", "--data-dir"]).arg(home.path());
    let ended = run(&mut command);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.contains(SUBSCRIPTIONS), "{}", ended.stderr);
    assert_eq!(std::fs::read(file).unwrap(), [0xff]);
}

#[test]
fn it_listens_on_loopback_alone() {
    let home = tempfile::tempdir().unwrap();
    let ended = run(longrun(home.path()).args(["demo", "--listen", "0.0.0.0:0"]));
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.contains("loopback"), "{}", ended.stderr);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "no folder stays behind");
}
