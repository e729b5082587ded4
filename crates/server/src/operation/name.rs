//! Names: `operations/{id}`, `{parent}/operations/{id}`, `services/{service}/{operation}`.

use std::fmt;

use super::Timestamp;

/// The last segment of an operation's name: `[A-Za-z0-9][A-Za-z0-9_-]{0,127}`.
///
/// One that the server assigns is 26 characters of lower-case base32: 48 bits of
/// milliseconds and 80 random bits, so that ids sort by the time they were made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

/// What stands before `operations/` in a name; empty at the top.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parent(String);

/// An operation's name within its service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationName {
    /// The resource that it is under.
    pub parent: Parent,
    /// Its id.
    pub id: Id,
}

/// A record's name: the service and the operation in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName {
    /// The service, as in `services/{service}`.
    pub service: String,
    /// The operation's name in that service.
    pub operation: OperationName,
}

/// A text that is no name: what it should have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError(&'static str);

/// The longest name that is looked up, in bytes.
const NAME_BYTES_MAX: usize = 1024;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Id {
    /// The id of an operation made at `now`, from 80 fresh random bits.
    #[must_use]
    pub fn mint(now: Timestamp, random: [u8; 10]) -> Self {
        let mut bits = (u128::from(now.millis().max(0) as u64) & 0xffff_ffff_ffff) << 80;
        for (index, byte) in random.iter().enumerate() {
            bits |= u128::from(*byte) << (72 - 8 * index);
        }
        let digit = |index: usize| ALPHABET[(bits >> (125 - 5 * index)) as usize & 31] as char;
        Self((0..26).map(digit).collect())
    }

    /// An id that the backend chose.
    ///
    /// # Errors
    /// When it isn't `[A-Za-z0-9][A-Za-z0-9_-]{0,127}`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let rest = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
        match text.as_bytes() {
            [first, others @ ..]
                if first.is_ascii_alphanumeric()
                    && others.len() < 128
                    && others.iter().all(|c| rest(*c)) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NameError(
                "an id of 1 to 128 letters, digits, `_` and `-`, starting with a letter or digit",
            )),
        }
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Parent {
    /// A parent such as `projects/p`; empty is the top.
    ///
    /// # Errors
    /// With an empty segment, `.` or `..`, a control character, or over 1,024 bytes.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let good = |segment: &str| {
            !matches!(segment, "" | "." | "..") && !segment.contains(char::is_control)
        };
        if text.is_empty() || (text.len() <= NAME_BYTES_MAX && text.split('/').all(good)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError("a resource name of segments between slashes, at most 1,024 bytes"))
        }
    }

    /// The parent's text; empty at the top.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OperationName {
    /// `operations/{id}` or `{parent}/operations/{id}`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let malformed = NameError("`operations/{id}` or `{parent}/operations/{id}`");
        let (collection, id) = text.rsplit_once('/').ok_or(malformed.clone())?;
        let parent = match collection.strip_suffix("operations") {
            Some("") => "",
            Some(parent) => match parent.strip_suffix('/') {
                Some(parent) if !parent.is_empty() => parent,
                _ => return Err(malformed),
            },
            None => return Err(malformed),
        };
        Ok(Self { parent: Parent::parse(parent)?, id: Id::parse(id)? })
    }
}

