//! How a record comes to be, whoever asks for it: the Backend, or a call of the API itself.

use std::sync::Arc;

use super::Api;
use super::lro::{Claims, stamp_birth};
use crate::catalog::Service;
use crate::error::{Error, Result};
use crate::operation::{
    Execution, Id, Labels, NewRecord, OperationName, Parent, Payload, Principal, Record,
    RecordName, Span, Timestamp, transition,
};

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
        }
    }
}

/// Makes the record, durably. This is the one place where a call's claims reach the store.
///
/// # Errors
/// `ALREADY_EXISTS` for an id that is taken; the store's.
pub(super) async fn born(
    api: &Api,
    service: &Arc<Service>,
    new: New,
    _claims: Claims,
) -> Result<Arc<Record>> {
    let random: [u8; 10] = api.random();
    let service = service.clone();
    let birth = move |now: Timestamp| {
        let id = new.id.clone().unwrap_or_else(|| Id::mint(now, random));
        stamp_birth(&service, transition::create(&new.record(id), now))
    };
    let answer = api.store.create(vec![Box::new(birth)]).await.pop();
    let answer = answer.ok_or_else(|| Error::internal("no answer"))?;
    answer.map_err(|error| {
        // Only a name that the caller chose can be taken.
        let name =
            OperationName { parent: Parent::default(), id: Id::mint(api.store.now(), random) };
        Error::from_store(error, &name)
    })
}
