//! Requests as the doors hand them on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use longrun_api::google::longrunning as lro;
use longrun_api::longrun::v1;
use prost::Message;
use tokio::time::Instant;

use super::ask::{Ask, By, Name, What, parent};
use super::kitchen;
use crate::auth::{Caller, ScopeSet};
use crate::catalog::Catalog;
use crate::operation::{Outcome, Timestamp};
use crate::service::{Call, Slots};
use crate::wire;

impl Ask {
    /// The call, and the encoded request.
    pub(super) fn call(&self, catalog: &Catalog) -> (Call, Bytes) {
        let (rpc, request) = self.request(catalog);
        let backend = rpc.starts_with("longrun.v1.Backend/");
        let service =
            if backend { catalog.backend() } else { catalog.service(kitchen::NAME).unwrap() };
        let scopes = match self.by {
            By::Backend => ScopeSet::All,
            By::Alice | By::Bob => ScopeSet::Some(vec![]),
        };
        let caller = Caller { principal: self.by.principal(), scopes };
        let request_id = match &self.what {
            // CookDish has a field for it.
            What::Start { rpc: kitchen::COOK, .. } => None,
            What::Start { id, .. } | What::Create { id, .. } => id.map(|id| format!("id-{id}")),
            _ => None,
        };
        let wait = match &self.what {
            What::Prefer(_, seconds) => Some(Duration::from_secs(*seconds)),
            _ => None,
        };
        let call = Call {
            service: service.clone(),
            method: service.method(rpc).unwrap().clone(),
            caller: Arc::new(caller),
            deadline: self.listens.map(|listens| Instant::now() + listens),
            wait,
            request_id,
            slots: Slots::new(1),
        };
        (call, request)
    }

    fn request(&self, catalog: &Catalog) -> (&'static str, Bytes) {
        let operation = |name: &Name| name.0.operation.to_string();
        let record = |name: &Name| name.0.to_string();
        match &self.what {
            What::Start { rpc, dish, id } => (rpc, kitchen::request(catalog, rpc, *dish, *id)),
            What::Create { owner, key, own, deadline, .. } => {
                let record = v1::OperationRecord {
                    method: kitchen::CLEAN.to_owned(),
                    owner: owner.map(|by| by.principal().to_string()).unwrap_or_default(),
                    exclusive_key: key.map(|key| format!("key-{key}")).unwrap_or_default(),
                    execution: if *own { 2 } else { 1 },
                    deadline: deadline.map(Timestamp::to_proto),
                    ..Default::default()
                };
                let request = v1::CreateOperationRequest {
                    parent: format!("services/{}", kitchen::NAME),
                    record: Some(record),
                    ..Default::default()
                };
                backend::CREATE.with(&request)
            }
            What::Get(name) | What::Prefer(name, _) => {
                operations::GET.with(&lro::GetOperationRequest { name: operation(name) })
            }
            What::Wait(name, timeout) => {
                let timeout = timeout.and_then(duration);
                operations::WAIT.with(&lro::WaitOperationRequest { name: operation(name), timeout })
            }
            What::List(dish) => {
                let name = parent(*dish);
                let request =
                    lro::ListOperationsRequest { name, page_size: 1000, ..Default::default() };
                operations::LIST.with(&request)
            }
            What::Cancel(name) => {
                operations::CANCEL.with(&lro::CancelOperationRequest { name: operation(name) })
            }
            What::Delete(name) => {
                operations::DELETE.with(&lro::DeleteOperationRequest { name: operation(name) })
            }
            What::GetRecord(name) => {
                backend::GET.with(&v1::GetRecordRequest { name: record(name) })
            }
            What::CancelRecord(name) => {
                backend::CANCEL.with(&v1::CancelRecordRequest { name: record(name) })
            }
            What::DeleteRecord(name) => {
                backend::DELETE.with(&v1::DeleteRecordRequest { name: record(name) })
            }
            What::Label(name, value, etag) => update(
                "labels",
                "",
                v1::OperationRecord {
                    name: record(name),
                    labels: [("value".to_owned(), value.to_string())].into(),
                    etag: etag.clone().unwrap_or_default(),
                    ..Default::default()
                },
            ),
            What::Deadline(name, time) => update(
                "deadline",
                "",
                v1::OperationRecord {
                    name: record(name),
                    deadline: Some(time.to_proto()),
                    ..Default::default()
                },
            ),
            What::Expire(name, time) => update(
                "expire_time",
                "",
                v1::OperationRecord {
                    name: record(name),
                    expire_time: Some(time.to_proto()),
                    ..Default::default()
                },
            ),
            What::Lease { methods, count, wait, duration: lease } => {
                backend::LEASE.with(&v1::LeaseOperationsRequest {
                    parent: format!("services/{}", kitchen::NAME),
                    methods: methods.iter().map(|&method| method.to_owned()).collect(),
                    worker_id: "w".to_owned(),
                    max_operations: *count,
                    lease_duration: lease.and_then(duration),
                    wait_timeout: duration(*wait),
                })
            }
            What::Renew { hold, duration: lease, progress } => {
                backend::RENEW.with(&v1::RenewLeaseRequest {
                    name: hold.name.to_string(),
                    lease_token: hold.token.reveal().to_owned(),
                    lease_duration: lease.and_then(duration),
                    metadata: progress.as_ref().map(wire::any),
                })
            }
            What::Progress { hold, progress } => {
                let operation =
                    lro::Operation { metadata: Some(wire::any(progress)), ..Default::default() };
                update(
                    "operation.metadata",
                    hold.token.reveal(),
                    v1::OperationRecord {
                        name: hold.name.to_string(),
                        operation: Some(operation),
                        ..Default::default()
                    },
                )
            }
            What::Finish { name, token, outcome } => {
                use v1::finish_operation_request::Result;
                backend::FINISH.with(&v1::FinishOperationRequest {
                    name: record(name),
                    lease_token: token.as_ref().map_or("", |token| token.reveal()).to_owned(),
                    result: Some(match outcome {
                        Outcome::Response(response) => Result::Response(wire::any(response)),
                        Outcome::Error(status) => Result::Error(wire::status_message(status)),
                    }),
                    metadata: None,
                })
            }
            What::Reject { hold, error } => backend::REJECT.with(&v1::RejectOperationRequest {
                name: hold.name.to_string(),
                lease_token: hold.token.reveal().to_owned(),
                error: Some(wire::status_message(error)),
            }),
            What::Release { hold, error, delay } => {
                backend::RELEASE.with(&v1::ReleaseLeaseRequest {
                    name: hold.name.to_string(),
                    lease_token: hold.token.reveal().to_owned(),
                    error: error.then(|| wire::status_message(&kitchen::failure(0))),
                    retry_delay: duration(*delay),
                })
            }
        }
    }
}

