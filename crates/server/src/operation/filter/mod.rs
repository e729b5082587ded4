//! Filters (AIP-160): which records a list lets through.
//!
//! A text is read (`parse`), checked against the fields that there are (`resolve`), and
//! split ([`Condition::split`]) into what the store answers, a conjunction of [`Term`]s, and
//! what is left to be asked of each record.
//!
//! `AND` and white space join, `OR` binds tighter, `NOT` and `-` negate. A comparison of
//! something that isn't there (a field of an unset message, a label that the record hasn't)
//! doesn't hold, `!=` no more than `=`; so `NOT labels.env=prod` lets through what
//! `labels.env!=prod` doesn't.

mod condition;
mod literal;
mod parse;
mod resolve;
mod scanner;
mod split;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

pub use condition::{Condition, Part, Question, Test, Text};
pub use literal::{Literal, Pattern};
pub use parse::FILTER_BYTES_MAX;

use super::{Record, StateName, Timestamp};

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

/// What a store answers: all terms hold; none: every record matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(pub Vec<Term>);

/// Why a text is no filter, or not one that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong, and what would do.
    pub message: String,
    /// Where, in characters from 1.
    pub column: usize,
}

impl Filter {
    /// A filter that the store answers alone.
    ///
    /// # Errors
    /// For anything else, saying where; or that something is left for the server to ask.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let (filter, rest) = Condition::parse(text)?.split();
        if rest.is_always() {
            Ok(filter)
        } else {
            Err(FilterError::new(1, "no store answers this filter alone"))
        }
    }

    /// Whether every term holds.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        self.0.iter().all(|term| term.matches(record))
    }
}

impl Term {
    /// Whether it holds for the record.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        match self {
            Self::Done(done) => record.done().is_some() == *done,
            Self::State(states) => states.contains(&record.state_name()),
            Self::Method(compare, method) => compare.holds(&record.method, method),
            Self::Name(compare, name) => compare.holds(&record.name.operation.to_string(), name),
            Self::CreateTime(compare, time) => compare.holds(&record.create_time, time),
            Self::FinishTime(compare, time) => {
                record.done().is_some_and(|done| compare.holds(&done.finish_time, time))
            }
            Self::Label(key, compare, value) => {
                record.labels.get(key).is_some_and(|found| compare.holds(found, value))
            }
        }
    }
}

impl Compare {
    /// Whether `left` stands so to `right`.
    #[must_use]
    pub fn holds<T: PartialOrd + ?Sized>(self, left: &T, right: &T) -> bool {
        self.accepts(left.partial_cmp(right))
    }

    /// Whether an ordering is meant; where there is none (NaN), only `!=` holds.
    #[must_use]
    pub fn accepts(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::Equal => ordering.is_some_and(Ordering::is_eq),
            Self::NotEqual => !ordering.is_some_and(Ordering::is_eq),
            Self::Less => ordering.is_some_and(Ordering::is_lt),
            Self::LessOrEqual => ordering.is_some_and(Ordering::is_le),
            Self::Greater => ordering.is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => ordering.is_some_and(Ordering::is_ge),
        }
    }

    /// `true` for `=`, `false` for `!=`, `None` for the others.
    #[must_use]
    pub fn equality(self) -> Option<bool> {
        match self {
            Self::Equal => Some(true),
            Self::NotEqual => Some(false),
            _ => None,
        }
    }

    /// The one that holds where this one doesn't.
    fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}

impl FilterError {
    fn new(column: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), column }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at column {}.", self.message, self.column)
    }
}

impl std::error::Error for FilterError {}
