//! Whether a request is as its descriptor and its fields' options want it.
//!
//! A `REQUIRED` field (AIP-203) is missing if it is
//! - a text or bytes, and empty;
//! - a list or map, and empty;
//! - a message, and absent;
//! - an enum, and its value is one whose name ends in `UNSPECIFIED`;
//! - a number or bool that knows absence (`optional`), and absent. One that doesn't is never
//!   missing: zero can't be told from nothing, and may well be meant.
//!
//! A required field of a oneof is missing if all of the oneof's fields are.

use longrun_transcoding::check_any_types;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

use super::mask::Mask;
use super::resource::{first_word, resource};
use crate::catalog::{Method, RequestFacts};
use crate::error::Violation;

/// All that is wrong with a request of a long-running method.
pub(super) fn check(method: &Method, request: &DynamicMessage) -> Vec<Violation> {
    let empty = RequestFacts::default();
    let facts = method.lro.as_ref().map_or(&empty, |lro| lro.request_facts(&method.input));
    let mut checker = Checker { facts, violations: Vec::new() };
    checker.required(request, "", None);
    let resource = resource(method);
    for (field, value) in request.fields() {
        match value {
            Value::Message(inner) if resource.as_ref() == Some(&field) => {
                checker.resource(method, request, &field, inner);
            }
            value => checker.value(value, field.name()),
        }
    }
    let mut violations = checker.violations;
    violations.extend(check_any_types(request).err().map(|Violation { field, description }| {
        let description = format!("Invalid value at '{field}': {description}.");
        Violation { field, description }
    }));
    violations
}

struct Checker<'a> {
    facts: &'a RequestFacts,
    violations: Vec<Violation>,
}

impl Checker<'_> {
    /// The resource: an update is about what its mask names, a create gives its name.
    fn resource(
        &mut self,
        method: &Method,
        request: &DynamicMessage,
        field: &FieldDescriptor,
        resource: &DynamicMessage,
    ) {
        let path = field.name();
        let create = first_word(method.names().1) == "Create";
        let Some(mask) = Mask::of(request) else {
            self.required(resource, path, create.then_some("name"));
            return self.inner(resource, path);
        };
        for unknown in mask.unknown_paths(&resource.descriptor()) {
            let description = format!(
                "Invalid value at 'update_mask': {} has no field \"{unknown}\".",
                resource.descriptor().full_name()
            );
            self.violations.push(Violation { field: "update_mask".to_owned(), description });
        }
        if mask.is_whole() {
            self.message(resource, path);
        } else {
            self.masked(resource, &mask.paths(), path);
        }
    }

    /// What the paths of a mask name in a message.
    fn masked(&mut self, message: &DynamicMessage, paths: &[&[String]], at: &str) {
        let descriptor = message.descriptor();
        let required = self.facts.required(&descriptor);
        for field in descriptor.fields() {
            let tails: Vec<&[String]> = paths
                .iter()
                .filter_map(|path| path.split_first())
                .filter(|(first, _)| *first == field.name())
                .map(|(_, rest)| rest)
                .collect();
            if tails.is_empty() {
                continue;
            }
            let at = join(at, field.name());
            let value = message.get_field(&field);
            // A path into a field doesn't say that the whole of it is written.
            let whole = tails.iter().any(|tail| tail.is_empty());
            match value.as_message() {
                Some(inner) if !whole => self.masked(inner, &tails, &at),
                _ => {
                    if whole && required.contains(&field) && is_missing(&field, message) {
                        self.missing(&at);
                    }
                    if message.has_field(&field) {
                        self.value(&value, &at);
                    }
                }
            }
        }
    }

    fn value(&mut self, value: &Value, at: &str) {
        match value {
            Value::Message(inner) => self.message(inner, at),
            Value::List(items) => {
                for (index, inner) in items.iter().enumerate() {
                    let Value::Message(inner) = inner else { break };
                    self.message(inner, &format!("{at}[{index}]"));
                }
            }
            Value::Map(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                for (key, inner) in entries {
                    let Value::Message(inner) = inner else { break };
                    let key = Value::from(key.clone());
                    let key =
                        key.as_str().map_or_else(|| key.to_string(), |key| format!("{key:?}"));
                    self.message(inner, &format!("{at}[{key}]"));
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, message: &DynamicMessage, at: &str) {
        self.required(message, at, None);
        self.inner(message, at);
    }

    fn inner(&mut self, message: &DynamicMessage, at: &str) {
        for (field, value) in message.fields() {
            self.value(value, &join(at, field.name()));
        }
    }

    /// The required fields of a message itself, but for the one that is `given`.
    fn required(&mut self, message: &DynamicMessage, at: &str, given: Option<&str>) {
        let required = self.facts.required(&message.descriptor());
        for field in required.iter().filter(|field| Some(field.name()) != given) {
            // Of a oneof's required fields the first speaks for all.
            let spoken = field.containing_oneof().is_some_and(|oneof| {
                let mut fields = oneof.fields();
                fields.find(|one| required.contains(one)).is_some_and(|first| first != *field)
            });
            if !spoken && is_missing(field, message) {
                self.missing(&join(at, field.name()));
            }
        }
    }

    fn missing(&mut self, path: &str) {
        let description = format!("Missing required field '{path}'.");
        self.violations.push(Violation { field: path.to_owned(), description });
    }
}

fn is_missing(field: &FieldDescriptor, message: &DynamicMessage) -> bool {
    if field.is_list() || field.is_map() {
        return !message.has_field(field);
    }
    if let Some(oneof) = field.containing_oneof()
        && !oneof.is_synthetic()
    {
        return !oneof.fields().any(|one| message.has_field(&one));
    }
    match &*message.get_field(field) {
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(kind) => {
                kind.get_value(*number).is_some_and(|value| value.name().ends_with("UNSPECIFIED"))
            }
            _ => false,
        },
        _ => field.supports_presence() && !message.has_field(field),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
