//! What is served: service configs and descriptors, made into methods, bindings, scopes and
//! types. Loaded once, at the start; it never changes.

mod annotation;
mod assemble;
mod built_in;
mod candidate;
mod descriptors;
mod load;
mod method;
mod operations;
mod problem;
mod request_facts;
mod request_path;
mod service;
mod service_config;
mod source;

use std::collections::HashMap;
use std::sync::Arc;

use longrun_transcoding::RouteError;
use prost_reflect::DescriptorPool;

pub use method::{Binding, Lro, Method, Route, Scopes};
pub use operations::LOCAL;
pub use problem::{CatalogError, Problem, Severity};
pub use request_facts::RequestFacts;
pub use request_path::{ParentTemplate, text_at};
pub use service::Service;
pub use source::{
    Bindings, ConfigSource, MethodSettings, MethodSource, Policy, ServiceSource, Sources,
};

/// All services.
#[derive(Debug)]
pub struct Catalog {
    services: Vec<Arc<Service>>,
    by_name: HashMap<String, usize>,
    by_host: HashMap<String, usize>,
    backend: Arc<Service>,
    pool: DescriptorPool,
    problems: Vec<Problem>,
}

/// Several services could be meant by a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguous {
    /// Hosts that would tell them apart, one of each.
    pub hosts: Vec<String>,
}

/// Which service a request means, if any.
pub type Resolved<'a> = Result<Option<&'a Arc<Service>>, Ambiguous>;

impl Catalog {
    /// Loads all that is named.
    ///
    /// # Errors
    /// What can't be loaded at all, with file and line. What is merely odd is among the
    /// [`problems`](Self::problems).
    pub fn load(sources: &Sources) -> Result<Self, CatalogError> {
        load::load(sources)
    }

    /// What is odd about what was loaded.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The services, in the order of the configuration.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.iter()
    }

    /// A service by name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Arc<Service>> {
        self.by_name.get(name).map(|index| &self.services[*index])
    }

    /// `longrun.v1.Backend`, as a service of its own.
    #[must_use]
    pub fn backend(&self) -> &Arc<Service> {
        &self.backend
    }

    /// The descriptors by which a service's payloads are read; all of them, if it is gone.
    #[must_use]
    pub fn pool_of(&self, service: &str) -> &DescriptorPool {
        self.service(service).map_or(&self.pool, |service| service.pool())
    }

    /// The descriptors of all services together.
    #[must_use]
    pub fn union_pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// The service that a REST request means: by host, by the address that it came to
    /// (`bound`), the only one loaded, or the only one whose rules read the path.
    ///
    /// # Errors
    /// [`Ambiguous`] when several are left.
    pub fn resolve_rest(
        &self,
        host: Option<&str>,
        bound: Option<&str>,
        verb: &str,
        path: &str,
    ) -> Resolved<'_> {
        if let Some(service) = self.named(host, bound) {
            return Ok(Some(service));
        }
        let reading = self.only(|service| service.route(verb, path).is_ok())?;
        match reading {
            Some(service) => Ok(Some(service)),
            // One that reads the path with another verb can say so.
            None => self.only(|service| {
                matches!(service.route(verb, path), Err(RouteError::MethodNotAllowed { .. }))
            }),
        }
    }

    /// What is wrong with a path that no service can read for it.
    #[must_use]
    pub fn bad_path(&self, verb: &str, path: &str) -> Option<String> {
        self.services.iter().find_map(|service| match service.route(verb, path) {
            Err(RouteError::BadPath(what)) => Some(what),
            _ => None,
        })
    }

    /// The service that a gRPC request means: as for REST, but at the end the only one
    /// that serves the RPC.
    ///
    /// # Errors
    /// [`Ambiguous`] when several are left.
    pub fn resolve_grpc(&self, host: Option<&str>, bound: Option<&str>, rpc: &str) -> Resolved<'_> {
        match self.named(host, bound) {
            Some(service) => Ok(Some(service)),
            None => self.only(|service| service.method(rpc).is_some()),
        }
    }

    fn named(&self, host: Option<&str>, bound: Option<&str>) -> Option<&Arc<Service>> {
        if let [only] = self.services.as_slice() {
            return Some(only);
        }
        let by_host = host.and_then(|host| self.hosted(host));
        by_host.or_else(|| bound.and_then(|name| self.service(name)))
    }

    /// With the port first, then without.
    fn hosted(&self, host: &str) -> Option<&Arc<Service>> {
        let host = host.to_ascii_lowercase();
        let whole = self.by_host.get(&host);
        let found = whole.or_else(|| self.by_host.get(without_port(&host)))?;
        self.services.get(*found)
    }

    fn only(&self, fits: impl Fn(&Service) -> bool) -> Resolved<'_> {
        let fitting: Vec<&Arc<Service>> =
            self.services.iter().filter(|service| fits(service)).collect();
        match fitting.as_slice() {
            [] => Ok(None),
            [service] => Ok(Some(service)),
            several => {
                let host = |service: &&Arc<Service>| {
                    service.hosts.first().unwrap_or(&service.name).clone()
                };
                Err(Ambiguous { hosts: several.iter().map(host).collect() })
            }
        }
    }
}

/// Whether a path belongs to the server itself: no service's rule is served there.
#[must_use]
pub fn reserved(path: &str) -> bool {
    let folder = ["/longrun/", "/$discovery/", "/console/"];
    let exact = ["/livez", "/readyz", "/metrics"];
    folder.iter().any(|prefix| path.starts_with(prefix)) || exact.contains(&path)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests;
