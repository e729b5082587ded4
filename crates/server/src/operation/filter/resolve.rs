//! From what is written to what is meant: which fields there are, and what they take.

use super::condition::{Condition, Part, Question, Test, Text};
use super::parse::{Restriction, Syntax, cut, shown};
use super::{Compare, FilterError, Term};
use crate::operation::{StateName, Timestamp};

type Resolved = Result<Condition, FilterError>;

/// Checks every comparison, and moves negations down to them.
pub(super) fn resolve(syntax: Syntax) -> Resolved {
    let each = |parts: Vec<Syntax>| parts.into_iter().map(resolve).collect::<Result<_, _>>();
    Ok(match syntax {
        Syntax::All(parts) => Condition::All(each(parts)?),
        Syntax::Any(parts) => Condition::Any(each(parts)?),
        Syntax::Not(inner) => negate(resolve(*inner)?),
        Syntax::Restriction(restriction) => restriction.resolve()?,
    })
}

/// The condition that holds where this one doesn't.
fn negate(condition: Condition) -> Condition {
    match condition {
        Condition::All(parts) => Condition::Any(parts.into_iter().map(negate).collect()),
        Condition::Any(parts) => Condition::All(parts.into_iter().map(negate).collect()),
        Condition::Not(test) => Condition::Is(test),
        // Where there is always something to compare, the opposite is a term too.
        Condition::Is(Test::Term(term)) => match term {
            Term::Done(done) => is(Term::Done(!done)),
            Term::State(states) => is(Term::State(all_but(&states))),
            Term::Method(compare, method) => is(Term::Method(compare.opposite(), method)),
            Term::Name(compare, name) => is(Term::Name(compare.opposite(), name)),
            Term::CreateTime(compare, time) => is(Term::CreateTime(compare.opposite(), time)),
            Term::FinishTime(..) | Term::Label(..) => Condition::Not(Test::Term(term)),
        },
        Condition::Is(test) => Condition::Not(test),
    }
}

fn is(term: Term) -> Condition {
    Condition::Is(Test::Term(term))
}

fn all_but(states: &[StateName]) -> Vec<StateName> {
    StateName::ALL.into_iter().filter(|state| !states.contains(state)).collect()
}

impl Restriction {
    fn resolve(self) -> Resolved {
        let presence = self.field.operator.has && self.value.is_anything();
        // Those who write JSON write camelCase.
        match (self.field.path[0].0.as_str(), presence) {
            ("done", true) => self.column(|_, _| Ok(is(Term::Done(true)))),
            ("done", false) => self.column(Self::done),
            ("name" | "state" | "create_time" | "createTime", true) => {
                self.column(|_, _| Ok(Condition::always()))
            }
            ("state", false) => self.column(Self::state),
            ("create_time" | "createTime", false) => self
                .column(|this, compare| this.time(compare, Condition::always(), Term::CreateTime)),
            ("finish_time" | "finishTime", true) => self.column(|_, _| Ok(is(Term::Done(true)))),
            ("finish_time" | "finishTime", false) => self
                .column(|this, compare| this.time(compare, is(Term::Done(true)), Term::FinishTime)),
            ("method", true) => {
                self.column(|_, _| Ok(is(Term::Method(Compare::NotEqual, String::new()))))
            }
            ("method", false) => self.column(|this, compare| {
                let like = Test::Like(Text::Method, this.value.clone());
                Ok(this.text(compare, like, Condition::always(), Term::Method))
            }),
            ("name", false) => self.column(|this, compare| {
                let like = Test::Like(Text::Name, this.value.clone());
                Ok(this.text(compare, like, Condition::always(), Term::Name))
            }),
            ("labels", _) => self.labels(),
            ("metadata", _) => self.payload(Part::Metadata),
            ("response", _) => self.payload(Part::Response),
            ("error", _) => self.error(),
            (name, _) => {
                let message = format!(
                    "no filter on \"{}\"; expected done, state, method, name, create_time, \
                     finish_time, labels.KEY, metadata.FIELD, response.FIELD or error.FIELD",
                    cut(name)
                );
                Err(FilterError::new(self.field.path[0].1, message))
            }
        }
    }

    fn wrong_field(&self, index: usize, message: impl Into<String>) -> FilterError {
        FilterError::new(self.field.path[index].1, message)
    }

    fn wrong_value(&self, what: &str) -> FilterError {
        let message = format!("\"{}\" {what}", cut(self.value.text()));
        FilterError::new(self.value_column, message)
    }

    /// A field without fields of its own.
    fn column(&self, resolve: impl FnOnce(&Self, Compare) -> Resolved) -> Resolved {
        match self.field.path.as_slice() {
            [_] => resolve(self, self.field.operator.compare),
            [(name, _), ..] => Err(self.wrong_field(1, format!("\"{name}\" has no fields"))),
            [] => Err(FilterError::new(self.value_column, "expected a field")),
        }
    }

    /// `true` for `=` and `:`, `false` for `!=`.
    fn equality(&self) -> Result<bool, FilterError> {
        let refuse = || {
            let path = shown(&self.field.path);
            self.wrong_field(0, format!("\"{path}\" takes only =, : and !="))
        };
        self.field.operator.compare.equality().ok_or_else(refuse)
    }

    fn done(&self, _: Compare) -> Resolved {
        let Some(wanted) = self.value.boolean() else {
            return Err(self.wrong_value("is neither true nor false"));
        };
        Ok(is(Term::Done(wanted == self.equality()?)))
    }

