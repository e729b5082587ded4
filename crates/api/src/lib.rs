//! Generated code for `longrun.v1` and the Google interfaces it stands on, and their
//! descriptors. Everything here comes from the files under `proto/`.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used)]

/// The packages under `google`.
pub mod google {
    /// `google.api`: annotations that carry HTTP rules, scopes and field behaviour.
    pub mod api {
        tonic::include_proto!("google.api");
    }
    /// `google.longrunning`: the resource and the service that callers use.
    pub mod longrunning {
        tonic::include_proto!("google.longrunning");
    }
    /// `google.rpc`: `Status` and its standard details.
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

/// `longrun.v1`: the service's own side.
pub mod longrun {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("longrun.v1");
    }
}

/// A serialized `google.protobuf.FileDescriptorSet` of everything in this crate.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The `.proto` texts as (import path, content): the fallback for API trees that import
/// them without shipping them.
pub const SOURCES: &[(&str, &str)] = &[
    ("google/api/annotations.proto", include_str!("../proto/google/api/annotations.proto")),
    ("google/api/client.proto", include_str!("../proto/google/api/client.proto")),
    ("google/api/field_behavior.proto", include_str!("../proto/google/api/field_behavior.proto")),
    ("google/api/field_info.proto", include_str!("../proto/google/api/field_info.proto")),
    ("google/api/http.proto", include_str!("../proto/google/api/http.proto")),
    ("google/api/resource.proto", include_str!("../proto/google/api/resource.proto")),
    (
        "google/longrunning/operations.proto",
        include_str!("../proto/google/longrunning/operations.proto"),
    ),
    ("google/rpc/code.proto", include_str!("../proto/google/rpc/code.proto")),
    ("google/rpc/error_details.proto", include_str!("../proto/google/rpc/error_details.proto")),
    ("google/rpc/status.proto", include_str!("../proto/google/rpc/status.proto")),
    ("longrun/v1/backend.proto", include_str!("../proto/longrun/v1/backend.proto")),
];
