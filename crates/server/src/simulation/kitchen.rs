//! What is served: four long-running methods of `tests/suite/kitchen`, and what is said in
//! their requests, metadata and responses.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use longrun_transcoding::parse;
use prost::Message as _;

use super::ask::parent;
use crate::catalog::{Bindings, Catalog, MethodSettings, ServiceSource, Sources};
use crate::operation::{Outcome, Payload, Status};

pub(super) const NAME: &str = "kitchen.example.com";
/// Takes a request id in a field.
pub(super) const COOK: &str = "kitchen.v1.Kitchen/CookDish";
/// Takes one in the header, has an exclusive key, and its calls are held.
pub(super) const UPDATE: &str = "kitchen.v1.Kitchen/UpdateDish";
/// Is called for validation only.
pub(super) const CREATE: &str = "kitchen.v1.Kitchen/CreateDish";
/// Is what the backend creates; it declares no types.
pub(super) const CLEAN: &str = "kitchen.v1.Kitchen/Clean";

pub(super) fn catalog() -> Arc<Catalog> {
    let folder = tempfile::tempdir().unwrap();
    let proto = include_str!("../../tests/suite/kitchen/kitchen.proto");
    std::fs::write(folder.path().join("kitchen.proto"), proto).unwrap();
    let settings = |deadline, lease, retention, attempts| MethodSettings {
        deadline: Some(Duration::from_secs(deadline)),
        lease_duration: Some(Duration::from_secs(lease)),
        retention: Some(Duration::from_secs(retention)),
        max_attempts: NonZeroU32::new(attempts),
        ..MethodSettings::default()
    };
    let (exclusive, admit_timeout) = (Some("dish.name".to_owned()), Some(Duration::from_secs(4)));
    let service = ServiceSource {
        proto_path: vec![folder.path().to_owned()],
        bindings: Bindings::Wide,
        methods: [
            (COOK.to_owned(), settings(120, 20, 90, 3)),
            (
                UPDATE.to_owned(),
                MethodSettings { exclusive, admit_timeout, ..settings(60, 5, 40, 2) },
            ),
            (CREATE.to_owned(), settings(60, 5, 40, 2)),
            (CLEAN.to_owned(), settings(200, 8, 60, 2)),
        ]
        .map(|(method, settings)| (method, settings.into()))
        .into(),
        ..ServiceSource::default()
    };
    let sources = Sources { services: vec![service], ..Sources::default() };
    Arc::new(Catalog::load(&sources).unwrap())
}

/// A method's request about one of the dishes.
pub(super) fn request(catalog: &Catalog, rpc: &str, dish: usize, id: Option<usize>) -> Bytes {
    let name = parent(Some(dish));
    let json = match rpc {
        COOK => {
            let key = id.map(|id| format!(r#","key":"id-{id}""#)).unwrap_or_default();
            format!(r#"{{"name":"{name}","picture":"AAAA"{key}}}"#)
        }
        CREATE => {
            let dish = r#"{"title":"x","course":"MAIN","ingredients":[{"product":"leek"}],"cents":"9","vegan":true}"#;
            format!(r#"{{"parent":"{name}","dish":{dish},"validateOnly":true}}"#)
        }
        _ => format!(r#"{{"dish":{{"name":"{name}","title":"x"}},"updateMask":"title"}}"#),
    };
    let method = catalog.service(NAME).unwrap().method(rpc).unwrap();
    parse(json.as_bytes(), &method.input).unwrap().encode_to_vec().into()
}

/// Something of a type, with a number in it that tells it from any other.
fn payload(catalog: &Catalog, type_name: &str, json: &str) -> Payload {
    let pool = catalog.service(NAME).unwrap().pool();
    let descriptor = pool.get_message_by_name(type_name).unwrap();
    let value = parse(json.as_bytes(), &descriptor).unwrap().encode_to_vec().into();
    Payload { type_url: format!("type.googleapis.com/{type_name}"), value }
}

/// A method's metadata.
pub(super) fn progress(catalog: &Catalog, method: &str, number: usize) -> Payload {
    match method {
        COOK => payload(catalog, "google.protobuf.Struct", &format!(r#"{{"n":{number}}}"#)),
        UPDATE | CREATE => {
            let json = format!(r#"{{"progressPercent":{number}}}"#);
            payload(catalog, "kitchen.v1.OperationMetadata", &json)
        }
        _ => payload(catalog, "google.protobuf.StringValue", &format!("\"{number}\"")),
    }
}

/// A method's response.
pub(super) fn response(catalog: &Catalog, method: &str, number: usize) -> Outcome {
    Outcome::Response(match method {
        COOK | UPDATE | CREATE => {
            payload(catalog, "kitchen.v1.Dish", &format!(r#"{{"title":"{number}"}}"#))
        }
        _ => payload(catalog, "google.protobuf.StringValue", &format!("\"{number}\"")),
    })
}

/// Why the work failed.
pub(super) fn failure(number: usize) -> Status {
    Status { code: 9, message: number.to_string(), details: vec![] }
}
