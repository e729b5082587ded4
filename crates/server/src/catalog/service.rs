//! One service: its names, its methods, and the paths that lead to them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use longrun_transcoding::{RouteError, Router, Template};
use prost_reflect::DescriptorPool;

use super::{CatalogError, Method, MethodSource, ParentTemplate, Policy, Route};

/// One API: a namespace of operation names, and all that is served for it.
#[derive(Debug)]
pub struct Service {
    /// As in `services/{service}`.
    pub name: String,
    /// Hosts that mean this service, in lower case, with a port or without.
    pub hosts: Vec<String>,
    /// Who sees whose operations.
    pub policy: Policy,
    pub(super) listen: Vec<SocketAddr>,
    pub(super) pool: DescriptorPool,
    pub(super) methods: Vec<Arc<Method>>,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) router: Router<(usize, usize)>,
    pub(super) operation_names: Vec<Template>,
}

impl Service {
    /// The methods, in the order of config and files.
    pub fn methods(&self) -> impl Iterator<Item = &Arc<Method>> {
        self.methods.iter()
    }

    /// A method by `pkg.Service/Method`.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&Arc<Method>> {
        self.by_name.get(name).map(|index| &self.methods[*index])
    }

    /// The descriptors by which its payloads are read and printed.
    #[must_use]
    pub fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// Extra addresses that mean this service.
    pub fn listen(&self) -> impl Iterator<Item = SocketAddr> {
        self.listen.iter().copied()
    }

    /// What a path leads to.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn route(&self, verb: &str, path: &str) -> Result<Route<'_>, RouteError> {
        let found = self.router.find(verb, path)?;
        let (method, binding) = *found.value;
        let method = &self.methods[method];
        Ok(Route { method, binding: &method.bindings[binding], captures: found.captures })
    }

    /// Whether clients can read an operation under a parent (empty: at the top): whether a
    /// binding of GetOperation takes its name.
    #[must_use]
    pub fn reads_operations_under(&self, parent: &str) -> bool {
        let name = match parent {
            "" => "operations/x".to_owned(),
            parent => format!("{parent}/operations/x"),
        };
        self.operation_names.iter().any(|template| template.variable_matches("name", &name))
    }

    /// Refuses an `operation_parent` that is the same for every request and that nobody reads.
    pub(super) fn check_parents(
        &self,
        sources: &BTreeMap<String, MethodSource>,
    ) -> Result<(), CatalogError> {
        for (name, source) in sources {
            let lro = self.method(name).and_then(|method| method.lro.as_ref());
            let fixed = lro.and_then(|lro| lro.parent.as_ref()).and_then(ParentTemplate::fixed);
            if let Some(parent) = fixed.filter(|parent| !self.reads_operations_under(parent)) {
                let what = format!(
                    "operation_parent: no GetOperation binding of {} reads operations under \"{parent}\"",
                    self.name
                );
                return Err(source.wrong(name, what));
            }
        }
        Ok(())
    }
}
