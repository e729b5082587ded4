//! Where a watch goes on.

use std::fmt;

use super::page::unhex;
use super::{Span, Timestamp};

/// A place in the change feed. It holds no secret and gives no right: whoever uses it is
/// checked as for a new watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeToken {
    /// The place.
    pub sequence: u64,
    /// What lies behind the place happened no earlier.
    pub time: Timestamp,
    /// No record that was made later lies before the place.
    pub horizon: Timestamp,
}

/// Why a watch can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeError {
    /// No token of this server's making.
    Token,
    /// Over 24 hours old, or of a feed that isn't this one: something may have been missed.
    Expired,
}

/// The first byte of every token, so that its form can change.
const VERSION: u8 = 1;
/// How long the feed tells of removals.
const AGE_MAX: Span = Span::seconds(24 * 3600);

impl ResumeToken {
    /// URL-safe text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.time.micros().to_be_bytes());
        bytes.extend(self.horizon.micros().to_be_bytes());
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// From text.
    ///
    /// # Errors
    /// [`ResumeError::Token`].
    pub fn decode(text: &str) -> Result<Self, ResumeError> {
        let bytes = unhex(text).and_then(|bytes| <[u8; 25]>::try_from(bytes).ok());
        let [VERSION, rest @ ..] = bytes.ok_or(ResumeError::Token)? else {
            return Err(ResumeError::Token);
        };
        let [sequence, time, horizon] = [0, 8, 16].map(|at| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&rest[at..at + 8]);
            eight
        });
        let time_of = |bytes| Timestamp::from_micros(i64::from_be_bytes(bytes));
        let sequence = u64::from_be_bytes(sequence);
        Ok(Self { sequence, time: time_of(time), horizon: time_of(horizon) })
    }

    /// Whether nothing behind the place has been forgotten at `now`.
    ///
    /// # Errors
    /// [`ResumeError::Expired`].
    pub fn check(&self, now: Timestamp) -> Result<(), ResumeError> {
        // Time doesn't go back, so a token from the future is some other feed's.
        let good = self.time <= now && now.since(self.time) <= AGE_MAX;
        if good { Ok(()) } else { Err(ResumeError::Expired) }
    }
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => {
                "Invalid value at 'resume_token': not a token of this server; leave it out to start anew."
            }
            Self::Expired => {
                "The resume token is over 24 hours old: list the records and watch without it."
            }
        })
    }
}

impl std::error::Error for ResumeError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_cut_or_changed_is_no_token() {
        let (time, horizon) = (Timestamp::from_micros(7), Timestamp::from_micros(9));
        let good = ResumeToken { sequence: 258, time, horizon }.encode();
        assert_eq!(good, "01000000000000010200000000000000070000000000000009");
        let table = [
            String::new(),
            good[..48].to_owned(),
            good[..49].to_owned(),
            format!("{good}00"),
            format!("02{}", &good[2..]),
            format!(" {}", &good[1..]),
            good.replace('7', "g"),
            "ü".repeat(25),
        ];
        for text in table {
            assert_eq!(ResumeToken::decode(&text), Err(ResumeError::Token), "{text:?}");
        }
    }

    #[test]
    fn a_token_lasts_a_day() {
        let time = Timestamp::from_micros(0);
        let token = ResumeToken { sequence: 0, time, horizon: time };
        let day = 24 * 3600 * 1_000_000;
        for (now, good) in [(-1, false), (0, true), (day, true), (day + 1, false)] {
            assert_eq!(token.check(Timestamp::from_micros(now)).is_ok(), good, "{now}");
        }
    }

    proptest! {
        #[test]
        fn tokens_come_back(sequence: u64, time: i64, horizon: i64) {
            let [time, horizon] = [time, horizon].map(Timestamp::from_micros);
            let token = ResumeToken { sequence, time, horizon };
            prop_assert_eq!(ResumeToken::decode(&token.encode()), Ok(token));
        }
    }
}
