//! JSON to messages. Everything that is wrong is gathered, each with its path.

use std::collections::HashMap;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

use super::{DEPTH_MAX, Path, Tree, scalar};
use crate::Violation;

/// Reads a message.
///
/// # Errors
/// All that is wrong with it.
pub fn parse(
    bytes: &[u8],
    descriptor: &MessageDescriptor,
) -> Result<DynamicMessage, Vec<Violation>> {
    let tree = Tree::read(bytes, DEPTH_MAX).map_err(|one| vec![one])?;
    let mut reader = Reader::default();
    let message = reader.message(descriptor, &tree, &Path::Root);
    match message {
        Some(message) if reader.violations.is_empty() => Ok(message),
        _ => Err(reader.violations),
    }
}

/// The most that is said of one request.
const VIOLATIONS_MAX: usize = 100;

/// Messages in messages below the outermost, Anys not counted: deeper ones are bytes that
/// no protobuf library decodes again.
pub(crate) const LEVELS_MAX: usize = 100;

/// Messages in one document. A message takes up to a kilobyte, and two bytes of JSON can
/// be one: a number in a `google.protobuf.Value`.
pub(crate) const MESSAGES_MAX: usize = 100_000;

/// Gathers what is wrong while it reads.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) violations: Vec<Violation>,
    levels: usize,
    messages: usize,
}

