//! The grammar of AIP-160: `OR` binds tighter than `AND`, white space is `AND`.

use super::scanner::{Operator, Scanner, ends_name, ends_value};
use super::{Compare, FilterError, Literal};

/// A filter as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// All of them hold; none: always.
    All(Vec<Syntax>),
    /// One of them holds.
    Any(Vec<Syntax>),
    /// It doesn't hold.
    Not(Box<Syntax>),
    /// A comparison.
    Restriction(Restriction),
}

/// One comparison as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Restriction {
    pub(super) field: Field,
    pub(super) value: Literal,
    /// Where the value is.
    pub(super) value_column: usize,
}

/// What stands to the left of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The names between the dots, at least one, each with its column.
    pub(super) path: Vec<(String, usize)>,
    pub(super) operator: Operator,
}

/// The longest filter, in bytes.
pub const FILTER_BYTES_MAX: usize = 4096;
/// The most comparisons in one filter.
pub(super) const RESTRICTIONS_MAX: usize = 100;
/// The most parentheses within each other, and the most names in one path.
pub(super) const DEPTH_MAX: usize = 50;

/// Reads a filter; an empty one always holds.
pub(super) fn parse(text: &str) -> Result<Syntax, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        let message = format!("{} bytes; a filter has at most {FILTER_BYTES_MAX}", text.len());
        return Err(FilterError::new(1, message));
    }
    let mut parser = Parser { scanner: Scanner::new(text), depth: 0, restrictions: 0 };
    if parser.scanner.next().is_none() {
        return Ok(Syntax::All(vec![]));
    }
    let syntax = parser.expression(None)?;
    match parser.scanner.next() {
        None => Ok(syntax),
        Some(_) => Err(parser.error("there is no \"(\" for this \")\"")),
    }
}

struct Parser {
    scanner: Scanner,
    depth: usize,
    restrictions: usize,
}

/// In parentheses behind a comparison the values alone are written: `state=(A OR B)`.
type Target<'a> = Option<&'a Field>;

impl Parser {
    fn error(&self, message: impl Into<String>) -> FilterError {
        FilterError::new(self.scanner.column(), message)
    }

    /// Factors joined by `AND` or nothing, up to a closing parenthesis or the end.
    fn expression(&mut self, target: Target<'_>) -> Result<Syntax, FilterError> {
        let mut factors = vec![self.factor(target)?];
        while !matches!(self.scanner.next(), None | Some(')')) {
            self.take_keyword("AND", target);
            factors.push(self.factor(target)?);
        }
        Ok(joined(factors, is_not_equal(target)))
    }

    /// Terms joined by `OR`.
    fn factor(&mut self, target: Target<'_>) -> Result<Syntax, FilterError> {
        let mut terms = vec![self.term(target)?];
        while self.take_keyword("OR", target) {
            terms.push(self.term(target)?);
        }
        Ok(joined(terms, !is_not_equal(target)))
    }

    fn term(&mut self, target: Target<'_>) -> Result<Syntax, FilterError> {
        let negated = self.take_keyword("NOT", target)
            || (target.is_none() && self.scanner.next() == Some('-') && self.scanner.take('-'));
        let simple = self.simple(target)?;
        Ok(if negated { Syntax::Not(Box::new(simple)) } else { simple })
    }

    fn simple(&mut self, target: Target<'_>) -> Result<Syntax, FilterError> {
        match (self.scanner.next(), target) {
            (Some('('), _) => self.composite(target),
            (_, Some(field)) => self.literal(field.clone()),
            (_, None) => self.restriction(),
        }
    }

    /// An expression in parentheses.
    fn composite(&mut self, target: Target<'_>) -> Result<Syntax, FilterError> {
        let open = self.scanner.column();
        if self.depth == DEPTH_MAX {
            return Err(self.error(format!("more than {DEPTH_MAX} parentheses within each other")));
        }
        self.depth += 1;
        self.scanner.take('(');
        let inner = self.expression(target)?;
        self.depth -= 1;
        if self.scanner.take(')') {
            Ok(inner)
        } else {
            Err(FilterError::new(open, "there is no \")\" for this \"(\""))
        }
    }

