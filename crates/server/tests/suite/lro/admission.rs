//! Calls that are held for admission, through both doors.

use std::time::Duration;

use futures::FutureExt as _;
use longrun_api::google::rpc::Status;
use longrun_server::catalog::MethodSettings;
use longrun_server::operation::Span;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::api::{Api, KITCHEN, rpc, typed};
use super::soup;
use crate::exchanges::play;
use crate::harness::Answer;
use crate::still::Still;

const PATH: &str = "/v1/restaurants/r/dishes";

/// A kitchen whose CreateDish is held for so long, one at a time in a restaurant.
async fn kitchen(seconds: u64) -> Api {
    let settings = MethodSettings {
        admit_timeout: Some(Duration::from_secs(seconds)),
        exclusive: Some("parent".to_owned()),
        ..Default::default()
    };
    Api::kitchen(&[("CreateDish", settings)]).await
}

fn dish(fields: Value) -> Value {
    let mut request = json!({"parent": "restaurants/r", "dish": soup()});
    for (key, value) in fields.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

/// A call through one door: the operation, or the error's JSON.
pub async fn call(api: &Api, rest: bool, fields: Value) -> Result<Value, Value> {
    let request = dish(fields);
    if rest {
        let query: Vec<String> = ["requestId", "validateOnly"]
            .iter()
            .filter_map(|key| Some(format!("{key}={}", text(request.get(key)?))))
            .collect();
        let path = format!("{PATH}?{}", query.join("&"));
        let (status, answer) = api.rest("alice", "POST", &path, &request["dish"]).await;
        return if status == 200 { Ok(answer) } else { Err(answer["error"].clone()) };
    }
    api.grpc("alice", &rpc("CreateDish"), &request).await.map_err(|status| {
        let details = api.json("google.rpc.Status", status.details());
        let details = details["details"].clone();
        json!({"code": status.code() as i32, "message": status.message(), "details": details})
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub fn reason(status: &tonic::Status) -> String {
    let status = Status::decode(status.details()).unwrap();
    let info = longrun_api::google::rpc::ErrorInfo::decode(&*status.details[0].value).unwrap();
    info.reason
}

pub fn no_such_dish() -> Value {
    json!({
        "code": 9,
        "message": "the kitchen is closed",
        "details": [
            typed("google.rpc.ErrorInfo", json!({"reason": "CLOSED", "domain": "kitchen"})),
            typed("kitchen.v1.Menu", json!({"title": "tomorrow's"})),
            typed("google.protobuf.Duration", json!({"value": "3600s"})),
        ],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_finished_in_time_is_answered_done() {
    let api = kitchen(3600).await;
    for rest in [false, true] {
        let worker = async {
            let leased = api.next(&rpc("CreateDish")).await;
            let name = leased["operation"]["name"].as_str().unwrap().to_owned();
            // No operation yet, whatever a client asks.
            for (verb, path) in
                [("GET", format!("/v1/{name}")), ("POST", format!("/v1/{name}:cancel"))]
            {
                let body = if verb == "POST" { json!({}) } else { Value::Null };
                let (status, answer) = api.rest("alice", verb, &path, &body).await;
                assert_eq!(status, 404, "{answer}");
                let reason = &answer["error"]["details"][0]["reason"];
                assert_eq!(reason, "OPERATION_NOT_FOUND", "{verb} {path}");
            }
            let list = api.rest("alice", "GET", "/v1/restaurants/r/operations", &Value::Null);
            let operations = list.await.1["operations"].as_array().map_or(0, Vec::len);
            assert_eq!(operations, usize::from(rest), "the one of the round before");
            // The service's own side sees it.
            let record = json!({"name": leased["name"]});
            let record = api.backend("GetRecord", &record).await.unwrap();
            assert_eq!(
                (&record["state"], &record["owner"]),
                (&"RUNNING".into(), &"static:alice".into())
            );
            let all = json!({"parent": format!("services/{KITCHEN}")});
            let all = api.backend("ListRecords", &all).await.unwrap();
            assert_eq!(all["records"][0]["name"], leased["name"]);
            let response = typed("kitchen.v1.Dish", json!({"title": "Soup"}));
            api.finish(&leased, &response).await.unwrap();
            (name, response)
        };
        let (operation, (name, response)) = tokio::join!(call(&api, rest, json!({})), worker);
        let operation = operation.unwrap();
        assert_eq!(operation["name"], name);
        assert_eq!((&operation["done"], &operation["response"]), (&true.into(), &response));
        assert_eq!(api.get("alice", &name).await, operation);
    }
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_call_fails_with_the_workers_status() {
    let api = kitchen(3600).await;
    for rest in [false, true] {
        // Request id and exclusive key are the same in all rounds, though not what is asked.
        let id = "0b3d1a52-6b0e-4a8e-8a43-1f4c35f1c9aa";
        let worker = async {
            let leased = api.next(&rpc("CreateDish")).await;
            assert_eq!(api.reject(&leased, &no_such_dish()).await.unwrap(), json!({}));
            let again = api.reject(&leased, &no_such_dish()).await.unwrap_err();
            assert_eq!(
                (again.code(), reason(&again)),
                (tonic::Code::NotFound, "OPERATION_NOT_FOUND".to_owned())
            );
            let record = api.backend("GetRecord", &json!({"name": leased["name"]})).await;
            assert_eq!(reason(&record.unwrap_err()), "OPERATION_NOT_FOUND", "no tombstone");
        };
        let mut asked = soup();
        asked["title"] = if rest { "Stew".into() } else { "Soup".into() };
        let asked = json!({"requestId": id, "dish": asked});
        let (error, ()) = tokio::join!(call(&api, rest, asked), worker);
        let mut expected = no_such_dish();
        if rest {
            expected["code"] = 400.into();
            expected["status"] = "FAILED_PRECONDITION".into();
        }
        assert_eq!(error.unwrap_err(), expected);
    }
    let all = json!({"parent": format!("services/{KITCHEN}")});
    assert_eq!(api.backend("ListRecords", &all).await.unwrap(), json!({}));
    api.server.stop().await;
}

/// gRPC trailers have a limit; JSON has none.
#[tokio::test(flavor = "multi_thread")]
async fn details_that_trailers_can_not_hold_are_left_out() {
    let api = kitchen(3600).await;
    let details = json!([typed("kitchen.v1.Menu", json!({"title": "long ".repeat(4000)}))]);
    let closed = json!({"code": 9, "message": "closed", "details": details});
    for (rest, message, left) in [
        (true, "closed", &details),
        (false, "closed (further details were too large)", &Value::Null),
    ] {
        let worker = async { api.reject(&api.next(&rpc("CreateDish")).await, &closed).await };
        let (error, told) = tokio::join!(call(&api, rest, json!({})), worker);
        let error = error.unwrap_err();
        assert_eq!((&error["message"], &error["details"]), (&json!(message), left));
        told.unwrap();
    }
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admit_time_makes_it_an_operation() {
    let api = kitchen(6).await;
    for rest in [false, true] {
        let worker = async {
            let leased = api.next(&rpc("CreateDish")).await;
            api.server.clock.advance(Span::seconds(6));
            leased
        };
        let (operation, leased) = tokio::join!(call(&api, rest, json!({})), worker);
        let operation = operation.unwrap();
        assert_eq!(operation["done"], Value::Null);
        assert_eq!(operation["name"], leased["operation"]["name"]);
        let name = operation["name"].as_str().unwrap();
        assert_eq!(api.get("alice", name).await, operation);
        let late = api.reject(&leased, &no_such_dish()).await.unwrap_err();
        assert_eq!(
            (late.code(), reason(&late)),
            (tonic::Code::FailedPrecondition, "OPERATION_ADMITTED".to_owned())
        );
        api.finish(&leased, &typed("kitchen.v1.Dish", json!({}))).await.unwrap();
        let done = api.reject(&leased, &no_such_dish()).await.unwrap_err();
        assert_eq!(reason(&done), "OPERATION_DONE");
    }
    api.server.stop().await;
}

/// The client that has gone leaves the hold to whoever asks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_joins_the_hold() {
    let api = kitchen(6).await;
    let asked = json!({"requestId": "0b3d1a52-6b0e-4a8e-8a43-1f4c35f1c9aa"});
    let stream = send(&api, "?requestId=0b3d1a52-6b0e-4a8e-8a43-1f4c35f1c9aa").await;
    let leased = api.next(&rpc("CreateDish")).await;
    drop(stream);
    let name = leased["operation"]["name"].as_str().unwrap();
    let finish = async {
        // Other calls come in between.
        let (status, _) = api.rest("alice", "GET", &format!("/v1/{name}"), &Value::Null).await;
        assert_eq!(status, 404);
        api.finish(&leased, &typed("kitchen.v1.Dish", json!({"title": "Soup"}))).await.unwrap()
    };
    let (one, other, _) =
        tokio::join!(call(&api, true, asked.clone()), call(&api, false, asked.clone()), finish,);
    for operation in [one.unwrap(), other.unwrap()] {
        assert_eq!((&operation["name"], &operation["done"]), (&name.into(), &true.into()));
    }
    let all = json!({"parent": format!("services/{KITCHEN}")});
    let all = api.backend("ListRecords", &all).await.unwrap();
    assert_eq!(all["records"].as_array().unwrap().len(), 1);
    api.server.stop().await;
}

/// A call over REST whose answer is not waited for.
async fn send(api: &Api, query: &str) -> TcpStream {
    let body = soup().to_string();
    let request = format!(
        "POST {PATH}{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alice\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(api.server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_admits_at_once() {
    let api = kitchen(3600).await;
    let mut held = send(&api, "").await;
    let leased = api.next(&rpc("CreateDish")).await;
    let name = leased["operation"]["name"].as_str().unwrap().to_owned();
    let api = api.restart().await;
    let mut response = String::new();
    held.read_to_string(&mut response).await.unwrap();
    let answer = Answer::parse(&response);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!((&answer.json()["name"], &answer.json()["done"]), (&json!(name), &Value::Null));
    assert_eq!(api.get("alice", &name).await, answer.json());
    api.server.stop().await;
}

/// A hold that nobody waits for any more outlives its server, and ends at its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_outlives_its_client_and_its_server() {
    let api = kitchen(6).await;
    let query = "?requestId=0b3d1a52-6b0e-4a8e-8a43-1f4c35f1c9aa";
    let left = send(&api, query).await;
    let leased = api.next(&rpc("CreateDish")).await;
    // Its answer may be on the way already when the server stops; nobody reads it.
    drop(left);
    let api = api.restart().await;
    api.server.clock.advance(Span::seconds(6));
    let asked = json!({"requestId": "0b3d1a52-6b0e-4a8e-8a43-1f4c35f1c9aa"});
    let operation = call(&api, true, asked).await.unwrap();
    assert_eq!(operation["name"], leased["operation"]["name"]);
    assert_eq!(operation["done"], Value::Null);
    api.server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_callers_deadline_admits() {
    let _still = Still::new();
    let api = kitchen(3600).await;
    let (host, method) = (api.server.address.to_string(), rpc("CreateDish"));
    let call = async |fields: Value| {
        // As the record's id is drawn the call is there; at 300 ms it has to be answered.
        let (drawn, _) = api.server.hold();
        let message = api.encode(&method, &dish(fields));
        let timeout = [("grpc-timeout", "500m")];
        let call = api.server.grpc_at(&host, "alice", &method, message, &timeout);
        let passing = drawn.then(|_| tokio::time::advance(Duration::from_millis(300)));
        tokio::join!(call, passing).0
    };
    let answer = call(json!({})).await.unwrap();
    let operation = api.json("google.longrunning.Operation", answer.get_ref());
    assert_eq!(operation["done"], Value::Null);
    assert_eq!(api.get("alice", operation["name"].as_str().unwrap()).await, operation);
    // A call for validation has nothing to be admitted as.
    let unanswered = call(json!({"validateOnly": true})).await.unwrap_err();
    assert_eq!(reason(&unanswered), "VALIDATION_UNANSWERED");
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_ends_a_hold() {
    let api = kitchen(3600).await;
    let name = |leased: &Value| json!({"name": leased["name"]});
    // An operator cancels what nobody has leased: it is finished.
    let cancelled = async {
        let watch = format!("/longrun/v1/services/{KITCHEN}/operations:watch");
        let mut watch =
            api.server.open("backend", &watch, "Accept: application/x-ndjson\r\n").await;
        let heartbeat = watch.next().await.unwrap();
        assert!(heartbeat.contains("resumeToken"));
        let operation = call(&api, true, json!({}));
        let cancel = async {
            let told: Value = serde_json::from_str(&watch.next().await.unwrap()).unwrap();
            assert_eq!(told["record"]["state"], "PENDING", "a watch tells of held records");
            api.backend("CancelRecord", &name(&told["record"])).await.unwrap();
        };
        tokio::join!(operation, cancel).0.unwrap()
    };
    let operation = cancelled.await;
    assert_eq!((&operation["done"], &operation["error"]["code"]), (&true.into(), &1.into()));
    // So is one whose deadline has passed.
    let late = async {
        api.next(&rpc("CreateDish")).await;
        api.server.clock.advance(Span::seconds(24 * 3600));
    };
    let operation = tokio::join!(call(&api, false, json!({})), late).0.unwrap();
    assert_eq!((&operation["done"], &operation["error"]["code"]), (&true.into(), &4.into()));
    // An operator deletes: hidden for good, but worked on, and its call waits for the end.
    let deleted = async {
        let leased = api.next(&rpc("CreateDish")).await;
        api.backend("DeleteRecord", &name(&leased)).await.unwrap();
        api.finish(&leased, &typed("kitchen.v1.Dish", json!({}))).await.unwrap();
    };
    let (error, ()) = tokio::join!(call(&api, true, json!({})), deleted);
    let error = error.unwrap_err();
    assert_eq!(
        (&error["code"], &error["details"][0]["reason"]),
        (&404.into(), &"OPERATION_DELETED".into())
    );
    // Deleted or not, it can be rejected while it is held.
    let rejected = async {
        let leased = api.next(&rpc("CreateDish")).await;
        api.backend("DeleteRecord", &name(&leased)).await.unwrap();
        api.reject(&leased, &no_such_dish()).await.unwrap();
    };
    let (error, ()) = tokio::join!(call(&api, true, json!({})), rejected);
    assert_eq!(error.unwrap_err()["message"], "the kitchen is closed");
    api.server.stop().await;
}

/// The order of the checks, and what each says.
#[tokio::test(flavor = "multi_thread")]
async fn a_reject_is_checked_in_order() {
    let api = kitchen(3600).await;
    let rejects = async {
        let leased = api.next(&rpc("CreateDish")).await;
        let (name, token) = (&leased["name"], &leased["lease"]["token"]);
        let missing = json!(format!("services/{KITCHEN}/operations/none"));
        // name, token, error, what it is
        let table = [
            (name, token, Value::Null, "INVALID_ARGUMENT"),
            (name, token, json!({}), "INVALID_ARGUMENT"),
            (name, token, json!({"code": 17}), "INVALID_ARGUMENT"),
            (&missing, &Value::Null, json!({}), "INVALID_ARGUMENT"),
            (&missing, &Value::Null, json!({"code": 3}), "OPERATION_NOT_FOUND"),
            (name, &Value::Null, json!({"code": 3}), "LEASE_REQUIRED"),
            (name, &json!("other"), json!({"code": 3}), "LEASE_LOST"),
        ];
        for (name, token, error, expected) in table {
            let request = json!({"name": name, "leaseToken": token, "error": error});
            let refused = api.backend("RejectOperation", &request).await.unwrap_err();
            assert_eq!(reason(&refused), expected, "{request}");
        }
        api.reject(&leased, &json!({"code": 3})).await.unwrap();
    };
    let (error, ()) = tokio::join!(call(&api, true, json!({})), rejects);
    assert_eq!(error.unwrap_err()["status"], "INVALID_ARGUMENT");
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_as_it_looks() {
    let api = kitchen(3600).await;
    let exchange = format!(
        "POST {PATH} HTTP/1.1\nAuthorization: Bearer alice\nContent-Type: application/json\n\
         traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\n\n{}",
        soup()
    );
    let worker = async {
        let leased = api.next(&rpc("CreateDish")).await;
        api.reject(&leased, &no_such_dish()).await.unwrap();
    };
    let exchanges = [exchange.as_str()];
    tokio::join!(play(&api.server, "rejected_call", &exchanges), worker);
    api.server.stop().await;
}
