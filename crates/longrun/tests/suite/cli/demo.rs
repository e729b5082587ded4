//! `longrun demo`, as a process. Its lines are run by `tests/clients/test_demo.py`, which has
//! what they need.

use std::path::Path;

use serde_json::json;

use crate::http;
use crate::program::{Ended, Program, longrun, run};

const SUBSCRIPTIONS: &str = "subscriptions.binpb";

/// Where it listens.
fn address(program: &Program) -> String {
    program.stdout.find(|line| {
        let (_, rest) = line.split_once("listens on http://")?;
        rest.split(',').next().map(str::to_owned)
    })
}

/// Asks for a subscription to a space, and waits for what comes of it.
fn subscribe(home: &Path, program: &Program) -> Ended {
    let address = address(program);
    let subscription = json!({
        "targetResource": "//chat.googleapis.com/spaces/AAAA",
        "eventTypes": ["google.workspace.chat.message.v1.created"],
        "notificationEndpoint": {"pubsubTopic": "projects/p/topics/t"},
    });
    let request = http::request("POST", "/v1/subscriptions", "", &subscription.to_string());
    let answer = http::call(address.parse().unwrap(), &request);
    assert_eq!(answer.status, 200, "{answer:?}");
    let operation = answer.json()["name"].as_str().unwrap().to_owned();
    let server = format!("http://{address}");
    run(longrun(home).args(["operations", "wait", &operation, "--server", &server]))
}

#[test]
fn a_temporary_folder_goes_with_it() {
    let home = tempfile::tempdir().unwrap();
    let folders = || std::fs::read_dir(home.path()).unwrap().count();
    let program = Program::start(longrun(home.path()).args(["demo", "--listen", "127.0.0.1:0"]));
    assert_eq!(subscribe(home.path(), &program).code, Some(0));
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
    assert_eq!(subscribe(home.path(), &program).code, Some(0));
    program.signal("INT");
    let ended = program.end();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert!(kept.join("longrun.db").exists());

    let program = Program::start(&mut command);
    let twin = subscribe(home.path(), &program);
    assert_eq!(twin.code, Some(3), "{twin:?}");
    assert!(twin.stdout.contains("SUBSCRIPTION_ALREADY_EXISTS"), "{}", twin.stdout);
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
