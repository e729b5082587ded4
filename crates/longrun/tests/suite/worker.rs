//! `longrun worker`: the real program against a server in this process.

mod place;

use longrun_api::longrun::v1::operation_record::State;
use longrun_server::operation::Span;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::program::PATIENCE;
use place::{METHOD, Program, Server};

/// `worker exec` of a script for `sh`.
fn exec(server: &Server, flags: &[&str], script: &str) -> Program {
    let fixed = ["worker", "exec", "--server", &server.url, "--method", METHOD];
    let command = ["--", "sh", "-c", script];
    Program::start(&[&fixed, flags, &command].concat())
}

fn text(value: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": value})
}

#[tokio::test]
async fn a_command_gets_the_request_and_gives_progress_and_response() {
    let server = Server::start().await;
    server.create("one", Some(text("Ada"))).await;
    let script = r#"
        request=$(cat)
        echo "no JSON" >&3
        echo '{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "half"}' >&3
        printf '{"@type": "type.googleapis.com/google.protobuf.Struct", "value": {'
        printf '"request": %s, "operation": "%s", ' "$request" "$LONGRUN_OPERATION"
        printf '"record": "%s", "service": "%s", ' "$LONGRUN_RECORD" "$LONGRUN_SERVICE"
        printf '"method": "%s", "attempt": "%s"}}' "$LONGRUN_METHOD" "$LONGRUN_ATTEMPT"
    "#;
    let _worker = exec(&server, &[], script);
    let record = server.done("one").await;
    let expected = json!({
        "@type": "type.googleapis.com/google.protobuf.Struct",
        "value": {
            "request": text("Ada"),
            "operation": "operations/one",
            "record": "services/longrun.local/operations/one",
            "service": "longrun.local",
            "method": METHOD,
            "attempt": "1",
        },
    });
    assert_eq!(record["operation"]["response"], expected);
    assert_eq!(record["operation"]["metadata"], text("half"));
}