    /// `FIELD OPERATOR VALUE`, or values in parentheses.
    fn restriction(&mut self) -> Result<Syntax, FilterError> {
        let path = self.path()?;
        let Some(operator) = self.scanner.operator() else {
            let (word, column) = &path[0];
            return Err(match self.scanner.here() {
                Some(c @ ('!' | ',')) => self.error(format!("'{c}' is not expected here")),
                _ => FilterError::new(*column, alone(word, path.len())),
            });
        };
        let field = Field { path, operator };
        match self.scanner.next() {
            Some('(') => self.composite(Some(&field)),
            _ => self.literal(field),
        }
    }

    /// Names with dots between them.
    fn path(&mut self) -> Result<Vec<(String, usize)>, FilterError> {
        let mut path = Vec::new();
        loop {
            let column = self.scanner.column();
            let bare = !matches!(self.scanner.here(), Some('"' | '\''));
            let Some(name) = self.scanner.name()? else {
                return Err(self.missing("a field"));
            };
            // A keyword may be a field of a message, but no expression begins with one.
            if bare && path.is_empty() && is_keyword(&name) {
                return Err(FilterError::new(column, format!("expected a field, not {name}")));
            }
            path.push((name, column));
            if self.scanner.here() == Some('(') {
                return Err(FilterError::new(path[0].1, NO_FUNCTIONS));
            }
            if path.len() > DEPTH_MAX {
                let message = format!("more than {DEPTH_MAX} names in one path");
                return Err(FilterError::new(column, message));
            }
            if !self.scanner.take('.') {
                return Ok(path);
            }
        }
    }

    /// A value to compare the field with.
    fn literal(&mut self, field: Field) -> Result<Syntax, FilterError> {
        let value_column = self.scanner.column();
        let bare = !matches!(self.scanner.here(), Some('"' | '\''));
        let value = match self.scanner.value()? {
            Some(value) if bare && is_keyword(value.text()) => {
                let message = format!("expected a value, not {}", value.text());
                return Err(FilterError::new(value_column, message));
            }
            Some(value) => value,
            None => return Err(self.missing(&format!("a value for \"{}\"", shown(&field.path)))),
        };
        if bare && self.scanner.here() == Some('(') {
            return Err(FilterError::new(value_column, NO_FUNCTIONS));
        }
        self.restrictions += 1;
        if self.restrictions > RESTRICTIONS_MAX {
            let message = format!("more than {RESTRICTIONS_MAX} comparisons");
            return Err(FilterError::new(field.path[0].1, message));
        }
        Ok(Syntax::Restriction(Restriction { field, value, value_column }))
    }

    fn take_keyword(&mut self, keyword: &str, target: Target<'_>) -> bool {
        let is_end = if target.is_some() { ends_value } else { ends_name };
        self.scanner.take_keyword(keyword, is_end)
    }

    fn missing(&self, what: &str) -> FilterError {
        self.error(match self.scanner.here() {
            None => format!("expected {what}, but the filter ends"),
            Some(c) => format!("expected {what}, not '{c}'"),
        })
    }
}

const NO_FUNCTIONS: &str = "there are no functions in this filter language";

fn is_keyword(word: &str) -> bool {
    matches!(word, "AND" | "OR" | "NOT")
}

/// Unless it equals one of several is: it equals none of them.
fn is_not_equal(target: Target<'_>) -> bool {
    target.is_some_and(|field| field.operator.compare == Compare::NotEqual)
}

fn joined(mut parts: Vec<Syntax>, any: bool) -> Syntax {
    match parts.len() {
        1 => parts.remove(0),
        _ if any => Syntax::Any(parts),
        _ => Syntax::All(parts),
    }
}

/// A word without a comparison: AIP-160 would look for it in all fields.
fn alone(word: &str, names: usize) -> String {
    let word = cut(word);
    if names == 1 && is_keyword(&word.to_ascii_uppercase()) {
        format!("\"{word}\" is no operator: AND, OR and NOT are written in capitals")
    } else {
        format!("\"{word}\" stands alone: compare a field with a value, such as done=true")
    }
}

/// A path as it goes into an error.
pub(super) fn shown(path: &[(String, usize)]) -> String {
    let names: Vec<&str> = path.iter().map(|(name, _)| name.as_str()).collect();
    cut(&names.join("."))
}

/// At most 64 characters.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
