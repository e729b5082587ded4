//! What a record takes with its birth so that no other has it: a request id, which makes a
//! repeated call find what the first one made, and an exclusive key.
//!
//! A claim has a key of its own, apart from the record's, so the two may lie in different
//! places. A store therefore makes a record in three steps: it takes the claims, inserts the
//! record, confirms the claims. Whoever dies between two of them leaves a claim that is
//! worth nothing by itself: what counts is the record that it names ([`judge`]).

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{Gone, Record, RecordName, Span};

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of several parts, which no other parts have.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([a, b, c, d, ..]) = self;
        write!(f, "Digest({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// A request id as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestClaim {
    /// Of service, method, principal and id: who else may use the same id.
    pub scope: Digest,
    /// Of the request without the id: what a repeat has to say again.
    pub body: Digest,
}

impl RequestClaim {
    /// A request id's claim.
    #[must_use]
    pub fn new(service: &str, method: &str, principal: &str, id: &str, body: Digest) -> Self {
        let parts = [service, method, principal, id].map(str::as_bytes);
        Self { scope: Digest::of(&parts), body }
    }
}

/// Whether a text can be an exclusive key: 1 to 1,024 bytes, no control characters.
#[must_use]
pub fn is_exclusive_key(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && !text.contains(char::is_control)
}

/// How long a request id is kept at least, counted from its record's birth.
pub const REQUEST_ID_RETENTION: Span = Span::seconds(24 * 3600);

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// A request id.
    RequestId = 1,
    /// An exclusive key.
    ExclusiveKey = 2,
}

/// What a claim is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// What is claimed.
    pub kind: ClaimKind,
    /// Of all that makes it this one and no other.
    pub scope: Digest,
}

/// A claim as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The record that it is for.
    pub name: RecordName,
    /// A request's digest.
    pub body: Option<Digest>,
    /// Whether the record was there once.
    pub confirmed: bool,
    /// Why the record is gone, if it is.
    pub gone: Option<Gone>,
}

/// Why a record can't be born: somebody else has what it claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The request id was used for another request.
    Reused,
    /// The request id's record was made, and is gone: there is no second run.
    Gone(RecordName, Gone),
    /// The exclusive key belongs to this open record.
    Held(RecordName),
}

/// What a claim that is there means to a record that is to be born.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it can be taken over.
    Free,
    /// The call is a repeat, and this claim's record is its answer.
    Repeated,
    /// The record can't be born.
    Refused(Claimed),
}

impl Record {
    /// What it claims, in the order in which claims are checked, and the digests that repeats
    /// are compared by.
    #[must_use]
    pub fn claims(&self) -> Vec<(ClaimKey, Option<Digest>)> {
        let request = self.request_claim.map(|claim| {
            (ClaimKey { kind: ClaimKind::RequestId, scope: claim.scope }, Some(claim.body))
        });
        let exclusive = self.exclusive_claim().map(|key| (key, None));
        request.into_iter().chain(exclusive).collect()
    }

    /// The claim on its exclusive key, while it is open.
    #[must_use]
    pub fn exclusive_claim(&self) -> Option<ClaimKey> {
        let key = self.exclusive_key.as_ref().filter(|_| self.done().is_none())?;
        let scope = Digest::of(&[self.name.service.as_bytes(), key.as_bytes()]);
        Some(ClaimKey { kind: ClaimKind::ExclusiveKey, scope })
    }
}

