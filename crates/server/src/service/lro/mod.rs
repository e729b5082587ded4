//! The methods of an API that return an Operation: served from their descriptors, with no
//! code of the API's own.

mod admission;
mod call;
mod claims;
mod mask;
mod metadata;
mod parent;
mod request;
mod resource;
#[cfg(test)]
mod tests;
mod wire;

pub(super) use call::call;
pub(crate) use metadata::{stamp_birth, stamp_change};
