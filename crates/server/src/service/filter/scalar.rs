//! Comparisons of what has no fields: numbers, texts, enums, times, and the messages that
//! JSON writes as one of these.

use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};

use crate::operation::filter::{Literal, Question};

/// Compares a scalar of some kind; no value of the kind is equal or unequal to a literal
/// that can be none.
pub(super) fn value_is(question: &Question, found: &Value, kind: &Kind) -> bool {
    let (compare, literal) = (question.compare, &question.value);
    let integer = |found: i128| literal.order_integer(found).map(|is| compare.accepts(Some(is)));
    let equal = |equal: Option<bool>| {
        let wanted = compare.equality()?;
        equal.map(|equal| equal == wanted)
    };
    // Asked of an element of a list: there it is.
    if question.is_presence() {
        return true;
    }
    let holds = match found {
        Value::Bool(found) => equal(literal.boolean().map(|wanted| wanted == *found)),
        Value::I32(found) => integer((*found).into()),
        Value::I64(found) => integer((*found).into()),
        Value::U32(found) => integer((*found).into()),
        Value::U64(found) => integer((*found).into()),
        // As precise as what it is compared with: 0.1 is another number in each.
        Value::F32(found) => literal.float().map(|wanted: f32| compare.holds(found, &wanted)),
        Value::F64(found) => literal.float().map(|wanted: f64| compare.holds(found, &wanted)),
        Value::String(found) => Some(literal.compares(compare, found)),
        Value::Bytes(found) => equal(Some(base64(found) == url_safe(literal.text()))),
        Value::EnumNumber(found) => {
            equal(enum_number(literal, kind).map(|wanted| wanted == *found))
        }
        Value::Message(_) | Value::List(_) | Value::Map(_) => None,
    };
    holds.unwrap_or(false)
}

/// Compares a message that JSON writes as one value; `None` for all others.
pub(super) fn message_is(question: &Question, message: &DynamicMessage) -> Option<bool> {
    if question.is_presence() {
        return None;
    }
    let descriptor = message.descriptor();
    let field = |number: u32| message.get_field_by_number(number);
    let nanos = || {
        let seconds = field(1).and_then(|value| value.as_i64()).unwrap_or_default();
        let nanos = field(2).and_then(|value| value.as_i32()).unwrap_or_default();
        i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
    };
    let compared = |wanted: Option<i128>| {
        wanted.is_some_and(|wanted| question.compare.holds(&nanos(), &wanted))
    };
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => Some(compared(question.value.timestamp())),
        "google.protobuf.Duration" => Some(compared(question.value.duration())),
        "google.protobuf.FieldMask" => Some(mask_is(question, field(1)?.as_ref())),
        "google.protobuf.BoolValue"
        | "google.protobuf.BytesValue"
        | "google.protobuf.DoubleValue"
        | "google.protobuf.FloatValue"
        | "google.protobuf.Int32Value"
        | "google.protobuf.Int64Value"
        | "google.protobuf.StringValue"
        | "google.protobuf.UInt32Value"
        | "google.protobuf.UInt64Value" => {
            Some(value_is(question, field(1)?.as_ref(), &descriptor.get_field(1)?.kind()))
        }
        _ => None,
    }
}

/// A mask has paths; written as one text there are commas between them.
fn mask_is(question: &Question, paths: &Value) -> bool {
    let paths: Vec<&str> =
        paths.as_list().unwrap_or_default().iter().filter_map(Value::as_str).collect();
    if question.has {
        paths.iter().any(|path| question.value.compares(question.compare, path))
    } else {
        question.value.compares(question.compare, &paths.join(","))
    }
}

/// By its name, or its number.
fn enum_number(literal: &Literal, kind: &Kind) -> Option<i32> {
    let (kind, text) = (kind.as_enum()?, literal.text());
    match (kind.get_value_by_name(text), kind.full_name(), text) {
        (Some(value), _, _) => Some(value.number()),
        (None, "google.protobuf.NullValue", "null") => Some(0),
        _ => text.parse().ok(),
    }
}

/// Base64 without its padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |index| DIGITS[(bits >> (18 - 6 * index)) as usize & 63])
    });
    digits.map(char::from).collect()
}

/// Either alphabet of base64, with padding or without, as the one above.
fn url_safe(text: &str) -> String {
    text.trim_end_matches('=').replace('+', "-").replace('/', "_")
}
