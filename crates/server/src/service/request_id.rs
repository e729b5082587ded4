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
const EXPECTED: &str = "expected a UUID, or any 1 to 128 of `[A-Za-z0-9._~:-]`.";

/// Whether a text can be a request id; an empty one is none, and good.
fn is_one(text: &str) -> bool {
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

/// The request id of a call: the request's own, in a field of this name, or the header's, which
/// says the same for requests that have no such field.
pub(super) fn of<'a>(
    name: &str,
    own: &'a str,
    header: Option<&'a str>,
    violations: &mut Vec<Violation>,
) -> Option<&'a str> {
    let header = header.unwrap_or_default();
    let mut refuse = |description: &str| {
        let description = format!("Invalid value at '{name}': {description}");
        violations.push(Violation { field: name.to_owned(), description });
    };
    if !own.is_empty() && !header.is_empty() && own != header {
        refuse("the header x-longrun-request-id says another one.");
    }
    let id = if own.is_empty() { header } else { own };
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
