//! The crate as its users see it: tables of what goes in and what comes out.

mod any;
mod canonical;
mod depth;
mod fallback;
mod fields;
mod google_protos;
mod json_parse;
mod json_print;
mod made;
mod properties;
mod query;
mod request;
mod router;
mod rule;
mod specificity;
mod system;

use std::sync::LazyLock;

use longrun_transcoding::{PrintOptions, Violation};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite");
    let google = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/proto");
    let mut compiler = protox::Compiler::new([here, google]).expect("the folders are there");
    compiler.include_imports(true).open_file("shapes.proto").expect("the file compiles");
    compiler.descriptor_pool()
});

/// The descriptor of a message, by its name in `shapes.v1` or in full.
fn descriptor(name: &str) -> MessageDescriptor {
    let full = if name.contains('.') { name.to_owned() } else { format!("shapes.v1.{name}") };
    POOL.get_message_by_name(&full).expect("a message of shapes.proto")
}

/// A message from the JSON that the tests hold to be right.
fn message(name: &str, json: &str) -> DynamicMessage {
    longrun_transcoding::parse(json.as_bytes(), &descriptor(name)).expect(json)
}

const COMPACT: PrintOptions<'static> =
    PrintOptions { pretty: false, enums_as_ints: false, fields: None };

/// The compact JSON of a message.
fn json(message: &DynamicMessage) -> String {
    let bytes = longrun_transcoding::print(message, &COMPACT).expect("it can be printed");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// What is said of a text that is no such message.
fn refused(name: &str, text: impl AsRef<[u8]>) -> Vec<Violation> {
    let read = longrun_transcoding::parse(text.as_ref(), &descriptor(name));
    // The messages themselves are far too long for a failed test to show.
    read.map(|_| ()).expect_err("it is refused")
}

/// Violations as pairs, for tables.
fn pairs(violations: &[Violation]) -> Vec<(&str, &str)> {
    violations.iter().map(|one| (one.field.as_str(), one.description.as_str())).collect()
}
