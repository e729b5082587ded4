//! A digest of what a request says, however it was encoded: fields in the order of their
//! numbers, maps in that of their keys, an Any by what is in it.

use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, ReflectMessage as _, Value};
use sha2::{Digest as _, Sha256};

/// The digest of a message without one of its fields.
pub(super) fn digest(message: &DynamicMessage, without: Option<&FieldDescriptor>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    add_message(&mut hasher, message, without);
    hasher.finalize().into()
}

fn add_message(hasher: &mut Sha256, message: &DynamicMessage, without: Option<&FieldDescriptor>) {
    if let Some(inner) = inside(message) {
        add_bytes(hasher, inner.descriptor().full_name().as_bytes());
        return add_message(hasher, &inner, None);
    }
    for (field, value) in message.fields().filter(|(field, _)| Some(field) != without) {
        // A field that can't be told from an absent one is one.
        if !field.supports_presence() && !message.has_field(&field) {
            continue;
        }
        hasher.update(field.number().to_be_bytes());
        add_value(hasher, value);
    }
    for field in message.unknown_fields() {
        let mut bytes = Vec::new();
        field.encode(&mut bytes);
        hasher.update(field.number().to_be_bytes());
        add_bytes(hasher, &bytes);
    }
    // No field has the number 0: here the message ends.
    hasher.update(0_u32.to_be_bytes());
}

/// The message in an Any; what can't be read counts by its bytes.
fn inside(message: &DynamicMessage) -> Option<DynamicMessage> {
    if message.descriptor().full_name() != "google.protobuf.Any" {
        return None;
    }
    let url = message.get_field_by_number(1)?;
    let (_, name) = url.as_str()?.rsplit_once('/')?;
    let descriptor = message.descriptor().parent_pool().get_message_by_name(name)?;
    let value = message.get_field_by_number(2)?;
    DynamicMessage::decode(descriptor, value.as_bytes()?.clone()).ok()
}

fn add_value(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Bool(value) => hasher.update([u8::from(*value)]),
        Value::I32(value) | Value::EnumNumber(value) => hasher.update(value.to_be_bytes()),
        Value::I64(value) => hasher.update(value.to_be_bytes()),
        Value::U32(value) => hasher.update(value.to_be_bytes()),
        Value::U64(value) => hasher.update(value.to_be_bytes()),
        Value::F32(value) => hasher.update(value.to_be_bytes()),
        Value::F64(value) => hasher.update(value.to_be_bytes()),
        Value::String(text) => add_bytes(hasher, text.as_bytes()),
        Value::Bytes(bytes) => add_bytes(hasher, bytes),
        Value::Message(message) => add_message(hasher, message, None),
        Value::List(items) => {
            hasher.update((items.len() as u64).to_be_bytes());
            for item in items {
                add_value(hasher, item);
            }
        }
        Value::Map(map) => {
            hasher.update((map.len() as u64).to_be_bytes());
            let mut entries: Vec<(&MapKey, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            for (key, value) in entries {
                add_value(hasher, &Value::from(key.clone()));
                add_value(hasher, value);
            }
        }
    }
}

fn add_bytes(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}
