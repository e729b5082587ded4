//! A form of which a message has only one, whatever the order in which its maps and fields
//! came: to compare messages and to make digests of them. It is not the wire format.

use prost_reflect::{DynamicMessage, MapKey, ReflectMessage as _, Value};

use crate::json::LEVELS_MAX;

/// The one form of a message. Every Any is read through the message's own descriptor pool,
/// and its type URL counts from the last slash; one that can't be read is taken as it is.
#[must_use]
pub fn canonical(message: &DynamicMessage) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_message(message, 0, &mut out);
    out
}

fn write_message(message: &DynamicMessage, level: usize, out: &mut Vec<u8>) {
    if message.descriptor().full_name() == "google.protobuf.Any" && level <= LEVELS_MAX {
        return write_any(message, level, out);
    }
    let mut fields: Vec<(u32, &Value)> = message
        .fields()
        .map(|(field, value)| (field.number(), value))
        .chain(message.extensions().map(|(field, value)| (field.number(), value)))
        .collect();
    fields.sort_by_key(|(number, _)| *number);
    for (number, value) in fields {
        part(&number.to_be_bytes(), out);
        sized(out, |out| write_value(value, level, out));
    }
    // Those of one number keep their order, which may mean something.
    let mut unknown: Vec<_> = message.unknown_fields().collect();
    unknown.sort_by_key(|field| field.number());
    for field in unknown {
        part(b"unknown", out);
        sized(out, |out| field.encode(out));
    }
}

fn write_any(message: &DynamicMessage, level: usize, out: &mut Vec<u8>) {
    let (url, bytes) = (message.get_field_by_number(1), message.get_field_by_number(2));
    let url = url.as_deref().and_then(Value::as_str).unwrap_or_default();
    let bytes = bytes.as_deref().and_then(Value::as_bytes).cloned().unwrap_or_default();
    let name = url.rsplit('/').next().unwrap_or_default();
    part(name.as_bytes(), out);
    let descriptor = message.descriptor().parent_pool().get_message_by_name(name);
    let inner = descriptor.and_then(|inner| DynamicMessage::decode(inner, bytes.clone()).ok());
    match inner {
        Some(inner) => sized(out, |out| write_message(&inner, level + 1, out)),
        None => part(&bytes, out),
    }
}

fn write_value(value: &Value, level: usize, out: &mut Vec<u8>) {
    match value {
        Value::Bool(value) => out.push(u8::from(*value)),
        Value::I32(value) | Value::EnumNumber(value) => out.extend(value.to_be_bytes()),
        Value::I64(value) => out.extend(value.to_be_bytes()),
        Value::U32(value) => out.extend(value.to_be_bytes()),
        Value::U64(value) => out.extend(value.to_be_bytes()),
        Value::F32(value) => out.extend(value.to_bits().to_be_bytes()),
        Value::F64(value) => out.extend(value.to_bits().to_be_bytes()),
        Value::String(value) => out.extend(value.as_bytes()),
        Value::Bytes(value) => out.extend(value),
        Value::Message(message) => write_message(message, level + 1, out),
        Value::List(items) => {
            for item in items {
                sized(out, |out| write_value(item, level, out));
            }
        }
        Value::Map(map) => {
            let mut entries: Vec<(&MapKey, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            for (key, value) in entries {
                sized(out, |out| write_value(&key.clone().into(), level, out));
                sized(out, |out| write_value(value, level, out));
            }
        }
    }
}

/// Every part is preceded by its length, so that none can look like two.
fn part(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as u64).to_be_bytes());
    out.extend(bytes);
}

fn sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 8]);
    write(out);
    let length = (out.len() - start - 8) as u64;
    out[start..start + 8].copy_from_slice(&length.to_be_bytes());
}
