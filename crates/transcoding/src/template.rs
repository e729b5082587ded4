//! Path templates (`google/api/http.proto`, "Path template syntax").

use std::fmt;

/// One step of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    /// Exactly this text.
    Literal(String),
    /// `*`: one segment.
    One,
    /// `**`: any number of segments, none too.
    Many,
}

/// A variable and the segments that it takes: from `start` up to, not including, `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) field: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A parsed template, such as `/v1/{name=operations/**}:cancel`.
///
/// One `**` may stand anywhere, followed by literals and `*`; the public grammar has it
/// only at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    pub(crate) segments: Vec<Segment>,
    pub(crate) variables: Vec<Variable>,
    verb: Option<String>,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// Where, in characters from 1.
    pub column: usize,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// Where it breaks the grammar.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let mut parser = Parser { chars: source.chars().collect(), at: 0 };
        let mut template =
            Self { source: source.to_owned(), segments: vec![], variables: vec![], verb: None };
        parser.expect('/')?;
        parser.segments(&mut template, false)?;
        if parser.take(':') {
            template.verb = Some(parser.word("a verb")?);
        }
        if parser.at < parser.chars.len() {
            return Err(parser.error("expected `/`, `:` or the end"));
        }
        if template.segments.iter().filter(|one| **one == Segment::Many).count() > 1 {
            return Err(parser.error("a template has at most one `**`"));
        }
        Ok(template)
    }

    /// The field paths of the variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| variable.field.as_str())
    }

    /// The custom verb after the colon.
    #[must_use]
    pub fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }

    /// The first segment, if it is a literal: `None` begins with whatever a path has.
    #[must_use]
    pub fn first_literal(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Literal(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether a variable can bind a plain resource name.
    #[must_use]
    pub fn variable_matches(&self, variable: &str, value: &str) -> bool {
        let parts: Vec<&str> = value.split('/').collect();
        self.variables.iter().any(|found| {
            found.field == variable && matches(&self.segments[found.start..found.end], &parts)
        })
    }
}

/// Whether segments take all of the parts; `*` takes no empty one.
pub(crate) fn matches(segments: &[Segment], parts: &[&str]) -> bool {
    match (segments.split_first(), parts.split_first()) {
        (None, None) => true,
        (Some((Segment::Many, rest)), _) => {
            (0..=parts.len()).any(|taken| matches(rest, &parts[taken..]))
        }
        (Some((Segment::One, rest)), Some((part, parts))) => {
            !part.is_empty() && matches(rest, parts)
        }
        (Some((Segment::Literal(text), rest)), Some((part, parts))) => {
            text == part && matches(rest, parts)
        }
        _ => false,
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn error(&self, message: &str) -> TemplateError {
        TemplateError { message: message.to_owned(), column: self.at + 1 }
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.chars.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), TemplateError> {
        if self.take(wanted) { Ok(()) } else { Err(self.error(&format!("expected `{wanted}`"))) }
    }

    fn word(&mut self, what: &str) -> Result<String, TemplateError> {
        let rest = &self.chars[self.at..];
        let word: String = rest.iter().take_while(|c| !"/:{}=*".contains(**c)).collect();
        if word.is_empty() {
            return Err(self.error(&format!("expected {what}")));
        }
        self.at += word.chars().count();
        Ok(word)
    }

    fn segments(&mut self, template: &mut Template, inner: bool) -> Result<(), TemplateError> {
        loop {
            if self.take('*') {
                let many = self.take('*');
                template.segments.push(if many { Segment::Many } else { Segment::One });
            } else if self.take('{') {
                if inner {
                    return Err(self.error("a variable can't stand in a variable"));
                }
                self.variable(template)?;
            } else {
                let literal = self.word("a segment")?;
                template.segments.push(Segment::Literal(literal));
            }
            if !self.take('/') {
                return Ok(());
            }
        }
    }

    fn variable(&mut self, template: &mut Template) -> Result<(), TemplateError> {
        let field = self.word("a field path")?;
        let start = template.segments.len();
        if template.variables.iter().any(|found| found.field == field) {
            return Err(self.error(&format!("`{field}` is bound twice")));
        }
        if self.take('=') {
            self.segments(template, true)?;
        } else {
            template.segments.push(Segment::One);
        }
        self.expect('}')?;
        template.variables.push(Variable { field, start, end: template.segments.len() });
        Ok(())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at column {}", self.message, self.column)
    }
}

impl std::error::Error for TemplateError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read() {
        let table = [
            ("/v1/{name=operations/**}", vec!["name"], None),
            ("/v1/{name=operations/**}:cancel", vec!["name"], Some("cancel")),
            ("/v1/{parent=projects/*}/items/{item.id}", vec!["parent", "item.id"], None),
            ("/v1/{name=**/operations/*}:wait", vec!["name"], Some("wait")),
            ("/v1/{name=**}/operations", vec!["name"], None),
            ("/**", vec![], None),
        ];
        for (source, variables, verb) in table {
            let template = Template::parse(source).unwrap();
            assert_eq!(template.variables().collect::<Vec<_>>(), variables, "{source}");
            assert_eq!(template.verb(), verb, "{source}");
            assert_eq!(template.to_string(), source);
        }
    }

    #[test]
    fn broken_templates_say_where() {
        let table = [
            ("", 1),
            ("v1", 1),
            ("/", 2),
            ("/v1/", 5),
            ("/v1//a", 5),
            ("/v1/{name", 10),
            ("/v1/{=x}", 6),
            ("/v1/{a={b}}", 9),
            ("/v1/{a}/{a}", 11),
            ("/v1/a:", 7),
            ("/v1/**/**", 10),
            ("/v1/{a=**}/{b=**}", 18),
            ("/v1/{a=**/b/**}", 16),
            ("/v1/***", 7),
            ("/v1/a*", 6),
            ("/v1/a:b/c", 8),
            ("/v1/a:b:c", 8),
            ("/v1/a}b", 6),
        ];
        for (source, column) in table {
            assert_eq!(Template::parse(source).map_err(|one| one.column), Err(column), "{source}");
        }
    }

    #[test]
    fn variables_take_resource_names() {
        let template = Template::parse("/v1/{name=projects/*/operations/**}").unwrap();
        assert!(template.variable_matches("name", "projects/p/operations/x/y"));
        assert!(template.variable_matches("name", "projects/p/operations"));
        assert!(!template.variable_matches("name", "operations/x"));
        assert!(!template.variable_matches("other", "projects/p/operations/x"));
        assert!(!template.variable_matches("name", "projects//operations/x"));
        let template = Template::parse("/v1/{name=**/operations/*}:wait").unwrap();
        for (name, expected) in [
            ("operations/x", true),
            ("a/b/operations/x", true),
            ("operations/operations/operations", true),
            ("operations", false),
            ("a/operations/", false),
            ("a/operations/x/y", false),
            ("", false),
        ] {
            assert_eq!(template.variable_matches("name", name), expected, "{name}");
        }
    }
}
