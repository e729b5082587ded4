//! Servers in which something has happened already: always the same, to the bit.

use bytes::Bytes;
use longrun_api::google::rpc::Status;
use longrun_api::longrun::v1::{
    CreateOperationRequest, DeleteRecordRequest, FinishOperationRequest, LeaseOperationsRequest,
    LeaseOperationsResponse, OperationRecord, finish_operation_request, operation_record,
};
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use prost::Message as _;
use prost_types::Any;

use crate::harness::Server;

/// What has become of `operations/one`, static:alice's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// It isn't there.
    Empty,
    Pending,
    Leased,
    /// Under the service itself.
    Running,
    Succeeded,
    Failed,
    /// Under a worker, but deleted.
    Deleted,
    /// Deleted once it was done.
    Gone,
}

/// A scene, and the token of the lease that was taken in it.
pub struct Set {
    pub server: Server,
    pub token: Option<String>,
}

pub const METHOD: &str = "demo.v1.Demo/Build";

pub async fn set(scene: Scene) -> Set {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let mut token = None;
    if scene != Scene::Empty {
        create(&server, scene == Scene::Running).await;
        server.clock.advance(Span::seconds(1));
    }
    if matches!(
        scene,
        Scene::Leased | Scene::Succeeded | Scene::Failed | Scene::Deleted | Scene::Gone
    ) {
        token = Some(lease(&server).await);
        server.clock.advance(Span::seconds(1));
    }
    let result = match scene {
        Scene::Succeeded | Scene::Gone => Some(finish_operation_request::Result::Response(Any {
            type_url: "type.googleapis.com/google.protobuf.Empty".to_owned(),
            value: vec![],
        })),
        Scene::Failed => Some(finish_operation_request::Result::Error(Status {
            code: 8,
            message: "out of disk".to_owned(),
            details: vec![],
        })),
        _ => None,
    };
    if result.is_some() {
        let request = FinishOperationRequest {
            name: "services/longrun.local/operations/one".to_owned(),
            result,
            lease_token: token.clone().unwrap(),
            metadata: None,
        };
        call(&server, "FinishOperation", &request).await;
    }
    if matches!(scene, Scene::Deleted | Scene::Gone) {
        let request =
            DeleteRecordRequest { name: "services/longrun.local/operations/one".to_owned() };
        call(&server, "DeleteRecord", &request).await;
    }
    Set { server, token }
}

async fn create(server: &Server, own: bool) {
    let deadline = prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 };
    let execution = operation_record::Execution::Self_ as i32;
    let record = OperationRecord {
        method: METHOD.to_owned(),
        owner: "static:alice".to_owned(),
        execution: if own { execution } else { 0 },
        deadline: own.then_some(deadline),
        ..Default::default()
    };
    let request = CreateOperationRequest {
        parent: "services/longrun.local".to_owned(),
        record: Some(record),
        operation_id: "one".to_owned(),
        ..Default::default()
    };
    call(server, "CreateOperation", &request).await;
}

async fn lease(server: &Server) -> String {
    let request = LeaseOperationsRequest {
        parent: "services/longrun.local".to_owned(),
        methods: vec![METHOD.to_owned()],
        worker_id: "worker-1".to_owned(),
        ..Default::default()
    };
    let answer = call(server, "LeaseOperations", &request).await;
    let leased = LeaseOperationsResponse::decode(answer).unwrap();
    leased.records[0].lease.as_ref().unwrap().token.clone()
}

async fn call(server: &Server, rpc: &str, request: &impl prost::Message) -> Bytes {
    let rpc = format!("longrun.v1.Backend/{rpc}");
    let answer = server.grpc("backend", &rpc, request.encode_to_vec().into()).await;
    answer.unwrap().into_inner()
}
