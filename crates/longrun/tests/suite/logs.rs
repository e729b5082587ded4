//! What `longrun serve` writes down: enough to find a call again, and never a token.

use std::net::SocketAddr;
use std::process::Command;

use longrun_api::longrun::v1::backend_client::BackendClient;
use longrun_api::longrun::v1::{CreateOperationRequest, GetRecordRequest, OperationRecord};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::http::{self, Answer};
use crate::server::{RECORDS, Server, serve};

/// Every line, each a JSON object.
fn parsed(stderr: &str) -> Vec<Value> {
    let parse = |line: &str| -> Value {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        // Not every library says something with each of its events.
        let ours = value["target"].as_str().is_some_and(|target| target.starts_with("longrun"));
        for field in ["timestamp", "level", "target"].into_iter().chain(ours.then_some("message")) {
            assert!(value[field].is_string(), "{field}: {line}");
        }
        value
    };
    stderr.lines().map(parse).collect()
}

/// The one line of a call that came to nothing.
fn line<'a>(lines: &'a [Value], trace_id: &str) -> &'a Value {
    let about = |line: &&Value| line["trace_id"] == trace_id && line["level"] != "DEBUG";
    let found: Vec<_> = lines.iter().filter(about).collect();
    assert_eq!(found.len(), 1, "once, at the edge: {trace_id} {found:?}");
    found[0]
}

fn call(address: SocketAddr, verb: &str, path: &str, headers: &str, body: &str) -> Answer {
    http::call(address, &http::request(verb, path, headers, body))
}

async fn backend(server: &Server) -> BackendClient<Channel> {
    BackendClient::connect(server.url()).await.expect("it listens")
}

