//! What a call claims besides its operation's name: its request id (AIP-155), under which a
//! repeat finds the first call's operation, and an exclusive key, of which one operation is
//! open at a time (AIP-151).

use prost_reflect::DynamicMessage;

use crate::catalog::{Method, text_at};
use crate::error::Violation;
use crate::operation::{Digest, Principal, RequestClaim};
use crate::service::{REQUEST_ID, request_id};

/// What a call claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct Claims {
    /// The request's id and what it stood on.
    pub request_id: Option<RequestId>,
    /// The text of the field that the method's `exclusive` names.
    pub exclusive_key: Option<String>,
}

/// A request's id, in its scope: service (the record's), method, principal, id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::service) struct RequestId {
    /// `pkg.Service/Method`.
    pub method: String,
    /// Who calls.
    pub principal: Principal,
    /// As the caller made it.
    pub id: String,
    /// Of the request without the id: a repeat has the same, through either door.
    pub digest: Digest,
}

impl RequestId {
    /// As a service's record keeps it.
    pub(in crate::service) fn claim(&self, service: &str) -> RequestClaim {
        let principal = self.principal.as_str();
        RequestClaim::new(service, &self.method, principal, &self.id, self.digest)
    }
}

/// The longest exclusive key, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// Reads the claims of a request; `header` is `x-longrun-request-id`.
///
/// # Errors
/// All that is wrong with them.
pub(super) fn claims(
    method: &Method,
    request: &DynamicMessage,
    header: Option<&str>,
    principal: &Principal,
) -> Result<Claims, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut refuse = |field: &str, what: &str| {
        let description = format!("Invalid value at '{field}': {what}");
        violations.push(Violation { field: field.to_owned(), description });
    };
    let field = method.lro.as_ref().and_then(|lro| lro.request_facts(&method.input).request_id());
    let (name, own) = match field {
        Some(field) => (field.name(), text_at(request, field.name()).unwrap_or_default()),
        None => (REQUEST_ID, String::new()),
    };
    let header = header.unwrap_or_default();
    if !own.is_empty() && !header.is_empty() && own != header {
        refuse(name, &format!("the header {REQUEST_ID} says otherwise."));
    }
    let id = if own.is_empty() { header } else { &own };
    if !request_id::is_one(id) {
        refuse(name, request_id::EXPECTED);
    }
    let path = method.settings.exclusive.as_deref();
    let key = path.and_then(|path| text_at(request, path)).filter(|key| !key.is_empty());
    if let (Some(path), Some(key)) = (path, &key)
        && (key.len() > KEY_BYTES_MAX || key.contains(char::is_control))
    {
        refuse(path, "over 1,024 bytes, or with control characters.");
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    let request_id = (!id.is_empty()).then(|| RequestId {
        method: method.name.clone(),
        principal: principal.clone(),
        id: id.to_owned(),
        digest: request_id::digest(request, field),
    });
    Ok(Claims { request_id, exclusive_key: key })
}
