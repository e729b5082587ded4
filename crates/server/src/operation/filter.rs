//! The part of a filter (AIP-160) that the store answers: a conjunction of terms.

use super::{StateName, Timestamp};

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`, `:`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// One condition on a record's columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Whether it is done.
    Done(bool),
    /// Its state is one of these.
    State(Vec<StateName>),
    /// The RPC that it stands for, `pkg.Service/Method`.
    Method(Compare, String),
    /// The operation's name within the service.
    Name(Compare, String),
    /// When it was made.
    CreateTime(Compare, Timestamp),
    /// When it was finished; an open one matches nothing.
    FinishTime(Compare, Timestamp),
    /// A label's value; a record without the label matches nothing.
    Label(String, Compare, String),
}

/// All terms hold; none: every record matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(pub Vec<Term>);
