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
