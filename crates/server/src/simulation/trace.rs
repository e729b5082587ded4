//! What happened, to be read when something went wrong.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::Past;

/// Lines that are remembered.
const LINES: usize = 120;

/// The last lines, and a digest of all. It prints itself when a check panics.
pub(super) struct Trace {
    seed: u64,
    pub(super) step: usize,
    lines: VecDeque<String>,
    /// How often what happened.
    counts: BTreeMap<String, usize>,
    digest: DefaultHasher,
}

impl Trace {
    pub(super) fn new(seed: u64) -> Self {
        // Its keys are the same in every process.
        let digest = DefaultHasher::new();
        Self { seed, step: 0, lines: VecDeque::new(), counts: BTreeMap::new(), digest }
    }

    pub(super) fn note(&mut self, what: fmt::Arguments<'_>) {
        let line = format!("{:>6} {what}", self.step);
        line.hash(&mut self.digest);
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(super) fn count(&mut self, what: String) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn past(&self) -> Past {
        Past { digest: self.digest.finish(), counts: self.counts.clone() }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, lines, .. } = &*self;
            let (step, steps) = (self.step, self.step + 1);
            let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
            eprintln!(
                "the last {LINES} lines of the simulation with seed {seed}, which failed at step {step}:\n\
                 {lines}again: LONGRUN_SIM_SEED={seed} LONGRUN_SIM_STEPS={steps} \
                 cargo test -p longrun-server --lib simulation"
            );
        }
    }
}