/// Judges a claim by the record that is under its name now.
#[must_use]
pub fn judge(
    key: ClaimKey,
    claim: &Claim,
    body: Option<Digest>,
    record: Option<&Record>,
) -> Verdict {
    // A record of that name that doesn't claim this is another one, born later.
    let lives = record.is_some_and(|record| record.claims().iter().any(|(own, _)| *own == key));
    if key.kind == ClaimKind::ExclusiveKey {
        // One whose record is not there yet is worth nothing: its maker finds out when it
        // can't confirm it.
        return match lives {
            true => Verdict::Refused(Claimed::Held(claim.name.clone())),
            false => Verdict::Free,
        };
    }
    match (lives, claim.gone) {
        (false, None) if !claim.confirmed => Verdict::Free,
        _ if claim.body != body => Verdict::Refused(Claimed::Reused),
        (true, _) => Verdict::Repeated,
        // Without a reason, even its tombstone is gone.
        (false, gone) => {
            let gone = gone.unwrap_or(Gone::Expired);
            Verdict::Refused(Claimed::Gone(claim.name.clone(), gone))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::samples::{at, record};
    use crate::operation::{Done, Finisher, Outcome, State};

    fn body(text: &str) -> Option<Digest> {
        Some(Digest::of(&[text.as_bytes()]))
    }

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(Digest::of(&[b"ab", b"c"]), Digest::of(&[b"a", b"bc"]));
        assert_ne!(Digest::of(&[b""]), Digest::of(&[]));
        assert_eq!(Digest::of(&[b"a"]), Digest::of(&[b"a"]));
    }

    #[test]
    fn a_request_id_is_judged_by_its_record() {
        let claim = RequestClaim::new("s", "m", "p", "id", body("b").unwrap());
        let own = Record { request_claim: Some(claim), ..record("x", at(0)) };
        let (key, _) = own.claims()[0];
        let other = record("x", at(0));
        let refused = |claimed| Verdict::Refused(claimed);
        let gone = |gone| Verdict::Refused(Claimed::Gone(own.name.clone(), gone));
        let table = [
            // confirmed, gone, the record under the name, same body, verdict
            (true, None, Some(&own), true, Verdict::Repeated),
            (true, None, Some(&own), false, refused(Claimed::Reused)),
            (false, None, Some(&own), true, Verdict::Repeated),
            (false, None, Some(&own), false, refused(Claimed::Reused)),
            (false, None, None, true, Verdict::Free),
            (false, None, None, false, Verdict::Free),
            (false, None, Some(&other), true, Verdict::Free),
            (true, None, None, true, gone(Gone::Expired)),
            (true, Some(Gone::Deleted), None, true, gone(Gone::Deleted)),
            (true, Some(Gone::Expired), None, true, gone(Gone::Expired)),
            (true, Some(Gone::Deleted), None, false, refused(Claimed::Reused)),
            (true, Some(Gone::Deleted), Some(&other), true, gone(Gone::Deleted)),
            (false, Some(Gone::Deleted), None, true, gone(Gone::Deleted)),
        ];
        for (confirmed, gone, record, same, verdict) in table {
            let claim = Claim { name: own.name.clone(), body: body("b"), confirmed, gone };
            let asked = body(if same { "b" } else { "c" });
            let found = judge(key, &claim, asked, record);
            assert_eq!(found, verdict, "{confirmed} {gone:?} {same}");
        }
    }

    #[test]
    fn an_exclusive_key_is_held_by_an_open_record_and_by_nothing_else() {
        let exclusive_key = Some("k".to_owned());
        let open = Record { exclusive_key, ..record("x", at(0)) };
        let (key, _) = open.claims()[0];
        let deleted = Record { delete_time: Some(at(1)), ..open.clone() };
        let outcome = Outcome::Error(crate::operation::samples::status(1, ""));
        let done =
            Done { outcome, finish_time: at(1), finisher: Finisher::Server, expire_time: at(9) };
        let done = Record { state: State::Done(done), ..open.clone() };
        let other = record("x", at(0));
        assert!(done.claims().is_empty());
        let table = [
            (Some(&open), true),
            (Some(&deleted), true),
            (Some(&done), false),
            (Some(&other), false),
            (None, false),
        ];
        for (record, held) in table {
            for confirmed in [true, false] {
                let claim = Claim { name: open.name.clone(), body: None, confirmed, gone: None };
                let expected = match held {
                    true => Verdict::Refused(Claimed::Held(open.name.clone())),
                    false => Verdict::Free,
                };
                assert_eq!(judge(key, &claim, None, record), expected);
            }
        }
    }

    #[test]
    fn claims_differ_by_all_that_makes_them() {
        let claim = |parts: [&str; 4]| {
            let [service, method, principal, id] = parts;
            RequestClaim::new(service, method, principal, id, body("b").unwrap()).scope
        };
        let first = claim(["s", "m", "p", "i"]);
        for parts in [["t", "m", "p", "i"], ["s", "n", "p", "i"], ["s", "m", "q", "i"]] {
            assert_ne!(claim(parts), first);
        }
        let keyed = |service: &str, key: &str| {
            let mut record = record("x", at(0));
            record.name.service = service.to_owned();
            Record { exclusive_key: Some(key.to_owned()), ..record }.exclusive_claim()
        };
        assert_ne!(keyed("s", "k"), keyed("t", "k"));
        assert_ne!(keyed("s", "k"), keyed("s", "l"));
    }
}