impl RecordName {
    /// `services/{service}/{operation name}`.
    ///
    /// # Errors
    /// When it isn't.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let malformed = NameError("`services/{service}/{operation name}`");
        let (service, operation) = text
            .strip_prefix("services/")
            .and_then(|rest| rest.split_once('/'))
            .filter(|(service, _)| !service.is_empty())
            .ok_or(malformed)?;
        Ok(Self { service: service.to_owned(), operation: OperationName::parse(operation)? })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.parent.0.is_empty() {
            write!(f, "{}/", self.parent.0)?;
        }
        write!(f, "operations/{}", self.id)
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "services/{}/{}", self.service, self.operation)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn minted_ids_are_26_digits_of_time_and_randomness() {
        let mint = |millis: i64, random| Id::mint(Timestamp::from_micros(millis * 1000), random).0;
        let table = [
            // 130 bits for 128: the first digit is 0 to 7.
            (0, [0; 10], "00000000000000000000000000"),
            (0, [255; 10], "0000000000zzzzzzzzzzzzzzzz"),
            (0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "00000000000000000000000001"),
            (1, [0; 10], "00000000010000000000000000"),
            ((1 << 48) - 1, [255; 10], "7zzzzzzzzzzzzzzzzzzzzzzzzz"),
            (1_700_000_000_000, [0x84; 10], "01hf7yat00gj289144gj289144"),
            (-5, [0; 10], "00000000000000000000000000"),
        ];
        for (millis, random, id) in table {
            assert_eq!(mint(millis, random), id, "{millis}");
        }
    }

    #[test]
    fn ids() {
        let (longest, longer) = ("a".repeat(128), "a".repeat(129));
        let table = [
            ("a", true),
            ("0", true),
            ("Z", true),
            ("a-b_C9", true),
            ("a-", true),
            (&longest, true),
            (&longer, false),
            ("", false),
            ("-a", false),
            ("_a", false),
            ("a.b", false),
            ("a b", false),
            ("a:cancel", false),
            ("a/b", false),
            ("ä", false),
            ("a\0", false),
        ];
        for (text, good) in table {
            assert_eq!(Id::parse(text).map(|id| id.0).ok().as_deref(), good.then_some(text));
        }
    }

    #[test]
    fn operation_names() {
        let (long, longer) = ("p".repeat(1024), "p".repeat(1025));
        let (under, beyond) = (format!("{long}/operations/x"), format!("{longer}/operations/x"));
        let table = [
            ("operations/x", Some(("", "x"))),
            ("projects/p/operations/x", Some(("projects/p", "x"))),
            ("operations/a/operations/x", Some(("operations/a", "x"))),
            ("operations/operations", Some(("", "operations"))),
            ("a/b/c/d/operations/x", Some(("a/b/c/d", "x"))),
            ("projects/ü/operations/x", Some(("projects/ü", "x"))),
            (&under, Some((&long, "x"))),
            (&beyond, None),
            ("", None),
            ("x", None),
            ("operations", None),
            ("operations/", None),
            ("/operations/x", None),
            ("operations/x/", None),
            ("myoperations/x", None),
            ("projects/p/myoperations/x", None),
            ("projects//operations/x", None),
            ("projects/../operations/x", None),
            ("projects/./operations/x", None),
            ("projects/\n/operations/x", None),
            ("operations/x:cancel", None),
            ("Operations/x", None),
        ];
        for (text, parts) in table {
            let parsed = OperationName::parse(text);
            let found = parsed.as_ref().ok().map(|name| (name.parent.as_str(), name.id.as_str()));
            assert_eq!(found, parts, "{text:?}");
            if let Ok(name) = parsed {
                assert_eq!(name.to_string(), text);
            }
        }
    }

    #[test]
    fn record_names() {
        let table = [
            ("services/s/operations/x", true),
            ("services/s.example.com/projects/p/operations/x", true),
            ("services//operations/x", false),
            ("services/operations/x", false),
            ("services/s", false),
            ("services/s/", false),
            ("s/operations/x", false),
            ("operations/x", false),
        ];
        for (text, good) in table {
            let parsed = RecordName::parse(text).map(|name| name.to_string());
            assert_eq!(parsed.ok().as_deref(), good.then_some(text));
        }
    }

    proptest! {
        #[test]
        fn minted_ids_sort_by_time_and_are_names(
            (earlier, later) in (0..1_i64 << 48, 0..1_i64 << 48),
            (one, other) in any::<([u8; 10], [u8; 10])>(),
        ) {
            let mint = |millis: i64, random| Id::mint(Timestamp::from_micros(millis * 1000), random);
            let (a, b) = (mint(earlier, one), mint(later, other));
            prop_assert_eq!(a.cmp(&b), (earlier, one).cmp(&(later, other)));
            prop_assert_eq!(a.as_str().len(), 26);
            prop_assert_eq!(Id::parse(a.as_str()), Ok(a.clone()));
            prop_assert!(a.as_str().bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        }

        #[test]
        fn any_text_is_a_name_or_refused(text in "\\PC{0,40}") {
            if let Ok(name) = OperationName::parse(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