fn duration(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn update(path: &str, token: &str, record: v1::OperationRecord) -> (&'static str, Bytes) {
    backend::UPDATE.with(&v1::UpdateRecordRequest {
        record: Some(record),
        update_mask: Some(prost_types::FieldMask { paths: vec![path.to_owned()] }),
        lease_token: token.to_owned(),
    })
}

/// An RPC by its name.
struct Rpc(&'static str);

impl Rpc {
    fn with(&self, request: &impl Message) -> (&'static str, Bytes) {
        (self.0, request.encode_to_vec().into())
    }
}

mod operations {
    use super::Rpc;

    pub(super) const GET: Rpc = Rpc("google.longrunning.Operations/GetOperation");
    pub(super) const WAIT: Rpc = Rpc("google.longrunning.Operations/WaitOperation");
    pub(super) const LIST: Rpc = Rpc("google.longrunning.Operations/ListOperations");
    pub(super) const CANCEL: Rpc = Rpc("google.longrunning.Operations/CancelOperation");
    pub(super) const DELETE: Rpc = Rpc("google.longrunning.Operations/DeleteOperation");
}

mod backend {
    use super::Rpc;

    pub(super) const CREATE: Rpc = Rpc("longrun.v1.Backend/CreateOperation");
    pub(super) const GET: Rpc = Rpc("longrun.v1.Backend/GetRecord");
    pub(super) const UPDATE: Rpc = Rpc("longrun.v1.Backend/UpdateRecord");
    pub(super) const CANCEL: Rpc = Rpc("longrun.v1.Backend/CancelRecord");
    pub(super) const DELETE: Rpc = Rpc("longrun.v1.Backend/DeleteRecord");
    pub(super) const LEASE: Rpc = Rpc("longrun.v1.Backend/LeaseOperations");
    pub(super) const RENEW: Rpc = Rpc("longrun.v1.Backend/RenewLease");
    pub(super) const FINISH: Rpc = Rpc("longrun.v1.Backend/FinishOperation");
    pub(super) const REJECT: Rpc = Rpc("longrun.v1.Backend/RejectOperation");
    pub(super) const RELEASE: Rpc = Rpc("longrun.v1.Backend/ReleaseLease");
}
