//! Config and descriptors of one service's versions, put together.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor, ServiceDescriptor};

use super::annotation::{self, Declared};
use super::candidate::{Candidate, check, route};
use super::descriptors::{Descriptors, merge};
use super::operations::{self, LOCAL, OPERATIONS};
use super::service_config::ServiceConfig;
use super::{
    Binding, Bindings, CatalogError, Lro, Method, MethodSettings, MethodSource, Policy, Problem,
    Scopes, Service,
};

/// All that makes one service.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) policy: Policy,
    pub(super) bindings: Bindings,
    pub(super) hosts: Vec<String>,
    pub(super) listen: Vec<SocketAddr>,
    pub(super) methods: BTreeMap<String, MethodSource>,
    pub(super) versions: Vec<Version>,
}

/// One version of a service: a config, or what the descriptors say without one.
pub(super) struct Version {
    /// Its proto services, in order.
    pub(super) apis: Vec<ServiceDescriptor>,
    pub(super) config: Option<ServiceConfig>,
    pub(super) descriptors: Arc<Descriptors>,
}

/// Makes the service; what is odd about it joins `problems`.
///
/// # Errors
/// When versions contradict each other, or a setting is for a method that isn't there.
pub(super) fn assemble(plan: Plan, problems: &mut Vec<Problem>) -> Result<Service, CatalogError> {
    let pools: Vec<DescriptorPool> =
        plan.versions.iter().map(|version| version.descriptors.pool.clone()).collect();
    let pool = merge(&pools)?;
    let mut assembly = Assembly { plan: &plan, problems, methods: vec![], candidates: vec![] };
    for (index, version) in plan.versions.iter().enumerate() {
        for api in &version.apis {
            let api = shared(&pool, version, api)?;
            for method in api.methods() {
                assembly.method(index, version, &api, &method);
            }
        }
    }
    assembly.operations(&pool);
    let Assembly { mut methods, candidates, problems, .. } = assembly;
    let router = route(&mut methods, candidates, problems);

    let by_name: HashMap<String, usize> =
        methods.iter().enumerate().map(|(index, method)| (method.name.clone(), index)).collect();
    for (name, source) in &plan.methods {
        let Some(method) = by_name.get(name).map(|index| &mut methods[*index]) else {
            let what = format!("names no method of {}; expected \"pkg.Service/Method\"", plan.name);
            return Err(source.wrong(name, what));
        };
        method.read_settings().map_err(|what| source.wrong(name, what))?;
    }
    let get = by_name.get(&format!("{OPERATIONS}/GetOperation")).map(|index| &methods[*index]);
    let templates = get.map(|get| get.bindings.iter().map(|one| one.rule.template.clone()));
    let service = Service {
        operation_names: templates.map(Iterator::collect).unwrap_or_default(),
        name: plan.name,
        hosts: plan.hosts,
        policy: plan.policy,
        listen: plan.listen,
        pool,
        by_name,
        router,
        methods: methods.into_iter().map(Arc::new).collect(),
    };
    service.check_parents(&plan.methods)?;
    Ok(service)
}

/// A proto service with the types of all versions: what an operation holds may be of another one.
fn shared(
    pool: &DescriptorPool,
    version: &Version,
    api: &ServiceDescriptor,
) -> Result<ServiceDescriptor, CatalogError> {
    let file = api.parent_file();
    pool.get_service_by_name(api.full_name()).ok_or_else(|| {
        let place = version.descriptors.service_place(api);
        let (name, file) = (api.full_name(), file.name());
        CatalogError(format!("{place}: {name}: another version has another {file}; name the folder above both with --proto-path"))
    })
}

