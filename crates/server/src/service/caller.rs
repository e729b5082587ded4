//! What a caller may do: scopes before anything, owners at each record.

use crate::auth::{BACKEND, BACKEND_READONLY, Caller};
use crate::catalog::{Method, Policy, Scopes, Service};
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
    if caller.scopes.holds_any(accepted) {
        Ok(())
    } else {
        Err(insufficient(accepted.to_vec(), "."))
    }
}

/// Whether a caller may use the Backend at all: cheap, and before its request is read.
///
/// # Errors
/// `PERMISSION_DENIED`, naming the scopes that would do for any service.
pub(crate) fn authorize_backend(caller: &Caller, method: &Method) -> Result<()> {
    if caller.scopes.backend_any() {
        return Ok(());
    }
    let bases = if READERS.contains(&method.name.as_str()) { READ } else { WRITE };
    let scopes: Vec<_> = bases.iter().map(|base| (*base).to_owned()).collect();
    let which = scopes.join(" or ");
    let suffixed = "with `:SERVICE` behind it for that service alone";
    Err(insufficient(scopes, &format!(": {which} would do, also {suffixed}.")))
}

/// Whether a caller may do this to the records of a service (`-` is all), where its name is
/// known before the request is read.
///
/// # Errors
/// `PERMISSION_DENIED`, naming the scopes that would do for that service.
pub(crate) fn authorize_backend_of(caller: &Caller, method: &Method, service: &str) -> Result<()> {
    match READERS.contains(&method.name.as_str()) {
        true => backend_reads(caller, service),
        false => backend_writes(caller, service),
    }
}

/// Whether a caller may read a service's records; `-` is all services.
pub(super) fn backend_reads(caller: &Caller, service: &str) -> Result<()> {
    let holds = caller.scopes.backend_reads(service);
    if holds { Ok(()) } else { Err(insufficient_for(service, READ)) }
}

/// Whether a caller may write a service's records.
pub(super) fn backend_writes(caller: &Caller, service: &str) -> Result<()> {
    let holds = caller.scopes.backend_writes(service);
    if holds { Ok(()) } else { Err(insufficient_for(service, WRITE)) }
}

/// The Backend's RPCs that only read.
const READERS: [&str; 3] = [
    "longrun.v1.Backend/GetRecord",
    "longrun.v1.Backend/ListRecords",
    "longrun.v1.Backend/WatchRecords",
];
const READ: &[&str] = &[BACKEND, BACKEND_READONLY];
const WRITE: &[&str] = &[BACKEND];

fn insufficient_for(service: &str, bases: &[&str]) -> Error {
    let mut scopes: Vec<_> = bases.iter().map(|base| (*base).to_owned()).collect();
    if service != "-" {
        scopes.extend(bases.iter().map(|base| format!("{base}:{service}")));
    }
    let which = scopes.join(" or ");
    insufficient(scopes, &format!(": {which} would do."))
}

/// `mend` ends the sentence.
fn insufficient(scopes: Vec<String>, mend: &str) -> Error {
    let message = format!("Request had insufficient authentication scopes{mend}");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ScopeSet;
    use crate::operation::Principal;

    #[test]
    fn what_would_do_is_named() {
        let principal = Principal::parse("static:x").unwrap();
        let caller = Caller { principal, scopes: ScopeSet::Some(vec!["other".to_owned()]) };
        let named = |answer: Result<()>| {
            let error = answer.unwrap_err();
            let Kind::ScopeInsufficient { scopes } = &error.kind else { panic!("{error}") };
            for scope in scopes {
                assert!(error.to_string().contains(scope), "{error}");
            }
            scopes.join(" ")
        };
        let (reads, writes) = (backend_reads, backend_writes);
        let read = "longrun.backend longrun.backend.readonly";
        assert_eq!(
            named(reads(&caller, "s")),
            format!("{read} longrun.backend:s longrun.backend.readonly:s")
        );
        assert_eq!(named(reads(&caller, "-")), read);
        assert_eq!(named(writes(&caller, "s")), "longrun.backend longrun.backend:s");
        assert_eq!(named(writes(&caller, "-")), "longrun.backend");
        let catalog = crate::catalog::Catalog::load(&crate::catalog::Sources::default()).unwrap();
        for method in catalog.backend().methods() {
            let rpc = method.name.rsplit('/').next().unwrap();
            let reads =
                rpc.ends_with("Record") && rpc.starts_with("Get") || rpc.ends_with("Records");
            let expected = if reads { read } else { "longrun.backend" };
            assert_eq!(named(authorize_backend(&caller, method)), expected, "{rpc}");
        }
    }
}
