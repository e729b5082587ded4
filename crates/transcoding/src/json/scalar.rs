//! Scalars: leniency in, one form out.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use prost_reflect::{EnumDescriptor, Kind, Value};

use super::Tree;

/// The enum whose one value is `null`.
pub(super) const NULL_VALUE: &str = "google.protobuf.NullValue";

/// Padding and the bits behind the last byte may be anything when read.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The value of a scalar or enum kind; `None` if the tree isn't of it.
pub(super) fn parse(kind: &Kind, tree: &Tree) -> Option<Value> {
    match (kind, tree) {
        (Kind::Bool, Tree::Bool(value)) => Some(Value::Bool(*value)),
        (Kind::String, Tree::Text(text)) => Some(Value::String(text.clone())),
        (Kind::Bytes, Tree::Text(text)) => base64(text).map(|bytes| Value::Bytes(bytes.into())),
        (Kind::Int32 | Kind::Sint32 | Kind::Sfixed32, _) => int(tree).map(Value::I32),
        (Kind::Int64 | Kind::Sint64 | Kind::Sfixed64, _) => int(tree).map(Value::I64),
        (Kind::Uint32 | Kind::Fixed32, _) => int(tree).map(Value::U32),
        (Kind::Uint64 | Kind::Fixed64, _) => int(tree).map(Value::U64),
        (Kind::Double, _) => float(tree).map(Value::F64),
        (Kind::Float, _) => float(tree).and_then(narrow).map(Value::F32),
        (Kind::Enum(descriptor), _) => enumeration(descriptor, tree),
        (Kind::Bool | Kind::String | Kind::Bytes | Kind::Message(_), _) => None,
    }
}

/// As error texts name a kind: `TYPE_INT32`, or a type URL.
pub(super) fn name(kind: &Kind) -> String {
    match kind {
        Kind::Enum(descriptor) => format!("type.googleapis.com/{}", descriptor.full_name()),
        Kind::Message(descriptor) => format!("type.googleapis.com/{}", descriptor.full_name()),
        scalar => format!("TYPE_{}", format!("{scalar:?}").to_ascii_uppercase()),
    }
}

fn int<T: TryFrom<i128>>(tree: &Tree) -> Option<T> {
    let whole = |value: f64| {
        let exact = value.fract() == 0.0 && value.abs() < 2f64.powi(100);
        exact.then_some(value as i128)
    };
    let value = match tree {
        Tree::Int(value) => *value,
        Tree::Float(value) => whole(*value)?,
        Tree::Text(text) => text.parse().ok().or_else(|| number(text).and_then(whole))?,
        _ => return None,
    };
    T::try_from(value).ok()
}

fn float(tree: &Tree) -> Option<f64> {
    match tree {
        Tree::Int(value) => Some(*value as f64),
        Tree::Float(value) => Some(*value),
        Tree::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => number(text),
        },
        _ => None,
    }
}

/// The nearest `f32`, if there is one: the text of the largest is a little more than it is.
fn narrow(value: f64) -> Option<f32> {
    let narrow = value as f32;
    (narrow.is_finite() || !value.is_finite()).then_some(narrow)
}

/// A finite number. Rust also reads words for others, which JSON spells its own way.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn enumeration(descriptor: &EnumDescriptor, tree: &Tree) -> Option<Value> {
    let number = match tree {
        Tree::Null if descriptor.full_name() == NULL_VALUE => Some(0),
        Tree::Text(text) => {
            let named = descriptor.get_value_by_name(text).map(|value| value.number());
            named.or_else(|| text.parse().ok())
        }
        _ => int(tree),
    };
    number.map(Value::EnumNumber)
}

/// Standard or URL-safe, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let url_safe = text.contains(['-', '_']);
    let engine = if url_safe { URL_SAFE } else { STANDARD };
    engine.decode(text).ok()
}

