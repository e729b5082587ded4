//! Who calls, and what the caller may use. Pure decisions; [`local_token`] alone touches a disk.

mod authenticator;
mod host;
mod scope;
mod secret;
mod token_file;

pub use authenticator::{Authenticator, Caller, CredentialError, Credentials, StaticToken};
pub use host::{HostError, check_host};
pub use scope::{BACKEND, BACKEND_READONLY, ScopeSet};
pub use secret::{Secret, TokenDigest};
pub use token_file::{TOKEN_FILE, TokenFileError, local_token};
