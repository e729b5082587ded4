//! A filter whose fields and values are known to make sense.

use super::resolve::resolve;
use super::{Compare, FilterError, Literal, Term, parse};
use crate::operation::Record;

/// What has to be so. Negations stand only right before a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of them hold; none: always.
    All(Vec<Condition>),
    /// One of them holds; none: never.
    Any(Vec<Condition>),
    /// The test passes.
    Is(Test),
    /// The test doesn't pass, be it for want of what it is about.
    Not(Test),
}

/// One test of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// One that a store can answer.
    Term(Term),
    /// A text that a pattern fits.
    Like(Text, Literal),
    /// Whether a label has a key that the pattern fits.
    Labelled(Literal),
    /// A question about a payload.
    Payload(Question),
}

/// A text of every record; of a label only where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// The RPC.
    Method,
    /// The operation's name.
    Name,
    /// A label's value.
    Label(String),
}

/// Where a question looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The metadata.
    Metadata,
    /// The response of one that succeeded.
    Response,
    /// The error of one that failed or was cancelled.
    Error,
}

/// A question that only the payload's type can answer: what its fields are and how they
/// compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where.
    pub part: Part,
    /// The names between the dots; none asks about the part itself. `@type` alone is the
    /// payload's type.
    pub path: Vec<String>,
    /// How.
    pub compare: Compare,
    /// `:` rather than `=`: of a list, one element; of a map or message, one of its keys.
    pub has: bool,
    /// With what.
    pub value: Literal,
}

impl Question {
    /// Whether it asks only if there is anything: `FIELD:*`.
    #[must_use]
    pub fn is_presence(&self) -> bool {
        self.has && self.value.is_anything()
    }
}

impl Condition {
    /// Reads a filter; an empty one always holds. At most 4,096 bytes, 100 comparisons, 50
    /// parentheses within each other.
    ///
    /// # Errors
    /// What is wrong, and where: the grammar, a field that no record has, a value that can
    /// be none of its field's. Fields of metadata and response are any type's, so nothing
    /// is wrong with them.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        resolve(parse::parse(text)?)
    }

    /// Always holds.
    #[must_use]
    pub fn always() -> Self {
        Self::All(vec![])
    }

    /// Never holds.
    #[must_use]
    pub fn never() -> Self {
        Self::Any(vec![])
    }

    /// Whether it is plain that it always holds.
    #[must_use]
    pub fn is_always(&self) -> bool {
        *self == Self::always()
    }

    /// Whether it holds for the record; `answer` knows the payloads.
    pub fn holds(&self, record: &Record, answer: &mut impl FnMut(&Question) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(record, answer)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(record, answer)),
            Self::Is(test) => test.passes(record, answer),
            Self::Not(test) => !test.passes(record, answer),
        }
    }
}

impl Test {
    fn passes(&self, record: &Record, answer: &mut impl FnMut(&Question) -> bool) -> bool {
        let like = |text: &str, value: &Literal| value.compares(Compare::Equal, text);
        match self {
            Self::Term(term) => term.matches(record),
            Self::Like(Text::Method, value) => like(&record.method, value),
            Self::Like(Text::Name, value) => like(&record.name.operation.to_string(), value),
            Self::Like(Text::Label(key), value) => {
                record.labels.get(key).is_some_and(|found| like(found, value))
            }
            Self::Labelled(value) => record.labels.keys().any(|key| like(key, value)),
            Self::Payload(question) => answer(question),
        }
    }
}
