//! Request ids (AIP-155): which one a call has, and what a repeat has to say again.

use longrun_transcoding::canonical;
use prost_reflect::{DynamicMessage, FieldDescriptor};

use super::Call;
use crate::catalog::Service;
use crate::error::{Error, Result, Violation};
use crate::operation::{Digest, RequestClaim};

/// The longest request id: a UUID has 36 characters.
const CHARS_MAX: usize = 128;
/// What is said of any other.
pub(super) const EXPECTED: &str = "expected a UUID, or any 1 to 128 of `[A-Za-z0-9._~:-]`.";

/// Whether a text can be a request id; an empty one is none, and good.
pub(super) fn is_one(text: &str) -> bool {
    let good = |c: u8| c.is_ascii_alphanumeric() || b"._~:-".contains(&c);
    text.len() <= CHARS_MAX && text.bytes().all(good)
}

/// The digest of a request without its id, which is in this field if it is in the request.
pub(super) fn digest(request: &DynamicMessage, field: Option<&FieldDescriptor>) -> Digest {
    let Some(field) = field.filter(|field| request.has_field(field)) else {
        return Digest::of(&[&canonical(request)]);
    };
    let mut without = request.clone();
    without.clear_field(field);
    Digest::of(&[&canonical(&without)])
}

/// The request id of a call: the request's field or the header, which says the same for
/// requests that have no such field.
pub(super) fn of<'a>(
    call: &'a Call,
    field: &'a str,
    violations: &mut Vec<Violation>,
) -> Option<&'a str> {
    let header = call.request_id.as_deref().unwrap_or_default();
    let mut refuse = |description: &str| {
        let description = format!("Invalid value at 'request_id': {description}");
        violations.push(Violation { field: "request_id".to_owned(), description });
    };
    if !field.is_empty() && !header.is_empty() && field != header {
        refuse("the header x-longrun-request-id says another one.");
    }
    let id = if field.is_empty() { header } else { field };
    if !is_one(id) {
        refuse(EXPECTED);
    }
    (!id.is_empty()).then_some(id)
}

/// The claim on a request id. `request` is the call's request, encoded, of the type
/// `message`; its request id, in `field`, doesn't count.
///
/// # Errors
/// When the service's descriptors can't read it.
pub(super) fn claim(
    call: &Call,
    service: &Service,
    id: &str,
    message: &str,
    request: &[u8],
    field: &str,
) -> Result<RequestClaim> {
    let descriptor = service.pool().get_message_by_name(message);
    let descriptor =
        descriptor.ok_or_else(|| Error::internal(format!("no descriptor of {message}")))?;
    let field = descriptor.get_field_by_name(field);
    let decoded = DynamicMessage::decode(descriptor, request).map_err(Error::internal)?;
    let body = digest(&decoded, field.as_ref());
    let principal = call.caller.principal.as_str();
    Ok(RequestClaim::new(&service.name, &call.method.name, principal, id, body))
}
