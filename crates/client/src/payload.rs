//! What a worker sends: in protobuf, or in JSON if it has no descriptors.

use longrun_api::google::rpc;
use prost_types::Any;
use serde_json::Value;
use tonic::Code;

/// A message, and which type it is of.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// In protobuf.
    Any(Any),
    /// In JSON, with `@type`; the server knows the type.
    Json(Value),
}

/// A `google.rpc.Status` that says what went wrong with the work.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// In protobuf.
    Status(rpc::Status),
    /// In JSON; its details may be of types that only the server knows.
    Json(Value),
}

impl Failure {
    /// A status without details.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self::Status(rpc::Status { code: code as i32, message: message.into(), details: vec![] })
    }
}

impl From<Any> for Payload {
    fn from(any: Any) -> Self {
        Self::Any(any)
    }
}

impl From<Value> for Payload {
    fn from(json: Value) -> Self {
        Self::Json(json)
    }
}

impl From<rpc::Status> for Failure {
    fn from(status: rpc::Status) -> Self {
        Self::Status(status)
    }
}
