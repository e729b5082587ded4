//! From sources to the catalog: which services there are, and what each is made from.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use prost_reflect::ServiceDescriptor;

use super::assemble::{Plan, Version, assemble, backend};
use super::descriptors::{DescriptorSource, Descriptors, merge};
use super::operations::{LOCAL, OPERATIONS};
use super::service_config::{ServiceConfig, selects};
use super::{
    Catalog, CatalogError, ConfigSource, Problem, ServiceSource, Sources, annotation, built_in,
};

/// Packages of proto services that many APIs mix in: their default host is not the API's.
const MIXINS: [&str; 3] = ["google.longrunning.", "google.cloud.location.", "google.iam.v1."];

fn is_mixin(api: &ServiceDescriptor) -> bool {
    MIXINS.iter().any(|package| api.full_name().starts_with(package))
}

pub(super) fn load(sources: &Sources) -> Result<Catalog, CatalogError> {
    let mut loader = Loader { sources, compiled: HashMap::new(), problems: vec![], plans: vec![] };
    let described = !sources.proto_path.is_empty() || !sources.descriptor_set.is_empty();
    match (sources.services.as_slice(), described) {
        ([], true) => loader.service(&ServiceSource::default())?,
        ([], false) => loader.service(&local())?,
        (services, _) => {
            for source in services {
                loader.service(source)?;
            }
        }
    }
    loader.finish()
}

fn local() -> ServiceSource {
    ServiceSource { name: Some(LOCAL.to_owned()), ..ServiceSource::default() }
}

/// Folders, descriptor sets, and the built-in whose files are among them.
type DescriptorKey = (Vec<PathBuf>, Vec<PathBuf>, Option<String>);

struct Loader<'a> {
    sources: &'a Sources,
    /// What has been compiled: many services may share one tree.
    compiled: HashMap<DescriptorKey, Arc<Descriptors>>,
    problems: Vec<Problem>,
    plans: Vec<Plan>,
}

