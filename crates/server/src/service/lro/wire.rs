//! Single fields of an encoded message: replaced without decoding the rest, so that all else
//! keeps its bytes, unknown fields too.

use std::borrow::Cow;

use bytes::Buf as _;
use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint, skip_field};

/// A field's new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A text, or an encoded message.
    Bytes(Vec<u8>),
    /// `true`.
    True,
}

/// The message with these fields set, or cleared where there is no value; in the order of
/// the fields' numbers, as encoders write them. `None` if it is no message.
pub(super) fn replace(message: &[u8], fields: &[(u32, Option<Field>)]) -> Option<Vec<u8>> {
    let mut parts: Vec<(u32, Cow<'_, [u8]>)> = Vec::new();
    for (number, _, whole) in split(message) {
        let whole = whole?;
        if !fields.iter().any(|(own, _)| *own == number) {
            parts.push((number, whole.into()));
        }
    }
    for (number, value) in fields {
        let mut part = Vec::new();
        match value {
            None => continue,
            Some(Field::True) => {
                encode_key(*number, WireType::Varint, &mut part);
                encode_varint(1, &mut part);
            }
            Some(Field::Bytes(bytes)) => {
                encode_key(*number, WireType::LengthDelimited, &mut part);
                encode_varint(bytes.len() as u64, &mut part);
                part.extend_from_slice(bytes);
            }
        }
        parts.push((*number, part.into()));
    }
    // One number's fields stay in the order in which they stood.
    parts.sort_by_key(|(number, _)| *number);
    Some(parts.into_iter().flat_map(|(_, part)| part.into_owned()).collect())
}

/// The text of a field; the last one counts. `None` if there is none.
pub(super) fn text_of(message: &[u8], number: u32) -> Option<String> {
    let fields = split(message)
        .filter(|(found, kind, _)| *found == number && *kind == WireType::LengthDelimited);
    let (.., whole) = fields.last()?;
    let mut rest = whole?;
    decode_key(&mut rest).ok()?;
    prost::encoding::decode_varint(&mut rest).ok()?;
    String::from_utf8(rest.to_vec()).ok()
}

/// The fields, each with its key: number, wire type and bytes. A last one without bytes says
/// that the message breaks off.
fn split(message: &[u8]) -> impl Iterator<Item = (u32, WireType, Option<&[u8]>)> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest;
        let read: Result<_, prost::DecodeError> =
            decode_key(&mut rest).and_then(|(number, kind)| {
                skip_field(kind, number, &mut rest, DecodeContext::default())?;
                Ok((number, kind))
            });
        Some(match read {
            Ok((number, kind)) => (number, kind, Some(&start[..start.len() - rest.remaining()])),
            Err(_) => {
                rest = &[];
                (0, WireType::Varint, None)
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_replaced_and_all_else_stays() {
        // 1: 5, 2: "ab", 9: group, 2: "c"
        let message = [0x08, 5, 0x12, 2, b'a', b'b', 0x4b, 0x08, 1, 0x4c, 0x12, 1, b'c'];
        assert_eq!(text_of(&message, 2).as_deref(), Some("c"));
        assert_eq!((text_of(&message, 1), text_of(&message, 3)), (None, None));
        let set = [(2, Some(Field::Bytes(b"z".to_vec()))), (1, None), (3, Some(Field::True))];
        let replaced = replace(&message, &set).unwrap();
        assert_eq!(replaced, [0x12, 1, b'z', 0x18, 1, 0x4b, 0x08, 1, 0x4c]);
        assert_eq!(replace(&replaced, &set).unwrap(), replaced);
        assert_eq!(replace(&[], &[]), Some(vec![]));
        for broken in [&[0x12, 9, 1][..], &[0x08], &[0xff], &[0x4b, 0x08, 1]] {
            assert_eq!(replace(broken, &set), None, "{broken:?}");
        }
    }
}
