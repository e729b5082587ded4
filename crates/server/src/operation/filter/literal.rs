//! Values as they are written, and what they say of each type.

use std::cmp::Ordering;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::{DateTime, datetime};

use super::Compare;

/// A value: a text, in which each `*` that isn't quoted by a backslash stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    text: String,
    pattern: Option<Pattern>,
}

/// The texts between the `*`, in their order; at least two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<String>);

const EPOCH: DateTime = datetime(1970, 1, 1, 0, 0, 0, 0);
const NANOS: i128 = 1_000_000_000;

impl Literal {
    /// From the texts between the `*`, at least one.
    pub(super) fn new(pieces: Vec<String>) -> Self {
        let text = pieces.join("*");
        Self { text, pattern: (pieces.len() > 1).then_some(Pattern(pieces)) }
    }

    /// The text, with its `*`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pattern, if there is a `*` in it.
    #[must_use]
    pub fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// Whether it is `*` alone: anything.
    #[must_use]
    pub fn is_anything(&self) -> bool {
        self.pattern.is_some() && self.text == "*"
    }

    /// Whether a text stands so to it. A pattern is for `=` and `!=`; to the others a `*` is
    /// a character.
    #[must_use]
    pub fn compares(&self, compare: Compare, found: &str) -> bool {
        match (&self.pattern, compare.equality()) {
            (Some(pattern), Some(equal)) => pattern.matches(found) == equal,
            _ => compare.holds(found, self.text()),
        }
    }

    /// `true` or `false`.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match self.text.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Whether it is a decimal number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.decimal::<f64>().is_some()
    }

    /// How a whole number stands to it; `None` if it is no decimal number.
    #[must_use]
    pub fn order_integer(&self, found: i128) -> Option<Ordering> {
        let decimal: f64 = self.decimal()?;
        if let Ok(whole) = self.text.parse::<i128>() {
            return Some(found.cmp(&whole));
        }
        // Beyond any integer of protobuf, so that the cut to i128 keeps the order.
        let bounded = decimal.clamp(-1e30, 1e30);
        let fraction = 0.0.partial_cmp(&bounded.fract())?;
        Some(found.cmp(&(bounded.trunc() as i128)).then(fraction))
    }

    /// A decimal number, `Infinity`, `-Infinity` or `NaN`, as near as `f32` or `f64` come.
    #[must_use]
    pub fn float<F: FromStr>(&self) -> Option<F> {
        match self.text.as_str() {
            "Infinity" | "-Infinity" | "NaN" => self.text.parse().ok(),
            _ => self.decimal(),
        }
    }

    fn decimal<F: FromStr>(&self) -> Option<F> {
        let starts = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
        let within = |c: char| starts(c) || matches!(c, 'e' | 'E');
        let shaped = self.text.starts_with(starts) && self.text.chars().all(within);
        shaped.then(|| self.text.parse().ok())?
    }

    /// RFC 3339, as nanoseconds since 1970.
    #[must_use]
    pub fn timestamp(&self) -> Option<i128> {
        let (local, offset) = match self.text.strip_suffix(['Z', 'z']) {
            Some(local) => (local, 0),
            None => {
                let (local, offset) =
                    self.text.split_at_checked(self.text.len().checked_sub(6)?)?;
                (local, offset_seconds(offset)?)
            }
        };
        let (whole, fraction) = local.split_once('.').unwrap_or((local, "0"));
        let digits = fraction.len() <= 9 && is_digits(fraction);
        // The parser takes much more, and a leap second for the one before it.
        let shaped = is_like(whole, "dddd-dd-ddTdd:dd:dd") && !whole.ends_with(":60");
        let time: DateTime = (digits && shaped).then(|| local.parse().ok())??;
        Some(time.duration_since(EPOCH).as_nanos() - SignedDuration::from_secs(offset).as_nanos())
    }

    /// `1.5s`, as nanoseconds.
    #[must_use]
    pub fn duration(&self) -> Option<i128> {
        let text = self.text.strip_suffix('s')?;
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let seconds: i64 = whole.parse().ok()?;
        let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
        Some(sign * (i128::from(seconds) * NANOS + nanos))
    }
}

impl Pattern {
    /// Whether a text is of this form.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.0.as_slice() else { return false };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        // The first place where a piece fits leaves the most for those behind it.
        for piece in middle {
            match rest.find(piece.as_str()) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }

    /// The text before a `*` that is the only one and stands at the end.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        match self.0.as_slice() {
            [prefix, rest] if rest.is_empty() => Some(prefix),
            _ => None,
        }
    }
}

/// Seconds east of UTC, from `+hh:mm` or `-hh:mm`.
fn offset_seconds(text: &str) -> Option<i64> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let shaped = is_like(&text[1..], "dd:dd");
    let (hours, minutes) = text[1..].split_once(':').filter(|_| shaped)?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Whether a text has a digit for each `d` of a shape, and else its characters.
fn is_like(text: &str, shape: &str) -> bool {
    let fits = |(c, wanted): (u8, u8)| match wanted {
        b'd' => c.is_ascii_digit(),
        _ => c.eq_ignore_ascii_case(&wanted),
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}
