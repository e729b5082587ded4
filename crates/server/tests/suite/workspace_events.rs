//! The Workspace Events API in our own words and in Google's: on the wire they are the same.

use std::collections::BTreeMap;
use std::path::Path;

use longrun_server::catalog::{Catalog, ConfigSource, ServiceSource, Sources};
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, Kind, MessageDescriptor, ServiceDescriptor,
};

use crate::google_protos;

const SERVICE: &str = "workspaceevents.googleapis.com";
const PACKAGE: &str = "google.apps.events.subscriptions.v1";

/// The example, as whoever copies it would load it.
fn example() -> Catalog {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/workspace-events");
    let service = ServiceSource {
        config: Some(ConfigSource::File(folder.join("workspaceevents.yaml"))),
        proto_path: vec![folder.join("protos")],
        ..ServiceSource::default()
    };
    Catalog::load(&Sources { services: vec![service], ..Sources::default() }).unwrap()
}

fn pool(catalog: &Catalog) -> DescriptorPool {
    let service = catalog.service(SERVICE).unwrap();
    let create = service.method(&format!("{PACKAGE}.SubscriptionsService/CreateSubscription"));
    create.unwrap().input.parent_pool().clone()
}

/// By full name, all of the package that a client or a transcoder can tell apart.
fn outline(pool: &DescriptorPool) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for file in pool.files().filter(|file| file.package_name() == PACKAGE) {
        file.messages().for_each(|message| add_message(&mut found, &message));
        file.enums().for_each(|one| add_enum(&mut found, &one));
        file.services().for_each(|service| add_service(&mut found, &service));
    }
    found
}

fn add_message(found: &mut BTreeMap<String, String>, message: &MessageDescriptor) {
    found.insert(message.full_name().to_owned(), shown(&message.options()));
    for field in message.fields() {
        let (number, json) = (field.number(), field.json_name());
        let kind = match field.kind() {
            Kind::Message(message) => message.full_name().to_owned(),
            Kind::Enum(one) => one.full_name().to_owned(),
            scalar => format!("{scalar:?}"),
        };
        let oneof = field.containing_oneof().map(|oneof| oneof.name().to_owned());
        let (cardinality, presence) = (field.cardinality(), field.supports_presence());
        let options = shown(&field.options());
        let text = format!("{number} {json} {kind} {cardinality:?} {presence} {oneof:?} {options}");
        found.insert(field.full_name().to_owned(), text);
    }
    message.child_messages().for_each(|child| add_message(found, &child));
    message.child_enums().for_each(|child| add_enum(found, &child));
}

fn add_enum(found: &mut BTreeMap<String, String>, one: &EnumDescriptor) {
    for value in one.values() {
        // The full name of a value is beside its enum, as in C++: two enums may share it.
        let name = format!("{}.{}", one.full_name(), value.name());
        found.insert(name, value.number().to_string());
    }
}

fn add_service(found: &mut BTreeMap<String, String>, service: &ServiceDescriptor) {
    found.insert(service.full_name().to_owned(), shown(&service.options()));
    for method in service.methods() {
        let (input, output) = (method.input(), method.output());
        let types = format!("{} {}", input.full_name(), output.full_name());
        let streams = (method.is_client_streaming(), method.is_server_streaming());
        let options = shown(&method.options());
        found.insert(method.full_name().to_owned(), format!("{types} {streams:?} {options}"));
    }
}

/// Options with their extensions: paths, `operation_info`, signatures, resources, behaviour.
fn shown(options: &DynamicMessage) -> String {
    let standard = options.fields().map(|(field, value)| format!("{} {value}", field.name()));
    let custom =
        options.extensions().map(|(field, value)| format!("{} {value}", field.full_name()));
    standard.chain(custom).collect::<Vec<_>>().join(", ")
}

#[test]
fn our_definitions_are_googles_on_the_wire() {
    let (ours, theirs) = (outline(&pool(&example())), outline(&pool(&google_protos::catalog())));
    let create = &ours[&format!("{PACKAGE}.SubscriptionsService.CreateSubscription")];
    for part in ["/v1/subscriptions", "CreateSubscriptionMetadata", "Subscription"] {
        assert!(create.contains(part), "{create}");
    }
    for (name, text) in &theirs {
        assert_eq!(ours.get(name), Some(text), "{name}");
    }
    // Six RPCs, their service, and messages with fields and enums.
    assert_eq!((ours.len(), theirs.len()), (67, 67), "we have no more than they have");
}

#[test]
fn the_program_carries_the_example() {
    let source = ConfigSource::BuiltIn(SERVICE.to_owned());
    let service = ServiceSource { config: Some(source), ..ServiceSource::default() };
    let carried =
        Catalog::load(&Sources { services: vec![service], ..Sources::default() }).unwrap();
    let example = example();
    assert_eq!((carried.problems(), example.problems()), (&[][..], &[][..]));
    assert_eq!(outline(&pool(&carried)), outline(&pool(&example)));
    let methods = |catalog: &Catalog| -> Vec<String> {
        let service = catalog.service(SERVICE).unwrap();
        service.methods().map(|method| format!("{} {:?}", method.name, method.scopes)).collect()
    };
    assert_eq!(methods(&carried), methods(&example));
}
