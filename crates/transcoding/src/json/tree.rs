//! JSON as it was written: duplicate keys and depth are refused while it is read.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::Violation;
use crate::violation::short;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// Nested deeper than this, JSON is refused.
pub const DEPTH_MAX: usize = 100;

impl Tree {
    /// Reads one JSON value, nested at most `depth_max` deep, and nothing behind it.
    pub(crate) fn read(bytes: &[u8], depth_max: usize) -> Result<Self, Violation> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let seed = Seed { depth: 0, depth_max: depth_max.min(DEPTH_MAX) };
        let tree = seed.deserialize(&mut reader).and_then(|tree| reader.end().map(|()| tree));
        tree.map_err(|error| {
            let mut why = error.to_string();
            // The reader names the half that is missing; what stands there is the other one.
            if let Some(place) = why.strip_prefix("unexpected end of hex escape") {
                why = format!("lone leading surrogate in hex escape{place}");
            }
            Violation::new("", format!("Invalid JSON payload received. {why}"))
        })
    }

    /// Reads a JSON object and nothing behind it.
    pub(crate) fn read_object(
        bytes: &[u8],
        depth_max: usize,
    ) -> Result<Vec<(String, Self)>, Violation> {
        match Self::read(bytes, depth_max)? {
            Self::Object(pairs) => Ok(pairs),
            _ => {
                let description = format!(
                    "Invalid JSON payload received. Unknown name \"\": Root element must be a message at {}",
                    start(bytes)
                );
                Err(Violation::new("", description))
            }
        }
    }

    pub(crate) fn object(&self) -> Option<&[(String, Tree)]> {
        match self {
            Self::Object(pairs) => Some(pairs),
            _ => None,
        }
    }
}

/// As it goes into an error: short JSON.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => {
                write!(f, "{}", serde_json::Value::String(short(value, 100)))
            }
            Self::List(_) => f.write_str("[…]"),
            Self::Object(_) => f.write_str("{…}"),
        }
    }
}

#[derive(Clone, Copy)]
struct Seed {
    depth: usize,
    depth_max: usize,
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Tree;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Tree, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut pairs = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("duplicate key \"{}\"", short(&key, 100))));
            }
            pairs.push((key, entries.next_value_seed(inner)?));
        }
        Ok(Tree::Object(pairs))
    }
}

/// Where the value starts, counted as the reader counts: lines and bytes from 1.
fn start(bytes: &[u8]) -> String {
    let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let lines = bytes[..blank].iter().filter(|byte| **byte == b'\n').count();
    let line = bytes[..blank].iter().rev().take_while(|byte| **byte != b'\n').count();
    format!("line {} column {}", lines + 1, line + 1)
}

impl Seed {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth < self.depth_max {
            Ok(Self { depth: self.depth + 1, ..self })
        } else {
            Err(E::custom(format!("more than {} levels of nesting", self.depth_max)))
        }
    }
}