/// `longrun.v1.Backend`, as a service that has nothing else.
pub(super) fn backend(pool: &DescriptorPool) -> Result<Service, CatalogError> {
    let missing = || CatalogError("longrun.v1.Backend is not among the descriptors".to_owned());
    let api = pool.get_service_by_name("longrun.v1.Backend").ok_or_else(missing)?;
    let mut methods = Vec::new();
    let mut candidates = Vec::new();
    for method in api.methods() {
        let index = methods.len();
        let rules = annotation::http(&method).map_err(|error| CatalogError(error.to_string()))?;
        for (place, rule) in rules.into_iter().enumerate() {
            let binding = Binding { rule, scopes: Scopes::None };
            let order = (false, index, place);
            candidates.push(Candidate { order, method: index, binding, place: String::new() });
        }
        methods.push(bare(name_of(&method), method.input(), method.output()));
    }
    let router = route(&mut methods, candidates, &mut Vec::new());
    let by_name =
        methods.iter().enumerate().map(|(index, method)| (method.name.clone(), index)).collect();
    Ok(Service {
        name: LOCAL.to_owned(),
        hosts: vec![],
        policy: Policy::Owner,
        listen: vec![],
        pool: pool.clone(),
        by_name,
        router,
        operation_names: vec![],
        methods: methods.into_iter().map(Arc::new).collect(),
    })
}

struct Assembly<'a> {
    plan: &'a Plan,
    problems: &'a mut Vec<Problem>,
    methods: Vec<Method>,
    candidates: Vec<Candidate>,
}

