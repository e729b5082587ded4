//! Two doors, one handler: every case is played on two servers that are alike to the bit,
//! once through each door, and must be answered the same.

use std::collections::BTreeSet;

use longrun_api::google::rpc::Status;
use longrun_transcoding::{PrintOptions, parse, print};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use crate::scenes::{Scene, set};

/// One call, as its request message says it (proto3 JSON) and as REST does.
struct Case {
    rpc: &'static str,
    scene: Scene,
    token: &'static str,
    message: &'static str,
    rest: (&'static str, &'static str, &'static str),
}

const fn case(
    rpc: &'static str,
    scene: Scene,
    token: &'static str,
    message: &'static str,
    rest: (&'static str, &'static str, &'static str),
) -> Case {
    Case { rpc, scene, token, message, rest }
}

const RECORD: &str = "services/longrun.local/operations/one";
const AT: &str = "/longrun/v1/services/longrun.local/operations";

macro_rules! at {
    ($tail:literal) => {
        concat!("/longrun/v1/services/longrun.local/operations", $tail)
    };
}
macro_rules! named {
    ($tail:literal) => {
        concat!(r#"{"name":"services/longrun.local/operations/one""#, $tail, "}")
    };
}
macro_rules! tokened {
    ($tail:literal) => {
        concat!(
            r#"{"name":"services/longrun.local/operations/one","leaseToken":"0000000000000000000000000000TOKEN""#,
            $tail,
            "}"
        )
    };
}

const GET: &str = "google.longrunning.Operations/GetOperation";
const LIST: &str = "google.longrunning.Operations/ListOperations";
const DELETE: &str = "google.longrunning.Operations/DeleteOperation";
const CANCEL: &str = "google.longrunning.Operations/CancelOperation";
const WAIT: &str = "google.longrunning.Operations/WaitOperation";
const CREATE: &str = "longrun.v1.Backend/CreateOperation";
const GET_RECORD: &str = "longrun.v1.Backend/GetRecord";
const LIST_RECORDS: &str = "longrun.v1.Backend/ListRecords";
const UPDATE: &str = "longrun.v1.Backend/UpdateRecord";
const FINISH: &str = "longrun.v1.Backend/FinishOperation";
const REJECT: &str = "longrun.v1.Backend/RejectOperation";
const CANCEL_RECORD: &str = "longrun.v1.Backend/CancelRecord";
const DELETE_RECORD: &str = "longrun.v1.Backend/DeleteRecord";
const LEASE: &str = "longrun.v1.Backend/LeaseOperations";
const RENEW: &str = "longrun.v1.Backend/RenewLease";
// What it streams is compared in `watch`; here is what it refuses.
const WATCH: &str = "longrun.v1.Backend/WatchRecords";
const RELEASE: &str = "longrun.v1.Backend/ReleaseLease";

#[rustfmt::skip]
const CASES: &[Case] = &[
    case(GET, Scene::Pending, "alice", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(GET, Scene::Leased, "alice", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(GET, Scene::Succeeded, "alice", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(GET, Scene::Failed, "alice", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(GET, Scene::Pending, "bob", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(GET, Scene::Pending, "alice", r#"{"name":"operations/none"}"#, ("GET", "/v1/operations/none", "")),
    case(GET, Scene::Pending, "stranger", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(LIST, Scene::Succeeded, "alice", r#"{"name":"operations"}"#, ("GET", "/v1/operations", "")),
    case(LIST, Scene::Succeeded, "alice", r#"{"name":"operations","filter":"done=true AND state=SUCCEEDED"}"#, ("GET", "/v1/operations?filter=done%3Dtrue%20AND%20state%3DSUCCEEDED", "")),
    case(LIST, Scene::Succeeded, "alice", r#"{"name":"operations","filter":"done=false"}"#, ("GET", "/v1/operations?filter=done%3Dfalse", "")),
    case(LIST, Scene::Pending, "alice", r#"{"name":"operations","pageSize":-1}"#, ("GET", "/v1/operations?pageSize=-1", "")),
    case(LIST, Scene::Pending, "alice", r#"{"name":"operations","filter":"state=NONSENSE"}"#, ("GET", "/v1/operations?filter=state%3DNONSENSE", "")),
    case(LIST, Scene::Failed, "alice", r#"{"name":"operations","filter":"response:* OR error.code=8 -metadata.x:*"}"#, ("GET", "/v1/operations?filter=response:*%20OR%20error.code%3D8%20-metadata.x:*", "")),
    case(LIST, Scene::Failed, "alice", r#"{"name":"operations","filter":"error.code!=8"}"#, ("GET", "/v1/operations?filter=error.code!%3D8", "")),
    case(LIST, Scene::Pending, "alice", r#"{"name":"operations","filter":"NOT (done=true"}"#, ("GET", "/v1/operations?filter=NOT+(done%3Dtrue", "")),
    case(LIST, Scene::Pending, "alice", r#"{"name":"operations","filter":"create_time > \"abc\""}"#, ("GET", "/v1/operations?filter=create_time%20%3E%20%22abc%22", "")),
    case(LIST, Scene::Pending, "alice", r#"{"name":"operations","returnPartialSuccess":true}"#, ("GET", "/v1/operations?returnPartialSuccess=true", "")),
    case(LIST, Scene::Pending, "alice", r#"{"name":"operations","pageToken":"bad"}"#, ("GET", "/v1/operations?pageToken=bad", "")),
    case(DELETE, Scene::Succeeded, "alice", r#"{"name":"operations/one"}"#, ("DELETE", "/v1/operations/one", "")),
    case(DELETE, Scene::Pending, "alice", r#"{"name":"operations/one"}"#, ("DELETE", "/v1/operations/one", "")),
    case(DELETE, Scene::Pending, "bob", r#"{"name":"operations/one"}"#, ("DELETE", "/v1/operations/one", "")),
    case(DELETE, Scene::Pending, "alice", r#"{"name":"operations"}"#, ("DELETE", "/v1/operations", "")),
    case(CANCEL, Scene::Pending, "alice", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:cancel", "{}")),
    case(CANCEL, Scene::Leased, "alice", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:cancel", "")),
    case(CANCEL, Scene::Succeeded, "alice", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:cancel", r#"{"name":"operations/one"}"#)),
    case(CANCEL, Scene::Pending, "bob", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:cancel", "{}")),
    case(WAIT, Scene::Succeeded, "alice", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:wait", "{}")),
    case(WAIT, Scene::Pending, "alice", r#"{"name":"operations/one","timeout":"0s"}"#, ("POST", "/v1/operations/one:wait", r#"{"timeout":"0s"}"#)),
    case(WAIT, Scene::Pending, "alice", r#"{"name":"operations/one","timeout":"-1s"}"#, ("POST", "/v1/operations/one:wait", r#"{"timeout":"-1s"}"#)),
    case(WAIT, Scene::Pending, "bob", r#"{"name":"operations/one","timeout":"0s"}"#, ("POST", "/v1/operations/one:wait", r#"{"timeout":"0s"}"#)),
    case(CREATE, Scene::Empty, "backend", r#"{"parent":"services/longrun.local","operationId":"mine","record":{"owner":"static:alice","labels":{"a":"b"}}}"#, ("POST", at!("?operationId=mine"), r#"{"owner":"static:alice","labels":{"a":"b"}}"#)),
    case(CREATE, Scene::Empty, "backend", r#"{"parent":"services/longrun.local","record":{"execution":"SELF"}}"#, ("POST", AT, r#"{"execution":"SELF"}"#)),
    case(CREATE, Scene::Pending, "backend", r#"{"parent":"services/longrun.local","operationId":"one","record":{}}"#, ("POST", at!("?operationId=one"), "{}")),
    case(CREATE, Scene::Empty, "backend", r#"{"parent":"services/longrun.local","operationId":"-bad-","record":{"name":"x","owner":"nobody"}}"#, ("POST", at!("?operationId=-bad-"), r#"{"name":"x","owner":"nobody"}"#)),
    case(CREATE, Scene::Empty, "backend", r#"{"parent":"services/unknown.example.com","record":{}}"#, ("POST", "/longrun/v1/services/unknown.example.com/operations", "{}")),
    case(CREATE, Scene::Empty, "alice", r#"{"parent":"services/longrun.local","record":{}}"#, ("POST", AT, "{}")),
    case(CREATE, Scene::Empty, "reader", r#"{"parent":"services/longrun.local","record":{}}"#, ("POST", AT, "{}")),
    case(CREATE, Scene::Empty, "elsewhere", r#"{"parent":"services/longrun.local","record":{}}"#, ("POST", AT, "{}")),
    case(CREATE, Scene::Empty, "elsewhere", r#"{"parent":"services/longrun.local","record":{"execution":9}}"#, ("POST", AT, r#"{"execution":"NOPE"}"#)),
    case(CREATE, Scene::Empty, "reader", r#"{"parent":"services/longrun.local","record":{"execution":9}}"#, ("POST", AT, r#"{"execution":"NOPE"}"#)),
    case(CREATE, Scene::Empty, "backend", r#"{"parent":"services/longrun.local","operationId":"mine","requestId":"7a1c","record":{"exclusiveKey":"k","owner":"static:alice"}}"#, ("POST", at!("?operationId=mine&requestId=7a1c"), r#"{"exclusiveKey":"k","owner":"static:alice"}"#)),
    case(CREATE, Scene::Empty, "backend", r#"{"parent":"services/longrun.local","requestId":"a b","record":{}}"#, ("POST", at!("?requestId=a%20b"), "{}")),
    case(CREATE, Scene::Gone, "backend", r#"{"parent":"services/longrun.local","operationId":"one","record":{}}"#, ("POST", at!("?operationId=one"), "{}")),
    case(GET_RECORD, Scene::Leased, "reader", named!(""), ("GET", at!("/one"), "")),
    case(GET_RECORD, Scene::Failed, "backend", named!(""), ("GET", at!("/one"), "")),
    case(GET_RECORD, Scene::Empty, "backend", named!(""), ("GET", at!("/one"), "")),
    case(LIST_RECORDS, Scene::Succeeded, "reader", r#"{"parent":"services/longrun.local","orderBy":"create_time"}"#, ("GET", at!("?orderBy=create_time"), "")),
    case(LIST_RECORDS, Scene::Succeeded, "reader", r#"{"parent":"services/-","filter":"response.@type=google.protobuf.Empty"}"#, ("GET", "/longrun/v1/services/-/operations?filter=response.@type%3Dgoogle.protobuf.Empty", "")),
    case(LIST_RECORDS, Scene::Pending, "reader", r#"{"parent":"services/-"}"#, ("GET", "/longrun/v1/services/-/operations", "")),
    case(LIST_RECORDS, Scene::Pending, "elsewhere", r#"{"parent":"services/-"}"#, ("GET", "/longrun/v1/services/-/operations", "")),
    case(LIST_RECORDS, Scene::Pending, "backend", r#"{"parent":"services/longrun.local","orderBy":"name"}"#, ("GET", at!("?orderBy=name"), "")),
    case(UPDATE, Scene::Pending, "backend", r#"{"record":{"name":"services/longrun.local/operations/one","labels":{"x":"y"}},"updateMask":"labels"}"#, ("PATCH", at!("/one?updateMask=labels"), r#"{"labels":{"x":"y"}}"#)),
    case(UPDATE, Scene::Pending, "backend", r#"{"record":{"name":"services/longrun.local/operations/one","etag":"\"stale\"","labels":{"x":"y"}}}"#, ("PATCH", at!("/one"), r#"{"etag":"\"stale\"","labels":{"x":"y"}}"#)),
    case(UPDATE, Scene::Pending, "backend", r#"{"record":{"name":"services/longrun.local/operations/one"},"updateMask":"*"}"#, ("PATCH", at!("/one?updateMask=*"), "{}")),
    case(UPDATE, Scene::Leased, "backend", r#"{"record":{"name":"services/longrun.local/operations/one","operation":{"metadata":{"@type":"type.googleapis.com/google.protobuf.Empty"}}}}"#, ("PATCH", at!("/one"), r#"{"operation":{"metadata":{"@type":"type.googleapis.com/google.protobuf.Empty"}}}"#)),
    case(FINISH, Scene::Leased, "backend", tokened!(r#","response":{"@type":"type.googleapis.com/google.protobuf.Empty"}"#), ("POST", at!("/one:finish"), tokened!(r#","response":{"@type":"type.googleapis.com/google.protobuf.Empty"}"#))),
    case(FINISH, Scene::Leased, "backend", named!(r#","response":{"@type":"type.googleapis.com/google.protobuf.Empty"}"#), ("POST", at!("/one:finish"), r#"{"response":{"@type":"type.googleapis.com/google.protobuf.Empty"}}"#)),
    case(FINISH, Scene::Pending, "backend", tokened!(r#","error":{"code":5,"message":"gone"}"#), ("POST", at!("/one:finish"), tokened!(r#","error":{"code":5,"message":"gone"}"#))),
    case(FINISH, Scene::Leased, "backend", tokened!(r#","error":{"code":0}"#), ("POST", at!("/one:finish"), tokened!(r#","error":{"code":0}"#))),
    case(FINISH, Scene::Leased, "backend", tokened!(""), ("POST", at!("/one:finish"), tokened!(""))),
    case(FINISH, Scene::Succeeded, "backend", tokened!(r#","error":{"code":5}"#), ("POST", at!("/one:finish"), tokened!(r#","error":{"code":5}"#))),
    case(REJECT, Scene::Leased, "backend", tokened!(r#","error":{"code":3,"message":"no"}"#), ("POST", at!("/one:reject"), tokened!(r#","error":{"code":3,"message":"no"}"#))),
    case(REJECT, Scene::Leased, "backend", tokened!(""), ("POST", at!("/one:reject"), tokened!(""))),
    case(REJECT, Scene::Leased, "backend", tokened!(r#","error":{"code":0}"#), ("POST", at!("/one:reject"), tokened!(r#","error":{"code":0}"#))),
    case(REJECT, Scene::Leased, "backend", named!(r#","error":{"code":3}"#), ("POST", at!("/one:reject"), r#"{"error":{"code":3}}"#)),
    case(REJECT, Scene::Deleted, "backend", tokened!(r#","error":{"code":3}"#), ("POST", at!("/one:reject"), tokened!(r#","error":{"code":3}"#))),
    case(REJECT, Scene::Running, "backend", named!(r#","error":{"code":3}"#), ("POST", at!("/one:reject"), r#"{"error":{"code":3}}"#)),
    case(REJECT, Scene::Running, "backend", named!(r#","leaseToken":"0000","error":{"code":3}"#), ("POST", at!("/one:reject"), r#"{"leaseToken":"0000","error":{"code":3}}"#)),
    case(REJECT, Scene::Succeeded, "backend", tokened!(r#","error":{"code":3}"#), ("POST", at!("/one:reject"), tokened!(r#","error":{"code":3}"#))),
    case(REJECT, Scene::Gone, "backend", tokened!(r#","error":{"code":3}"#), ("POST", at!("/one:reject"), tokened!(r#","error":{"code":3}"#))),
    case(REJECT, Scene::Empty, "backend", named!(r#","error":{"code":3}"#), ("POST", at!("/one:reject"), r#"{"error":{"code":3}}"#)),
    case(REJECT, Scene::Leased, "reader", tokened!(r#","error":{"code":3}"#), ("POST", at!("/one:reject"), tokened!(r#","error":{"code":3}"#))),
    case(CANCEL_RECORD, Scene::Pending, "backend", named!(""), ("POST", at!("/one:cancel"), "{}")),
    case(CANCEL_RECORD, Scene::Leased, "backend", named!(""), ("POST", at!("/one:cancel"), "{}")),
    case(DELETE_RECORD, Scene::Pending, "backend", named!(""), ("DELETE", at!("/one"), "")),
    case(DELETE_RECORD, Scene::Empty, "backend", named!(""), ("DELETE", at!("/one"), "")),
    case(LEASE, Scene::Pending, "backend", r#"{"parent":"services/longrun.local","methods":["demo.v1.Demo/Build"],"workerId":"w"}"#, ("POST", at!(":lease"), r#"{"methods":["demo.v1.Demo/Build"],"workerId":"w"}"#)),
    case(LEASE, Scene::Empty, "backend", r#"{"parent":"services/longrun.local","methods":["demo.v1.Demo/Build"]}"#, ("POST", at!(":lease"), r#"{"methods":["demo.v1.Demo/Build"]}"#)),
    case(LEASE, Scene::Empty, "backend", r#"{"parent":"services/longrun.local"}"#, ("POST", at!(":lease"), "{}")),
    case(LEASE, Scene::Empty, "backend", r#"{"parent":"services/longrun.local","methods":["m"],"leaseDuration":"0.5s"}"#, ("POST", at!(":lease"), r#"{"methods":["m"],"leaseDuration":"0.5s"}"#)),
    case(RENEW, Scene::Leased, "backend", tokened!(r#","leaseDuration":"60s""#), ("POST", at!("/one:renewLease"), tokened!(r#","leaseDuration":"60s""#))),
    case(RENEW, Scene::Leased, "backend", named!(r#","leaseToken":"0000""#), ("POST", at!("/one:renewLease"), r#"{"leaseToken":"0000"}"#)),
    case(RENEW, Scene::Running, "backend", named!(""), ("POST", at!("/one:renewLease"), "{}")),
    case(WATCH, Scene::Pending, "backend", r#"{"parent":"services/longrun.local","resumeToken":"nonsense"}"#, ("GET", at!(":watch?resumeToken=nonsense"), "")),
    case(WATCH, Scene::Pending, "backend", r#"{"parent":"services/longrun.local","resumeToken":"01000000000000000100000000000000070000000000000007"}"#, ("GET", at!(":watch?resumeToken=01000000000000000100000000000000070000000000000007"), "")),
    case(WATCH, Scene::Pending, "backend", r#"{"parent":"services/longrun.local","filter":"color=red"}"#, ("GET", at!(":watch?filter=color%3Dred"), "")),
    case(WATCH, Scene::Pending, "backend", r#"{"parent":"services/unknown.example.com"}"#, ("GET", "/longrun/v1/services/unknown.example.com/operations:watch", "")),
    case(WATCH, Scene::Pending, "elsewhere", r#"{"parent":"services/-"}"#, ("GET", "/longrun/v1/services/-/operations:watch", "")),
    case(WATCH, Scene::Pending, "elsewhere", r#"{"parent":"services/longrun.local"}"#, ("GET", at!(":watch"), "")),
    case(WATCH, Scene::Pending, "alice", r#"{"parent":"services/longrun.local"}"#, ("GET", at!(":watch"), "")),
    case(RELEASE, Scene::Leased, "backend", tokened!(r#","retryDelay":"10s""#), ("POST", at!("/one:releaseLease"), tokened!(r#","retryDelay":"10s""#))),
    case(RELEASE, Scene::Succeeded, "backend", tokened!(""), ("POST", at!("/one:releaseLease"), tokened!(""))),
    case(GET, Scene::Deleted, "alice", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(GET, Scene::Deleted, "bob", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(DELETE, Scene::Deleted, "alice", r#"{"name":"operations/one"}"#, ("DELETE", "/v1/operations/one", "")),
    case(CANCEL, Scene::Deleted, "alice", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:cancel", "{}")),
    case(WAIT, Scene::Deleted, "alice", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:wait", "{}")),
    case(LIST, Scene::Deleted, "alice", r#"{"name":"operations"}"#, ("GET", "/v1/operations", "")),
    case(GET_RECORD, Scene::Deleted, "backend", named!(""), ("GET", at!("/one"), "")),
    case(DELETE_RECORD, Scene::Deleted, "backend", named!(""), ("DELETE", at!("/one"), "")),
    case(FINISH, Scene::Deleted, "backend", tokened!(r#","response":{"@type":"type.googleapis.com/google.protobuf.Empty"}"#), ("POST", at!("/one:finish"), tokened!(r#","response":{"@type":"type.googleapis.com/google.protobuf.Empty"}"#))),
    case(GET, Scene::Gone, "alice", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(GET, Scene::Gone, "bob", r#"{"name":"operations/one"}"#, ("GET", "/v1/operations/one", "")),
    case(DELETE, Scene::Gone, "alice", r#"{"name":"operations/one"}"#, ("DELETE", "/v1/operations/one", "")),
    case(CANCEL, Scene::Gone, "alice", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:cancel", "{}")),
    case(WAIT, Scene::Gone, "alice", r#"{"name":"operations/one"}"#, ("POST", "/v1/operations/one:wait", "{}")),
    case(LIST, Scene::Gone, "alice", r#"{"name":"operations"}"#, ("GET", "/v1/operations", "")),
    case(GET_RECORD, Scene::Gone, "backend", named!(""), ("GET", at!("/one"), "")),
    case(DELETE_RECORD, Scene::Gone, "backend", named!(""), ("DELETE", at!("/one"), "")),
    case(FINISH, Scene::Gone, "backend", tokened!(r#","response":{"@type":"type.googleapis.com/google.protobuf.Empty"}"#), ("POST", at!("/one:finish"), tokened!(r#","response":{"@type":"type.googleapis.com/google.protobuf.Empty"}"#))),
];

fn pool() -> DescriptorPool {
    DescriptorPool::decode(longrun_api::DESCRIPTORS).unwrap()
}

/// `pkg.Service/Method` of both services.
fn served(pool: &DescriptorPool) -> BTreeSet<String> {
    ["google.longrunning.Operations", "longrun.v1.Backend"]
        .iter()
        .flat_map(|name| {
            let service = pool.get_service_by_name(name).unwrap();
            let names =
                |method: prost_reflect::MethodDescriptor| format!("{name}/{}", method.name());
            service.methods().map(names).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_rpc_has_a_row() {
    let rows: BTreeSet<String> = CASES.iter().map(|case| case.rpc.to_owned()).collect();
    assert_eq!(rows, served(&pool()));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_doors_answer_the_same() {
    let pool = pool();
    assert!(RECORD.ends_with("/one"));
    for case in CASES {
        let (by_grpc, by_rest) = (set(case.scene).await, set(case.scene).await);
        let (service, method) = case.rpc.split_once('/').unwrap();
        let service = pool.get_service_by_name(service).unwrap();
        let method = service.methods().find(|found| found.name() == method).unwrap();
        let title = format!("{} {:?} {} {:?}", case.rpc, case.scene, case.token, case.rest);
        assert_eq!(by_grpc.token, by_rest.token, "the servers are not alike: {title}");

        let token = by_grpc.token.as_deref().unwrap_or_default();
        let fill = |text: &str| text.replace("0000000000000000000000000000TOKEN", token);
        let request = parse(fill(case.message).as_bytes(), &method.input()).expect(&title);
        let grpc = by_grpc.server.grpc(case.token, case.rpc, request.encode_to_vec().into()).await;
        let (verb, path, body) = case.rest;
        let rest = by_rest.server.rest(case.token, verb, path, &fill(body)).await;
        match grpc {
            Ok(answer) => {
                let recommended = answer.metadata().get("retry-after");
                let recommended = recommended.and_then(|value| value.to_str().ok());
                assert_eq!(rest.header("retry-after"), recommended, "{title}");
                let message = answer.into_inner();
                let message = DynamicMessage::decode(method.output(), message).expect(&title);
                assert_eq!(rest.status, 200, "{title}: {}", rest.body);
                assert_eq!(rest.body, printed(&message), "{title}");
            }
            Err(status) => same_error(&title, &pool, &status, &rest.json()["error"], rest.status),
        }
        by_grpc.server.stop().await;
        by_rest.server.stop().await;
    }
}

fn printed(message: &DynamicMessage) -> String {
    let options = PrintOptions { pretty: true, enums_as_ints: false, fields: None };
    String::from_utf8(print(message, &options).unwrap()).unwrap()
}

fn same_error(
    title: &str,
    pool: &DescriptorPool,
    grpc: &tonic::Status,
    rest: &serde_json::Value,
    http: u16,
) {
    let status = Status::decode(grpc.details()).expect(title);
    assert_eq!(status.code, grpc.code() as i32, "{title}");
    assert_eq!(status.message, grpc.message(), "{title}");
    assert_eq!(rest["code"], http, "{title}");
    assert_eq!(rest["message"], status.message, "{title}");
    let name = longrun_api::google::rpc::Code::try_from(status.code).unwrap().as_str_name();
    assert_eq!(rest["status"], name, "{title}");
    let descriptor: MessageDescriptor = pool.get_message_by_name("google.rpc.Status").unwrap();
    let message = DynamicMessage::decode(descriptor, grpc.details()).unwrap();
    let printed: serde_json::Value = serde_json::from_str(&printed(&message)).unwrap();
    assert_eq!(rest["details"], printed["details"], "{title}");
}
