//! What the reader of a filtered watch knows, so that a record which leaves the filter is
//! told of once, and one that never passed it is not.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::operation::{RecordName, Timestamp};

/// Records that are remembered. With more, what is known is forgotten, and a removal may
/// come again.
const RECORDS_MAX: usize = 100_000;

/// What to tell of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// The record.
    Record,
    /// That it is gone.
    Removed,
    /// Nothing: it is not there for the reader, and the reader knows.
    Nothing,
}

/// Which records the reader has, as far as this watch has told.
pub(super) struct Told {
    hasher: RandomState,
    /// By the name's hash: whether it was told as there, or as gone.
    there: HashMap<u64, bool>,
    /// The reader may have any record that was made before.
    horizon: Timestamp,
}

impl Told {
    /// For a reader who may have any record made up to `horizon`.
    pub(super) fn since(horizon: Timestamp) -> Self {
        Self { hasher: RandomState::new(), there: HashMap::new(), horizon }
    }

    /// What to tell of a record that was made then (unknown once it is gone) and passes the
    /// filter, or not.
    pub(super) fn decide(
        &mut self,
        name: &RecordName,
        create_time: Option<Timestamp>,
        passes: bool,
    ) -> Tell {
        let key = self.hasher.hash_one(name);
        let younger = create_time.is_some_and(|time| self.horizon < time);
        let tell = decide(self.there.get(&key).copied(), passes, younger);
        self.there.insert(key, passes);
        tell
    }

    /// Forgets a record that is gone for good.
    pub(super) fn forget(&mut self, name: &RecordName) {
        self.there.remove(&self.hasher.hash_one(name));
    }

    /// Keeps within the bound. What was told up to now is no longer known one by one.
    pub(super) fn bound(&mut self, now: Timestamp) {
        if self.there.len() > RECORDS_MAX {
            self.there.clear();
            self.horizon = now;
        }
    }
}

fn decide(there: Option<bool>, passes: bool, younger: bool) -> Tell {
    match (there, passes, younger) {
        (_, true, _) => Tell::Record,
        (Some(true), false, _) | (None, false, false) => Tell::Removed,
        (Some(false), false, _) | (None, false, true) => Tell::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::samples::{at, name};

    #[test]
    fn what_is_told_depends_on_what_is_known() {
        use Tell::{Nothing, Record, Removed};
        let table = [
            // (told as there, passes, made since) -> what to tell
            (None, true, false, Record),
            (None, true, true, Record),
            (None, false, false, Removed),
            (None, false, true, Nothing),
            (Some(true), true, false, Record),
            (Some(true), false, false, Removed),
            (Some(true), false, true, Removed),
            (Some(false), true, true, Record),
            (Some(false), false, false, Nothing),
            (Some(false), false, true, Nothing),
        ];
        for (there, passes, younger, tell) in table {
            assert_eq!(decide(there, passes, younger), tell, "{there:?} {passes} {younger}");
        }
    }

    #[test]
    fn a_record_leaves_once() {
        let mut told = Told::since(at(5));
        let old = Some(at(5));
        let seen = [false, false, true, true, false, false, true];
        let tell = seen.map(|passes| told.decide(&name("old"), old, passes));
        use Tell::{Nothing, Record, Removed};
        assert_eq!(tell, [Removed, Nothing, Record, Record, Removed, Nothing, Record]);
        assert_eq!(told.decide(&name("old"), None, false), Removed, "it is gone");
        assert_eq!(told.decide(&name("new"), Some(at(6)), false), Nothing);
        assert_eq!(told.decide(&name("new"), None, false), Nothing, "nobody knew it");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut told = Told::since(at(0));
        for index in 0..=RECORDS_MAX {
            told.decide(&name(&format!("r{index}")), Some(at(1)), true);
        }
        told.bound(at(1));
        assert!(told.there.is_empty());
        let late = told.decide(&name("r1"), Some(at(1)), false);
        assert_eq!(late, Tell::Removed, "it was told, so it must be told that it left");
        assert_eq!(told.decide(&name("younger"), Some(at(2)), false), Tell::Nothing);
    }
}
