//! gRPC transcoding by `google.api.http`: which request means which RPC, and how JSON and
//! protobuf become each other. It knows nothing of what the RPCs do.

mod any;
mod canonical;
mod count;
mod fields;
mod json;
mod partial;
mod request;
mod router;
mod rule;
mod system;
mod template;
mod violation;

pub use any::{check_any_types, decode};
pub use canonical::canonical;
pub use fields::FieldMask;
pub use json::{DEPTH_MAX, Fallback, PrintError, PrintOptions, key_text, parse, print, print_with};
pub use partial::select;
pub use request::{build_request, encode_request};
pub use router::{Found, RouteError, Router, Shadowed};
pub use rule::{Body, Rule};
pub use system::{Alt, SystemParameters, effective_method, split_query};
pub use template::{Template, TemplateError};
pub use violation::Violation;
