//! Tables over an API that has every kind of method: `tests/suite/kitchen`.

mod admission;
mod claims;
mod metadata;
mod parent;
mod request;

use std::sync::Arc;

use prost_reflect::DynamicMessage;

use crate::catalog::{
    Catalog, CatalogError, ConfigSource, Method, MethodSettings, Service, ServiceSource, Sources,
};

fn load(settings: &[(&str, MethodSettings)]) -> Result<Arc<Service>, CatalogError> {
    let folder = tempfile::tempdir().unwrap();
    let proto = include_str!("../../../../tests/suite/kitchen/kitchen.proto");
    let config = include_str!("../../../../tests/suite/kitchen/kitchen.yaml");
    std::fs::write(folder.path().join("kitchen.proto"), proto).unwrap();
    std::fs::write(folder.path().join("kitchen.yaml"), config).unwrap();
    let named = |(rpc, settings): &(&str, MethodSettings)| (full(rpc), settings.clone().into());
    let service = ServiceSource {
        config: Some(ConfigSource::File(folder.path().join("kitchen.yaml"))),
        proto_path: vec![folder.path().to_owned()],
        methods: settings.iter().map(named).collect(),
        ..ServiceSource::default()
    };
    let catalog = Catalog::load(&Sources { services: vec![service], ..Sources::default() })?;
    Ok(catalog.service("kitchen.example.com").unwrap().clone())
}

fn kitchen() -> Arc<Service> {
    load(&[]).unwrap()
}

fn full(rpc: &str) -> String {
    format!("kitchen.v1.Kitchen/{rpc}")
}

fn method<'a>(service: &'a Service, rpc: &str) -> &'a Arc<Method> {
    service.method(&full(rpc)).unwrap()
}

fn message(method: &Method, json: &str) -> DynamicMessage {
    longrun_transcoding::parse(json.as_bytes(), &method.input).unwrap()
}