impl Loader<'_> {
    fn service(&mut self, source: &ServiceSource) -> Result<(), CatalogError> {
        match &source.config {
            Some(ConfigSource::File(path)) => {
                let file = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| CatalogError(format!("{file}: {error}")))?;
                let descriptors = self.descriptors(source, None)?;
                self.configured(source, &file, &text, descriptors)
            }
            Some(ConfigSource::BuiltIn(name)) => {
                let found = built_in::find(name).ok_or_else(|| {
                    let known = built_in::names();
                    CatalogError(format!("{}: no service \"{name}\" is built in; expected a path to a YAML file, or one of {known}", source.place))
                })?;
                let descriptors = self.descriptors(source, Some(name))?;
                self.configured(source, found.name, found.yaml, descriptors)
            }
            None => {
                let descriptors = self.descriptors(source, None)?;
                self.described(source, descriptors)
            }
        }
    }

    fn descriptors(
        &mut self,
        source: &ServiceSource,
        built_in: Option<&str>,
    ) -> Result<Arc<Descriptors>, CatalogError> {
        let together = |own: &[PathBuf], all: &[PathBuf]| [own, all].concat();
        let proto_path = together(&source.proto_path, &self.sources.proto_path);
        let descriptor_set = together(&source.descriptor_set, &self.sources.descriptor_set);
        let key = (proto_path, descriptor_set, built_in.map(str::to_owned));
        if let Some(descriptors) = self.compiled.get(&key) {
            return Ok(descriptors.clone());
        }
        let files = built_in.and_then(built_in::find).map_or(&[][..], |found| found.files);
        let descriptors = Arc::new(Descriptors::load(DescriptorSource {
            proto_path: &key.0,
            descriptor_set: &key.1,
            built_in: files,
            cache_dir: self.sources.cache_dir.as_deref(),
        })?);
        self.compiled.insert(key, descriptors.clone());
        Ok(descriptors)
    }

    /// A service that has a config: its `apis`.
    fn configured(
        &mut self,
        source: &ServiceSource,
        file: &str,
        text: &str,
        descriptors: Arc<Descriptors>,
    ) -> Result<(), CatalogError> {
        let config = ServiceConfig::parse(file, text, &mut self.problems)?;
        if let Some(name) = source.name.as_ref().filter(|name| **name != config.name) {
            let what =
                format!("the service is called \"{name}\", but its config \"{}\"", config.name);
            return Err(CatalogError(format!("{}: {what}", source.place)));
        }
        let mut apis = Vec::new();
        for api in config.apis.iter().filter(|api| api.what != OPERATIONS) {
            match descriptors.pool.get_service_by_name(&api.what) {
                Some(found) => apis.push(found),
                None => {
                    let what = format!(
                        "no descriptor has the API {}: it is not served; name its folder with --proto-path",
                        api.what
                    );
                    self.problems.push(Problem::warning(&api.place, what));
                }
            }
        }
        let operations = descriptors.pool.get_service_by_name(OPERATIONS);
        for (selector, place) in config.selectors() {
            let known = |api: &ServiceDescriptor| {
                api.methods().any(|method| selects(selector, method.full_name()))
            };
            let mut loaded = apis.iter().chain(&operations);
            let of_loaded = loaded.clone().any(|api| selector.starts_with(api.full_name()));
            if of_loaded && !loaded.any(known) {
                let what = format!("the selector {selector} names no method");
                self.problems.push(Problem::warning(place, what));
            }
        }
        let name = config.name.clone();
        self.add(source, name, Version { apis, config: Some(config), descriptors })
    }

    /// Services of which the descriptors speak: by name, or each by its default host. Of a mixin
    /// they don't say whose it is, and many trees have one for its types: only a config's `apis`
    /// makes it served.
    fn described(
        &mut self,
        source: &ServiceSource,
        descriptors: Arc<Descriptors>,
    ) -> Result<(), CatalogError> {
        let mut hosts: Vec<(String, Vec<ServiceDescriptor>)> = Vec::new();
        if let Some(name) = &source.name {
            hosts.push((name.clone(), Vec::new()));
        }
        for api in descriptors.services().filter(|api| !is_mixin(api)) {
            let host = match (annotation::default_host(&api), &source.name) {
                (Some(host), None) => host,
                (Some(host), Some(name)) if host == *name => host,
                (Some(_), Some(_)) => continue,
                (None, Some(name)) => name.clone(),
                (None, None) => {
                    let what = format!(
                        "{} has no google.api.default_host: it is not served; give it one, or a service config",
                        api.full_name()
                    );
                    self.problems.push(Problem::warning(descriptors.service_place(&api), what));
                    continue;
                }
            };
            match hosts.iter_mut().find(|(name, _)| *name == host) {
                Some((_, apis)) => apis.push(api),
                None => hosts.push((host, vec![api])),
            }
        }
        if hosts.is_empty() {
            let what = "no service config, and no API of its own has a google.api.default_host: nothing says what is to be served";
            return Err(CatalogError(format!("{}: {what}", shown_place(source))));
        }
        let particular =
            !source.hosts.is_empty() || source.listen.is_some() || !source.methods.is_empty();
        if hosts.len() > 1 && particular {
            let names: Vec<&str> = hosts.iter().map(|(name, _)| name.as_str()).collect();
            let what = format!(
                "hosts, listen and methods' settings are for one service, but there are {}: say `name`",
                names.join(", ")
            );
            return Err(CatalogError(format!("{}: {what}", shown_place(source))));
        }
        for (name, apis) in hosts {
            let version = Version { apis, config: None, descriptors: descriptors.clone() };
            self.add(source, name, version)?;
        }
        Ok(())
    }

    /// A version of a service that is there already, or of a new one.
    fn add(
        &mut self,
        source: &ServiceSource,
        name: String,
        version: Version,
    ) -> Result<(), CatalogError> {
        let own = version.apis.iter().filter(|api| !is_mixin(api));
        let implied = std::iter::once(name.clone()).chain(own.filter_map(annotation::default_host));
        let hosts =
            implied.chain(source.hosts.iter().cloned()).map(|host| host.to_ascii_lowercase());
        let hosts: Vec<String> = hosts.collect();
        let Some(plan) = self.plans.iter_mut().find(|plan| plan.name == name) else {
            let mut seen = BTreeSet::new();
            self.plans.push(Plan {
                hosts: hosts.into_iter().filter(|host| seen.insert(host.clone())).collect(),
                name,
                policy: source.policy,
                bindings: source.bindings,
                listen: source.listen.into_iter().collect(),
                methods: source.methods.clone(),
                versions: vec![version],
            });
            return Ok(());
        };
        if (plan.policy, plan.bindings) != (source.policy, source.bindings) {
            let what = format!(
                "another version of {name} has another `policy` or `bindings`: they share their operations, so it must be the same"
            );
            return Err(CatalogError(format!("{}: {what}", shown_place(source))));
        }
        for host in hosts {
            if !plan.hosts.contains(&host) {
                plan.hosts.push(host);
            }
        }
        plan.listen.extend(source.listen);
        for (method, own) in &source.methods {
            if let Some(other) = plan.methods.insert(method.clone(), own.clone())
                && other.settings != own.settings
            {
                let what = format!("stands in another version of {name} with other values");
                return Err(own.wrong(method, what));
            }
        }
        plan.versions.push(version);
        Ok(())
    }

    fn finish(self) -> Result<Catalog, CatalogError> {
        let mut problems = self.problems;
        let mut services = Vec::with_capacity(self.plans.len());
        for plan in self.plans {
            services.push(Arc::new(assemble(plan, &mut problems)?));
        }
        let pools: Vec<_> = services.iter().map(|service| service.pool().clone()).collect();
        let pool = merge(&pools)?;
        let mut by_host = HashMap::new();
        let mut claimed = BTreeSet::new();
        for (index, service) in services.iter().enumerate() {
            for host in &service.hosts {
                if by_host.insert(host.clone(), index).is_some() {
                    claimed.insert(host.clone());
                }
            }
        }
        for host in claimed {
            by_host.remove(&host);
            let what = format!(
                "several services have the host {host}: it tells none of them from the others"
            );
            problems.push(Problem::warning(host, what));
        }
        let backend = Arc::new(backend(&pool)?);
        let by_name = services.iter().enumerate();
        let by_name = by_name.map(|(index, service)| (service.name.clone(), index)).collect();
        Ok(Catalog { services, by_name, by_host, backend, pool, problems })
    }
}

fn shown_place(source: &ServiceSource) -> &str {
    if source.place.is_empty() { "the descriptors" } else { &source.place }
}
