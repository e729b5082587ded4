//! Partial responses: the `fields` system parameter (AIP-157).

use std::collections::BTreeMap;

use prost_reflect::{Kind, MessageDescriptor};

use crate::Violation;
use crate::violation::short;

/// Which fields of a response to show: `a,b`, `a.b`, `a/b`, `a(b,c)`, `*`.
///
/// Selections add up: `a,a.b` is all of `a`, and `*,a.b` is everything. Beside a `*` that
/// doesn't select everything, as in `*.x,a.b`, a field's own name says what to show of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldMask {
    /// Everything below is selected, whatever else was said.
    all: bool,
    children: BTreeMap<String, FieldMask>,
}

/// The longest mask, in bytes, and the deepest.
const MASK_BYTES_MAX: usize = 4096;
const DEPTH_MAX: usize = 32;

impl FieldMask {
    /// Parses a mask.
    ///
    /// # Errors
    /// When it isn't one.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text.len() > MASK_BYTES_MAX {
            let why = format!("Invalid field selection: more than {MASK_BYTES_MAX} bytes");
            return Err(Violation::new("fields", why));
        }
        let mut mask = Self::default();
        let mut parser = Parser { rest: text.as_bytes() };
        match parser.list(&mut mask, 0) {
            Some(()) if parser.rest.is_empty() => Ok(mask),
            _ => Err(invalid(text)),
        }
    }

    /// Whether every selected field exists.
    ///
    /// # Errors
    /// Names the first that doesn't.
    pub fn validate(&self, descriptor: &MessageDescriptor) -> Result<(), Violation> {
        if is_free(descriptor) {
            return Ok(());
        }
        for (name, inner) in self.children.iter().filter(|(name, _)| *name != "*") {
            let field = descriptor
                .get_field_by_name(name)
                .or_else(|| descriptor.get_field_by_json_name(name))
                .ok_or_else(|| invalid(name))?;
            match field.kind() {
                // Below a map stand its keys, which may be any.
                Kind::Message(entry) if field.is_map() => {
                    let value = entry.map_entry_value_field().kind();
                    inner.children.iter().try_for_each(|(key, inner)| inner.below(&value, key))?;
                }
                kind => inner.below(&kind, name)?,
            }
        }
        Ok(())
    }

    /// Whether the selection below the value of a field or a map's key exists.
    fn below(&self, kind: &Kind, name: &str) -> Result<(), Violation> {
        match kind {
            Kind::Message(message) => self.validate(message),
            _ if self.children.is_empty() => Ok(()),
            _ => Err(invalid(name)),
        }
    }

    /// The mask for a field or a map's key: `None` if it isn't selected.
    pub(crate) fn child(&self, name: &str, json_name: &str) -> Option<&FieldMask> {
        let star = self.children.get("*");
        let named = || self.children.get(name).or_else(|| self.children.get(json_name));
        star.filter(|star| star.all).or_else(named).or(star)
    }

    /// Whether everything is selected.
    pub(crate) fn is_all(&self) -> bool {
        self.all
    }
}

/// Messages whose fields no descriptor of theirs tells.
fn is_free(descriptor: &MessageDescriptor) -> bool {
    descriptor
        .full_name()
        .strip_prefix("google.protobuf.")
        .is_some_and(|short| matches!(short, "Any" | "Struct" | "Value" | "ListValue"))
}

fn invalid(selector: &str) -> Violation {
    Violation::new("fields", format!("Invalid field selection {}", short(selector, 256)))
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    fn take(&mut self, wanted: u8) -> bool {
        let found = self.rest.first() == Some(&wanted);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn list(&mut self, mask: &mut FieldMask, depth: usize) -> Option<()> {
        loop {
            self.path(mask, depth)?;
            if !self.take(b',') {
                return Some(());
            }
        }
    }

    fn path(&mut self, mask: &mut FieldMask, depth: usize) -> Option<()> {
        let word = |c: &&u8| c.is_ascii_alphanumeric() || b"_*@-".contains(c);
        let length = self.rest.iter().take_while(word).count();
        if length == 0 || depth > DEPTH_MAX {
            return None;
        }
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        let name = String::from_utf8(name.to_vec()).ok()?;
        let child = mask.children.entry(name).or_default();
        if self.take(b'.') || self.take(b'/') {
            return self.path(child, depth + 1);
        }
        if self.take(b'(') {
            self.list(child, depth + 1)?;
            return self.take(b')').then_some(());
        }
        child.all = true;
        Some(())
    }
}
