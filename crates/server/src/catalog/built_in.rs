//! The services that the program carries: those of `examples/`, word for word.

/// A service config and the interface definitions that go with it.
pub(super) struct BuiltIn {
    /// The service's name.
    pub(super) name: &'static str,
    /// Its service config.
    pub(super) yaml: &'static str,
    /// Its `.proto` files: (import path, text).
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// A file of the Workspace Events example.
macro_rules! workspace_events {
    ($path:literal) => {
        include_str!(concat!("../../../../examples/workspace-events/", $path))
    };
}

const BUILT_IN: [BuiltIn; 1] = [BuiltIn {
    name: "workspaceevents.googleapis.com",
    yaml: workspace_events!("workspaceevents.yaml"),
    files: &[
        (
            "google/apps/events/subscriptions/v1/subscription_resource.proto",
            workspace_events!(
                "protos/google/apps/events/subscriptions/v1/subscription_resource.proto"
            ),
        ),
        (
            "google/apps/events/subscriptions/v1/subscriptions_service.proto",
            workspace_events!(
                "protos/google/apps/events/subscriptions/v1/subscriptions_service.proto"
            ),
        ),
    ],
}];

/// A built-in service by name.
pub(super) fn find(name: &str) -> Option<&'static BuiltIn> {
    const { &BUILT_IN }.iter().find(|one| one.name == name)
}

/// The names, for an error about another one.
pub(super) fn names() -> String {
    BUILT_IN.map(|one| one.name).join(", ")
}
