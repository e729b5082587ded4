//! The configuration as it counts, written as a file would say it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::text::duration_text;
use super::{Auth, Config, Limits};
use crate::catalog::{Bindings, ConfigSource, MethodSettings, Policy, ServiceSource};

/// What stands for a secret, and for what one could be guessed from.
const HIDDEN: &str = "(hidden)";

impl Config {
    /// Every key of `longrun.toml` with the value that counts; what is unlimited or left to the
    /// service's own config is absent. Digests of tokens are hidden.
    ///
    /// # Errors
    /// When a path is no UTF-8, which TOML can't say.
    pub fn to_toml(&self) -> Result<toml::Table, toml::ser::Error> {
        let tokens = match &self.auth {
            Auth::Tokens(tokens) => tokens.as_slice(),
            Auth::Local | Auth::Open => &[],
        };
        let tokens = tokens.iter().map(|token| TokenShown {
            subject: token.principal.as_str().trim_start_matches("static:"),
            sha256: HIDDEN,
            scopes: &token.scopes,
        });
        toml::Table::try_from(Shown {
            listen: self.listen,
            data_dir: &self.data_dir,
            no_auth: self.auth == Auth::Open,
            behind_proxy: self.behind_proxy,
            tombstone_retention: duration_text(self.tombstone_retention),
            proto_path: &self.sources.proto_path,
            descriptor_set: &self.sources.descriptor_set,
            limits: &self.limits,
            auth: AuthShown { tokens: tokens.collect() },
            service: self.sources.services.iter().map(ServiceShown::from).collect(),
        })
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    listen: SocketAddr,
    data_dir: &'a Path,
    no_auth: bool,
    behind_proxy: bool,
    tombstone_retention: String,
    proto_path: &'a [PathBuf],
    descriptor_set: &'a [PathBuf],
    limits: &'a Limits,
    auth: AuthShown<'a>,
    service: Vec<ServiceShown<'a>>,
}

#[derive(Serialize)]
struct AuthShown<'a> {
    tokens: Vec<TokenShown<'a>>,
}

#[derive(Serialize)]
struct TokenShown<'a> {
    subject: &'a str,
    sha256: &'a str,
    scopes: &'a [String],
}

#[derive(Serialize)]
struct ServiceShown<'a> {
    name: Option<&'a str>,
    config: Option<PathBuf>,
    #[serde(skip_serializing_if = "<[PathBuf]>::is_empty")]
    proto_path: &'a [PathBuf],
    #[serde(skip_serializing_if = "<[PathBuf]>::is_empty")]
    descriptor_set: &'a [PathBuf],
    hosts: &'a [String],
    listen: Option<SocketAddr>,
    policy: Policy,
    bindings: Bindings,
    method: BTreeMap<&'a str, MethodShown<'a>>,
}

#[derive(Serialize)]
struct MethodShown<'a> {
    admit_timeout: Option<String>,
    deadline: Option<String>,
    lease_duration: Option<String>,
    retention: Option<String>,
    poll_interval: Option<String>,
    max_attempts: Option<u32>,
    operation_parent: Option<&'a str>,
    exclusive: Option<&'a str>,
    allow_unscoped: bool,
}

impl<'a> From<&'a ServiceSource> for ServiceShown<'a> {
    fn from(source: &'a ServiceSource) -> Self {
        let config = source.config.as_ref().map(|config| match config {
            // A name with a folder before it is a path, whatever it ends in.
            ConfigSource::File(path) if path.components().count() == 1 => Path::new(".").join(path),
            ConfigSource::File(path) => path.clone(),
            ConfigSource::BuiltIn(name) => name.into(),
        });
        let methods = source.methods.iter();
        Self {
            name: source.name.as_deref(),
            config,
            proto_path: &source.proto_path,
            descriptor_set: &source.descriptor_set,
            hosts: &source.hosts,
            listen: source.listen,
            policy: source.policy,
            bindings: source.bindings,
            method: methods
                .map(|(name, method)| (name.as_str(), (&method.settings).into()))
                .collect(),
        }
    }
}

impl<'a> From<&'a MethodSettings> for MethodShown<'a> {
    fn from(method: &'a MethodSettings) -> Self {
        Self {
            admit_timeout: method.admit_timeout.map(duration_text),
            deadline: method.deadline.map(duration_text),
            lease_duration: method.lease_duration.map(duration_text),
            retention: method.retention.map(duration_text),
            poll_interval: method.poll_interval.map(duration_text),
            max_attempts: method.max_attempts.map(Into::into),
            operation_parent: method.operation_parent.as_deref(),
            exclusive: method.exclusive.as_deref(),
            allow_unscoped: method.allow_unscoped,
        }
    }
}
