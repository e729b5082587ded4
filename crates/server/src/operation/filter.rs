//! The part of a filter (AIP-160) that the store answers: a conjunction of terms.

use std::fmt;

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

/// All terms hold; none: every record matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(pub Vec<Term>);

/// Why a text is no filter, or not one that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong, and what would do.
    pub message: String,
    /// Where, from 1.
    pub column: usize,
}

/// The longest filter, in bytes.
const FILTER_BYTES_MAX: usize = 4096;

impl Filter {
    /// Terms joined by `AND` or white space: `done`, `state`, `method`, `name`,
    /// `create_time`, `finish_time`, `labels.KEY`, each compared with a bare or quoted value.
    ///
    /// # Errors
    /// For anything else, saying where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_BYTES_MAX {
            let message = format!("{} bytes; a filter has at most {FILTER_BYTES_MAX}", text.len());
            return Err(FilterError { message, column: 1 });
        }
        let mut tokens = tokens(text)?.into_iter().peekable();
        let mut terms = Vec::new();
        while let Some((field, column)) = tokens.next() {
            let Token::Text(field) = field else {
                return Err(error(column, "expected a field"));
            };
            if field == "AND" && !terms.is_empty() && tokens.peek().is_some() {
                continue;
            }
            if matches!(field.as_str(), "AND" | "OR" | "NOT") || field.starts_with('-') {
                let message = format!("\"{field}\" is not supported here: join terms with AND");
                return Err(error(column, &message));
            }
            let compare = match tokens.next() {
                Some((Token::Compare(compare), _)) => compare,
                _ => {
                    return Err(error(column, &format!("expected a comparison after \"{field}\"")));
                }
            };
            match tokens.next() {
                Some((Token::Text(value) | Token::Quoted(value), at)) => {
                    terms.push(term(&field, compare, value, column, at)?);
                }
                _ => return Err(error(column, &format!("expected a value for \"{field}\""))),
            }
        }
        Ok(Self(terms))
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
    fn holds<T: Ord + ?Sized>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

fn term(
    field: &str,
    compare: Compare,
    value: String,
    column: usize,
    at: usize,
) -> Result<Term, FilterError> {
    let equality = |compare| match compare {
        Compare::Equal => Ok(true),
        Compare::NotEqual => Ok(false),
        _ => Err(error(column, &format!("\"{field}\" takes only =, : and !="))),
    };
    let time = |value: &str| {
        let time: Option<jiff::Timestamp> = value.parse().ok();
        time.map(|time| Timestamp::from_micros(time.as_microsecond()))
            .ok_or_else(|| error(at, &format!("\"{value}\" is no RFC 3339 time")))
    };
    Ok(match field {
        "done" => {
            let wanted = match value.as_str() {
                "true" => true,
                "false" => false,
                _ => return Err(error(at, &format!("\"{value}\" is neither true nor false"))),
            };
            Term::Done(wanted == equality(compare)?)
        }
        "state" => {
            let named = StateName::ALL.into_iter().find(|state| state.as_str() == value);
            let named = named.ok_or_else(|| {
                let names = StateName::ALL.map(StateName::as_str).join(", ");
                error(at, &format!("\"{value}\" is no state; expected one of {names}"))
            })?;
            let wanted = equality(compare)?;
            Term::State(
                StateName::ALL.into_iter().filter(|state| (*state == named) == wanted).collect(),
            )
        }
        "method" => Term::Method(compare, value),
        "name" => Term::Name(compare, value),
        "create_time" => Term::CreateTime(compare, time(&value)?),
        "finish_time" => Term::FinishTime(compare, time(&value)?),
        _ => match field.strip_prefix("labels.") {
            Some(key) if !key.is_empty() => Term::Label(key.to_owned(), compare, value),
            _ => {
                let message = format!(
                    "no filter on \"{field}\"; expected done, state, method, name, create_time, finish_time or labels.KEY"
                );
                return Err(error(column, &message));
            }
        },
    })
}

enum Token {
    Text(String),
    Quoted(String),
    Compare(Compare),
}

fn error(column: usize, message: &str) -> FilterError {
    FilterError { message: message.to_owned(), column }
}

