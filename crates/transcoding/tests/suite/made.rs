//! Random messages of any type, from its descriptor: whatever JSON can say of it.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

/// Fields of one message that are set.
const FIELDS_MAX: usize = 6;
/// Items of a list, entries of a map.
const ITEMS_MAX: usize = 3;

/// What an Any holds, if it is declared.
const PACKED: [&str; 12] = [
    "google.protobuf.Any",
    "google.protobuf.BytesValue",
    "google.protobuf.Duration",
    "google.protobuf.Empty",
    "google.protobuf.FieldMask",
    "google.protobuf.Struct",
    "google.protobuf.Timestamp",
    "google.protobuf.UInt64Value",
    "google.protobuf.Value",
    "google.rpc.BadRequest",
    "google.rpc.ErrorInfo",
    "google.rpc.RetryInfo",
];

/// Messages of one type, with at most `depth` levels of others in them.
pub(crate) fn message(of: &MessageDescriptor, depth: usize) -> BoxedStrategy<DynamicMessage> {
    match of.full_name() {
        "google.protobuf.Any" => any_message(of, depth),
        "google.protobuf.Timestamp" => {
            let parts = (-62_135_596_800i64..=253_402_300_799, nanos());
            timed(of, parts.boxed())
        }
        "google.protobuf.Duration" => {
            let sign = select(&[-1, 1]);
            let parts = (0i64..=315_576_000_000, nanos(), sign)
                .prop_map(|(seconds, nanos, sign)| (seconds * i64::from(sign), nanos * sign));
            // Not a nanosecond over the end.
            timed(of, parts.prop_filter("too long", |(s, _)| s.abs() < 315_576_000_000).boxed())
        }
        "google.protobuf.FieldMask" => {
            let word = "[a-z][a-z0-9]{0,3}(_[a-z][a-z0-9]{0,2}){0,2}";
            let path = prop::collection::vec(word, 1..3).prop_map(|words| words.join("."));
            let paths = prop::collection::vec(path.prop_map(Value::String), 0..=ITEMS_MAX);
            first_field(of, paths.prop_map(Value::List).boxed())
        }
        // With no kind it is no value.
        "google.protobuf.Value" => plain(of, depth, 1),
        _ => plain(of, depth, 0),
    }
}

/// With at least `fewest` of the fields that the descriptor has.
fn plain(of: &MessageDescriptor, depth: usize, fewest: usize) -> BoxedStrategy<DynamicMessage> {
    let nests = |field: &FieldDescriptor| match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            matches!(entry.map_entry_value_field().kind(), Kind::Message(_))
        }
        kind => matches!(kind, Kind::Message(_)),
    };
    let fields: Vec<_> = of.fields().filter(|field| depth > 0 || !nests(field)).collect();
    let most = fields.len().min(FIELDS_MAX);
    let of = of.clone();
    subsequence(fields, fewest..=most)
        .prop_shuffle()
        .prop_flat_map(move |fields| {
            let set = |field: FieldDescriptor| {
                value(&field, depth).prop_map(move |value| (field.clone(), value))
            };
            fields.into_iter().map(set).collect::<Vec<_>>()
        })
        .prop_map(move |set| {
            let mut message = DynamicMessage::new(of.clone());
            // Of a oneof the last one stays.
            set.into_iter().for_each(|(field, value)| message.set_field(&field, value));
            message
        })
        .boxed()
}

fn value(field: &FieldDescriptor, depth: usize) -> BoxedStrategy<Value> {
    if field.is_list() {
        let items = prop::collection::vec(single(&field.kind(), depth), 0..=ITEMS_MAX);
        return items.prop_map(Value::List).boxed();
    }
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let key = map_key(&entry.map_entry_key_field().kind());
            let value = single(&entry.map_entry_value_field().kind(), depth);
            prop::collection::hash_map(key, value, 0..=ITEMS_MAX).prop_map(Value::Map).boxed()
        }
        // The numbers of JSON, which a google.protobuf.Value has, are finite.
        Kind::Double if field.parent_message().full_name() == "google.protobuf.Value" => {
            any::<f64>().prop_map(Value::F64).boxed()
        }
        kind => single(&kind, depth),
    }
}

