//! Along the names of a path, through messages, maps, lists, Structs and Anys.

use longrun_transcoding::key_text;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value};

use super::scalar;
use crate::operation::filter::{Compare, Question};
use crate::service::payload::full_name;

/// A question on its way through a message.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    question: &'a Question,
    /// What is left of the path.
    path: &'a [String],
    /// How many more messages may be within each other: a path bounds those that it names,
    /// but an Any in an Any, or a list in a list, has no name.
    levels: usize,
}

/// As deep as payloads are accepted.
const LEVELS_MAX: usize = 100;

impl<'a> Walk<'a> {
    pub(super) fn new(question: &'a Question) -> Self {
        Self { question, path: &question.path, levels: LEVELS_MAX }
    }

    fn one_name_on(self) -> Self {
        Self { path: &self.path[1..], ..self }
    }

    /// Whether the message is, or has, what is asked for.
    pub(super) fn message(self, message: &DynamicMessage) -> bool {
        let Some(levels) = self.levels.checked_sub(1) else { return false };
        let walk = Self { levels, ..self };
        let descriptor = message.descriptor();
        match descriptor.full_name() {
            "google.protobuf.Any" => walk.any(message),
            // Their fields are theirs in JSON alone; there they are what they hold.
            "google.protobuf.Struct" | "google.protobuf.ListValue" => {
                let field = descriptor.get_field(1);
                field.is_some_and(|field| walk.value(&message.get_field(&field), &field.kind()))
            }
            "google.protobuf.Value" => {
                message.fields().any(|(field, value)| walk.value(value, &field.kind()))
            }
            _ => match walk.path.split_first() {
                Some((name, _)) => {
                    let field = descriptor
                        .get_field_by_name(name)
                        .or_else(|| descriptor.get_field_by_json_name(name));
                    field.is_some_and(|field| walk.one_name_on().field(message, &field))
                }
                None => scalar::message_is(walk.question, message)
                    .unwrap_or_else(|| walk.has_field(message)),
            },
        }
    }

    /// A field of a message, its name behind us.
    fn field(self, message: &DynamicMessage, field: &FieldDescriptor) -> bool {
        let set = message.has_field(field);
        if self.path.is_empty() && self.question.is_presence() {
            return set;
        }
        // What can be unset, and is, has no value; the others have their default.
        (set || !field.supports_presence()) && self.value(&message.get_field(field), &field.kind())
    }

    /// A value of some kind; in lists and maps, the elements' kind.
    fn value(self, value: &Value, kind: &Kind) -> bool {
        match value {
            Value::Message(message) => self.message(message),
            Value::List(items) => {
                self.question.has && items.iter().any(|item| self.value(item, kind))
            }
            Value::Map(map) => match self.path.first() {
                Some(name) => {
                    let key = map.keys().next().and_then(|like| key(name, like));
                    let found = key.and_then(|key| map.get(&key));
                    let walk = self.one_name_on();
                    let last = walk.path.is_empty() && self.question.is_presence();
                    found.is_some_and(|found| last || walk.value(found, &element(kind)))
                }
                None => self.question.has && map.keys().any(|key| self.is_named(&key_text(key))),
            },
            _ => self.path.is_empty() && scalar::value_is(self.question, value, kind),
        }
    }

    /// `m:name`: whether a field of a message is set.
    fn has_field(self, message: &DynamicMessage) -> bool {
        let named = |field: &FieldDescriptor| {
            self.is_named(field.name()) || self.is_named(field.json_name())
        };
        self.question.has
            && (self.question.is_presence() || message.fields().any(|(field, _)| named(&field)))
    }

    fn is_named(self, name: &str) -> bool {
        self.question.value.compares(Compare::Equal, name)
    }

    fn any(self, any: &DynamicMessage) -> bool {
        let text = any.get_field_by_number(1);
        let type_url = text.as_deref().and_then(Value::as_str).unwrap_or_default();
        match self.path {
            [only] if only == "@type" => return type_is(self.question, type_url),
            [] if self.question.is_presence() => return true,
            _ => {}
        }
        let descriptor = any.descriptor().parent_pool().get_message_by_name(full_name(type_url));
        let bytes = any.get_field_by_number(2);
        let bytes = bytes.as_deref().and_then(Value::as_bytes).cloned().unwrap_or_default();
        let inner = descriptor.and_then(|inner| DynamicMessage::decode(inner, bytes).ok());
        inner.is_some_and(|inner| self.message(&inner))
    }
}

/// Whether a type is asked for, by its URL or by its bare name.
pub(super) fn type_is(question: &Question, type_url: &str) -> bool {
    let bare = full_name(type_url);
    let google = format!("type.googleapis.com/{bare}");
    let is = [type_url, &google, bare].iter().any(|n| question.value.compares(Compare::Equal, n));
    question.compare.equality().is_some_and(|wanted| !bare.is_empty() && is == wanted)
}

/// The kind of a map's values, or the kind itself.
fn element(kind: &Kind) -> Kind {
    match kind {
        Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field().kind(),
        other => other.clone(),
    }
}

/// A map's key from its text.
fn key(text: &str, like: &MapKey) -> Option<MapKey> {
    Some(match like {
        MapKey::Bool(_) => MapKey::Bool(text.parse().ok()?),
        MapKey::I32(_) => MapKey::I32(text.parse().ok()?),
        MapKey::I64(_) => MapKey::I64(text.parse().ok()?),
        MapKey::U32(_) => MapKey::U32(text.parse().ok()?),
        MapKey::U64(_) => MapKey::U64(text.parse().ok()?),
        MapKey::String(_) => MapKey::String(text.to_owned()),
    })
}
