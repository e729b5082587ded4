//! The words of a filter, one at a time: what a word is depends on where it stands.

use super::{Compare, FilterError, Literal};

/// A text that is read from left to right.
pub(super) struct Scanner {
    chars: Vec<char>,
    at: usize,
}

/// A comparison as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) compare: Compare,
    /// `:` rather than `=`.
    pub(super) has: bool,
}

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        Self { chars: text.chars().collect(), at: 0 }
    }

    /// Where it stands, from 1.
    pub(super) fn column(&self) -> usize {
        self.at + 1
    }

    /// The character right here.
    pub(super) fn here(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// The next character that is no white space.
    pub(super) fn next(&mut self) -> Option<char> {
        while self.here().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.here()
    }

    /// Steps over a character if it is right here.
    pub(super) fn take(&mut self, c: char) -> bool {
        let found = self.here() == Some(c);
        self.at += usize::from(found);
        found
    }

    /// Steps over `AND`, `OR` or `NOT` if it is the next word.
    pub(super) fn take_keyword(&mut self, keyword: &str, is_end: fn(char) -> bool) -> bool {
        self.next();
        let found = self.word(is_end) == keyword;
        self.at += if found { keyword.len() } else { 0 };
        found
    }

    /// The word right here, empty if there is none.
    fn word(&self, is_end: fn(char) -> bool) -> String {
        self.chars[self.at..].iter().copied().take_while(|c| !is_end(*c)).collect()
    }

    /// A part of a field's path, bare or quoted.
    pub(super) fn name(&mut self) -> Result<Option<String>, FilterError> {
        if let Some(quoted) = self.quoted()? {
            return Ok(Some(quoted.text().to_owned()));
        }
        let word = self.word(ends_name);
        self.at += word.chars().count();
        Ok((!word.is_empty()).then_some(word))
    }

    /// A value, bare or quoted. A bare one goes on over dots and colons: a time has both.
    pub(super) fn value(&mut self) -> Result<Option<Literal>, FilterError> {
        if let Some(quoted) = self.quoted()? {
            return Ok(Some(quoted));
        }
        let word = self.word(ends_value);
        self.at += word.chars().count();
        let pieces = word.split('*').map(str::to_owned).collect();
        Ok((!word.is_empty()).then(|| Literal::new(pieces)))
    }

    /// A quoted text. A backslash quotes what follows it, a `*` too.
    fn quoted(&mut self) -> Result<Option<Literal>, FilterError> {
        let Some(quote) = self.here().filter(|c| matches!(c, '"' | '\'')) else {
            return Ok(None);
        };
        let start = self.column();
        let mut pieces = vec![String::new()];
        loop {
            self.at += 1;
            let c = match self.here() {
                Some('\\') => {
                    self.at += 1;
                    self.here()
                }
                Some('*') => {
                    pieces.push(String::new());
                    continue;
                }
                Some(c) if c == quote => {
                    self.at += 1;
                    return Ok(Some(Literal::new(pieces)));
                }
                other => other,
            };
            match (c, pieces.last_mut()) {
                (Some(c), Some(piece)) => piece.push(c),
                _ => return Err(FilterError::new(start, "the quoted text has no end")),
            }
        }
    }

    /// A comparison, the next thing that is no white space.
    pub(super) fn operator(&mut self) -> Option<Operator> {
        self.next();
        let follows = self.chars.get(self.at + 1) == Some(&'=');
        let (compare, width) = match (self.here()?, follows) {
            ('!', true) => (Compare::NotEqual, 2),
            ('<', true) => (Compare::LessOrEqual, 2),
            ('>', true) => (Compare::GreaterOrEqual, 2),
            ('<', false) => (Compare::Less, 1),
            ('>', false) => (Compare::Greater, 1),
            ('=' | ':', _) => (Compare::Equal, 1),
            _ => return None,
        };
        let has = self.here() == Some(':');
        self.at += width;
        Some(Operator { compare, has })
    }
}

/// Whether a bare name ends before the character.
pub(super) fn ends_name(c: char) -> bool {
    ends_value(c) || matches!(c, ':' | '.')
}

/// Whether a bare value ends before the character.
pub(super) fn ends_value(c: char) -> bool {
    c.is_whitespace() || "()!<>=\"',".contains(c)
}
