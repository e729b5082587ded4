//! The sizes of `[limits]` that are about operations, kept and crossed.

use bytes::Bytes;
use longrun_api::google::longrunning::ListOperationsResponse;
use longrun_api::google::rpc;
use longrun_api::longrun::v1::{CreateOperationRequest, OperationRecord, RenewLeaseRequest};
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use prost::Message as _;

use super::work::{METHOD, backend, create, finish, lease, text, token};
use crate::harness::Server;

const CREATE: &str = "/longrun/v1/services/longrun.local/operations";
const LIST: &str = "google.longrunning.Operations/ListOperations";

async fn server(limits: Limits) -> Server {
    Server::start(Sources::default(), limits).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_an_operation_together() {
    let server = server(Limits { operation_bytes_max: 1000, ..Default::default() }).await;
    create(&server, "one", None).await;
    let record = lease(&server, 1).await.remove(0);
    let metadata = |bytes: usize| RenewLeaseRequest {
        name: record.name.clone(),
        lease_token: token(&record),
        metadata: Some(text(bytes)),
        ..Default::default()
    };
    let refused = backend::<OperationRecord>(&server, "RenewLease", &metadata(1000)).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::InvalidArgument);
    let _: OperationRecord = backend(&server, "RenewLease", &metadata(600)).await.unwrap();
    for (bytes, said) in
        [(1000, "1003 bytes"), (500, "would be 1106 bytes; together they have 1000")]
    {
        let refused = finish(&server, &record, text(bytes)).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert!(refused.message().contains(said), "{refused}");
    }
    finish(&server, &record, text(300)).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_messages_and_rows_of_pages() {
    let limits = Limits { message_bytes_max: 3000, page_size_max: 4, ..Default::default() };
    let server = server(limits).await;
    for id in ["one", "two", "three", "four", "five", "six"] {
        create(&server, id, Some(text(1000))).await;
        server.clock.advance(Span::seconds(1));
    }
    let page = async |query: &str| {
        let answer = server.rest("alice", "GET", &format!("/v1/operations{query}"), "").await;
        let json = answer.json();
        let names = json["operations"].as_array().unwrap().len();
        (names, json["nextPageToken"].as_str().map(str::to_owned))
    };
    let (rows, next) = page("?pageSize=100").await;
    assert_eq!(rows, 4);
    let (rows, next) = page(&format!("?pageSize=100&pageToken={}", next.unwrap())).await;
    assert_eq!((rows, next), (2, None));
    // Leases are cut by the bytes of what is handed out.
    let leased = lease(&server, 6).await;
    assert!((1..3).contains(&leased.len()), "{}", leased.len());
    for record in &leased {
        finish(&server, record, text(2000)).await.unwrap();
    }
    while let Some(record) = lease(&server, 1).await.pop() {
        finish(&server, &record, text(2000)).await.unwrap();
    }
    let list = server.grpc("alice", LIST, Bytes::from_static(b"\x22\x0aoperations")).await.unwrap();
    let list = ListOperationsResponse::decode(list.into_inner()).unwrap();
    assert!(!list.next_page_token.is_empty());
    assert!(list.operations.len() == 1, "{}", list.encoded_len());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_error_details() {
    let server = server(Limits { error_details_bytes_max: 300, ..Default::default() }).await;
    let body =
        format!("{{{}}}", (0..20).map(|at| format!("\"k{at}\":1")).collect::<Vec<_>>().join(","));
    let whole = server.rest("backend", "POST", CREATE, &body).await.json();
    assert_eq!(whole["error"]["details"][1]["fieldViolations"].as_array().unwrap().len(), 20);

    let labels = (0..20).map(|at| (format!("K{at}"), String::new())).collect();
    let record = OperationRecord { method: METHOD.to_owned(), labels, ..Default::default() };
    let parent = "services/longrun.local".to_owned();
    let request = CreateOperationRequest { parent, record: Some(record), ..Default::default() };
    let refused =
        backend::<OperationRecord>(&server, "CreateOperation", &request).await.unwrap_err();
    assert!(refused.message().ends_with("(further details were too large)"), "{refused}");
    let status = rpc::Status::decode(refused.details()).unwrap();
    assert_eq!(status.details.len(), 1, "the ErrorInfo stays");
    server.stop().await;
}

/// What doesn't fit in memory comes from the store.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_the_hot_map() {
    let server = server(Limits { hot_bytes_max: 1, ..Default::default() }).await;
    create(&server, "one", Some(text(1000))).await;
    for _ in 0..2 {
        assert_eq!(server.rest("alice", "GET", "/v1/operations/one", "").await.status, 200);
    }
    server.stop().await;
}
