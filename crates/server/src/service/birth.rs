//! How a record comes to be, whoever asks for it: the Backend, or a call of the API itself.

use std::sync::Arc;

use super::Api;
use super::lro::stamp_birth;
use crate::catalog::Service;
use crate::error::Error;
use crate::operation::{
    Digest, Execution, Id, Labels, NewRecord, OperationName, Parent, Payload, Principal, Record,
    RecordName, RequestClaim, Span, Timestamp, transition,
};
use crate::store::StoreError;

/// How long an operation may stay open if nobody says otherwise.
pub(super) const DEADLINE: Span = Span::seconds(24 * 3600);
/// How long a lease lasts.
pub(super) const LEASE: Span = Span::seconds(30);
/// How long a finished operation is kept.
pub(super) const RETENTION: Span = Span::seconds(30 * 24 * 3600);
/// How often a record is handed out.
pub(super) const MAX_ATTEMPTS: u32 = 5;

/// What a record is made from, checked: an id of `None` is minted.
pub(super) struct New {
    pub service: String,
    pub parent: Parent,
    pub id: Option<Id>,
    pub method: String,
    pub owner: Option<Principal>,
    pub exclusive_key: Option<String>,
    pub request_claim: Option<RequestClaim>,
    pub execution: Execution,
    pub request: Option<Payload>,
    pub metadata: Option<Payload>,
    pub labels: Labels,
    pub deadline: Option<Timestamp>,
    pub expire_time: Option<Timestamp>,
    pub max_attempts: u32,
    pub deadline_default: Span,
    pub lease_duration: Span,
    pub retention: Span,
    pub descriptors: Option<Digest>,
}

impl New {
    fn record(&self, id: Id) -> NewRecord {
        NewRecord {
            name: RecordName {
                service: self.service.clone(),
                operation: OperationName { parent: self.parent.clone(), id },
            },
            method: self.method.clone(),
            owner: self.owner.clone(),
            exclusive_key: self.exclusive_key.clone(),
            request_claim: self.request_claim,
            execution: self.execution,
            request: self.request.clone(),
            metadata: self.metadata.clone(),
            labels: self.labels.clone(),
            deadline: self.deadline,
            expire_time: self.expire_time,
            max_attempts: self.max_attempts,
            deadline_default: self.deadline_default,
            lease_duration: self.lease_duration,
            retention: self.retention,
            descriptors: self.descriptors,
        }
    }
}

/// Why there is no record.
pub(super) struct NotBorn {
    pub error: StoreError,
    /// The name that it would have had: if that is taken, the caller chose it.
    name: OperationName,
}

impl From<NotBorn> for Error {
    fn from(NotBorn { error, name }: NotBorn) -> Self {
        Self::from_store(error, &name)
    }
}

/// Makes the record, durably, or finds the one that the same call has made before.
///
/// # Errors
/// `ALREADY_EXISTS` for an id that is taken; what a claim refuses; the store's.
pub(super) async fn born(
    api: &Api,
    service: &Arc<Service>,
    new: New,
) -> Result<Arc<Record>, NotBorn> {
    let random: [u8; 10] = api.random();
    let id = new.id.clone().unwrap_or_else(|| Id::mint(api.store.now(), random));
    let name = OperationName { parent: new.parent.clone(), id };
    let service = service.clone();
    let birth = move |now: Timestamp| {
        let id = new.id.clone().unwrap_or_else(|| Id::mint(now, random));
        stamp_birth(&service, transition::create(&new.record(id), now))
    };
    let answer = api.store.create(vec![Box::new(birth)]).await.pop();
    let answer = answer.unwrap_or_else(|| Err(StoreError::Unavailable("no answer".into())));
    answer.map_err(|error| NotBorn { error, name })
}
