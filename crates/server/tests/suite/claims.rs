//! What is done once though it is asked for twice: request ids, exclusive keys and repeated
//! finishes, over both doors and over a restart.

use longrun_api::longrun::v1::{CreateOperationRequest, OperationRecord};
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use prost::Message as _;

use crate::harness::Server;

const RECORDS: &str = "/longrun/v1/services/longrun.local/operations";
const CREATE: &str = "longrun.v1.Backend/CreateOperation";

/// A request with a map of so many keys that its encoding differs from run to run.
fn body() -> String {
    let keys: Vec<String> = (0..30).map(|key| format!("\"k{key}\":\"{key}\"")).collect();
    let value = keys.join(",");
    format!(
        r#"{{"owner":"static:alice","labels":{{"a":"1","b":"2","c":"3"}},
            "request":{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","metadata":{{{value}}}}}}}"#
    )
}

/// The same as a message, in the order of the map of this moment.
fn message(request_id: &str) -> CreateOperationRequest {
    let pool = prost_reflect::DescriptorPool::decode(longrun_api::DESCRIPTORS).unwrap();
    let descriptor = pool.get_message_by_name("longrun.v1.OperationRecord").unwrap();
    let record = longrun_transcoding::parse(body().as_bytes(), &descriptor).unwrap();
    CreateOperationRequest {
        parent: "services/longrun.local".to_owned(),
        record: Some(record.transcode_to::<OperationRecord>().unwrap()),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_doors_and_the_next_start_agree_on_a_repeat() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let path = format!("{RECORDS}?requestId=one");
    let first = server.rest("backend", "POST", &path, &body()).await.json();
    assert!(first["name"].is_string(), "{first}");
    let agree = async |server: &Server| {
        for _ in 0..5 {
            let rest = server.rest("backend", "POST", &path, &body()).await.json();
            assert_eq!(rest["name"], first["name"], "{rest}");
            let by_field = message("one").encode_to_vec().into();
            let by_header = message("").encode_to_vec().into();
            let header = [("x-longrun-request-id", "one")];
            let host = server.address.to_string();
            for grpc in [
                server.grpc("backend", CREATE, by_field).await.unwrap(),
                server.grpc_at(&host, "backend", CREATE, by_header, &header).await.unwrap(),
            ] {
                let record = OperationRecord::decode(grpc.into_inner()).unwrap();
                assert_eq!(record.name, first["name"]);
            }
        }
    };
    agree(&server).await;
    let server = server.restart().await;
    agree(&server).await;

    let header = [("x-longrun-request-id", "two")];
    let host = server.address.to_string();
    let differ = message("one").encode_to_vec().into();
    let refused = server.grpc_at(&host, "backend", CREATE, differ, &header).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    let listed = server.rest("backend", "GET", RECORDS, "").await.json();
    assert_eq!(listed["records"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_of_an_operation_frees_its_key() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let record = r#"{"exclusiveKey":"k","method":"m","owner":"static:alice"}"#;
    let create = async |id: &str| {
        let path = format!("{RECORDS}?operationId={id}");
        let made = server.rest("backend", "POST", &path, record).await;
        let held = server.rest("backend", "POST", RECORDS, record).await;
        assert_eq!((made.status, held.status), (200, 409), "{}", made.body);
        assert_eq!(
            held.json()["error"]["details"][0]["metadata"]["name"],
            format!("operations/{id}")
        );
    };
    let wait = async |id: &str| {
        let done = server.rest("alice", "POST", &format!("/v1/operations/{id}:wait"), "{}").await;
        assert_eq!(done.json()["done"], true, "{}", done.body);
    };
    create("cancelled").await;
    let path = format!("{RECORDS}/cancelled:cancel");
    assert_eq!(server.rest("backend", "POST", &path, "{}").await.status, 200);
    create("late").await;
    server.clock.advance(Span::seconds(24 * 3600 + 1));
    wait("late").await;
    create("finished").await;
    let lease = r#"{"methods":["m"],"workerId":"w"}"#;
    let leased = server.rest("backend", "POST", &format!("{RECORDS}:lease"), lease).await.json();
    let token = leased["records"][0]["lease"]["token"].as_str().unwrap();
    let finish = format!(
        r#"{{"leaseToken":"{token}","response":{{"@type":"type.googleapis.com/google.protobuf.Empty"}}}}"#
    );
    let path = format!("{RECORDS}/finished:finish");
    assert_eq!(server.rest("backend", "POST", &path, &finish).await.status, 200);
    create("deleted").await;
    let path = format!("{RECORDS}/deleted");
    assert_eq!(server.rest("backend", "DELETE", &path, "").await.status, 200);
    let held = server.rest("backend", "POST", RECORDS, record).await;
    assert_eq!(held.status, 409, "a deleted one that is open keeps it");
    let path = format!("{RECORDS}/deleted:cancel");
    assert_eq!(server.rest("backend", "POST", &path, "{}").await.status, 200);
    create("last").await;
    server.stop().await;
}

/// A Struct is a map, whose encoding differs from run to run; the same finish is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_finish_is_compared_by_what_it_says() {
    let set = crate::scenes::set(crate::scenes::Scene::Leased).await;
    let token = set.token.unwrap();
    let keys: Vec<String> = (0..30).map(|key| format!("\"k{key}\":{key}")).collect();
    let finish = async |value: &str| {
        let kind = "type.googleapis.com/google.protobuf.Struct";
        let body = format!(
            r#"{{"leaseToken":"{token}","response":{{"@type":"{kind}","value":{{{value}}}}}}}"#
        );
        let path = format!("{RECORDS}/one:finish");
        set.server.rest("backend", "POST", &path, &body).await
    };
    for _ in 0..10 {
        let answer = finish(&keys.join(",")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["etag"], "\"3\"");
    }
    let reversed: Vec<_> = keys.iter().rev().cloned().collect();
    assert_eq!(finish(&reversed.join(",")).await.status, 200);
    assert_eq!(finish(&keys[1..].join(",")).await.status, 400, "another outcome is refused");
    set.server.stop().await;
}

/// Its work goes on, but whoever repeats the call has deleted what it made.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_does_not_come_to_what_was_deleted() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let path = format!("{RECORDS}?requestId=one&operationId=x");
    let first = server.rest("backend", "POST", &path, &body()).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let deleted = server.rest("backend", "DELETE", &format!("{RECORDS}/x"), "").await;
    assert_eq!(deleted.status, 200, "{}", deleted.body);
    let again = server.rest("backend", "POST", &path, &body()).await;
    let reason = &again.json()["error"]["details"][0]["reason"];
    assert_eq!((again.status, reason.as_str()), (404, Some("OPERATION_DELETED")));
    server.stop().await;
}
