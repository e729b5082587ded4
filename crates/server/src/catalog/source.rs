//! What a catalog is made from, as the configuration names it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::CatalogError;

/// Everything that is to be loaded. Without a service and without descriptors it is
/// `longrun.local` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The services.
    pub services: Vec<ServiceSource>,
    /// Folders of `.proto` files that serve every service.
    pub proto_path: Vec<PathBuf>,
    /// Serialized `FileDescriptorSet`s that serve every service.
    pub descriptor_set: Vec<PathBuf>,
    /// Where compiled descriptors are kept from one start to the next; `None`: nowhere.
    pub cache_dir: Option<PathBuf>,
}

/// One `[[service]]`, or one `--service`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSource {
    /// `FILE:LINE:COLUMN`, or the flag: where an error about it points.
    pub place: String,
    /// The service's name; `None`: its config or descriptors say.
    pub name: Option<String>,
    /// Where its `google.api.Service` is; `None`: its descriptors speak.
    pub config: Option<ConfigSource>,
    /// Folders of `.proto` files.
    pub proto_path: Vec<PathBuf>,
    /// Serialized `FileDescriptorSet`s.
    pub descriptor_set: Vec<PathBuf>,
    /// Hosts (with a port or without) that mean this service, besides its own name.
    pub hosts: Vec<String>,
    /// An extra address that means this service.
    pub listen: Option<SocketAddr>,
    /// Who sees whose operations.
    pub policy: Policy,
    /// How `google.longrunning.Operations` is bound.
    pub bindings: Bindings,
    /// `[service.method."pkg.Service/Method"]`.
    pub methods: BTreeMap<String, MethodSource>,
}

/// One `[service.method."pkg.Service/Method"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodSource {
    /// `FILE:LINE:COLUMN`, if it comes from a file.
    pub place: String,
    /// What it says.
    pub settings: MethodSettings,
}

/// Where a service config comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// A YAML file.
    File(PathBuf),
    /// One that the program carries, by the service's name.
    BuiltIn(String),
}

/// Who sees whose operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Everybody their own.
    #[default]
    Owner,
    /// Everybody with the scope sees them all.
    Shared,
}

/// How `google.longrunning.Operations` is bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bindings {
    /// As the service config says.
    #[default]
    Default,
    /// And under every parent: `/v1/{name=**/operations/*}`.
    Wide,
}

/// What is particular to one method; `None` everywhere is the server's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodSettings {
    /// How long a call is held for a worker to finish or reject it. None.
    pub admit_timeout: Option<Duration>,
    /// How long an operation may stay open. `"24h"`.
    pub deadline: Option<Duration>,
    /// How long a lease is, 1 s to 1 h. `"30s"`.
    pub lease_duration: Option<Duration>,
    /// How long a done operation is kept. `"30d"`.
    pub retention: Option<Duration>,
    /// How long a client should wait before it asks again.
    pub poll_interval: Option<Duration>,
    /// How often a worker may try. 5.
    pub max_attempts: Option<NonZeroU32>,
    /// The operation's parent, text with `{field.path}`.
    pub operation_parent: Option<String>,
    /// Path of the request's field whose text is the operation's exclusive key.
    pub exclusive: Option<String>,
    /// Whether a method without scopes is served to everybody with a token.
    pub allow_unscoped: bool,
}

impl ConfigSource {
    /// A path if it looks like one (a slash, or a name that ends in `.yaml` or `.yml`),
    /// else the name of a built-in. Relative paths start in `folder`.
    #[must_use]
    pub fn parse(text: &str, folder: &Path) -> Self {
        let yaml = [".yaml", ".yml"].iter().any(|end| text.ends_with(end));
        if yaml || text.contains(['/', std::path::MAIN_SEPARATOR]) {
            Self::File(folder.join(text))
        } else {
            Self::BuiltIn(text.to_owned())
        }
    }
}

impl From<MethodSettings> for MethodSource {
    fn from(settings: MethodSettings) -> Self {
        Self { place: String::new(), settings }
    }
}

impl MethodSource {
    /// An error about it, with its place.
    pub(super) fn wrong(&self, name: &str, what: impl fmt::Display) -> CatalogError {
        let place = if self.place.is_empty() { String::new() } else { format!("{}: ", self.place) };
        CatalogError(format!("{place}[service.method.\"{name}\"] {what}"))
    }
}
