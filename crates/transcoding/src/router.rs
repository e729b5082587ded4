//! Which rule reads a path: a trie over segments, the most specific first.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

use crate::template::{Segment, Template, Variable, matches};

/// Rules by path. Of all that read a path the most specific wins, segment by segment from
/// the left: a literal, then `*`, then the end, then `**`.
#[derive(Debug)]
pub struct Router<T> {
    root: Node<T>,
    verbs: BTreeSet<String>,
}

/// A rule's shape was there before, for the same HTTP verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// The template that is served instead.
    pub by: String,
}

/// What reads a path.
#[derive(Debug)]
pub struct Found<'a, T> {
    /// What was inserted with the rule.
    pub value: &'a T,
    /// Field paths and the decoded values that the path gives them.
    pub captures: Vec<(String, String)>,
}

/// Why no rule reads a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// None does, with any verb.
    NotFound,
    /// One does, but with another verb.
    MethodNotAllowed {
        /// The HTTP verbs that would do; `HEAD` beside `GET`.
        allow: Vec<String>,
    },
    /// The path itself is broken; what is wrong with it.
    BadPath(String),
}

#[derive(Debug)]
struct Node<T> {
    literals: BTreeMap<String, Node<T>>,
    one: Option<Box<Node<T>>>,
    ends: Ends<T>,
    /// What may follow a `**` here, the most specific first. A tail has one length, so it
    /// is held against the end of a path once, however long that is.
    many: Vec<Tail<T>>,
}

#[derive(Debug)]
struct Tail<T> {
    segments: Vec<Segment>,
    ends: Ends<T>,
}

/// By custom verb (empty: none), then by HTTP verb.
type Ends<T> = BTreeMap<String, BTreeMap<String, End<T>>>;

#[derive(Debug)]
struct End<T> {
    value: T,
    source: String,
    variables: Vec<Variable>,
    segments: Vec<Segment>,
    many_at: Option<usize>,
}

/// What a request asks of a path's end.
struct Wanted<'r> {
    custom: &'r str,
    verb: &'r str,
}

/// The HTTP verb of a rule that takes any (`google.api.CustomHttpPattern`).
const ANY_VERB: &str = "*";

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { literals: BTreeMap::new(), one: None, ends: BTreeMap::new(), many: Vec::new() }
    }
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Router<T> {
    /// A router without rules.
    #[must_use]
    pub fn new() -> Self {
        Self { root: Node::default(), verbs: BTreeSet::new() }
    }

    /// Adds a rule; the verb `*` is for those that no rule of the same shape has.
    ///
    /// # Errors
    /// [`Shadowed`] when a rule of the same shape and verb is there: that one stays.
    pub fn insert(&mut self, verb: &str, template: &Template, value: T) -> Result<(), Shadowed> {
        let many_at = template.segments.iter().position(|one| *one == Segment::Many);
        let (head, tail) = template.segments.split_at(many_at.unwrap_or(template.segments.len()));
        let mut node = &mut self.root;
        for segment in head {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::One | Segment::Many => node.one.get_or_insert_default(),
            };
        }
        let ends = match tail.split_first() {
            Some((_, tail)) => node.tail(tail),
            None => &mut node.ends,
        };
        let custom = template.verb().unwrap_or_default().to_owned();
        let ends = ends.entry(custom).or_default();
        if let Some(first) = ends.get(verb) {
            return Err(Shadowed { by: first.source.clone() });
        }
        let end = End {
            value,
            source: template.to_string(),
            variables: template.variables.clone(),
            segments: template.segments.clone(),
            many_at,
        };
        ends.insert(verb.to_owned(), end);
        self.verbs.extend(template.verb().map(str::to_owned));
        Ok(())
    }

    /// Finds the rule that reads a path as it came, percent-encoded and without the query.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn find(&self, verb: &str, path: &str) -> Result<Found<'_, T>, RouteError> {
        check_encoding(path)?;
        let Some(path) = path.strip_prefix('/') else { return Err(RouteError::NotFound) };
        let (path, custom) = self.split_verb(path);
        let mut parts: Vec<&str> = path.split('/').collect();
        // Trailing slashes don't count; empty segments elsewhere do.
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        // Once the verb is off: `..:cancel` names `..` as well.
        if parts.iter().any(|part| has_dots(part)) {
            let message = "The path has a \".\" or \"..\" segment; name the resource itself.";
            return Err(RouteError::BadPath(message.to_owned()));
        }
        let mut allow = BTreeSet::new();
        match self.root.find(&parts, &Wanted { custom, verb }, &mut allow) {
            Some(end) => Ok(Found { value: &end.value, captures: end.captures(&parts) }),
            None if allow.is_empty() => Err(RouteError::NotFound),
            None => {
                if allow.contains("GET") {
                    allow.insert("HEAD");
                }
                let allow = allow.into_iter().map(str::to_owned).collect();
                Err(RouteError::MethodNotAllowed { allow })
            }
        }
    }

    /// The custom verb, if the text after the last colon of the last segment is one that
    /// some rule has; otherwise it is part of the segment.
    fn split_verb<'p>(&self, path: &'p str) -> (&'p str, &'p str) {
        match path.rsplit_once(':') {
            Some((rest, verb)) if !verb.contains('/') && self.verbs.contains(verb) => (rest, verb),
            _ => (path, ""),
        }
    }
}

