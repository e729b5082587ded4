//! Methods that workers ask for and the service doesn't have: a typing error, if no operation of
//! an older configuration is left.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::catalog::Service;

/// No record's method is longer.
const METHOD_BYTES_MAX: usize = 512;
/// Beyond as many, the log has said enough.
const STRAYS_MAX: usize = 1000;

/// What was told already.
#[derive(Debug, Default)]
pub(crate) struct Strays(Mutex<BTreeSet<(String, String)>>);

impl Strays {
    /// Warns once of each method that CreateOperation would refuse. A lease is not refused: what
    /// was made before the protos changed is still there to be worked on, and workers of the new
    /// ones may be there first.
    pub(super) fn warn(&self, service: &Service, methods: &[String], worker_id: &str) {
        let declared = service.methods().filter(|method| method.lro.is_some());
        let declared: Vec<&str> = declared.map(|method| method.name.as_str()).collect();
        for method in self.fresh(&service.name, &declared, methods) {
            tracing::warn!(
                service = service.name,
                ?method,
                ?worker_id,
                expected = declared.join(", "),
                "a worker waits for a method that the service doesn't have"
            );
        }
    }

    /// Those of `asked` that are not among `declared`, the first time. A service that declares
    /// none has any.
    fn fresh<'a>(&self, service: &str, declared: &[&str], asked: &'a [String]) -> Vec<&'a str> {
        let unknown = |method: &&str| !declared.is_empty() && !declared.contains(method);
        let mut unknown = asked.iter().map(String::as_str).filter(unknown).peekable();
        if unknown.peek().is_none() {
            return Vec::new();
        }
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = unknown.filter(|method| {
            method.len() <= METHOD_BYTES_MAX
                && told.len() < STRAYS_MAX
                && told.insert((service.to_owned(), (*method).to_owned()))
        });
        fresh.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once() {
        let strays = Strays::default();
        let asked = ["a.B/Typo", "a.B/Real", "a.B/Old"].map(str::to_owned);
        let declared = ["a.B/Real", "a.B/Other"];
        assert_eq!(strays.fresh("a", &declared, &asked[..2]), ["a.B/Typo"]);
        assert_eq!(strays.fresh("a", &declared, &asked), ["a.B/Old"]);
        assert_eq!(strays.fresh("b", &declared, &asked), ["a.B/Typo", "a.B/Old"]);
        assert_eq!(strays.fresh("c", &[], &asked), [""; 0], "it has whatever is asked for");
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let strays = Strays::default();
        let long = ["x".repeat(METHOD_BYTES_MAX), "x".repeat(METHOD_BYTES_MAX + 1)];
        assert_eq!(strays.fresh("a", &["m"], &long), [&*long[0]]);
        let many: Vec<String> = (0..STRAYS_MAX).map(|at| at.to_string()).collect();
        assert_eq!(strays.fresh("a", &["m"], &many).len(), STRAYS_MAX - 1);
    }
}
