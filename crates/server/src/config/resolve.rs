//! Flags over `LONGRUN_*` over file, and what can't be had together.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ConfigError, File, Limits};
use crate::auth::StaticToken;
use crate::catalog::{ConfigSource, ServiceSource, Sources};

/// What the command line says, or else the environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--no-auth`; `Some(false)` is a no over the file's yes.
    pub no_auth: Option<bool>,
    /// `--behind-proxy`, as `no_auth`.
    pub behind_proxy: Option<bool>,
    /// `--service`: paths or built-in names. Any replaces every `[[service]]`.
    pub services: Vec<String>,
    /// `--proto-path`: besides the file's.
    pub proto_path: Vec<PathBuf>,
    /// `--descriptor-set`: besides the file's.
    pub descriptor_set: Vec<PathBuf>,
}

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Nothing is configured: the token in the data folder.
    Local,
    /// These tokens.
    Tokens(Vec<StaticToken>),
    /// Everybody.
    Open,
}

/// What the server is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it keeps its store and token.
    pub data_dir: PathBuf,
    /// Whether a proxy in front does TLS.
    pub behind_proxy: bool,
    /// Who is let in.
    pub auth: Auth,
    /// How long it says of a removed operation that it was there; zero: not at all.
    pub tombstone_retention: Duration,
    /// What it bears.
    pub limits: Limits,
    /// What it serves.
    pub sources: Sources,
}

/// The port that is taken when nothing says another.
const PORT: u16 = 8080;
/// How long tombstones are kept when nothing says otherwise.
const TOMBSTONE_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

impl Config {
    /// Puts the three together; `data_dir` is used where neither says one.
    ///
    /// # Errors
    /// [`ConfigError::Conflict`] when authentication and addresses don't go together.
    pub fn resolve(file: File, over: Overrides, data_dir: &Path) -> Result<Self, ConfigError> {
        let no_auth = over.no_auth.or(file.no_auth).unwrap_or(false);
        let auth = match (no_auth, file.tokens) {
            (true, tokens) if over.no_auth.is_none() && !tokens.is_empty() => {
                return conflict(
                    "`no_auth = true` and [[auth.tokens]] contradict each other; remove one",
                );
            }
            (true, _) => Auth::Open,
            (false, tokens) if tokens.is_empty() => Auth::Local,
            (false, tokens) => Auth::Tokens(tokens),
        };
        let services = if over.services.is_empty() {
            file.services
        } else {
            over.services.iter().map(|text| flag_service(text)).collect()
        };
        let data_dir = over.data_dir.or(file.data_dir).unwrap_or_else(|| data_dir.to_owned());
        let config = Self {
            listen: over.listen.or(file.listen).unwrap_or((Ipv4Addr::LOCALHOST, PORT).into()),
            behind_proxy: over.behind_proxy.or(file.behind_proxy).unwrap_or(false),
            auth,
            tombstone_retention: file.tombstone_retention.unwrap_or(TOMBSTONE_RETENTION),
            limits: file.limits,
            sources: Sources {
                services,
                proto_path: [file.proto_path, over.proto_path].concat(),
                descriptor_set: [file.descriptor_set, over.descriptor_set].concat(),
                cache_dir: Some(data_dir.join("descriptors")),
            },
            data_dir,
        };
        config.check_addresses()?;
        Ok(config)
    }

    fn check_addresses(&self) -> Result<(), ConfigError> {
        let main = (self.listen, "--listen");
        let extra =
            self.sources.services.iter().filter_map(|service| {
                service.listen.map(|address| (address, service.place.as_str()))
            });
        for (address, place) in std::iter::once(main).chain(extra) {
            if address.ip().to_canonical().is_loopback() {
                continue;
            }
            let what = match self.auth {
                Auth::Open => {
                    "--no-auth lets everybody in, so the address must be loopback; \
                     listen on 127.0.0.1, or configure [[auth.tokens]]"
                }
                Auth::Local => {
                    "without auth configuration the address must be loopback; listen \
                     on 127.0.0.1, or configure [[auth.tokens]]"
                }
                Auth::Tokens(_) if !self.behind_proxy => {
                    "tokens would cross the network in \
                     clear text; put a proxy that does TLS in front and say --behind-proxy, or \
                     listen on 127.0.0.1"
                }
                Auth::Tokens(_) => continue,
            };
            return conflict(&format!("{place} {address}: {what}"));
        }
        Ok(())
    }
}

fn conflict<T>(what: &str) -> Result<T, ConfigError> {
    Err(ConfigError::Conflict(what.to_owned()))
}

fn flag_service(text: &str) -> ServiceSource {
    ServiceSource {
        place: format!("--service {text}"),
        config: Some(ConfigSource::parse(text, Path::new(""))),
        ..ServiceSource::default()
    }
}