    fn state(&self, _: Compare) -> Resolved {
        let named = StateName::ALL.into_iter().find(|state| state.as_str() == self.value.text());
        let Some(named) = named else {
            let names = StateName::ALL.map(StateName::as_str).join(", ");
            return Err(self.wrong_value(&format!("is no state; expected one of {names}")));
        };
        let states = if self.equality()? { vec![named] } else { all_but(&[named]) };
        Ok(is(Term::State(states)))
    }

    /// A time, which records have in whole microseconds; `exists`: whether they have it.
    fn time(
        &self,
        compare: Compare,
        exists: Condition,
        term: fn(Compare, Timestamp) -> Term,
    ) -> Resolved {
        let nanos = self.value.timestamp();
        let nanos = nanos
            .ok_or_else(|| self.wrong_value("is no RFC 3339 time, such as 2026-01-02T03:04:05Z"))?;
        let micros = i64::try_from(nanos.div_euclid(1000));
        let micros = micros.map_err(|_| self.wrong_value("is out of range"))?;
        let time = Timestamp::from_micros(micros);
        let between = nanos.rem_euclid(1000) != 0;
        Ok(match compare {
            Compare::Equal if between => Condition::never(),
            Compare::NotEqual if between => exists,
            Compare::Less if between => is(term(Compare::LessOrEqual, time)),
            Compare::GreaterOrEqual if between => is(term(Compare::Greater, time)),
            _ => is(term(compare, time)),
        })
    }

    /// A text; `exists`: whether records have it.
    fn text(
        &self,
        compare: Compare,
        like: Test,
        exists: Condition,
        term: impl Fn(Compare, String) -> Term,
    ) -> Condition {
        match (self.value.pattern(), compare.equality()) {
            (Some(_), Some(true)) => Condition::Is(like),
            (Some(_), Some(false)) if exists.is_always() => Condition::Not(like),
            (Some(_), Some(false)) => Condition::All(vec![exists, Condition::Not(like)]),
            _ => is(term(compare, self.value.text().to_owned())),
        }
    }

    fn labels(&self) -> Resolved {
        let operator = self.field.operator;
        // Every text is at least the empty one.
        let exists =
            |key: &str| Term::Label(key.to_owned(), Compare::GreaterOrEqual, String::new());
        match self.field.path.as_slice() {
            [_] if !operator.has => {
                let message = "\"labels\" takes only :; labels.KEY takes every comparison";
                Err(self.wrong_field(0, message))
            }
            [_] if self.value.pattern().is_some() => {
                Ok(Condition::Is(Test::Labelled(self.value.clone())))
            }
            [_] => Ok(is(exists(self.value.text()))),
            [_, (key, _)] if operator.has && self.value.is_anything() => Ok(is(exists(key))),
            [_, (key, _)] => {
                let like = Test::Like(Text::Label(key.clone()), self.value.clone());
                let term = |compare, value| Term::Label(key.clone(), compare, value);
                Ok(self.text(operator.compare, like, is(exists(key)), term))
            }
            _ => Err(self.wrong_field(2, "a label has no fields")),
        }
    }

    fn payload(self, part: Part) -> Resolved {
        let operator = self.field.operator;
        match self.field.path.as_slice() {
            [(name, _)] if !operator.has => {
                let message = format!("\"{name}\" takes only :; its fields take every comparison");
                return Err(self.wrong_field(0, message));
            }
            [_] if part == Part::Response && self.value.is_anything() => {
                return Ok(is(Term::State(vec![StateName::Succeeded])));
            }
            [_, (kind, _), rest @ ..] if kind == "@type" => {
                self.equality()?;
                if !rest.is_empty() {
                    return Err(self.wrong_field(2, "\"@type\" has no fields"));
                }
            }
            _ => {}
        }
        Ok(self.question(part))
    }

    fn question(self, part: Part) -> Condition {
        let Self { field, value, .. } = self;
        let path = field.path.into_iter().skip(1).map(|(name, _)| name).collect();
        let (compare, has) = (field.operator.compare, field.operator.has);
        Condition::Is(Test::Payload(Question { part, path, compare, has, value }))
    }

    /// The type of an error is known: `google.rpc.Status`.
    fn error(self) -> Resolved {
        let presence = self.field.operator.has && self.value.is_anything();
        match self.field.path.as_slice() {
            [_] if presence => Ok(is(Term::State(vec![StateName::Failed, StateName::Cancelled]))),
            [_] => {
                let message = "\"error\" takes only :*; its fields are code, message and details";
                Err(self.wrong_field(0, message))
            }
            [_, (name, _), ..] if !is_status_field(name) => {
                let message =
                    format!("an error has code, message and details, but no \"{}\"", cut(name));
                Err(self.wrong_field(1, message))
            }
            [_, (name, _), _, ..] if name != "details" => {
                Err(self.wrong_field(2, format!("\"error.{name}\" has no fields")))
            }
            [_, (name, _)] if name == "code" && !presence && !self.value.is_number() => {
                Err(self.wrong_value("is no number, such as 5"))
            }
            [_, (name, _), ..] if name == "details" && !self.field.operator.has => {
                Err(self.wrong_field(1, "\"error.details\" is a list: it takes only :"))
            }
            _ => Ok(self.question(Part::Error)),
        }
    }
}

fn is_status_field(name: &str) -> bool {
    matches!(name, "code" | "message" | "details")
}
