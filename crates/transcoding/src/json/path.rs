//! Where in a message the reader is.

use std::fmt;

use crate::violation::short;

/// A place, written out only when something is wrong there: in a large document every
/// value has one.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The message itself.
    Root,
    /// A field, or fields with dots between them, in snake_case.
    Field(&'a Path<'a>, &'a str),
    /// An element of a list.
    Index(&'a Path<'a>, usize),
    /// An entry of a map.
    Key(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => write!(f, "{parent}[{:?}]", short(key, 64)),
        }
    }
}
