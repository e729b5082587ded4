//! How soon to ask for an open operation again, learned from how long others of its
//! method took.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::operation::{Outcome, Record, Span};

/// Before anything is known of a method.
pub(crate) const DEFAULT_SECONDS: u32 = 5;
/// So many successes are remembered of a method,
const SAMPLES: usize = 100;
/// and fewer than so many say nothing.
const SAMPLES_MIN: usize = 5;
/// Methods that are learned of: `longrun.local` takes any text for one.
const METHODS_MAX: usize = 10_000;
/// The longest interval.
const SECONDS_MAX: u64 = 60;

/// The last successes of one method.
#[derive(Debug, Default)]
struct Successes {
    micros: Vec<u64>,
    /// Which one the next replaces, once there are enough.
    oldest: usize,
}

impl Successes {
    fn add(&mut self, took: Span) {
        let micros = took.micros().unsigned_abs();
        if self.micros.len() < SAMPLES {
            self.micros.push(micros);
        } else {
            self.micros[self.oldest] = micros;
            self.oldest = (self.oldest + 1) % SAMPLES;
        }
    }

    /// A fifth of the median in whole seconds, rounded up, 1 to 60.
    fn seconds(&self) -> u32 {
        let count = self.micros.len();
        if count < SAMPLES_MIN {
            return DEFAULT_SECONDS;
        }
        let mut sorted = self.micros.clone();
        let (below, upper, _) = sorted.select_nth_unstable(count / 2);
        // Of an even number, the median is between the middle two.
        let lower = match below.iter().max() {
            Some(lower) if count.is_multiple_of(2) => *lower,
            _ => *upper,
        };
        let fifth = lower.saturating_add(*upper).div_ceil(10_000_000);
        // At most 60, so it fits.
        fifth.clamp(1, SECONDS_MAX) as u32
    }
}

#[derive(Debug)]
struct Method {
    successes: Mutex<Successes>,
    /// What the successes come to: readers take no lock for it.
    seconds: AtomicU32,
}

/// What is known of every method.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    services: RwLock<HashMap<String, HashMap<String, Arc<Method>>>>,
}

impl Pace {
    /// Whole seconds after which to ask for an operation of the method again.
    pub(crate) fn seconds(&self, service: &str, method: &str) -> u32 {
        self.find(service, method)
            .map_or(DEFAULT_SECONDS, |found| found.seconds.load(Ordering::Relaxed))
    }

    /// Learns from a record that has just become done. It counts from its creation: that is
    /// when its client began to wait, be it for a worker or for the work.
    pub(crate) fn learn(&self, record: &Record) {
        let Some(done) = record.done() else { return };
        // A validation takes as long as a look at the request, whatever the work would take.
        if record.validation || !matches!(done.outcome, Outcome::Response(_)) {
            return;
        }
        let Some(method) = self.entry(&record.name.service, &record.method) else { return };
        // Whole between any two statements.
        let mut successes = method.successes.lock().unwrap_or_else(PoisonError::into_inner);
        successes.add(done.finish_time.since(record.create_time));
        method.seconds.store(successes.seconds(), Ordering::Relaxed);
    }

    fn find(&self, service: &str, method: &str) -> Option<Arc<Method>> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        services.get(service)?.get(method).cloned()
    }

    fn entry(&self, service: &str, method: &str) -> Option<Arc<Method>> {
        if let Some(found) = self.find(service, method) {
            return Some(found);
        }
        let mut services = self.services.write().unwrap_or_else(PoisonError::into_inner);
        let known: usize = services.values().map(HashMap::len).sum();
        if known >= METHODS_MAX {
            return None;
        }
        let new = || {
            let seconds = AtomicU32::new(DEFAULT_SECONDS);
            Arc::new(Method { successes: Mutex::default(), seconds })
        };
        let methods = services.entry(service.to_owned()).or_default();
        Some(methods.entry(method.to_owned()).or_insert_with(new).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::samples::{at, payload, record, status};
    use crate::operation::{Done, Finisher, State};

    fn done(took: i64, outcome: Outcome) -> Record {
        let (finish_time, expire_time, finisher) = (at(took), at(9_999_999), Finisher::Server);
        let state = State::Done(Done { outcome, finish_time, finisher, expire_time });
        Record { state, ..record("x", at(0)) }
    }

    #[test]
    fn a_fifth_of_the_median_of_the_last_hundred_successes() {
        let many = |count, millis| std::iter::repeat_n(millis, count);
        let table: [(&str, Vec<i64>, u32); 11] = [
            ("nothing", vec![], 5),
            ("four", vec![1, 1, 1, 1], 5),
            ("at least a second", vec![1, 1, 1, 1, 1], 1),
            ("exactly a fifth", vec![1, 1, 50_000, 100_000, 100_000], 10),
            ("rounded up", vec![1, 1, 50_001, 100_000, 100_000], 11),
            ("in any order", vec![100_000, 1, 50_000, 100_000, 1], 10),
            ("between the middle two", vec![1, 1, 10_000, 20_000, 30_000, 30_000], 3),
            ("at most a minute", vec![3_600_000; 5], 60),
            ("a minute exactly", vec![300_000; 5], 60),
            ("the hundred", many(49, 10_000).chain(many(51, 100_000)).collect(), 20),
            ("the last hundred", many(100, 100_000).chain(many(51, 10_000)).collect(), 2),
        ];
        for (what, millis, expected) in table {
            let mut successes = Successes::default();
            for millis in millis {
                successes.add(Span::from_micros(millis * 1_000));
            }
            assert_eq!(successes.seconds(), expected, "{what}");
        }
    }

    #[test]
    fn only_successes_count_each_for_its_method() {
        let pace = Pace::default();
        let response = || Outcome::Response(payload("test.Response", b""));
        for _ in 0..4 {
            pace.learn(&done(100, response()));
        }
        pace.learn(&done(100, Outcome::Error(status(8, ""))));
        pace.learn(&done(100, Outcome::Error(status(1, ""))));
        pace.learn(&record("x", at(0)));
        pace.learn(&Record { validation: true, ..done(100, response()) });
        assert_eq!(pace.seconds("s", "pkg.Service/Method"), 5);
        pace.learn(&done(100, response()));
        assert_eq!(pace.seconds("s", "pkg.Service/Method"), 20);
        assert_eq!(pace.seconds("s", "pkg.Service/Other"), 5);
        assert_eq!(pace.seconds("t", "pkg.Service/Method"), 5);
    }

    #[test]
    fn methods_without_number_are_not_learned_of() {
        let pace = Pace::default();
        let response = || Outcome::Response(payload("test.Response", b""));
        for index in 0..METHODS_MAX + 10 {
            let method = format!("m{index}");
            pace.learn(&Record { method, ..done(100, response()) });
        }
        let known: usize = pace.services.read().unwrap().values().map(HashMap::len).sum();
        assert_eq!(known, METHODS_MAX);
    }
}
