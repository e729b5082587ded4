//! What is left of a record that is gone: enough to tell its owner so, and to keep its name
//! from being given out again.

use sha2::{Digest as _, Sha256};

use super::{Principal, Record, RecordName, Timestamp};

/// Why a record is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Somebody deleted it.
    Deleted = 1,
    /// Its time had come.
    Expired = 2,
}

impl Gone {
    /// From the number that a store keeps.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Deleted),
            2 => Some(Self::Expired),
            _ => None,
        }
    }
}

/// What stays of a removed record for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The record's name.
    pub name: RecordName,
    /// Whose it was. A digest: a principal may be longer than a tombstone.
    pub owner: Option<OwnerDigest>,
    /// Why it is gone.
    pub gone: Gone,
    /// When it was removed.
    pub remove_time: Timestamp,
}

/// SHA-256 of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerDigest(pub [u8; 32]);

impl OwnerDigest {
    /// A principal's.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        Self(Sha256::digest(principal.as_str().as_bytes()).into())
    }
}

impl Tombstone {
    /// The tombstone of a record's last version.
    #[must_use]
    pub fn of(last: &Record, gone: Gone, remove_time: Timestamp) -> Self {
        let owner = last.owner.as_ref().map(OwnerDigest::of);
        Self { name: last.name.clone(), owner, gone, remove_time }
    }

    /// Whether the record was this principal's.
    #[must_use]
    pub fn is_owned_by(&self, principal: &Principal) -> bool {
        self.owner == Some(OwnerDigest::of(principal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::samples::{at, record};

    #[test]
    fn a_tombstone_knows_its_owner_and_nobody_else() {
        let alice = Principal::parse("static:alice").unwrap();
        let bob = Principal::parse("static:bob").unwrap();
        let last = record("x", at(0));
        let owned = Tombstone::of(&last, Gone::Deleted, at(9));
        assert_eq!(
            (&owned.name, owned.gone, owned.remove_time),
            (&last.name, Gone::Deleted, at(9))
        );
        assert!(owned.is_owned_by(&alice) && !owned.is_owned_by(&bob));
        let nobodys = Tombstone::of(&Record { owner: None, ..last }, Gone::Expired, at(9));
        assert!(!nobodys.is_owned_by(&alice));
    }

    #[test]
    fn reasons_have_numbers() {
        for gone in [Gone::Deleted, Gone::Expired] {
            assert_eq!(Gone::from_number(gone as i32), Some(gone));
        }
        assert_eq!(Gone::from_number(0), None);
    }
}