impl<T> Node<T> {
    /// The ends of a tail, which is put in its place if it is new.
    fn tail(&mut self, segments: &[Segment]) -> &mut Ends<T> {
        let found = self.many.iter().position(|tail| tail.segments == segments);
        let at = found.unwrap_or_else(|| {
            let at = self.many.partition_point(|tail| ranks(&tail.segments).le(ranks(segments)));
            self.many.insert(at, Tail { segments: segments.to_vec(), ends: BTreeMap::new() });
            at
        });
        &mut self.many[at].ends
    }

    /// The most specific end; whatever can't finish the path gives way to what is less
    /// specific. Every node is seen once at most, whatever the path.
    fn find<'a>(
        &'a self,
        parts: &[&str],
        wanted: &Wanted<'_>,
        allow: &mut BTreeSet<&'a str>,
    ) -> Option<&'a End<T>> {
        if let Some((part, rest)) = parts.split_first() {
            if let Some(node) = self.literals.get(*part)
                && let Some(found) = node.find(rest, wanted, allow)
            {
                return Some(found);
            }
            if let Some(node) = &self.one
                && !part.is_empty()
                && let Some(found) = node.find(rest, wanted, allow)
            {
                return Some(found);
            }
        } else if let Some(found) = wanted.of(&self.ends, allow) {
            return Some(found);
        }
        self.many
            .iter()
            .filter(|tail| tail.reads(parts))
            .find_map(|tail| wanted.of(&tail.ends, allow))
    }
}

impl<T> Tail<T> {
    fn reads(&self, parts: &[&str]) -> bool {
        let taken = parts.len().checked_sub(self.segments.len());
        taken.is_some_and(|taken| matches(&self.segments, &parts[taken..]))
    }
}

impl Wanted<'_> {
    /// The end for the request's verbs; if there is none, the HTTP verbs that would do.
    fn of<'a, T>(&self, ends: &'a Ends<T>, allow: &mut BTreeSet<&'a str>) -> Option<&'a End<T>> {
        let ends = ends.get(self.custom)?;
        let found = ends.get(self.verb).or_else(|| ends.get(ANY_VERB));
        if found.is_none() {
            allow.extend(ends.keys().map(String::as_str));
        }
        found
    }
}

/// How specific each segment is, and then the end.
fn ranks(segments: &[Segment]) -> impl Iterator<Item = u8> {
    let rank = |segment: &Segment| match segment {
        Segment::Literal(_) => 0,
        Segment::One => 1,
        Segment::Many => 3,
    };
    segments.iter().map(rank).chain([2])
}

impl<T> End<T> {
    fn captures(&self, parts: &[&str]) -> Vec<(String, String)> {
        // A `**` takes whatever the other segments leave.
        let place = |index: usize| match self.many_at {
            Some(at) if index > at => index + parts.len() - self.segments.len(),
            _ => index,
        };
        let capture = |variable: &Variable| {
            let taken = &parts[place(variable.start)..place(variable.end)];
            let own = &self.segments[variable.start..variable.end];
            let single = own.len() == 1 && own[0] != Segment::Many;
            (variable.field.clone(), decode(taken.join("/"), !single))
        };
        self.variables.iter().map(capture).collect()
    }
}

/// Percent-decoding; with `keep_slashes`, `%2F` and `%2f` stay as they are, so that a
/// slash in a segment is not taken for one between segments.
fn decode(text: String, keep_slashes: bool) -> String {
    if !text.contains('%') {
        return text;
    }
    if !keep_slashes {
        return plain(&text).into_owned();
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = find_slash(rest) {
        decoded.push_str(&plain(&rest[..at]));
        decoded.push_str(&rest[at..at + 3]);
        rest = &rest[at + 3..];
    }
    decoded.push_str(&plain(rest));
    decoded
}

/// Of text that [`check_encoding`] has seen, so nothing is lost.
fn plain(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

fn find_slash(text: &str) -> Option<usize> {
    text.as_bytes().windows(3).position(|three| three.eq_ignore_ascii_case(b"%2f"))
}

/// Whether a segment is `.` or `..`, or has one between encoded slashes.
fn has_dots(part: &str) -> bool {
    let dots = |part: &str| part == "." || part == "..";
    dots(part) || (part.contains('%') && plain(part).split('/').any(dots))
}

/// Refuses what can't be decoded.
fn check_encoding(path: &str) -> Result<(), RouteError> {
    if let Some(at) = bad_escape(path) {
        let message = format!("The path has a bad percent-encoding at byte {at}.");
        return Err(RouteError::BadPath(message));
    }
    // Without an escape the path is the UTF-8 that it came as.
    if path.contains('%') && percent_decode_str(path).decode_utf8().is_err() {
        let message = "The path is not valid UTF-8 once decoded.".to_owned();
        return Err(RouteError::BadPath(message));
    }
    Ok(())
}

/// Where a `%` stands without two hexadecimal digits.
pub(crate) fn bad_escape(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let good = |at: usize| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    text.match_indices('%').map(|(at, _)| at).find(|at| !good(*at))
}
