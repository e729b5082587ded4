//! What of a condition the store can answer, and what is left.

use super::condition::{Condition, Part, Test, Text};
use super::{Compare, Filter, Term};
use crate::operation::StateName;

impl Condition {
    /// The terms for the store, and the condition that is left for what it lets through:
    /// both together hold exactly where this one does.
    #[must_use]
    pub fn split(self) -> (Filter, Self) {
        // Whatever the condition says of states, in however many places, is one term.
        let states = States::of(&self);
        let mut terms = states.term();
        let mut rest = Vec::new();
        let mut parts = vec![self];
        while let Some(part) = parts.pop() {
            match part {
                Self::All(inner) => parts.extend(inner.into_iter().rev()),
                part if is_of_states(&part) => {}
                Self::Is(Test::Term(term)) => terms.push(term),
                Self::Is(Test::Like(text, value)) => {
                    match value.pattern().and_then(|pattern| range(&text, pattern.prefix()?)) {
                        Some(range) => terms.extend(range),
                        None => rest.push(Self::Is(Test::Like(text, value))),
                    }
                }
                part => rest.push(part),
            }
        }
        let rest = match rest.len() {
            1 => rest.remove(0),
            _ => Self::All(rest),
        };
        (Filter(terms), rest)
    }
}

/// A set of states.
#[derive(Clone, Copy, PartialEq, Eq)]
struct States([bool; 5]);

impl States {
    const ALL: Self = Self([true; 5]);
    const OPEN: Self = Self([true, true, false, false, false]);
    const DONE: Self = Self([false, false, true, true, true]);

    fn only(states: &[StateName]) -> Self {
        Self(StateName::ALL.map(|state| states.contains(&state)))
    }

    /// States in which a condition may hold; exactly those in which it does, if it is about
    /// nothing else.
    fn of(condition: &Condition) -> Self {
        match condition {
            Condition::All(parts) => {
                parts.iter().map(Self::of).fold(Self::ALL, |a, b| a.join(b, |a, b| a && b))
            }
            Condition::Any(parts) => {
                parts.iter().map(Self::of).fold(Self([false; 5]), |a, b| a.join(b, |a, b| a || b))
            }
            Condition::Is(Test::Term(Term::Done(true))) => Self::DONE,
            Condition::Is(Test::Term(Term::Done(false))) => Self::OPEN,
            Condition::Is(Test::Term(Term::State(states))) => Self::only(states),
            Condition::Is(Test::Payload(question)) => match question.part {
                Part::Metadata => Self::ALL,
                Part::Response => Self::only(&[StateName::Succeeded]),
                Part::Error => Self::only(&[StateName::Failed, StateName::Cancelled]),
            },
            Condition::Is(_) | Condition::Not(_) => Self::ALL,
        }
    }

    fn join(self, other: Self, join: fn(bool, bool) -> bool) -> Self {
        Self(std::array::from_fn(|index| join(self.0[index], other.0[index])))
    }

    /// As few terms as say it.
    fn term(self) -> Vec<Term> {
        let named = || StateName::ALL.into_iter().zip(self.0).filter(|(_, is)| *is);
        match self {
            Self::ALL => vec![],
            Self::DONE => vec![Term::Done(true)],
            Self::OPEN => vec![Term::Done(false)],
            // A list of none is no SQL.
            Self([false, false, false, false, false]) => vec![Term::Done(true), Term::Done(false)],
            _ => vec![Term::State(named().map(|(state, _)| state).collect())],
        }
    }
}

/// Whether a condition is about the state alone.
fn is_of_states(condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().all(is_of_states),
        Condition::Is(test) => matches!(test, Test::Term(Term::Done(_) | Term::State(_))),
        Condition::Not(_) => false,
    }
}

/// The texts that begin with a prefix are those from it up to, and without, the next text
/// of its length or less. `None` where there is no such text.
fn range(text: &Text, prefix: &str) -> Option<[Term; 2]> {
    let term = |compare, value: String| match text {
        Text::Method => Term::Method(compare, value),
        Text::Name => Term::Name(compare, value),
        Text::Label(key) => Term::Label(key.clone(), compare, value),
    };
    let mut end = prefix.to_owned();
    let last = loop {
        match end.pop()? {
            char::MAX => {}
            last => break last,
        }
    };
    // Without the surrogates, which are no characters.
    let next = char::from_u32(u32::from(last) + 1).unwrap_or('\u{e000}');
    end.push(next);
    Some([term(Compare::GreaterOrEqual, prefix.to_owned()), term(Compare::Less, end)])
}
