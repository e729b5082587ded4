//! Messages to JSON, straight into bytes.

use std::fmt;

use prost_reflect::bytes::Bytes;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value,
};

use super::known::{has_special_form, is_wrapper};
use super::{LEVELS_MAX, mask, scalar, time};
use crate::FieldMask;
use crate::any::parts;

/// How to print.
#[derive(Clone, Copy, Debug)]
pub struct PrintOptions<'a> {
    /// Two spaces a level and a final newline.
    pub pretty: bool,
    /// Enums as numbers.
    pub enums_as_ints: bool,
    /// Only these fields.
    pub fields: Option<&'a FieldMask>,
}

/// Where the types of Anys are looked for that the message's own descriptor pool hasn't, or
/// that it can't read the bytes by.
#[derive(Clone, Copy, Debug, Default)]
pub enum Fallback<'a> {
    /// Nowhere.
    #[default]
    None,
    /// In these, one after another.
    Pools(&'a [DescriptorPool]),
    /// For each element of the message's repeated field in its own.
    Elements(&'a [Vec<DescriptorPool>]),
}

impl<'a> Fallback<'a> {
    /// For an element of the message's repeated field.
    pub(crate) fn of_element(self, index: usize) -> Self {
        match self {
            Self::Elements(each) => Self::Pools(each.get(index).map_or(&[][..], Vec::as_slice)),
            all => all,
        }
    }

    /// The message in an Any, by the first descriptor that can read it; the message's own pool
    /// comes first.
    pub(crate) fn decode(
        self,
        own: &DescriptorPool,
        url: &str,
        bytes: Bytes,
    ) -> Result<DynamicMessage, PrintError> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let pools: &'a [DescriptorPool] = match self {
            Self::Pools(pools) => pools,
            Self::None | Self::Elements(_) => &[],
        };
        let mut why = PrintError::UnknownType(url.to_owned());
        for pool in std::iter::once(own).chain(pools) {
            let Some(inner) = pool.get_message_by_name(name) else { continue };
            match DynamicMessage::decode(inner, bytes.clone()) {
                Ok(message) => return Ok(message),
                Err(_) => why = PrintError::BadBytes(url.to_owned()),
            }
        }
        Err(why)
    }
}

/// Why a message can't be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrintError {
    /// No descriptor gives the type of an Any.
    UnknownType(String),
    /// The bytes of an Any aren't of its type.
    BadBytes(String),
    /// A Timestamp or Duration that JSON can't say.
    OutOfRange(&'static str),
    /// Messages in messages without end.
    TooDeep,
}

/// Anys in Anys could go on for ever. What [`check_any_types`](crate::check_any_types)
/// takes can be printed: a level of messages is two of JSON at most.
const DEPTH_MAX: usize = 2 * (LEVELS_MAX + 2);

/// Prints a message: fields in the order of their numbers, defaults left out.
///
/// # Errors
/// [`PrintError`].
pub fn print(message: &DynamicMessage, options: &PrintOptions) -> Result<Vec<u8>, PrintError> {
    print_with(message, options, Fallback::None)
}

/// As [`print()`], with more descriptors for Anys.
///
/// # Errors
/// [`PrintError`].
pub fn print_with(
    message: &DynamicMessage,
    options: &PrintOptions,
    fallback: Fallback<'_>,
) -> Result<Vec<u8>, PrintError> {
    let pool = message.descriptor().parent_pool().clone();
    let mut printer = Printer { out: Vec::with_capacity(512), options, pool, fallback, depth: 0 };
    printer.message(message, options.fields)?;
    if options.pretty {
        printer.out.push(b'\n');
    }
    Ok(printer.out)
}

struct Printer<'a> {
    out: Vec<u8>,
    options: &'a PrintOptions<'a>,
    pool: DescriptorPool,
    fallback: Fallback<'a>,
    depth: usize,
}

/// `None`: everything.
pub(crate) type Mask<'m> = Option<&'m FieldMask>;