fn with<T>(message: T, headers: &[(&'static str, &str)]) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    for (name, value) in headers {
        request.metadata_mut().insert(*name, value.parse().expect("text"));
    }
    request
}

fn trace_of(status: &tonic::Status) -> String {
    let id = status.metadata().get("x-trace-id").expect("every answer has one");
    id.to_str().expect("text").to_owned()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refused_call_is_found_by_its_trace_id() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let bearer = format!("Bearer {}", server.token());
    let authorization = format!("Authorization: {bearer}\r\n");
    let traceparent = |id: &str| format!("traceparent: 00-{id}-00f067aa0ba902b7-01\r\n");

    let mut expected = Vec::new();
    let mut rest = |headers: &str, path: &str, status: u16, code: &'static str| {
        let answer = call(server.address, "GET", path, headers, "");
        assert_eq!(answer.status, status, "{answer:?}");
        let id = answer.header("x-trace-id").expect("every answer has one").to_owned();
        expected.push((id.clone(), "rest", code));
        id
    };
    rest("", "/v1/operations/one", 401, "UNAUTHENTICATED");
    rest(&authorization, "/v1/operations/one", 404, "NOT_FOUND");
    rest(&authorization, "/v1/operations?pageSize=-1", 400, "INVALID_ARGUMENT");
    rest(&authorization, "/nowhere", 404, "NOT_FOUND");
    let given =
        rest(&(authorization + &traceparent(TRACE)), "/v1/operations/one", 404, "NOT_FOUND");
    assert_eq!(given, TRACE);
    let bad = rest(&traceparent("nonsense"), "/v1/operations/one", 401, "UNAUTHENTICATED");
    assert_eq!(bad.len(), 32);

    let mut client = backend(&server).await;
    let name = "services/longrun.local/operations/one".to_owned();
    let parent = format!("00-{OTHER_TRACE}-00f067aa0ba902b7-01");
    let table: [&[(&'static str, &str)]; 3] = [
        &[],
        &[("authorization", &bearer)],
        &[("authorization", &bearer), ("traceparent", &parent)],
    ];
    for headers in table {
        let request = with(GetRecordRequest { name: name.clone() }, headers);
        let status = client.get_record(request).await.expect_err("there is none");
        let code = if headers.is_empty() { "UNAUTHENTICATED" } else { "NOT_FOUND" };
        expected.push((trace_of(&status), "grpc", code));
    }
    assert_eq!(expected.last().map(|(id, ..)| id.as_str()), Some(OTHER_TRACE));

    server.program.signal("TERM");
    let lines = parsed(&server.program.end().stderr);
    for (id, door, code) in expected {
        let line = line(&lines, &id);
        assert_eq!((&line["door"], &line["code"]), (&json!(door), &json!(code)), "{line}");
        assert_eq!((&line["level"], &line["message"]), (&json!("INFO"), &json!("refused")));
        assert!(line["error"].is_string() && line["rpc"].is_string(), "{line}");
    }
}

/// A worker with a typing error in its method waits for ever; a lease can't be refused, since what
/// a former configuration had may still be open.
#[test]
fn a_method_that_does_not_exist_is_warned_of_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("longrun.toml");
    std::fs::write(&config, "[[service]]\nconfig = \"workspaceevents.googleapis.com\"\n").unwrap();
    let server = Server::start_as(dir.path(), serve(dir.path()).arg("--config").arg(config));
    let methods = ["UpdateSubscription", "UpdateSubscriptoin"]
        .map(|rpc| format!("google.apps.events.subscriptions.v1.SubscriptionsService/{rpc}"));
    let lease = json!({ "methods": methods, "workerId": "w1" }).to_string();
    let path = "/longrun/v1/services/workspaceevents.googleapis.com/operations:lease";
    for _ in 0..2 {
        assert_eq!(server.rest("POST", path, &lease).status, 200);
    }
    server.program.signal("TERM");
    let lines = parsed(&server.program.end().stderr);
    let warnings: Vec<_> = lines.iter().filter(|line| line["level"] == "WARN").collect();
    let [warning] = warnings[..] else { panic!("{warnings:?}") };
    let text = warning.to_string();
    for part in ["worker waits for a method", "UpdateSubscriptoin", "UpdateSubscription,", "w1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A disk that takes no more: the store's failure is in the log, not in the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_failed_call_is_found_by_its_trace_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut full = Command::new("sh");
    full.args(["-c", r#"trap "" XFSZ; ulimit -f 4000; exec "$0" "$@""#]);
    let command = serve(dir.path());
    full.arg(command.get_program()).args(command.get_args());
    full.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let server = Server::start_as(dir.path(), &mut full);
    let large = "x".repeat(500_000);
    let payload = prost_types::Any {
        type_url: "type.googleapis.com/google.protobuf.StringValue".to_owned(),
        value: large.encode_to_vec(),
    };
    let body = json!({ "request": {
        "@type": payload.type_url, "value": large,
    } });
    let mut kept = 0;
    let answer = loop {
        let answer =
            server.rest("POST", &format!("{RECORDS}?operationId=r{kept}"), &body.to_string());
        if answer.status != 200 {
            break answer;
        }
        kept += 1;
        assert!(kept < 100, "the disk is not full");
    };
    assert_eq!(answer.status, 503, "{answer:?}");
    let rest = answer.header("x-trace-id").expect("every answer has one").to_owned();

    let mut client = backend(&server).await;
    let record = OperationRecord { request: Some(payload), ..OperationRecord::default() };
    let request = CreateOperationRequest {
        parent: "services/longrun.local".to_owned(),
        record: Some(record),
        ..CreateOperationRequest::default()
    };
    let bearer = format!("Bearer {}", server.token());
    let request = with(request, &[("authorization", &bearer)]);
    let status = client.create_operation(request).await.expect_err("the disk is full");
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let grpc = trace_of(&status);

    server.program.signal("TERM");
    let ended = server.program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = parsed(&ended.stderr);
    for (id, door) in [(rest, "rest"), (grpc, "grpc")] {
        let line = line(&lines, &id);
        assert_eq!((&line["level"], &line["message"]), (&json!("ERROR"), &json!("failed")));
        assert_eq!((&line["door"], &line["code"]), (&json!(door), &json!("UNAVAILABLE")));
        let source = line["source"].as_str().expect("why it failed");
        assert!(!answer.body.contains(source), "{source}");
        assert!(!status.message().contains(source), "{source}");
    }

    // With room again, all that was acknowledged is there.
    let server = Server::start(dir.path());
    for at in 0..kept {
        assert_eq!(server.rest("GET", &format!("{RECORDS}/r{at}"), "").status, 200, "r{at}");
    }
    assert_eq!(server.rest("GET", &format!("{RECORDS}/r{kept}"), "").status, 404);
}

/// Everything that is secret, sent in every way that is right or wrong, to a server that
/// logs all it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_token_is_ever_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_as(dir.path(), serve(dir.path()).env("LONGRUN_LOG", "trace"));
    let token = server.token();
    let wrong = "wr0ng-t0ken-that-nobody-gave-0ut";
    let made_up = "made-up-lease-t0ken-0123456789abcdef";
    for id in ["one", "two"] {
        let body = r#"{"method":"logs.v1.Logs/Work","owner":"local:admin"}"#;
        assert_eq!(server.rest("POST", &format!("{RECORDS}?operationId={id}"), body).status, 200);
    }
    let lease = json!({ "methods": ["logs.v1.Logs/Work"], "maxOperations": 2 }).to_string();
    let leased = server.rest("POST", &format!("{RECORDS}:lease"), &lease).json();
    let lease_token = leased["records"][0]["lease"]["token"].as_str().expect("it is leased");
    let other_token = leased["records"][1]["lease"]["token"].as_str().expect("it is leased");
    let secrets = [&*token, wrong, made_up, lease_token, other_token];

    let bearer = format!("Authorization: Bearer {token}\r\n");
    let json = format!("{bearer}Content-Type: application/json\r\n");
    let (get, finish) = ("/v1/operations/one", format!("{RECORDS}/one:finish"));
    let response = r#""response":{"@type":"type.googleapis.com/google.protobuf.Empty"}"#;
    let table = [
        (200, "GET", format!("{get}?access_token={token}"), String::new(), String::new()),
        (200, "GET", get.to_owned(), bearer.clone(), String::new()),
        (401, "GET", get.to_owned(), format!("Authorization: Bearer {wrong}\r\n"), String::new()),
        (401, "GET", get.to_owned(), format!("Authorization: Basic {token}\r\n"), String::new()),
        (401, "GET", get.to_owned(), format!("Authorization: {token}\r\n"), String::new()),
        (401, "GET", format!("{get}?access_token={wrong}"), String::new(), String::new()),
        (401, "GET", format!("{get}?access_token={token}%0A"), String::new(), String::new()),
        (400, "GET", format!("{get}?access_token={wrong}"), bearer.clone(), String::new()),
        (401, "GET", format!("{get}?key={wrong}"), String::new(), String::new()),
        (404, "GET", format!("/nowhere?access_token={token}"), String::new(), String::new()),
        (405, "PUT", format!("{get}?access_token={token}"), String::new(), String::new()),
        (400, "GET", format!("{get}?leaseToken={lease_token}"), bearer.clone(), String::new()),
        (409, "POST", finish.clone(), json.clone(), format!(r#"{{{response}}}"#)),
        (
            409,
            "POST",
            finish.clone(),
            json.clone(),
            format!(r#"{{"leaseToken":"{made_up}",{response}}}"#),
        ),
        (
            409,
            "POST",
            finish.clone(),
            json.clone(),
            format!(r#"{{"leaseToken":"{other_token}",{response}}}"#),
        ),
        (400, "POST", finish.clone(), json.clone(), format!(r#"{{"leaseToken":"{lease_token}"}}"#)),
        (400, "POST", finish.clone(), json.clone(), format!(r#"{{"leaseToken":"{lease_token}""#)),
        (
            400,
            "POST",
            finish.clone(),
            json.clone(),
            format!(r#"{{"leaseToken":["{lease_token}"]}}"#),
        ),
        (
            400,
            "POST",
            finish.clone(),
            json.clone(),
            format!(r#"{{"leaseToken":{{"a":"{lease_token}"}}}}"#),
        ),
        (
            400,
            "POST",
            finish.clone(),
            json.clone(),
            format!(r#"{{"response":{{"@type":"none","leaseToken":"{lease_token}"}}}}"#),
        ),
        (400, "POST", finish.clone(), json.clone(), format!(r#""{lease_token}""#)),
        (
            400,
            "POST",
            finish.clone(),
            json.clone(),
            format!(r#"{{"a":1,"leaseToken":"{lease_token}"}}"#),
        ),
        (
            400,
            "POST",
            finish.clone(),
            json.clone(),
            format!(r#"{{"leaseToken":"{lease_token}","leaseToken":"{lease_token}"}}"#),
        ),
        (
            400,
            "PATCH",
            format!("{RECORDS}/one?updateMask=none&leaseToken={lease_token}"),
            json.clone(),
            "{}".to_owned(),
        ),
        (
            409,
            "PATCH",
            format!("{RECORDS}/one?leaseToken={made_up}"),
            json.clone(),
            r#"{"operation":{"metadata":{"@type":"type.googleapis.com/google.protobuf.Empty"}}}"#
                .to_owned(),
        ),
        (
            200,
            "POST",
            format!("{RECORDS}/one:renewLease"),
            json.clone(),
            format!(r#"{{"leaseToken":"{lease_token}"}}"#),
        ),
        (
            200,
            "POST",
            finish.clone(),
            json.clone(),
            format!(r#"{{"leaseToken":"{lease_token}",{response}}}"#),
        ),
        (
            400,
            "POST",
            finish,
            json,
            format!(r#"{{"leaseToken":"{lease_token}",{response}}}"#).replace("Empty", "Duration"),
        ),
    ];
    for (status, verb, path, headers, body) in &table {
        let answer = call(server.address, verb, path, headers, body);
        let shown = format!("{verb} {path} {body} {answer:?}");
        assert_eq!(answer.status, *status, "{shown}");
        if *status != 200 {
            let told = secrets.iter().find(|secret| shown_in(&answer, secret));
            assert!(told.is_none(), "{told:?} in {shown}");
        }
    }
    let mut client = backend(&server).await;
    for authorization in [format!("Bearer {wrong}"), format!("Basic {token}"), token.clone()] {
        let request = GetRecordRequest { name: "services/longrun.local/operations/one".to_owned() };
        let request = with(request, &[("authorization", &authorization)]);
        let status = client.get_record(request).await.expect_err("nobody is let in by that");
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        let told = secrets.iter().find(|secret| format!("{status:?}").contains(**secret));
        assert!(told.is_none(), "{told:?} in {status:?}");
    }

    server.program.signal("TERM");
    let ended = server.program.end();
    assert_eq!((ended.code, &*ended.stdout), (Some(0), ""));
    assert!(parsed(&ended.stderr).iter().any(|line| line["level"] == "TRACE"), "all it can");
    for secret in secrets {
        let found = ended.stderr.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret}");
    }
}

fn shown_in(answer: &Answer, secret: &str) -> bool {
    format!("{answer:?}").contains(secret)
}
