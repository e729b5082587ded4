//! Pages (AIP-158): how many rows, and where the next one starts.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{RecordName, Timestamp};

/// Rows of a page, 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(usize);

/// Why a page can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageError {
    /// A negative size.
    Size(i32),
    /// No token of this server's making.
    Token,
    /// A token of another list: its parent, filter, order or caller differ.
    OtherList,
}

impl PageSize {
    /// 0 is 100; more than 1,000 is 1,000.
    ///
    /// # Errors
    /// When it is negative.
    pub fn parse(size: i32) -> Result<Self, PageError> {
        match usize::try_from(size) {
            Ok(0) => Ok(Self(100)),
            Ok(size) => Ok(Self(size.min(1000))),
            Err(_) => Err(PageError::Size(size)),
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

/// The place behind the last row of a page, bound to the list that it is of. It holds no
/// secret and gives no right: whoever uses it is checked as for the first page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken {
    /// The last row's create time.
    pub create_time: Timestamp,
    /// The last row's name.
    pub name: RecordName,
    /// Of all that the list depends on.
    pub digest: [u8; 8],
}

/// The first byte of every token, so that its form can change.
const VERSION: u8 = 1;

impl PageToken {
    /// URL-safe text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.digest);
        bytes.extend(self.create_time.micros().to_be_bytes());
        bytes.extend(self.name.to_string().as_bytes());
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// From text, for the list with this digest.
    ///
    /// # Errors
    /// [`PageError::Token`], [`PageError::OtherList`].
    pub fn decode(text: &str, digest: [u8; 8]) -> Result<Self, PageError> {
        let bytes = unhex(text).ok_or(PageError::Token)?;
        let (&version, rest) = bytes.split_first().ok_or(PageError::Token)?;
        let (found, rest) = rest.split_first_chunk::<8>().ok_or(PageError::Token)?;
        let (time, name) = rest.split_first_chunk::<8>().ok_or(PageError::Token)?;
        if version != VERSION {
            return Err(PageError::Token);
        }
        if *found != digest {
            return Err(PageError::OtherList);
        }
        let name = std::str::from_utf8(name).map_err(|_| PageError::Token)?;
        Ok(Self {
            create_time: Timestamp::from_micros(i64::from_be_bytes(*time)),
            name: RecordName::parse(name).map_err(|_| PageError::Token)?,
            digest,
        })
    }
}

/// A digest of texts: any other text, or another cut between them, makes another.
#[must_use]
pub fn page_digest(parts: &[&[u8]]) -> [u8; 8] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut digest = [0; 8];
    digest.copy_from_slice(&hash.finalize()[..8]);
    digest
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "Invalid value at 'page_size': {size} is negative."),
            Self::Token => f.write_str(
                "Invalid value at 'page_token': not a token of this server; leave it out to start anew.",
            ),
            Self::OtherList => f.write_str(
                "Invalid value at 'page_token': it belongs to a list with another parent, filter or order, or to another caller.",
            ),
        }
    }
}

impl std::error::Error for PageError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        for (asked, given) in [(0, 100), (1, 1), (1000, 1000), (1001, 1000), (i32::MAX, 1000)] {
            assert_eq!(PageSize::parse(asked).unwrap().get(), given);
        }
        assert_eq!(PageSize::parse(-1), Err(PageError::Size(-1)));
        assert_eq!(PageSize::parse(i32::MIN), Err(PageError::Size(i32::MIN)));
    }

    #[test]
    fn what_is_cut_or_changed_is_no_token() {
        let name = RecordName::parse("services/s/operations/x").unwrap();
        let token = PageToken { create_time: Timestamp::from_micros(7), name, digest: [1; 8] };
        let good = token.encode();
        assert!(good.bytes().all(|c| c.is_ascii_alphanumeric()), "URL-safe: {good}");
        let table = [
            String::new(),
            good[..good.len() - 1].to_owned(),
            // Down to a name without an id, to half a time, to a version alone.
            good[..good.len() - 2].to_owned(),
            good[..20].to_owned(),
            good[..2].to_owned(),
            format!("02{}", &good[2..]),
            format!("{good}ff"),
            format!("{good}2f"),
            format!("{good}0"),
            format!(" {good}"),
            good.replace('0', "g"),
        ];
        for text in table {
            assert_eq!(PageToken::decode(&text, [1; 8]), Err(PageError::Token), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn tokens_come_back(micros in any::<i64>(), id in "[a-z0-9][a-z0-9_-]{0,20}", digest: [u8; 8]) {
            let name = RecordName::parse(&format!("services/s/projects/p/operations/{id}")).unwrap();
            let token = PageToken { create_time: Timestamp::from_micros(micros), name, digest };
            prop_assert_eq!(PageToken::decode(&token.encode(), digest), Ok(token.clone()));
            let mut other = digest;
            other[0] ^= 1;
            prop_assert_eq!(PageToken::decode(&token.encode(), other), Err(PageError::OtherList));
        }

        #[test]
        fn other_texts_are_no_tokens(text in "\\PC{0,60}") {
            prop_assert!(PageToken::decode(&text, [0; 8]).is_err());
        }

        #[test]
        fn a_digest_tells_parts_apart(a in "[ab]{0,4}", b in "[ab]{0,4}", c in "[ab]{0,4}", d in "[ab]{0,4}") {
            let same = page_digest(&[a.as_bytes(), b.as_bytes()]) == page_digest(&[c.as_bytes(), d.as_bytes()]);
            prop_assert_eq!(same, a == c && b == d);
        }
    }
}
