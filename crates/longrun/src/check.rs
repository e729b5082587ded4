//! `longrun check`.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use longrun_server::catalog::{Binding, Catalog, Method, Problem, Scopes, Service, Severity};
use longrun_transcoding::{Body, Rule};
use prost_reflect::MessageDescriptor;
use serde_json::{Value, json};

use crate::output::{self, Exit, Failure};
use crate::serve::Flags;

/// Flags of `longrun check`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// How the report looks.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Loads and reports.
///
/// # Errors
/// When something can't be loaded at all: file and line are in the text.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let config = arguments.flags.resolve()?;
    let catalog = Catalog::load(&config.sources).map_err(Failure::new)?;
    output::print(&match arguments.format {
        Format::Json => format!("{:#}\n", json(&catalog)),
        Format::Table => table(&catalog),
    })?;
    let passes = passes(catalog.problems(), arguments.flags.strict);
    Ok(if passes { Exit::Ok } else { Exit::Error })
}

fn passes(problems: &[Problem], strict: bool) -> bool {
    !problems.iter().any(|problem| strict || problem.severity == Severity::Error)
}

/// The shape of the contract's §7.
fn json(catalog: &Catalog) -> Value {
    let service = |service: &Arc<Service>| {
        let methods: Vec<Value> = service.methods().map(|method| method_json(method)).collect();
        json!({ "name": service.name, "methods": methods })
    };
    let problem = |problem: &Problem| {
        let severity = severity(problem.severity);
        json!({ "severity": severity, "where": problem.location, "what": problem.what })
    };
    json!({
        "services": catalog.services().map(service).collect::<Vec<_>>(),
        "problems": catalog.problems().iter().map(problem).collect::<Vec<_>>(),
    })
}

fn method_json(method: &Method) -> Value {
    let binding = |binding: &Arc<Binding>| {
        let rule = &binding.rule;
        json!({ "verb": rule.verb, "path": rule.template.to_string(), "body": body(rule) })
    };
    let (response, metadata) = types(method);
    json!({
        "name": method.name,
        "lro": method.lro.is_some(),
        "requestType": method.input.full_name(),
        "responseType": response,
        "metadataType": metadata,
        "bindings": method.bindings.iter().map(binding).collect::<Vec<_>>(),
        "scopes": scopes(method),
    })
}

/// Response and metadata type: of a long-running method those in its operation; empty if
/// there is none, or none is declared.
fn types(method: &Method) -> (String, String) {
    let name = |declared: &Option<MessageDescriptor>| {
        declared.as_ref().map(|one| one.full_name().to_owned()).unwrap_or_default()
    };
    match &method.lro {
        Some(lro) => (name(&lro.response), name(&lro.metadata)),
        None => (method.output.full_name().to_owned(), String::new()),
    }
}

fn body(rule: &Rule) -> &str {
    match &rule.body {
        Body::None => "",
        Body::All => "*",
        Body::Field(field) => field,
    }
}

fn scopes(method: &Method) -> &[String] {
    match &method.scopes {
        Scopes::AnyOf(scopes) => scopes,
        Scopes::Any | Scopes::None => &[],
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn table(catalog: &Catalog) -> String {
    let mut text = String::new();
    for service in catalog.services() {
        text.push_str(&format!("{}\n", service.name));
        for method in service.methods() {
            let lro = if method.lro.is_some() { "  LRO" } else { "" };
            text.push_str(&format!("  {}{lro}\n", method.name));
            for binding in &method.bindings {
                let Rule { verb, template, .. } = &binding.rule;
                let body = match body(&binding.rule) {
                    "" => String::new(),
                    body => format!("  body {body}"),
                };
                text.push_str(&format!("    {verb:<6} {template}{body}\n"));
            }
            let scopes = match &method.scopes {
                Scopes::Any => "any token".to_owned(),
                Scopes::AnyOf(scopes) => scopes.join(" "),
                Scopes::None => "none".to_owned(),
            };
            text.push_str(&format!("    scopes {scopes}\n"));
        }
    }
    for problem in catalog.problems() {
        text.push_str(&format!("{problem}\n"));
    }
    if catalog.problems().is_empty() {
        text.push_str("no problems\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use longrun_server::catalog::{ConfigSource, ServiceSource, Sources};

    use super::*;

    #[test]
    fn what_passes() {
        let with = |severity| {
            vec![Problem { severity, location: "lib.proto:3".to_owned(), what: "odd".to_owned() }]
        };
        assert!(passes(&[], true));
        assert!(passes(&with(Severity::Warning), false));
        assert!(!passes(&with(Severity::Warning), true));
        assert!(!passes(&with(Severity::Error), false));
    }

    #[test]
    fn shapes() {
        let config = ConfigSource::BuiltIn("workspaceevents.googleapis.com".to_owned());
        let service = ServiceSource { config: Some(config), ..ServiceSource::default() };
        let sources = Sources { services: vec![service], ..Sources::default() };
        let catalog = Catalog::load(&sources).unwrap();
        let report = json(&catalog);
        let package = "google.apps.events.subscriptions.v1";
        let methods = report["services"][0]["methods"].as_array().unwrap();
        let of = |name: &str| methods.iter().find(|method| method["name"] == name).unwrap();
        let mut update = of(&format!("{package}.SubscriptionsService/UpdateSubscription")).clone();
        update.as_object_mut().unwrap().remove("scopes");
        let expected = json!({
            "name": format!("{package}.SubscriptionsService/UpdateSubscription"),
            "lro": true,
            "requestType": format!("{package}.UpdateSubscriptionRequest"),
            "responseType": format!("{package}.Subscription"),
            "metadataType": format!("{package}.UpdateSubscriptionMetadata"),
            "bindings": [{
                "verb": "PATCH",
                "path": "/v1/{subscription.name=subscriptions/*}",
                "body": "subscription",
            }],
        });
        assert_eq!(update, expected);
        let get = of("google.longrunning.Operations/GetOperation");
        assert_eq!(get["scopes"].as_array().map(Vec::len), Some(12));
        assert_eq!(report["problems"], json!([]));
        let text = table(&catalog);
        assert!(text.starts_with("workspaceevents.googleapis.com\n"), "{text}");
        assert!(text.contains("    GET    /v1/{name=operations/**}\n"), "{text}");
        assert!(text.ends_with("no problems\n"), "{text}");
    }
}
