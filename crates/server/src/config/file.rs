//! The file as written.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::error::place;
use super::table::{FileTable, MethodTable, ServiceTable, TokenTable};
use super::{ConfigError, Limits};
use crate::auth::{StaticToken, TokenDigest};
use crate::catalog::{ConfigSource, MethodSource, ServiceSource};
use crate::operation::Principal;

/// `longrun.toml`, each value checked by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// `listen`.
    pub listen: Option<SocketAddr>,
    /// `data_dir`.
    pub data_dir: Option<PathBuf>,
    /// `no_auth`.
    pub no_auth: Option<bool>,
    /// `behind_proxy`.
    pub behind_proxy: Option<bool>,
    /// `tombstone_retention`.
    pub tombstone_retention: Option<Duration>,
    /// `proto_path`: serves every service.
    pub proto_path: Vec<PathBuf>,
    /// `descriptor_set`: serves every service.
    pub descriptor_set: Vec<PathBuf>,
    /// `[[auth.tokens]]`.
    pub tokens: Vec<StaticToken>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[[service]]`.
    pub services: Vec<ServiceSource>,
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] and [`ConfigError::File`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Reads a file's text; relative paths start in the folder of `path`.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: FileTable = toml::from_str(text).map_err(|error| {
            let what = error
                .message()
                .replace("unknown field", "unknown key")
                .replace("missing field", "missing key");
            ConfigError::at(path, text, error.span().unwrap_or(0..0), what)
        })?;
        let source = Source { path, text, folder: path.parent().unwrap_or(Path::new("")) };
        let services = table.service.into_iter().map(|service| source.service(service));
        Ok(Self {
            listen: table.listen,
            data_dir: table.data_dir.map(|dir| source.folder.join(dir)),
            no_auth: table.no_auth,
            behind_proxy: table.behind_proxy,
            tombstone_retention: table.tombstone_retention,
            proto_path: source.resolve(table.proto_path),
            descriptor_set: source.resolve(table.descriptor_set),
            tokens: source.tokens(table.auth.tokens)?,
            limits: table.limits,
            services: services.collect::<Result<_, _>>()?,
        })
    }
}

struct Source<'a> {
    path: &'a Path,
    text: &'a str,
    folder: &'a Path,
}

impl Source<'_> {
    fn resolve(&self, paths: Vec<PathBuf>) -> Vec<PathBuf> {
        paths.into_iter().map(|path| self.folder.join(path)).collect()
    }

    fn wrong<T>(&self, place: &Spanned<T>, what: impl Into<String>) -> ConfigError {
        ConfigError::at(self.path, self.text, place.span(), what)
    }

    fn tokens(&self, tables: Vec<TokenTable>) -> Result<Vec<StaticToken>, ConfigError> {
        let mut seen = HashMap::new();
        let mut tokens = Vec::with_capacity(tables.len());
        for TokenTable { subject, sha256, scopes } in tables {
            let principal = Principal::parse(&format!("static:{}", subject.get_ref()));
            let principal = principal.ok_or_else(|| {
                self.wrong(&subject, "expected 1 to 505 bytes without control characters")
            })?;
            let digest = TokenDigest::from_hex(sha256.get_ref()).ok_or_else(|| {
                let what = "`sha256` takes 64 hexadecimal digits, as of \
                            `printf %s TOKEN | sha256sum`";
                self.wrong(&sha256, what)
            })?;
            if let Some(other) = seen.insert(digest, principal.clone()) {
                let what = format!("`sha256` is the token of {other} already");
                return Err(self.wrong(&sha256, what));
            }
            let broken = |scope: &&Spanned<String>| {
                scope.get_ref().is_empty() || scope.get_ref().contains(char::is_whitespace)
            };
            if let Some(scope) = scopes.iter().find(broken) {
                return Err(self.wrong(scope, "a scope is a text without spaces"));
            }
            let scopes = scopes.into_iter().map(Spanned::into_inner).collect();
            tokens.push(StaticToken { principal, digest, scopes });
        }
        Ok(tokens)
    }

    fn service(&self, table: Spanned<ServiceTable>) -> Result<ServiceSource, ConfigError> {
        let here = table.span();
        let wrong = |what: &str| ConfigError::at(self.path, self.text, here.clone(), what);
        let service = table.into_inner();
        if !service.proto_path.is_empty() && !service.descriptor_set.is_empty() {
            return Err(wrong("a service takes `proto_path` or `descriptor_set`, not both"));
        }
        if service.name.as_deref().is_some_and(|name| !is_service_name(name)) {
            return Err(wrong("`name` takes a service's name, such as \"library.example.com\""));
        }
        if let Some(host) = service.hosts.iter().find(|host| !is_host(host.get_ref())) {
            return Err(self.wrong(host, "expected a host, such as \"api.example.com\" or \"localhost:8080\", without scheme and path"));
        }
        let place = |at: usize| place(self.path, self.text, at).0;
        let method = |(name, table): (String, Spanned<MethodTable>)| {
            let place = place(table.span().start);
            (name, MethodSource { place, settings: table.into_inner().into() })
        };
        Ok(ServiceSource {
            place: place(here.start),
            name: service.name,
            config: service.config.map(|text| ConfigSource::parse(&text, self.folder)),
            proto_path: self.resolve(service.proto_path),
            descriptor_set: self.resolve(service.descriptor_set),
            hosts: service.hosts.into_iter().map(Spanned::into_inner).collect(),
            listen: service.listen,
            policy: service.policy,
            bindings: service.bindings,
            methods: service.method.into_iter().map(method).collect(),
        })
    }
}

/// One segment of `services/{service}`, and not the `-` that means all.
fn is_service_name(name: &str) -> bool {
    let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    !matches!(name, "" | "-" | "." | "..") && name.bytes().all(good)
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/?#@*".contains(c))
}
