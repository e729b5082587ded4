//! A real server in this process, with a clock that the test moves.

use std::sync::Arc;

use longrun_api::google::longrunning::{Operation, operation};
use longrun_api::google::rpc;
use longrun_api::longrun::v1::{CreateOperationRequest, OperationRecord};
use longrun_client::{Client, Worker};
use longrun_server::auth::Authenticator;
use longrun_server::catalog::{Catalog, Sources};
use longrun_server::clock::ManualClock;
use longrun_server::config::Limits;
use longrun_server::operation::Timestamp;
use longrun_server::{Running, Settings, start};
use prost_types::Any;

pub const METHOD: &str = "demo.v1.Demo/Build";

/// 2026-01-02T03:04:05Z: the time until a test moves it.
const START: Timestamp = Timestamp::from_micros(1_767_323_045_000_000);

pub struct Server {
    pub clock: Arc<ManualClock>,
    pub client: Client,
    // Fields go in this order: the server before its folder.
    _running: Running,
    _dir: tempfile::TempDir,
}

impl Server {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let mut settings = Settings::new(
            "127.0.0.1:0".parse().unwrap(),
            dir.path().to_owned(),
            Catalog::load(&Sources::default()).unwrap(),
            Authenticator::open(),
            Limits::default(),
        );
        settings.clock = clock.clone();
        let running = start(settings).await.unwrap();
        let url = format!("http://{}", running.local_addr());
        let client = Client::connect(&url, None).await.unwrap();
        Self { clock, client, _running: running, _dir: dir }
    }

    pub fn worker(&self, id: &str) -> Worker {
        Worker::new(self.client.clone(), "longrun.local").worker_id(id)
    }

    pub async fn create(&self, id: &str, request: Option<Any>) {
        let record = OperationRecord {
            method: METHOD.to_owned(),
            owner: "local:anonymous".to_owned(),
            request,
            ..Default::default()
        };
        let request = CreateOperationRequest {
            parent: "services/longrun.local".to_owned(),
            record: Some(record),
            operation_id: id.to_owned(),
            ..Default::default()
        };
        self.client.create_operation(request).await.unwrap();
    }

    pub async fn record(&self, id: &str) -> OperationRecord {
        let name = format!("services/longrun.local/operations/{id}");
        self.client.get_record(&name).await.unwrap()
    }

    pub async fn operation(&self, id: &str) -> Operation {
        self.client.get_operation(&format!("operations/{id}")).await.unwrap()
    }

    /// Until it is done.
    pub async fn done(&self, id: &str) {
        self.client.wait_until_done(&format!("operations/{id}")).await.unwrap();
    }

    pub async fn response(&self, id: &str) -> Any {
        match self.operation(id).await.result {
            Some(operation::Result::Response(response)) => response,
            other => panic!("{id}: {other:?}"),
        }
    }

    pub async fn error(&self, id: &str) -> rpc::Status {
        match self.operation(id).await.result {
            Some(operation::Result::Error(status)) => status,
            other => panic!("{id}: {other:?}"),
        }
    }
}
