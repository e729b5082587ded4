//! How many messages bytes hold, found out before they are decoded: a message of two bytes
//! takes up to a kilobyte.

use prost::bytes::Buf;
use prost::encoding::decode_varint;
use prost_reflect::{Kind, MessageDescriptor};

/// Takes from `left` each message below the outermost (a map's entry is none), and each
/// unknown field, which is kept with as much effort; `None` when that is not enough. Bytes
/// that are no message are somebody else's affair.
pub(crate) fn count(descriptor: &MessageDescriptor, bytes: &[u8], left: &mut usize) -> Option<()> {
    let mut messages = vec![(Some(descriptor.clone()), bytes)];
    // A group's fields stand among those of the message that it is in.
    let mut around = Vec::new();
    while let Some((mut owner, mut bytes)) = messages.pop() {
        around.clear();
        while !bytes.is_empty() {
            let Ok(key) = decode_varint(&mut bytes) else { break };
            let number = u32::try_from(key >> 3).unwrap_or_default();
            let field = owner.as_ref().and_then(|owner| owner.get_field(number));
            let kind = field.as_ref().map(prost_reflect::FieldDescriptor::kind);
            let inner = match &kind {
                Some(Kind::Message(inner)) => Some(inner.clone()),
                _ => None,
            };
            let counts = match &inner {
                Some(inner) => !inner.is_map_entry(),
                None => kind.is_none(),
            };
            if counts && key & 7 != 4 {
                *left = left.checked_sub(1)?;
            }
            let skipped = match key & 7 {
                0 => {
                    if decode_varint(&mut bytes).is_err() {
                        break;
                    }
                    0
                }
                1 => 8,
                2 => {
                    let length =
                        decode_varint(&mut bytes).ok().and_then(|n| usize::try_from(n).ok());
                    let Some(length) = length.filter(|length| *length <= bytes.len()) else {
                        break;
                    };
                    if inner.is_some() {
                        messages.push((inner, &bytes[..length]));
                    }
                    length
                }
                3 => {
                    around.push(std::mem::replace(&mut owner, inner));
                    0
                }
                4 => {
                    let Some(outer) = around.pop() else { break };
                    owner = outer;
                    0
                }
                _ => 4,
            };
            bytes.advance(skipped.min(bytes.len()));
        }
    }
    Some(())
}
