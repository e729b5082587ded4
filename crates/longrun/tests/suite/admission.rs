//! Calls that are held: over `kill -9`, and by the program's own workers.

use std::path::Path;

use serde_json::{Value, json};

use crate::http::{self, Connection};
use crate::program::{Program, longrun};
use crate::server::{Server, serve};

const SERVICE: &str = "/longrun/v1/services/workspaceevents.googleapis.com";
const METHOD: &str = "google.apps.events.subscriptions.v1.SubscriptionsService/CreateSubscription";

/// A server whose calls are held for an hour.
fn start(dir: &Path) -> Server {
    let config = dir.join("longrun.toml");
    let text = format!(
        "[[service]]\nconfig = \"workspaceevents.googleapis.com\"\n\
         [service.method.\"{METHOD}\"]\nadmit_timeout = \"1h\"\n"
    );
    std::fs::write(&config, text).unwrap();
    Server::start_as(dir, serve(dir).arg("--config").arg(config))
}

fn subscription() -> String {
    json!({
        "targetResource": "//chat.googleapis.com/spaces/AAAA",
        "eventTypes": ["google.workspace.chat.message.v1.created"],
        "notificationEndpoint": {"pubsubTopic": "projects/p/topics/t"},
    })
    .to_string()
}

/// The call that is held, under way.
fn call(server: &Server) -> Connection {
    let mut connection = Connection::open(server.address);
    let headers = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
         X-Longrun-Request-Id: 2c54c8a4-6a0d-4a0f-9d8c-0d7a3f1f7f11\r\n",
        server.token()
    );
    connection.send(&http::request("POST", "/v1/subscriptions", &headers, &subscription()));
    connection
}

fn lease(server: &Server) -> Value {
    let body = json!({"methods": [METHOD], "waitTimeout": "30s", "leaseDuration": "3600s"});
    let path = format!("{SERVICE}/operations:lease");
    server.rest("POST", &path, &body.to_string()).json()["records"][0].clone()
}

/// Says something of a leased record.
fn tell(server: &Server, leased: &Value, verb: &str, what: Value) {
    let mut body = what;
    body["leaseToken"] = leased["lease"]["token"].clone();
    let path = format!("/longrun/v1/{}:{verb}", leased["name"].as_str().unwrap());
    let answer = server.rest("POST", &path, &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn a_hold_survives_a_kill() {
    for verb in ["finish", "reject"] {
        let dir = tempfile::tempdir().unwrap();
        let mut server = start(dir.path());
        let mut held = call(&server);
        let leased = lease(&server);
        server.program.kill();
        assert!(held.answer().is_none(), "the server is dead");

        let server = start(dir.path());
        let operation = format!("/v1/{}", leased["operation"]["name"].as_str().unwrap());
        assert_eq!(server.rest("GET", &operation, "").status, 404, "it is no operation yet");
        let record = format!("/longrun/v1/{}", leased["name"].as_str().unwrap());
        assert_eq!(server.rest("GET", &record, "").json()["state"], "RUNNING");
        if verb == "reject" {
            tell(&server, &leased, "reject", json!({"error": {"code": 3, "message": "no"}}));
            assert_eq!(server.rest("GET", &record, "").status, 404);
            // Nothing of it is in the way of the same call again.
            let mut again = call(&server);
            let other = lease(&server);
            assert_ne!(other["name"], leased["name"]);
            tell(&server, &other, "reject", json!({"error": {"code": 3, "message": "no"}}));
            let answer = again.answer().unwrap();
            assert_eq!((answer.status, &answer.json()["error"]["message"]), (400, &json!("no")));
        } else {
            let mut again = call(&server);
            let error = json!({"error": {"code": 5, "message": "no such space"}});
            tell(&server, &leased, "finish", error);
            let answer = again.answer().unwrap().json();
            assert_eq!(answer["name"], leased["operation"]["name"], "the repeat has joined it");
            assert_eq!((&answer["done"], &answer["error"]["code"]), (&json!(true), &json!(5)));
            assert_eq!(server.rest("GET", &operation, "").json(), answer);
        }
    }
}

/// A worker that is not of this process.
fn worker(server: &Server, dir: &Path, arguments: &[&str]) -> Program {
    let mut command = longrun(dir);
    command.args(["worker", arguments[0], "--server", &server.url()]);
    command.args(["--service", "workspaceevents.googleapis.com", "--token-file"]);
    command.arg(dir.join("token")).args(&arguments[1..]);
    command.env("PATH", std::env::var("PATH").unwrap());
    Program::start(&mut command)
}

#[test]
fn the_programs_workers_reject_calls() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path());
    let script = dir.path().join("script.toml");
    let text = format!(
        "[method.\"{METHOD}\".error]\nreject = true\ncode = \"PERMISSION_DENIED\"\n\
         message = \"not in {{subscription.targetResource}}\"\n"
    );
    std::fs::write(&script, text).unwrap();
    let script = script.display().to_string();
    let command = "echo 'the space is closed' >&2; exit 79";
    let table = [
        (
            &["simulate", "--script", &script][..],
            (403, "PERMISSION_DENIED", "not in //chat.googleapis.com/spaces/AAAA"),
        ),
        (
            &["exec", "--method", METHOD, "--", "sh", "-c", command],
            (400, "FAILED_PRECONDITION", "the space is closed"),
        ),
    ];
    for (arguments, (http, status, message)) in table {
        let _worker = worker(&server, dir.path(), arguments);
        let answer = call(&server).answer().unwrap();
        let error = &answer.json()["error"];
        assert_eq!(answer.status, http, "{answer:?}");
        assert_eq!((&error["status"], &error["message"]), (&json!(status), &json!(message)));
    }
    let all = server.rest("GET", &format!("{SERVICE}/operations"), "");
    assert_eq!(all.json(), json!({}), "there never was an operation");
}
