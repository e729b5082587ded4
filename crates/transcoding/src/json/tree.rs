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
const DEPTH_MAX: usize = 100;

impl Tree {
    /// Reads one JSON value and nothing behind it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Violation> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let tree = Seed(0).deserialize(&mut reader).and_then(|tree| reader.end().map(|()| tree));
        tree.map_err(|error| Violation::new("", format!("Invalid JSON payload received. {error}")))
    }

    /// Reads a JSON object and nothing behind it.
    pub(crate) fn read_object(bytes: &[u8]) -> Result<Vec<(String, Self)>, Violation> {
        match Self::read(bytes)? {
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

struct Seed(usize);

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
        let depth = deeper::<A::Error>(self.0)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Seed(depth))? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let depth = deeper::<A::Error>(self.0)?;
        let mut pairs = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("duplicate key \"{}\"", short(&key, 100))));
            }
            pairs.push((key, entries.next_value_seed(Seed(depth))?));
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

fn deeper<E: serde::de::Error>(depth: usize) -> Result<usize, E> {
    if depth < DEPTH_MAX {
        Ok(depth + 1)
    } else {
        Err(E::custom(format!("more than {DEPTH_MAX} levels of nesting")))
    }
}
