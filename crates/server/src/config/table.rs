//! The file's tables as serde reads them. An unknown key is an error in each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::Limits;
use super::text::{self, NotYet};
use crate::catalog::{Bindings, MethodSettings, Policy};

/// Always absent: the only value that its key takes is an error.
type Later = Option<NotYet>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileTable {
    #[serde(deserialize_with = "text::listen")]
    pub(super) listen: Option<SocketAddr>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) no_auth: Option<bool>,
    pub(super) behind_proxy: Option<bool>,
    #[serde(deserialize_with = "text::paths")]
    pub(super) proto_path: Vec<PathBuf>,
    #[serde(deserialize_with = "text::paths")]
    pub(super) descriptor_set: Vec<PathBuf>,
    #[serde(deserialize_with = "text::duration")]
    pub(super) tombstone_retention: Option<Duration>,
    pub(super) auth: AuthTable,
    pub(super) limits: Limits,
    pub(super) service: Vec<Spanned<ServiceTable>>,
    #[serde(rename = "store")]
    _store: Later,
    #[serde(rename = "tls_cert")]
    _tls_cert: Later,
    #[serde(rename = "tls_key")]
    _tls_key: Later,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AuthTable {
    pub(super) tokens: Vec<TokenTable>,
    #[serde(rename = "jwt")]
    _jwt: Later,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenTable {
    pub(super) subject: Spanned<String>,
    pub(super) sha256: Spanned<String>,
    #[serde(default)]
    pub(super) scopes: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServiceTable {
    pub(super) name: Option<String>,
    pub(super) config: Option<String>,
    #[serde(deserialize_with = "text::paths")]
    pub(super) proto_path: Vec<PathBuf>,
    #[serde(deserialize_with = "text::paths")]
    pub(super) descriptor_set: Vec<PathBuf>,
    pub(super) hosts: Vec<Spanned<String>>,
    #[serde(deserialize_with = "text::listen")]
    pub(super) listen: Option<SocketAddr>,
    pub(super) policy: Policy,
    pub(super) bindings: Bindings,
    pub(super) method: BTreeMap<String, Spanned<MethodTable>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MethodTable {
    #[serde(deserialize_with = "text::duration")]
    admit_timeout: Option<Duration>,
    #[serde(deserialize_with = "text::positive_duration")]
    deadline: Option<Duration>,
    #[serde(deserialize_with = "text::lease_duration")]
    lease_duration: Option<Duration>,
    #[serde(deserialize_with = "text::positive_duration")]
    retention: Option<Duration>,
    #[serde(deserialize_with = "text::positive_duration")]
    poll_interval: Option<Duration>,
    max_attempts: Option<NonZeroU32>,
    operation_parent: Option<String>,
    exclusive: Option<String>,
    allow_unscoped: bool,
    #[serde(rename = "mode")]
    _mode: Later,
}

impl From<MethodTable> for MethodSettings {
    fn from(table: MethodTable) -> Self {
        Self {
            admit_timeout: table.admit_timeout,
            deadline: table.deadline,
            lease_duration: table.lease_duration,
            retention: table.retention,
            poll_interval: table.poll_interval,
            max_attempts: table.max_attempts,
            operation_parent: table.operation_parent,
            exclusive: table.exclusive,
            allow_unscoped: table.allow_unscoped,
        }
    }
}