fn single(kind: &Kind, depth: usize) -> BoxedStrategy<Value> {
    match kind {
        Kind::Double => double().prop_map(Value::F64).boxed(),
        Kind::Float => float().prop_map(Value::F32).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            edged(&[i32::MIN, -1, 0, i32::MAX]).prop_map(Value::I32).boxed()
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            edged(&[i64::MIN, -1, 0, (1 << 53) + 1, i64::MAX]).prop_map(Value::I64).boxed()
        }
        Kind::Uint32 | Kind::Fixed32 => edged(&[0, u32::MAX]).prop_map(Value::U32).boxed(),
        Kind::Uint64 | Kind::Fixed64 => {
            edged(&[0, (1 << 53) + 1, u64::MAX]).prop_map(Value::U64).boxed()
        }
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::String => any::<String>().prop_map(Value::String).boxed(),
        Kind::Bytes => any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())).boxed(),
        Kind::Enum(of) => {
            let declared: Vec<i32> = of.values().map(|value| value.number()).collect();
            // NullValue has but one text.
            let unknown = if of.full_name() == "google.protobuf.NullValue" { 0 } else { 1 };
            prop_oneof![4 => select(declared), unknown => any::<i32>()]
                .prop_map(Value::EnumNumber)
                .boxed()
        }
        Kind::Message(of) => message(of, depth.saturating_sub(1)).prop_map(Value::Message).boxed(),
    }
}

fn map_key(kind: &Kind) -> BoxedStrategy<MapKey> {
    match kind {
        Kind::Bool => any::<bool>().prop_map(MapKey::Bool).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => any::<i32>().prop_map(MapKey::I32).boxed(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => any::<i64>().prop_map(MapKey::I64).boxed(),
        Kind::Uint32 | Kind::Fixed32 => any::<u32>().prop_map(MapKey::U32).boxed(),
        Kind::Uint64 | Kind::Fixed64 => any::<u64>().prop_map(MapKey::U64).boxed(),
        Kind::String => any::<String>().prop_map(MapKey::String).boxed(),
        kind => unreachable!("protobuf has no map keys of {kind:?}"),
    }
}

/// Any number, and these more often.
fn edged<T: Arbitrary + Clone + 'static>(edges: &'static [T]) -> impl Strategy<Value = T> {
    prop_oneof![select(edges), any::<T>()]
}

/// Never -0, which where there is no presence is the default 0.
fn double() -> impl Strategy<Value = f64> {
    edged(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::MAX])
        .prop_map(|value| value + 0.0)
}

/// As [`double`].
fn float() -> impl Strategy<Value = f32> {
    edged(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, f32::MAX])
        .prop_map(|value| value + 0.0)
}

/// Of 0, 3, 6 or 9 digits.
fn nanos() -> impl Strategy<Value = i32> {
    (0i32..1_000_000_000, select(&[1, 1_000, 1_000_000, 1_000_000_000]))
        .prop_map(|(nanos, unit)| nanos - nanos % unit)
}

fn timed(
    of: &MessageDescriptor,
    parts: BoxedStrategy<(i64, i32)>,
) -> BoxedStrategy<DynamicMessage> {
    let of = of.clone();
    parts
        .prop_map(move |(seconds, nanos)| {
            let mut message = DynamicMessage::new(of.clone());
            message.set_field_by_number(1, Value::I64(seconds));
            message.set_field_by_number(2, Value::I32(nanos));
            message
        })
        .boxed()
}

fn first_field(
    of: &MessageDescriptor,
    value: BoxedStrategy<Value>,
) -> BoxedStrategy<DynamicMessage> {
    let of = of.clone();
    value
        .prop_map(move |value| {
            let mut message = DynamicMessage::new(of.clone());
            message.set_field_by_number(1, value);
            message
        })
        .boxed()
}

/// One that holds nothing, or a message of a type that is declared.
fn any_message(of: &MessageDescriptor, depth: usize) -> BoxedStrategy<DynamicMessage> {
    let nothing = Just(DynamicMessage::new(of.clone()));
    let types = packed(of.parent_pool());
    if depth == 0 || types.is_empty() {
        return nothing.boxed();
    }
    let of = of.clone();
    let host = select(&["type.googleapis.com", "example.com/types"]);
    let packed = (select(types), host).prop_flat_map(move |(inner, host)| {
        let of = of.clone();
        message(&inner, depth - 1).prop_map(move |value| {
            let mut any = DynamicMessage::new(of.clone());
            let url = format!("{host}/{}", inner.full_name());
            any.set_field_by_number(1, Value::String(url));
            let bytes = prost::Message::encode_to_vec(&value);
            any.set_field_by_number(2, Value::Bytes(bytes.into()));
            any
        })
    });
    prop_oneof![1 => nothing, 7 => packed].boxed()
}

fn packed(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    PACKED.iter().filter_map(|name| pool.get_message_by_name(name)).collect()
}
