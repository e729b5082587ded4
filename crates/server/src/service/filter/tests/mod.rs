//! Records of a type with a field of every kind, and what filters say of them.

mod deep;
mod payloads;
mod table;

use std::sync::LazyLock;

use longrun_transcoding::parse;
use prost::Message as _;
use prost_reflect::DescriptorPool;

use super::Asked;
use crate::catalog::{Catalog, ServiceSource, Sources};
use crate::operation::filter::Condition;
use crate::operation::samples::{at, record};
use crate::operation::{Done, Finisher, Outcome, Payload, Record, State};

/// The service `s`, with the types of `sample.proto`.
pub(in crate::service) fn catalog() -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sample.proto"), include_str!("sample.proto")).unwrap();
    let service = ServiceSource { name: Some("s".to_owned()), ..ServiceSource::default() };
    let proto_path = vec![folder.path().to_owned()];
    Catalog::load(&Sources { services: vec![service], proto_path, ..Sources::default() }).unwrap()
}

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| catalog().service("s").unwrap().pool().clone());

/// A payload from its JSON.
pub(in crate::service) fn payload(full_name: &str, json: &str) -> Payload {
    let descriptor = POOL.get_message_by_name(full_name).unwrap();
    let message = parse(json.as_bytes(), &descriptor);
    let message = message.unwrap_or_else(|problems| panic!("{json}: {problems:?}"));
    let type_url = format!("type.googleapis.com/{full_name}");
    Payload { type_url, value: message.encode_to_vec().into() }
}

/// A pending record with metadata.
fn with(metadata: Payload) -> Record {
    Record { metadata: Some(metadata), ..record("x", at(0)) }
}

/// A finished record without metadata.
pub(in crate::service) fn done(outcome: Outcome) -> State {
    let finisher = Finisher::Server;
    State::Done(Done { outcome, finish_time: at(5), finisher, expire_time: at(2000) })
}

/// Whether the record passes the filter.
fn passes(record: &Record, text: &str) -> bool {
    let condition = Condition::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let whole = Asked::new(record, &POOL).is(&condition);
    let (filter, rest) = condition.split();
    assert_eq!(whole, filter.matches(record) && Asked::new(record, &POOL).is(&rest), "{text}");
    whole
}

/// Filters that pass, and filters that don't.
fn check(record: &Record, passing: &[&str], others: &[&str]) {
    for (texts, expected) in [(passing, true), (others, false)] {
        for text in texts {
            assert_eq!(passes(record, text), expected, "{text}");
        }
    }
}
