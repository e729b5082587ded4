//! Whether what a message carries can be read by somebody else.

use prost_reflect::bytes::Bytes;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage as _, Value};

use crate::Violation;
use crate::count::count;
use crate::json::{LEVELS_MAX, MESSAGES_MAX, Path, key_text, out_of_range};
use crate::violation::short;

/// Checks that JSON can say a message: the type of every Any, nested ones too, is in the
/// message's own descriptor pool and its bytes are of that type, every Timestamp and
/// Duration is in its range, and every number of a Value is finite.
///
/// # Errors
/// Names the first thing that isn't so, and where it is.
pub fn check_any_types(message: &DynamicMessage) -> Result<(), Violation> {
    check(message, &Path::Root, 0, &mut { MESSAGES_MAX })
}

/// Decodes a message, unless it holds so many others that it would take too much memory.
///
/// # Errors
/// Says what is wrong.
pub fn decode(descriptor: &MessageDescriptor, bytes: &[u8]) -> Result<DynamicMessage, Violation> {
    counted(descriptor, bytes, &mut { MESSAGES_MAX }).map_err(|why| Violation::new("", why))
}

/// As [`decode`]; takes from `left` what it holds.
fn counted(
    descriptor: &MessageDescriptor,
    bytes: &[u8],
    left: &mut usize,
) -> Result<DynamicMessage, String> {
    if count(descriptor, bytes, left).is_none() {
        return Err(format!("more than {MESSAGES_MAX} messages in all"));
    }
    let name = descriptor.full_name();
    DynamicMessage::decode(descriptor.clone(), bytes)
        .map_err(|error| format!("the value is no valid {name}: {error}"))
}

fn check(
    message: &DynamicMessage,
    path: &Path<'_>,
    level: usize,
    left: &mut usize,
) -> Result<(), Violation> {
    let refuse = |why: String| Err(Violation::new(path.to_string(), why));
    if level > LEVELS_MAX {
        return refuse(format!("more than {LEVELS_MAX} levels of nesting"));
    }
    if let Some(name) = out_of_range(message) {
        return refuse(format!("the {name} is out of range"));
    }
    if message.descriptor().full_name() == "google.protobuf.Any" {
        return any(message, path, level, left);
    }
    for (field, value) in message.fields() {
        let path = Path::Field(path, field.name());
        match value {
            Value::Message(inner) => check(inner, &path, level + 1, left)?,
            Value::List(items) => {
                for (index, inner) in items.iter().enumerate() {
                    let Value::Message(inner) = inner else { break };
                    check(inner, &Path::Index(&path, index), level + 1, left)?;
                }
            }
            Value::Map(map) => {
                for (key, inner) in map {
                    let Value::Message(inner) = inner else { break };
                    check(inner, &Path::Key(&path, &key_text(key)), level + 1, left)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The type URL and the bytes of an Any.
pub(crate) fn parts(message: &DynamicMessage) -> (String, Bytes) {
    let (url, bytes) = (message.get_field_by_number(1), message.get_field_by_number(2));
    let url = url.as_deref().and_then(Value::as_str).unwrap_or_default().to_owned();
    (url, bytes.as_deref().and_then(Value::as_bytes).cloned().unwrap_or_default())
}

fn any(
    message: &DynamicMessage,
    path: &Path<'_>,
    level: usize,
    left: &mut usize,
) -> Result<(), Violation> {
    let refuse = |why: String| Err(Violation::new(path.to_string(), why));
    let (url, bytes) = parts(message);
    if url.is_empty() && bytes.is_empty() {
        return Ok(());
    }
    let name = url.rsplit_once('/').map(|(_, name)| name).unwrap_or_default();
    let Some(descriptor) = message.descriptor().parent_pool().get_message_by_name(name) else {
        return refuse(format!("no descriptor declares the type \"{}\"", short(&url, 256)));
    };
    match counted(&descriptor, &bytes, left) {
        Ok(inner) => check(&inner, path, level + 1, left),
        Err(why) => refuse(why),
    }
}
