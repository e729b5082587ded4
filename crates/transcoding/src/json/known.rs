//! The well-known types that JSON doesn't write field by field.

use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, ReflectMessage as _, Value};

use super::parse::Reader;
use super::{Path, Tree, mask, scalar, time};
use crate::Violation;
use crate::violation::short;

/// Types that an Any holds under `value`.
pub(crate) fn has_special_form(name: &str) -> bool {
    name.strip_prefix("google.protobuf.").is_some_and(|short| {
        is_wrapper(short)
            || matches!(short, "Any" | "Timestamp" | "Duration" | "FieldMask" | "Empty")
            || matches!(short, "Struct" | "Value" | "ListValue")
    })
}

/// Types that are one scalar, by the name in `google.protobuf`.
pub(crate) fn is_wrapper(short: &str) -> bool {
    matches!(
        short,
        "DoubleValue"
            | "FloatValue"
            | "Int64Value"
            | "UInt64Value"
            | "Int32Value"
            | "UInt32Value"
            | "BoolValue"
            | "StringValue"
            | "BytesValue"
    )
}

const VALUE: &str = "google.protobuf.Value";

/// The name of the type, if the message is one that JSON can't say: a Timestamp or Duration
/// that has no text, or a Value that is no finite number.
pub(crate) fn out_of_range(message: &DynamicMessage) -> Option<&'static str> {
    if let Some(time) = time::print(message) {
        return time.err();
    }
    let is_value = message.descriptor().full_name() == VALUE;
    let endless = |value: &Value| value.as_f64().is_some_and(|number| !number.is_finite());
    let number = message.get_field_by_number(2);
    (is_value && number.is_some_and(|value| endless(&value))).then_some(VALUE)
}

impl Reader {
    /// A type of `google.protobuf` in its own form; `None` for those that have none.
    pub(super) fn special(
        &mut self,
        descriptor: &MessageDescriptor,
        short: &str,
        tree: &Tree,
        path: &Path<'_>,
    ) -> Option<Result<DynamicMessage, ()>> {
        let text = match tree {
            Tree::Text(text) => Some(text.as_str()),
            _ => None,
        };
        let timed = |parts: Option<(i64, i32)>| {
            parts.map(|(seconds, nanos)| time::message(descriptor, seconds, nanos)).ok_or(())
        };
        Some(match (short, tree) {
            ("Timestamp", _) => timed(text.and_then(time::parse_timestamp)),
            ("Duration", _) => timed(text.and_then(time::parse_duration)),
            ("FieldMask", _) => match text.and_then(mask::read) {
                Some(paths) => Ok(set_first(descriptor, Value::List(paths))),
                None => Err(()),
            },
            ("Struct", Tree::Object(_)) | ("ListValue", Tree::List(_)) => {
                // What is wrong inside has been said by then.
                let field = descriptor.get_field(1)?;
                let value = self.field(&field, tree, path);
                let mut message = DynamicMessage::new(descriptor.clone());
                if let Some(value) = value {
                    message.set_field(&field, value);
                }
                Ok(message)
            }
            ("Value", _) => self.value(descriptor, tree, path),
            ("Any", Tree::Object(pairs)) => {
                let any = self.any(descriptor, pairs, path);
                Ok(any.unwrap_or_else(|| DynamicMessage::new(descriptor.clone())))
            }
            ("Struct" | "ListValue" | "Any", _) => Err(()),
            (short, _) if is_wrapper(short) => {
                let field = descriptor.get_field(1)?;
                let value = scalar::parse(&field.kind(), tree);
                value.map(|value| set_first(descriptor, value)).ok_or(())
            }
            _ => return None,
        })
    }

    fn value(
        &mut self,
        descriptor: &MessageDescriptor,
        tree: &Tree,
        path: &Path<'_>,
    ) -> Result<DynamicMessage, ()> {
        let (number, value) = match tree {
            Tree::Null => (1, Value::EnumNumber(0)),
            Tree::Int(value) => (2, Value::F64(*value as f64)),
            Tree::Float(value) => (2, Value::F64(*value)),
            Tree::Text(text) => (3, Value::String(text.clone())),
            Tree::Bool(value) => (4, Value::Bool(*value)),
            Tree::Object(_) | Tree::List(_) => {
                let number = if tree.object().is_some() { 5 } else { 6 };
                let field = descriptor.get_field(number).ok_or(())?;
                let Kind::Message(inner) = field.kind() else { return Err(()) };
                // As above: an error inside is no error of this value.
                let inner = self
                    .nested(&inner, tree, path)
                    .unwrap_or_else(|| DynamicMessage::new(inner.clone()));
                (number, Value::Message(inner))
            }
        };
        let mut message = DynamicMessage::new(descriptor.clone());
        message.set_field_by_number(number, value);
        Ok(message)
    }

    /// `{"@type": …}` with the type's fields, or with its special form under `value`.
    fn any(
        &mut self,
        descriptor: &MessageDescriptor,
        pairs: &[(String, Tree)],
        path: &Path<'_>,
    ) -> Option<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        if pairs.is_empty() {
            return Some(message);
        }
        let found = pairs.iter().find(|(key, _)| key == "@type");
        let Some((_, Tree::Text(url))) = found else {
            let why = "an Any needs an \"@type\".";
            self.refuse(|| Violation::invalid(path.to_string(), why));
            return None;
        };
        let name = url.rsplit_once('/').map(|(_, name)| name).unwrap_or_default();
        let Some(inner) = descriptor.parent_pool().get_message_by_name(name) else {
            let why = format!("no descriptor declares the type \"{}\".", short(url, 256));
            self.refuse(|| Violation::invalid(path.to_string(), why));
            return None;
        };
        let mut rest = pairs.iter().filter(|(key, _)| key != "@type");
        let value = if has_special_form(name) {
            match (rest.next(), rest.next()) {
                (Some((key, value)), None) if key == "value" => {
                    self.apart(|reader| reader.message(&inner, value, path))?
                }
                (None, _) if name == "google.protobuf.Empty" => DynamicMessage::new(inner),
                _ => {
                    let why = format!("a {name} in an Any stands under \"value\".");
                    self.refuse(|| Violation::invalid(path.to_string(), why));
                    return None;
                }
            }
        } else {
            let mut value = DynamicMessage::new(inner);
            self.apart(|reader| reader.fields(&mut value, rest, path));
            value
        };
        message.set_field_by_number(1, Value::String(url.clone()));
        let bytes = prost::Message::encode_to_vec(&value);
        if !bytes.is_empty() {
            message.set_field_by_number(2, Value::Bytes(bytes.into()));
        }
        Some(message)
    }
}

/// A message whose field 1 is all that it has.
fn set_first(descriptor: &MessageDescriptor, value: Value) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    message.set_field_by_number(1, value);
    message
}