#[tokio::test]
async fn exit_codes_and_statuses_are_outcomes() {
    let server = Server::start().await;
    for name in ["empty", "code", "status", "again"] {
        server.create(name, None).await;
    }
    let script = r#"
        case "$LONGRUN_OPERATION/$LONGRUN_ATTEMPT" in
            operations/empty/*) cat ;;
            operations/code/*) echo "no such book" >&2; exit 66 ;;
            operations/status/*)
                echo "a log line" >&2
                echo '{"code": 9, "message": "not now", "details": [{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "x"}]}' >&2
                exit 1 ;;
            operations/again/1) exit 75 ;;
            operations/again/2) kill -9 $$ ;;
            operations/again/*) exit 0 ;;
        esac
    "#;
    let _worker = exec(&server, &["--concurrency", "4", "--retry-delay", "0s"], script);
    let error = async |name| server.done(name).await["operation"]["error"].clone();
    // `cat` gave back the `{}` of a record without a request.
    let empty = error("empty").await;
    assert_eq!(empty["message"], "the command's stdout is no JSON object with @type");
    assert_eq!(error("code").await, json!({"code": 5, "message": "no such book"}));
    let status = json!({"code": 9, "message": "not now", "details": [text("x")]});
    assert_eq!(error("status").await, status);
    let again = server.done("again").await;
    let nothing = json!({"@type": "type.googleapis.com/google.protobuf.Empty"});
    assert_eq!((&again["operation"]["response"], &again["attempt"]), (&nothing, &json!(3)));
}

#[tokio::test]
async fn a_command_that_cannot_be_run_costs_no_attempt() {
    let server = Server::start().await;
    server.create("one", None).await;
    let mut worker = exec(&server, &["--concurrency", "2"], "exec no-such-command");
    worker.said("the command couldn't be run, exit status 127").await;
    assert_eq!(worker.ended().await, Some(1));
    let given_back = server.record("one").await;
    assert_eq!((given_back.state(), given_back.attempt), (State::Pending, 0));

    // Nothing is leased for what isn't there at all.
    let fixed = ["worker", "exec", "--server", &server.url, "--method", METHOD];
    let mut worker = Program::start(&[&fixed[..], &["--", "./typo.sh"]].concat());
    worker.said("the command ./typo.sh doesn't exist").await;
    assert_eq!(worker.ended().await, Some(2));
    assert_eq!(server.record("one").await.etag, given_back.etag);
}

#[tokio::test]
async fn a_cancel_terminates_the_group_and_then_kills_it() {
    let server = Server::start().await;
    server.create("polite", None).await;
    let polite = "trap 'echo enough >&2; exit 3' TERM; echo started >&2; tail -f /dev/null";
    let mut worker = exec(&server, &["--lease", "1s"], polite);
    worker.said("started").await;
    server.client.cancel_operation("operations/polite").await.unwrap();
    let record = server.done("polite").await;
    assert_eq!(record["state"], "CANCELLED");
    assert!(record["operation"]["error"]["message"].as_str().unwrap().ends_with("enough"));
    worker.stop().await;

    server.create("deaf", None).await;
    let deaf = "trap '' TERM; echo started >&2; tail -f /dev/null";
    let mut worker = exec(&server, &["--lease", "1s", "--grace", "50ms"], deaf);
    worker.said("started").await;
    server.client.cancel_operation("operations/deaf").await.unwrap();
    assert_eq!(server.done("deaf").await["state"], "CANCELLED");
}

#[tokio::test]
async fn a_lost_lease_kills_the_command() {
    let server = Server::start().await;
    server.create("one", None).await;
    let fifo = server.fifo();
    // Who holds the pipe lives; in the background, so that only the group's end is its end.
    let script = format!(
        "exec 9>'{}'; tail -f /dev/null & echo started >&2; tail -f /dev/null",
        fifo.display()
    );
    let (ended, end) = oneshot::channel();
    // Not one of the runtime's threads: those would be waited for, should the command live on.
    std::thread::spawn(move || ended.send(std::fs::read(fifo).unwrap()));
    // With one hand, so that it has no call open that the record would go to.
    let mut worker = exec(&server, &["--lease", "3s", "--concurrency", "1"], &script);
    worker.said("started").await;
    worker.suspend();
    // A renewal that it still sent is written before this.
    server.create("two", None).await;
    // Beyond the lease; not so far that the server takes it for a gap.
    server.clock.advance(Span::seconds(4));
    let other = exec(&server, &[], "exit 0");
    let record = timeout(PATIENCE, server.done("one")).await.expect("its lease runs out");
    assert_eq!((&record["state"], &record["attempt"]), (&json!("SUCCEEDED"), &json!(2)));
    worker.resume();
    let written = timeout(PATIENCE, end).await.expect("the command is killed");
    assert_eq!(written.unwrap(), b"");
    drop(other);
}

#[tokio::test]
async fn sigterm_drains() {
    let server = Server::start().await;
    server.create("one", None).await;
    let script = "echo started >&2; tail -f /dev/null";
    let mut worker = exec(&server, &["--drain-timeout", "0s"], script);
    worker.said("started").await;
    assert_eq!(worker.stop().await, Some(0));
    let record = server.record("one").await;
    assert_eq!((record.state(), record.attempt), (State::Pending, 0));

    // Work that is nearly done is finished first.
    let fifo = server.fifo();
    let script = format!("echo started >&2; cat '{}' >&2", fifo.display());
    let mut worker = exec(&server, &[], &script);
    worker.said("started").await;
    worker.terminate();
    tokio::task::spawn_blocking(move || std::fs::write(fifo, "go on\n")).await.unwrap().unwrap();
    assert_eq!(worker.ended().await, Some(0));
    assert_eq!(server.record("one").await.state(), State::Succeeded);
}

const SCRIPT: &str = r#"
[method."demo.v1.Demo/Build"]
steps = 2
metadata = { "@type" = "type.googleapis.com/google.protobuf.Struct", value = { percent = "{$percent}" } }
response = { "@type" = "type.googleapis.com/google.protobuf.StringValue", value = "Hello, {value}! {$operation}" }
error = { rate = 0.5, code = "RESOURCE_EXHAUSTED", message = "no room for {value}" }
"#;

/// The states of twelve operations under a seed, and one of each outcome.
async fn simulated(seed: &str) -> (Vec<bool>, Value, Value) {
    let server = Server::start().await;
    let names: Vec<String> = (0..12).map(|index| format!("r{index}")).collect();
    for name in &names {
        server.create(name, Some(text("Ada"))).await;
    }
    let script = server.file("script.toml", SCRIPT);
    let flags = ["worker", "simulate", "--server", &server.url, "--script", &script];
    let mut worker =
        Program::start(&[&flags[..], &["--concurrency", "1", "--seed", seed]].concat());
    worker.said(&format!("--seed {seed}")).await;
    let (mut states, mut well, mut failed) = (Vec::new(), Value::Null, Value::Null);
    for name in &names {
        let record = server.done(name).await;
        states.push(record["state"] == "SUCCEEDED");
        let percent = json!({"percent": 100});
        assert_eq!(record["operation"]["metadata"]["value"], percent);
        match record["state"] == "SUCCEEDED" {
            true => well = record["operation"].clone(),
            false => failed = record["operation"]["error"].clone(),
        }
    }
    (states, well, failed)
}

#[tokio::test]
async fn a_simulation_repeats_under_its_seed() {
    let (states, well, failed) = simulated("7").await;
    let name = well["name"].as_str().unwrap();
    assert_eq!(well["response"]["value"], format!("Hello, Ada! {name}"));
    assert_eq!(failed, json!({"code": 8, "message": "no room for Ada"}));
    assert_eq!(simulated("7").await.0, states);
    assert_ne!(simulated("8").await.0, states);
}

#[tokio::test]
async fn a_script_with_an_unknown_key_is_refused_with_its_line() {
    let server = Server::start().await;
    let script = server.file("script.toml", "[method.\"a/b\"]\npace = 1\n");
    let mut worker =
        Program::start(&["worker", "simulate", "--server", &server.url, "--script", &script]);
    worker.said("script.toml:2:1: unknown key `pace`").await;
    assert_eq!(worker.ended().await, Some(1));
}