/// Standard, padded.
pub(super) fn print_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_both_ways() {
        let table: [(&[u8], &str); 6] = [
            (b"", ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\xff\xfe", "//4="),
            (b"\xff\xfe\x00", "//4A"),
        ];
        for (bytes, text) in table {
            assert_eq!(print_base64(bytes), text);
            let url_safe = text.replace('/', "_");
            for text in
                [text, text.trim_end_matches('='), &url_safe, url_safe.trim_end_matches('=')]
            {
                assert_eq!(base64(text).as_deref(), Some(bytes), "{text}");
            }
        }
        // Bits that say nothing are no error.
        assert_eq!(base64("-_").as_deref(), Some(b"\xfb".as_slice()));
        for text in ["A", "A===", "Zm9v!", "====", "Zm 9v", "Zm9v\n", "-/"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    #[test]
    fn integers_are_read_as_leniently_as_google_reads_them() {
        let text = |text: &str| Tree::Text(text.to_owned());
        let table = [
            (Kind::Int32, Tree::Int(5), Some(Value::I32(5))),
            (Kind::Int32, text("5"), Some(Value::I32(5))),
            (Kind::Int32, text("-5"), Some(Value::I32(-5))),
            (Kind::Int32, text("5.0"), Some(Value::I32(5))),
            (Kind::Int32, text("1e3"), Some(Value::I32(1000))),
            (Kind::Int32, Tree::Float(5.0), Some(Value::I32(5))),
            (Kind::Int32, Tree::Float(-0.0), Some(Value::I32(0))),
            (Kind::Int32, Tree::Float(5.5), None),
            (Kind::Int32, Tree::Float(1e300), None),
            (Kind::Int32, text("5.5"), None),
            (Kind::Int32, text(""), None),
            (Kind::Int32, text(" 5"), None),
            (Kind::Int32, text("5 "), None),
            (Kind::Int32, text("inf"), None),
            (Kind::Int32, text("NaN"), None),
            (Kind::Int32, Tree::Bool(true), None),
            (Kind::Int32, Tree::Null, None),
            (Kind::Int32, Tree::Int(2_147_483_647), Some(Value::I32(i32::MAX))),
            (Kind::Int32, Tree::Int(2_147_483_648), None),
            (Kind::Sint32, Tree::Int(-2_147_483_648), Some(Value::I32(i32::MIN))),
            (Kind::Sfixed32, Tree::Int(-2_147_483_649), None),
            (Kind::Uint32, Tree::Int(-1), None),
            (Kind::Uint32, Tree::Int(4_294_967_295), Some(Value::U32(u32::MAX))),
            (Kind::Fixed32, Tree::Int(4_294_967_296), None),
            (Kind::Int64, text("abc"), None),
            (Kind::Int64, text("-9223372036854775808"), Some(Value::I64(i64::MIN))),
            (Kind::Sfixed64, text("9223372036854775808"), None),
            (Kind::Uint64, text("18446744073709551615"), Some(Value::U64(u64::MAX))),
            (Kind::Fixed64, text("18446744073709551616"), None),
        ];
        for (kind, tree, value) in table {
            assert_eq!(parse(&kind, &tree), value, "{kind:?} {tree:?}");
        }
    }

    #[test]
    fn floats_have_three_words_and_no_more() {
        let text = |text: &str| Tree::Text(text.to_owned());
        let table = [
            (Kind::Double, text("Infinity"), Some(Value::F64(f64::INFINITY))),
            (Kind::Double, text("-Infinity"), Some(Value::F64(f64::NEG_INFINITY))),
            (Kind::Float, text("Infinity"), Some(Value::F32(f32::INFINITY))),
            (Kind::Double, text("1.5e-7"), Some(Value::F64(1.5e-7))),
            (Kind::Double, Tree::Int(3), Some(Value::F64(3.0))),
            (Kind::Double, text("inf"), None),
            (Kind::Double, text("infinity"), None),
            (Kind::Double, text("nan"), None),
            (Kind::Double, text("-NaN"), None),
            (Kind::Double, text("1e400"), None),
            (Kind::Double, text(""), None),
            (Kind::Float, Tree::Float(1e39), None),
            (Kind::Float, Tree::Float(-3.5e38), None),
            (Kind::Float, Tree::Float(1.5), Some(Value::F32(1.5))),
            (Kind::Float, Tree::Float(3.4028235e38), Some(Value::F32(f32::MAX))),
        ];
        for (kind, tree, value) in table {
            assert_eq!(parse(&kind, &tree), value, "{kind:?} {tree:?}");
        }
        assert!(
            matches!(parse(&Kind::Double, &text("NaN")), Some(Value::F64(nan)) if nan.is_nan())
        );
    }

    #[test]
    fn nothing_else_is_taken_for_another_kind() {
        let text = |text: &str| Tree::Text(text.to_owned());
        let table = [
            (Kind::Bool, text("true"), "TYPE_BOOL"),
            (Kind::Bool, Tree::Int(1), "TYPE_BOOL"),
            (Kind::String, Tree::Int(1), "TYPE_STRING"),
            (Kind::String, Tree::Null, "TYPE_STRING"),
            (Kind::Bytes, Tree::Int(1), "TYPE_BYTES"),
            (Kind::Sfixed64, Tree::List(vec![]), "TYPE_SFIXED64"),
        ];
        for (kind, tree, expected) in table {
            assert_eq!(parse(&kind, &tree), None, "{kind:?} {tree:?}");
            assert_eq!(name(&kind), expected);
        }
    }
}
