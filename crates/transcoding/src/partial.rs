//! Partial responses in protobuf: what a mask shows of a message in JSON.

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, ReflectMessage as _, Value};

use crate::FieldMask;
use crate::any::parts;
use crate::json::{Fallback, Mask, has_special_form, is_wrapper, key_text, selected};

/// The part of a message that a mask selects, as [`print_with`](crate::print_with) shows it. An
/// Any whose type no descriptor gives is selected whole.
#[must_use]
pub fn select(
    message: &DynamicMessage,
    fields: &FieldMask,
    fallback: Fallback<'_>,
) -> DynamicMessage {
    let pool = message.descriptor().parent_pool().clone();
    Selector { pool, fallback }.message(message, Some(fields))
}

struct Selector<'a> {
    pool: DescriptorPool,
    fallback: Fallback<'a>,
}

impl Selector<'_> {
    fn message(&self, message: &DynamicMessage, mask: Mask<'_>) -> DynamicMessage {
        let descriptor = message.descriptor();
        let Some(mask) = mask.filter(|mask| !mask.is_all()) else { return message.clone() };
        // In JSON a Struct is its fields and a Value what it holds: the mask knows no name of theirs.
        let mut nameless = false;
        match descriptor.full_name().strip_prefix("google.protobuf.") {
            Some("Any") => return self.any(message, mask),
            Some("Timestamp" | "Duration" | "FieldMask") => return message.clone(),
            Some(short) if is_wrapper(short) => return message.clone(),
            Some("Struct" | "Value" | "ListValue") => nameless = true,
            _ => {}
        }
        let mut part = DynamicMessage::new(descriptor);
        for (field, value) in message.fields() {
            let inner = match nameless {
                true => Some(Some(mask)),
                false => selected(Some(mask), field.name(), field.json_name()),
            };
            let Some(inner) = inner else { continue };
            let partly = inner.is_some_and(|mask| !mask.is_all());
            if nameless || !partly || matches!(field.kind(), Kind::Message(_)) {
                part.set_field(&field, self.value(value, inner));
            }
        }
        part
    }

    fn value(&self, value: &Value, mask: Mask<'_>) -> Value {
        match value {
            Value::Message(message) => Value::Message(self.message(message, mask)),
            Value::List(items) => {
                let item = |(index, item)| {
                    let fallback = self.fallback.of_element(index);
                    Selector { pool: self.pool.clone(), fallback }.value(item, mask)
                };
                Value::List(items.iter().enumerate().map(item).collect())
            }
            Value::Map(map) => {
                let entry = |(key, value)| {
                    let name = key_text(key);
                    let inner = selected(mask, &name, &name)?;
                    Some((key.clone(), self.value(value, inner)))
                };
                Value::Map(map.iter().filter_map(entry).collect())
            }
            scalar => scalar.clone(),
        }
    }

    fn any(&self, message: &DynamicMessage, mask: &FieldMask) -> DynamicMessage {
        let (url, bytes) = parts(message);
        let Ok(value) = self.fallback.decode(&self.pool, &url, bytes) else {
            return message.clone();
        };
        let name = value.descriptor().full_name().to_owned();
        let part = match has_special_form(&name) {
            true => selected(Some(mask), "value", "value").map(|inner| self.message(&value, inner)),
            false => Some(self.message(&value, Some(mask))),
        };
        let bytes = part.map(|part| part.encode_to_vec()).unwrap_or_default();
        let mut any = message.clone();
        any.set_field_by_number(2, Value::Bytes(bytes.into()));
        any
    }
}