impl Reader {
    pub(crate) fn refuse(&mut self, violation: impl FnOnce() -> Violation) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(violation());
        }
    }

    pub(super) fn bad(&mut self, path: &Path<'_>, kind: &str, tree: &Tree) {
        self.refuse(|| Violation::bad_value(path.to_string(), kind, tree));
    }

    /// A message in whichever form its type has.
    pub(super) fn message(
        &mut self,
        descriptor: &MessageDescriptor,
        tree: &Tree,
        path: &Path<'_>,
    ) -> Option<DynamicMessage> {
        let name = descriptor.full_name();
        let special = name
            .strip_prefix("google.protobuf.")
            .and_then(|short| self.special(descriptor, short, tree, path));
        match special {
            Some(Ok(message)) => Some(message),
            Some(Err(())) => {
                self.bad(path, &format!("type.googleapis.com/{name}"), tree);
                None
            }
            None => self.plain(descriptor, tree, path),
        }
    }

    /// A message in another, which is one level more.
    pub(super) fn nested(
        &mut self,
        descriptor: &MessageDescriptor,
        tree: &Tree,
        path: &Path<'_>,
    ) -> Option<DynamicMessage> {
        if self.levels == LEVELS_MAX {
            let why = format!("more than {LEVELS_MAX} levels of nesting");
            self.refuse(|| Violation::invalid(path.to_string(), why));
            return None;
        }
        self.messages += 1;
        if self.messages > MESSAGES_MAX {
            if self.messages == MESSAGES_MAX + 1 {
                let why = format!("more than {MESSAGES_MAX} messages in all");
                self.refuse(|| Violation::invalid(path.to_string(), why));
            }
            return None;
        }
        self.levels += 1;
        let message = self.message(descriptor, tree, path);
        self.levels -= 1;
        message
    }

    /// The message in an Any, whose bytes are decoded by themselves.
    pub(super) fn apart<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::take(&mut self.levels);
        let read = read(self);
        self.levels = outer;
        read
    }

    fn plain(
        &mut self,
        descriptor: &MessageDescriptor,
        tree: &Tree,
        path: &Path<'_>,
    ) -> Option<DynamicMessage> {
        let Some(pairs) = tree.object() else {
            self.bad(path, &format!("type.googleapis.com/{}", descriptor.full_name()), tree);
            return None;
        };
        let mut message = DynamicMessage::new(descriptor.clone());
        self.fields(&mut message, pairs.iter(), path);
        Some(message)
    }

    /// Sets the fields that an object names.
    pub(crate) fn fields<'t>(
        &mut self,
        message: &mut DynamicMessage,
        pairs: impl Iterator<Item = &'t (String, Tree)>,
        path: &Path<'_>,
    ) {
        let descriptor = message.descriptor();
        let mut seen = Vec::new();
        for (key, tree) in pairs {
            let field = descriptor
                .get_field_by_json_name(key)
                .or_else(|| descriptor.get_field_by_name(key));
            let Some(field) = field else {
                self.refuse(|| Violation::unknown_name(key, path.to_string()));
                continue;
            };
            let at = Path::Field(path, field.name());
            // The tree has no key twice, but camelCase and snake_case are one field.
            if seen.contains(&field.number()) {
                let why = "the field is given twice.";
                self.refuse(|| Violation::invalid(at.to_string(), why));
                continue;
            }
            seen.push(field.number());
            if *tree == Tree::Null && !takes_null(&field) {
                continue;
            }
            if !self.oneof_is_taken(message, &field, key, path)
                && let Some(value) = self.field(&field, tree, &at)
            {
                message.set_field(&field, value);
            }
        }
    }

    /// Whether another field of the same oneof is set, which is then an error; `name` is
    /// what the field is called in the request.
    pub(crate) fn oneof_is_taken(
        &mut self,
        message: &DynamicMessage,
        field: &FieldDescriptor,
        name: &str,
        path: &Path<'_>,
    ) -> bool {
        let Some(oneof) = field.containing_oneof() else { return false };
        let taken = oneof.fields().any(|other| other != *field && message.has_field(&other));
        if taken {
            let why = format!("oneof field '{}' is already set. Cannot set '{name}'", oneof.name());
            self.refuse(|| Violation::bad_value(path.to_string(), "oneof", why));
        }
        taken
    }

    /// A field's value: a list, a map, or one of its kind.
    pub(crate) fn field(
        &mut self,
        field: &FieldDescriptor,
        tree: &Tree,
        path: &Path<'_>,
    ) -> Option<Value> {
        if field.is_map() {
            return self.map(field, tree, path);
        }
        if !field.is_list() {
            return self.single(&field.kind(), tree, path);
        }
        let Tree::List(items) = tree else {
            self.bad(path, &scalar::name(&field.kind()), tree);
            return None;
        };
        let kind = field.kind();
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            list.extend(self.single(&kind, item, &Path::Index(path, index)));
        }
        Some(Value::List(list))
    }

    fn map(&mut self, field: &FieldDescriptor, tree: &Tree, path: &Path<'_>) -> Option<Value> {
        let Kind::Message(entry) = field.kind() else { return None };
        let Some(pairs) = tree.object() else {
            self.bad(path, &format!("type.googleapis.com/{}", entry.full_name()), tree);
            return None;
        };
        let (key_kind, value_kind) =
            (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let mut map = HashMap::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Some(parsed) = map_key(&key_kind, key) else {
                self.bad(path, &scalar::name(&key_kind), &Tree::Text(key.clone()));
                continue;
            };
            let at = Path::Key(path, key);
            if let Some(value) = self.single(&value_kind, value, &at)
                && map.insert(parsed, value).is_some()
            {
                // `1` and `01` are one number.
                let why = "the key is given twice.";
                self.refuse(|| Violation::invalid(at.to_string(), why));
            }
        }
        Some(Value::Map(map))
    }

    fn single(&mut self, kind: &Kind, tree: &Tree, path: &Path<'_>) -> Option<Value> {
        if let Kind::Message(inner) = kind {
            return self.nested(inner, tree, path).map(Value::Message);
        }
        let value = scalar::parse(kind, tree);
        if value.is_none() {
            self.bad(path, &scalar::name(kind), tree);
        }
        value
    }
}

/// Whether `null` is a value of the field, not its absence.
pub(crate) fn takes_null(field: &FieldDescriptor) -> bool {
    if field.is_list() || field.is_map() {
        return false;
    }
    match field.kind() {
        Kind::Message(kind) => kind.full_name() == "google.protobuf.Value",
        Kind::Enum(kind) => kind.full_name() == scalar::NULL_VALUE,
        _ => false,
    }
}

fn map_key(kind: &Kind, text: &str) -> Option<MapKey> {
    Some(match kind {
        Kind::String => MapKey::String(text.to_owned()),
        Kind::Bool => MapKey::Bool(text.parse().ok()?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(text.parse().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(text.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(text.parse().ok()?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(text.parse().ok()?),
        _ => return None,
    })
}
