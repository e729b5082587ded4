//! What a call claims besides its operation's name: its request id (AIP-155), under which a
//! repeat finds the first call's operation, and an exclusive key, of which one operation is
//! open at a time (AIP-151).

use prost_reflect::{DynamicMessage, FieldDescriptor};

use crate::catalog::{Method, text_at};
use crate::error::Violation;
use crate::operation::{Principal, RequestClaim, is_exclusive_key};
use crate::service::{REQUEST_ID, request_id};

/// What a call claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    /// The request's id, as the caller made it.
    pub(super) request_id: Option<String>,
    /// The text of the field that the method's `exclusive` names.
    pub(super) exclusive_key: Option<String>,
}

/// Reads the claims of a request; `header` is `x-longrun-request-id`.
pub(super) fn claims(
    method: &Method,
    request: &DynamicMessage,
    header: Option<&str>,
    violations: &mut Vec<Violation>,
) -> Claims {
    let (name, own) = match field(method) {
        Some(field) => (field.name(), text_at(request, field.name()).unwrap_or_default()),
        None => (REQUEST_ID, String::new()),
    };
    let request_id = request_id::of(name, &own, header, violations).map(str::to_owned);
    let path = method.settings.exclusive.as_deref();
    let exclusive_key = path.and_then(|path| text_at(request, path)).filter(|key| !key.is_empty());
    if let (Some(path), Some(key)) = (path, &exclusive_key)
        && !is_exclusive_key(key)
    {
        let what = "over 1,024 bytes, or with control characters.";
        let description = format!("Invalid value at '{path}': {what}");
        violations.push(Violation { field: path.to_owned(), description });
    }
    Claims { request_id, exclusive_key }
}

/// The claim on the id of a request that is accepted: its digest is of all that the request
/// says, which may be much.
pub(super) fn request_claim(
    service: &str,
    method: &Method,
    principal: &Principal,
    id: &str,
    request: &DynamicMessage,
) -> RequestClaim {
    let body = request_id::digest(request, field(method));
    RequestClaim::new(service, &method.name, principal.as_str(), id, body)
}

/// The field that has the request's id, if its type has one.
fn field(method: &Method) -> Option<&FieldDescriptor> {
    method.lro.as_ref().and_then(|lro| lro.request_facts(&method.input).request_id())
}