impl Assembly<'_> {
    fn settings(&self, method: &str) -> MethodSettings {
        self.plan.methods.get(method).map(|source| source.settings.clone()).unwrap_or_default()
    }

    fn method(
        &mut self,
        index: usize,
        version: &Version,
        api: &ServiceDescriptor,
        descriptor: &MethodDescriptor,
    ) {
        let name = name_of(descriptor);
        if self.methods.iter().any(|method| method.name == name) {
            return;
        }
        let place = version.descriptors.place(descriptor);
        let settings = self.settings(&name);
        let selector = descriptor.full_name();
        let configured = version.config.as_ref().and_then(|config| config.scopes(selector));
        let scopes = match configured {
            Some(scopes) => Scopes::from_list(scopes.to_vec()),
            None => Scopes::from_list(annotation::oauth_scopes(api)),
        };
        let scopes = scopes.or_open(settings.allow_unscoped);
        if scopes == Scopes::None {
            let what = format!(
                "{name} has no scopes, so nobody may call it: give it some in authentication.rules, or allow_unscoped"
            );
            self.problems.push(Problem::warning(&place, what));
        }
        let lro = (descriptor.output().full_name() == "google.longrunning.Operation")
            .then(|| self.lro(descriptor, &name, &place));

        let (order, rules) = match version.config.as_ref().and_then(|one| one.http(selector)) {
            Some((at, rule)) => {
                let rules = rule.what.rules.iter().map(|one| (one.clone(), rule.place.clone()));
                ((false, index, at), rules.collect())
            }
            None => {
                let rules = annotation::http(descriptor).unwrap_or_else(|error| {
                    let what = format!("{name}: google.api.http: {error}");
                    self.problems.push(Problem::error(&place, what));
                    Vec::new()
                });
                let rules = rules.into_iter().map(|rule| (rule, place.clone()));
                ((true, index, self.methods.len()), rules.collect::<Vec<_>>())
            }
        };
        if rules.is_empty() && lro.is_some() {
            let what = format!("{name} has no HTTP rule: it is served over gRPC alone");
            self.problems.push(Problem::warning(&place, what));
        }
        for (rule, place) in rules {
            let binding = Binding { rule, scopes: scopes.clone() };
            self.candidate(descriptor, order, binding, place);
        }
        let bare = bare(name, descriptor.input(), descriptor.output());
        self.methods.push(Method { lro, scopes, settings, ..bare });
    }

    /// A binding of the method that comes next; one whose fields aren't there is a problem.
    fn candidate(
        &mut self,
        descriptor: &MethodDescriptor,
        order: (bool, usize, usize),
        binding: Binding,
        place: String,
    ) {
        match check(&binding.rule, &descriptor.input(), &descriptor.output()) {
            Ok(()) => {
                let method = self.methods.len();
                self.candidates.push(Candidate { order, method, binding, place });
            }
            Err(what) => {
                let what = format!("{}: {what}", name_of(descriptor));
                self.problems.push(Problem::error(place, what));
            }
        }
    }

    fn lro(&mut self, descriptor: &MethodDescriptor, name: &str, place: &str) -> Lro {
        let (response, metadata) = annotation::operation_info(descriptor);
        if let (Declared::Absent, Declared::Absent) = (&response, &metadata) {
            let what = format!(
                "{name} has no google.longrunning.operation_info: responses and metadata of any type are taken"
            );
            self.problems.push(Problem::warning(place, what));
        }
        let mut known = |declared, which: &str| match declared {
            Declared::Type(descriptor) => Some(descriptor),
            Declared::Absent => None,
            Declared::Unknown(unknown) => {
                let what =
                    format!("{name}: no descriptor has its {which} type {unknown}: any is taken");
                self.problems.push(Problem::warning(place, what));
                None
            }
        };
        Lro {
            response: known(response, "response"),
            metadata: known(metadata, "metadata"),
            parent: None,
            facts: OnceLock::new(),
        }
    }

    /// `google.longrunning.Operations`, as the versions' configs say.
    fn operations(&mut self, pool: &DescriptorPool) {
        let Some(service) = pool.get_service_by_name(OPERATIONS) else { return };
        let local = self.plan.name == LOCAL;
        let wide = local || self.plan.bindings == Bindings::Wide;
        let lros = self.methods.iter().filter(|method| method.lro.is_some());
        let fallback = match local {
            true => Scopes::Any,
            false => lros.fold(Scopes::None, |scopes, method| scopes.or(&method.scopes)),
        };
        for descriptor in service.methods() {
            let (rpc, selector) = (descriptor.name(), descriptor.full_name());
            let name = name_of(&descriptor);
            let settings = self.settings(&name);
            let mut scopes = None;
            let mut bindings = Vec::new();
            for (index, version) in self.plan.versions.iter().enumerate() {
                let config = version.config.as_ref();
                if !operations::served(config).contains(&rpc) {
                    continue;
                }
                let own = config.and_then(|config| config.scopes(selector));
                let own = own
                    .map_or_else(|| fallback.clone(), |scopes| Scopes::from_list(scopes.to_vec()))
                    .or_open(settings.allow_unscoped);
                scopes = Some(scopes.unwrap_or(Scopes::None).or(&own));
                match config.and_then(|config| config.http(selector)) {
                    Some((at, rule)) => {
                        for one in &rule.what.rules {
                            let order = (false, index, at);
                            bindings.push((order, one.clone(), own.clone(), rule.place.clone()));
                        }
                    }
                    None => {
                        let rule = operations::default_rule(rpc);
                        let order = (true, usize::MAX, 0);
                        bindings.extend(rule.map(|rule| (order, rule, own.clone(), String::new())));
                    }
                }
                if wide {
                    let rule = operations::wide_rule(rpc);
                    let order = (true, usize::MAX, 1);
                    bindings.extend(rule.map(|rule| (order, rule, own, String::new())));
                }
            }
            let Some(scopes) = scopes else { continue };
            if scopes == Scopes::None {
                let what = format!(
                    "{}: nobody may call {rpc}: no authentication rule, and no long-running method with scopes",
                    self.plan.name
                );
                self.problems.push(Problem::warning(&self.plan.name, what));
            }
            for (order, rule, scopes, place) in bindings {
                self.candidate(&descriptor, order, Binding { rule, scopes }, place);
            }
            let bare = bare(name, descriptor.input(), descriptor.output());
            self.methods.push(Method { scopes, settings, ..bare });
        }
    }
}

fn bare(name: String, input: MessageDescriptor, output: MessageDescriptor) -> Method {
    let settings = MethodSettings::default();
    Method { name, input, output, lro: None, scopes: Scopes::None, bindings: vec![], settings }
}

/// `pkg.Service/Method`.
fn name_of(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}
