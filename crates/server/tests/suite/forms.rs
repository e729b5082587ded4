//! The forms in which REST answers.

use longrun_api::google::longrunning::{ListOperationsResponse, Operation};
use longrun_api::longrun::v1::WatchRecordsResponse;
use prost::Message as _;

use crate::harness::Server;
use crate::scenes::{Scene, set};

/// What comes as protobuf.
async fn protobuf<T: prost::Message + Default>(server: &Server, path: &str) -> T {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alice\r\n\
         Connection: close\r\n\r\n"
    );
    let response = server.raw(request.as_bytes()).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/x-protobuf"), "{head}");
    T::decode(body.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_count_in_protobuf_too() {
    let set = set(Scene::Succeeded).await;
    let whole: Operation = protobuf(&set.server, "/v1/operations/one?alt=proto").await;
    assert!(whole.done && whole.result.is_some());
    let named = Operation { name: whole.name.clone(), ..Default::default() };
    let part: Operation = protobuf(&set.server, "/v1/operations/one?alt=proto&fields=name").await;
    assert_eq!(part, named);
    let list = "/v1/operations?alt=proto&fields=operations.name";
    let list: ListOperationsResponse = protobuf(&set.server, list).await;
    assert_eq!(list.operations, [named]);

    let watch = "/longrun/v1/services/-/operations:watch?alt=proto&fields=removed";
    let mut chunks = set.server.open("backend", watch, "").await;
    let first = chunks.next().await.unwrap();
    // The heartbeat without its token: field 1 of the stream, and nothing in it.
    assert_eq!(first.as_bytes(), [10, 0]);
    assert_eq!(WatchRecordsResponse::default().encoded_len(), 0);
    drop(chunks);
    set.server.stop().await;
}
