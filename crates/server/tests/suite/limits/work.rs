//! An API's own side and its worker, as they come through the gRPC door.

use longrun_api::longrun::v1::{
    CreateOperationRequest, FinishOperationRequest, LeaseOperationsRequest,
    LeaseOperationsResponse, OperationRecord, finish_operation_request,
};
use prost::Message as _;
use prost_types::Any;

use crate::harness::Server;

pub const METHOD: &str = "demo.v1.Demo/Build";

pub async fn backend<A: prost::Message + Default>(
    server: &Server,
    rpc: &str,
    request: &impl prost::Message,
) -> Result<A, tonic::Status> {
    let rpc = format!("longrun.v1.Backend/{rpc}");
    let answer = server.grpc("backend", &rpc, request.encode_to_vec().into()).await?;
    Ok(A::decode(answer.into_inner()).unwrap())
}

/// A text of so many bytes, in an Any.
pub fn text(bytes: usize) -> Any {
    let value = String::encode_to_vec(&"x".repeat(bytes));
    Any { type_url: "type.googleapis.com/google.protobuf.StringValue".to_owned(), value }
}

pub async fn create(server: &Server, id: &str, payload: Option<Any>) {
    let record = OperationRecord {
        method: METHOD.to_owned(),
        owner: "static:alice".to_owned(),
        request: payload,
        ..Default::default()
    };
    let request = CreateOperationRequest {
        parent: "services/longrun.local".to_owned(),
        record: Some(record),
        operation_id: id.to_owned(),
        ..Default::default()
    };
    let _: OperationRecord = backend(server, "CreateOperation", &request).await.unwrap();
}

pub async fn lease(server: &Server, max_operations: i32) -> Vec<OperationRecord> {
    let request = LeaseOperationsRequest {
        parent: "services/longrun.local".to_owned(),
        methods: vec![METHOD.to_owned()],
        max_operations,
        ..Default::default()
    };
    let leased: LeaseOperationsResponse =
        backend(server, "LeaseOperations", &request).await.unwrap();
    leased.records
}

pub fn token(record: &OperationRecord) -> String {
    record.lease.as_ref().unwrap().token.clone()
}

pub async fn finish(
    server: &Server,
    record: &OperationRecord,
    response: Any,
) -> Result<OperationRecord, tonic::Status> {
    let request = FinishOperationRequest {
        name: record.name.clone(),
        result: Some(finish_operation_request::Result::Response(response)),
        lease_token: token(record),
        metadata: None,
    };
    backend(server, "FinishOperation", &request).await
}
