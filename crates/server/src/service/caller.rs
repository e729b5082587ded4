//! What a caller may do: scopes before anything, owners at each record.

use crate::auth::{Caller, ScopeSet};
use crate::catalog::{Policy, Scopes, Service};
use crate::error::{Error, Kind, Result};
use crate::operation::{Gone, Record, Refusal};
use crate::store::StoreError;

/// Whether a caller holds one of the scopes.
///
/// # Errors
/// `PERMISSION_DENIED`, naming the scopes of which one would do.
pub(crate) fn authorize(caller: &Caller, scopes: &Scopes) -> Result<()> {
    let accepted: &[String] = match scopes {
        Scopes::Any => return Ok(()),
        Scopes::AnyOf(accepted) => accepted,
        Scopes::None => &[],
    };
    if caller.scopes.holds_any(accepted) { Ok(()) } else { Err(insufficient(accepted.to_vec())) }
}

/// Whether a caller may use the Backend at all: cheap, and before its request is read.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) fn authorize_backend(caller: &Caller) -> Result<()> {
    if caller.scopes.backend_any() { Ok(()) } else { Err(insufficient(vec![BACKEND.to_owned()])) }
}

/// Whether a caller may read a service's records; `-` is all services.
pub(super) fn backend_reads(caller: &Caller, service: &str) -> Result<()> {
    check(&caller.scopes, ScopeSet::backend_reads, READONLY, service)
}

/// Whether a caller may write a service's records.
pub(super) fn backend_writes(caller: &Caller, service: &str) -> Result<()> {
    check(&caller.scopes, ScopeSet::backend_writes, BACKEND, service)
}

const BACKEND: &str = "longrun.backend";
const READONLY: &str = "longrun.backend.readonly";

fn check(
    scopes: &ScopeSet,
    holds: fn(&ScopeSet, &str) -> bool,
    scope: &str,
    service: &str,
) -> Result<()> {
    if holds(scopes, service) {
        return Ok(());
    }
    let mut accepted = vec![BACKEND.to_owned()];
    if scope != BACKEND {
        accepted.push(scope.to_owned());
    }
    if service != "-" {
        accepted.push(format!("{scope}:{service}"));
    }
    Err(insufficient(accepted))
}

fn insufficient(scopes: Vec<String>) -> Error {
    let message = "Request had insufficient authentication scopes.";
    Error::new(Kind::ScopeInsufficient { scopes }, message)
}

/// Whether clients of the service may see the record: their own, unless it is shared. Of one
/// that was deleted they learn that it was, and nobody else that it ever was there. A held one
/// is no operation yet.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Gone`].
pub(super) fn sees(
    caller: &Caller,
    service: &Service,
    record: &Record,
) -> std::result::Result<(), Refusal> {
    let own = record.owner.as_ref() == Some(&caller.principal);
    match (own || service.policy == Policy::Shared, record.hold, record.delete_time) {
        (false, ..) | (true, Some(_), _) => Err(Refusal::NotFound),
        (true, None, Some(_)) => Err(Refusal::Gone(Gone::Deleted)),
        (true, None, None) => Ok(()),
    }
}

/// A store's answer as the service's clients may know it: of a record that is gone only
/// those learn who could have seen it.
pub(super) fn told(caller: &Caller, service: &Service, error: StoreError) -> StoreError {
    match error {
        StoreError::Gone(tombstone)
            if service.policy != Policy::Shared && !tombstone.is_owned_by(&caller.principal) =>
        {
            StoreError::NotFound
        }
        error => error,
    }
}