/// Words, quoted texts and comparisons, each with its column.
fn tokens(text: &str) -> Result<Vec<(Token, usize)>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    // After a comparison a colon belongs to the value: a time has them.
    let mut value_next = false;
    while let Some(&c) = chars.get(at) {
        let column = at + 1;
        let next = chars.get(at + 1);
        let compare = match (c, next) {
            ('!', Some('=')) => Some((Compare::NotEqual, 2)),
            ('<', Some('=')) => Some((Compare::LessOrEqual, 2)),
            ('>', Some('=')) => Some((Compare::GreaterOrEqual, 2)),
            ('<', _) => Some((Compare::Less, 1)),
            ('>', _) => Some((Compare::Greater, 1)),
            ('=' | ':', _) if !value_next => Some((Compare::Equal, 1)),
            _ => None,
        };
        if c.is_whitespace() {
            at += 1;
        } else if let Some((compare, width)) = compare {
            tokens.push((Token::Compare(compare), column));
            (at, value_next) = (at + width, true);
        } else if c == '"' || c == '\'' {
            let (quoted, end) = quoted(&chars, at)?;
            tokens.push((Token::Quoted(quoted), column));
            (at, value_next) = (end, false);
        } else if "()!,".contains(c) {
            return Err(error(column, &format!("'{c}' is not supported here")));
        } else {
            let ends = |c: char| {
                c.is_whitespace() || "()!<>=\"',".contains(c) || (c == ':' && !value_next)
            };
            let word: String = chars[at..].iter().copied().take_while(|c| !ends(*c)).collect();
            if word.is_empty() {
                return Err(error(column, &format!("'{c}' is not expected here")));
            }
            at += word.chars().count();
            tokens.push((Token::Text(word), column));
            value_next = false;
        }
    }
    Ok(tokens)
}

/// A quoted text from `start`, and where it ends; a backslash quotes what follows it.
fn quoted(chars: &[char], start: usize) -> Result<(String, usize), FilterError> {
    let mut text = String::new();
    let mut at = start + 1;
    while let Some(&c) = chars.get(at) {
        match (c, chars.get(at + 1)) {
            ('\\', Some(&escaped)) => {
                text.push(escaped);
                at += 2;
            }
            _ if c == chars[start] => return Ok((text, at + 1)),
            _ => {
                text.push(c);
                at += 1;
            }
        }
    }
    Err(error(start + 1, "the quoted text has no end"))
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at column {}.", self.message, self.column)
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conjunctions_are_read() {
        let time = Timestamp::from_micros(1_616_943_000_000_000);
        let table = [
            ("", vec![]),
            ("done:true", vec![Term::Done(true)]),
            ("done = false", vec![Term::Done(false)]),
            ("done != true", vec![Term::Done(false)]),
            ("state=RUNNING", vec![Term::State(vec![StateName::Running])]),
            ("state!=\"PENDING\"", vec![Term::State(StateName::ALL[1..].to_vec())]),
            ("method = pkg.S/M", vec![Term::Method(Compare::Equal, "pkg.S/M".into())]),
            (
                "create_time>=2021-03-28T14:50:00Z AND labels.env:'a \\'b'",
                vec![
                    Term::CreateTime(Compare::GreaterOrEqual, time),
                    Term::Label("env".into(), Compare::Equal, "a 'b".into()),
                ],
            ),
            (
                "name<operations/x finish_time < \"2021-03-28T16:50:00+02:00\"",
                vec![
                    Term::Name(Compare::Less, "operations/x".into()),
                    Term::FinishTime(Compare::Less, time),
                ],
            ),
        ];
        for (text, terms) in table {
            assert_eq!(Filter::parse(text), Ok(Filter(terms)), "{text}");
        }
    }

    #[test]
    fn what_is_not_answered_is_refused_with_its_place() {
        let long = "x".repeat(5000);
        let table = [
            ("state=LOST", 7),
            ("done=maybe", 6),
            ("done>true", 1),
            ("color=red", 1),
            ("labels.=x", 1),
            ("done:true OR state=RUNNING", 11),
            ("NOT done:true", 1),
            ("-done:true", 1),
            ("(done:true)", 1),
            ("done", 1),
            ("done=", 1),
            ("= true", 1),
            ("create_time>yesterday", 13),
            ("method=\"open", 8),
            ("done:true AND", 11),
            (&long, 1),
        ];
        for (text, column) in table {
            assert_eq!(Filter::parse(text).map_err(|error| error.column), Err(column), "{text}");
        }
    }
}
