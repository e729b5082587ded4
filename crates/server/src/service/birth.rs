//! How a record comes to be, whoever asks for it: the Backend, or a call of the API itself.

use std::sync::Arc;

use super::Api;
use super::lro::stamp_birth;
use crate::catalog::Service;
use crate::error::Error;
use crate::operation::{Id, NewRecord, OperationName, Record, Span, Timestamp, transition};
use crate::store::StoreError;

/// How long an operation may stay open if nobody says otherwise.
pub(super) const DEADLINE: Span = Span::seconds(24 * 3600);
/// How long a lease lasts.
pub(super) const LEASE: Span = Span::seconds(30);
/// How long a finished operation is kept.
pub(super) const RETENTION: Span = Span::seconds(30 * 24 * 3600);
/// How often a record is handed out.
pub(super) const MAX_ATTEMPTS: u32 = 5;

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
    new: NewRecord,
) -> Result<Arc<Record>, NotBorn> {
    let random: [u8; 10] = api.random();
    let id = new.id.clone().unwrap_or_else(|| Id::mint(api.store.now(), random));
    let name = OperationName { parent: new.parent.clone(), id };
    let service = service.clone();
    let birth = move |now: Timestamp| {
        stamp_birth(&service, transition::create(&new, &Id::mint(now, random), now))
    };
    let answer = api.store.create(vec![Box::new(birth)]).await.pop();
    let answer = answer.unwrap_or_else(|| Err(StoreError::Unavailable("no answer".into())));
    answer.map_err(|error| NotBorn { error, name })
}