impl Printer<'_> {
    fn message(&mut self, message: &DynamicMessage, mask: Mask<'_>) -> Result<(), PrintError> {
        let descriptor = message.descriptor();
        let name = descriptor.full_name();
        let Some(short) = name.strip_prefix("google.protobuf.") else {
            return self.plain(message, None, mask);
        };
        match short {
            "Timestamp" | "Duration" => match time::print(message) {
                Some(Ok(text)) => self.text(&text),
                Some(Err(name)) => return Err(PrintError::OutOfRange(name)),
                None => {}
            },
            "FieldMask" => {
                let paths = message.get_field_by_number(1);
                let paths = paths.as_deref().and_then(Value::as_list);
                self.text(&mask::write(paths.unwrap_or_default()));
            }
            "Any" => return self.any(message, mask),
            "Value" => return self.struct_value(message, mask),
            _ if is_wrapper(short) || matches!(short, "Struct" | "ListValue") => {
                if let Some(field) = descriptor.get_field(1) {
                    return self.value(&field, &message.get_field(&field), mask);
                }
            }
            _ => return self.plain(message, None, mask),
        }
        Ok(())
    }

    /// Field by field, after an `@type` if it is in an Any.
    fn plain(
        &mut self,
        message: &DynamicMessage,
        type_url: Option<&str>,
        mask: Mask<'_>,
    ) -> Result<(), PrintError> {
        self.open(b'{')?;
        let mut first = true;
        if let Some(url) = type_url {
            self.key("@type", &mut first);
            self.text(url);
        }
        for (field, value) in message.fields() {
            let Some(inner) = selected(mask, field.name(), field.json_name()) else { continue };
            let partly = inner.is_some_and(|mask| !mask.is_all());
            if partly && !matches!(field.kind(), Kind::Message(_)) {
                // `*.x` selects nothing of what has no fields.
                continue;
            }
            self.key(field.json_name(), &mut first);
            self.value(&field, value, inner)?;
        }
        self.close(b'}', first);
        Ok(())
    }

    fn any(&mut self, message: &DynamicMessage, mask: Mask<'_>) -> Result<(), PrintError> {
        let (url, bytes) = parts(message);
        if url.is_empty() {
            self.out.extend(b"{}");
            return Ok(());
        }
        let value = self.fallback.decode(&self.pool, &url, bytes)?;
        let descriptor = value.descriptor();
        let name = descriptor.full_name();
        if !has_special_form(name) || name == "google.protobuf.Empty" {
            return self.plain(&value, Some(&url), mask);
        }
        self.open(b'{')?;
        let mut first = true;
        self.key("@type", &mut first);
        self.text(&url);
        if let Some(inner) = selected(mask, "value", "value") {
            self.key("value", &mut first);
            self.message(&value, inner)?;
        }
        self.close(b'}', first);
        Ok(())
    }

    fn struct_value(&mut self, message: &DynamicMessage, mask: Mask<'_>) -> Result<(), PrintError> {
        match message.fields().next() {
            Some((_, Value::EnumNumber(_))) | None => self.out.extend(b"null"),
            Some((field, value)) => return self.value(&field, value, mask),
        }
        Ok(())
    }

    fn value(
        &mut self,
        field: &FieldDescriptor,
        value: &Value,
        mask: Mask<'_>,
    ) -> Result<(), PrintError> {
        match value {
            Value::List(items) => {
                self.open(b'[')?;
                let mut first = true;
                let fallback = self.fallback;
                for (index, item) in items.iter().enumerate() {
                    self.fallback = fallback.of_element(index);
                    self.separate(&mut first);
                    self.single(&field.kind(), item, mask)?;
                }
                self.fallback = fallback;
                self.close(b']', first);
            }
            Value::Map(map) => {
                let Kind::Message(entry) = field.kind() else { return Ok(()) };
                let kind = entry.map_entry_value_field().kind();
                let mut entries: Vec<(&MapKey, &Value)> = map.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                self.open(b'{')?;
                let mut first = true;
                for (key, value) in entries {
                    let key = key_text(key);
                    let Some(inner) = selected(mask, &key, &key) else { continue };
                    self.key(&key, &mut first);
                    self.single(&kind, value, inner)?;
                }
                self.close(b'}', first);
            }
            single => self.single(&field.kind(), single, mask)?,
        }
        Ok(())
    }

    fn single(&mut self, kind: &Kind, value: &Value, mask: Mask<'_>) -> Result<(), PrintError> {
        match value {
            Value::Bool(value) => self.out.extend(if *value { &b"true"[..] } else { b"false" }),
            Value::I32(value) => self.out.extend(value.to_string().bytes()),
            Value::U32(value) => self.out.extend(value.to_string().bytes()),
            Value::I64(value) => self.text(&value.to_string()),
            Value::U64(value) => self.text(&value.to_string()),
            // The shortest text of the narrower kind: as a double, 0.1 has many digits.
            Value::F32(value) => self.float((*value).into(), value),
            Value::F64(value) => self.float(*value, value),
            Value::String(text) => self.text(text),
            Value::Bytes(bytes) => {
                self.text(&scalar::print_base64(bytes));
            }
            Value::EnumNumber(number) => {
                let named = match kind {
                    Kind::Enum(kind) if !self.options.enums_as_ints => kind.get_value(*number),
                    _ => None,
                };
                match (named, kind) {
                    (_, Kind::Enum(kind)) if kind.full_name() == scalar::NULL_VALUE => {
                        self.out.extend(b"null");
                    }
                    (Some(named), _) => self.text(named.name()),
                    (None, _) => self.out.extend(number.to_string().bytes()),
                }
            }
            Value::Message(message) => self.message(message, mask)?,
            Value::List(_) | Value::Map(_) => {}
        }
        Ok(())
    }

    /// The shortest text that reads back the same; whole numbers without a fraction.
    fn float(&mut self, value: f64, shown: &(impl fmt::Display + fmt::LowerExp)) {
        let handy = value == 0.0 || (1e-5..1e17).contains(&value.abs());
        if value.is_nan() {
            self.text("NaN");
        } else if value.is_infinite() {
            self.text(if value > 0.0 { "Infinity" } else { "-Infinity" });
        } else if handy {
            self.out.extend(shown.to_string().bytes());
        } else {
            self.out.extend(format!("{shown:e}").bytes());
        }
    }

    fn text(&mut self, text: &str) {
        // Writing to memory can't fail, and text is always valid JSON text.
        let _ = serde_json::to_writer(&mut self.out, text);
    }

    fn open(&mut self, bracket: u8) -> Result<(), PrintError> {
        self.out.push(bracket);
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(PrintError::TooDeep) } else { Ok(()) }
    }

    fn close(&mut self, bracket: u8, empty: bool) {
        self.depth -= 1;
        if !empty {
            self.line();
        }
        self.out.push(bracket);
    }

    fn separate(&mut self, first: &mut bool) {
        if !std::mem::replace(first, false) {
            self.out.push(b',');
        }
        self.line();
    }

    fn key(&mut self, name: &str, first: &mut bool) {
        self.separate(first);
        self.text(name);
        self.out.extend(if self.options.pretty { &b": "[..] } else { b":" });
    }

    fn line(&mut self) {
        if self.options.pretty {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', self.depth * 2));
        }
    }
}

/// What a mask says of a field or a map's key: `None` if it isn't selected.
pub(crate) fn selected<'m>(mask: Mask<'m>, name: &str, json_name: &str) -> Option<Mask<'m>> {
    match mask {
        Some(mask) if !mask.is_all() => mask.child(name, json_name).map(Some),
        _ => Some(None),
    }
}

/// A map's key as JSON has it.
#[must_use]
pub fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

impl fmt::Display for PrintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType(url) => write!(f, "no descriptor declares the type {url}"),
            Self::BadBytes(url) => write!(f, "the bytes of an Any are no valid {url}"),
            Self::OutOfRange(name) => write!(f, "a {name} is out of range"),
            Self::TooDeep => write!(f, "more than {DEPTH_MAX} levels of nesting"),
        }
    }
}

impl std::error::Error for PrintError {}
