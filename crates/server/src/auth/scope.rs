//! What a caller's token was granted.

/// Reads and writes records; with `:{service}` behind it, of that service alone.
pub const BACKEND: &str = "longrun.backend";
/// Reads records; with `:{service}` behind it, of that service alone.
pub const BACKEND_READONLY: &str = "longrun.backend.readonly";

/// The scopes of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeSet {
    /// Passes every check: the local administrator and `--no-auth`.
    All,
    /// These and no others, as the token spells them.
    Some(Vec<String>),
}

impl ScopeSet {
    /// Whether any of the scopes that a method accepts is here.
    #[must_use]
    pub fn holds_any(&self, accepted: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::Some(scopes) => accepted.iter().any(|scope| scopes.contains(scope)),
        }
    }

    /// Whether records of a service may be read; of all services if it is `-`.
    #[must_use]
    pub fn backend_reads(&self, service: &str) -> bool {
        self.backend_writes(service) || self.holds_for(BACKEND_READONLY, service)
    }

    /// Whether records of a service may be written; of all services if it is `-`.
    #[must_use]
    pub fn backend_writes(&self, service: &str) -> bool {
        self.holds_for(BACKEND, service)
    }

    /// Whether any service's records may be read: what can be said before a request's
    /// parameters are known.
    #[must_use]
    pub fn backend_any(&self) -> bool {
        let grants = |scope: &str| {
            [BACKEND, BACKEND_READONLY].iter().any(|base| {
                scope
                    .strip_prefix(base)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            })
        };
        match self {
            Self::All => true,
            Self::Some(scopes) => scopes.iter().any(|scope| grants(scope)),
        }
    }

    fn holds_for(&self, base: &str, service: &str) -> bool {
        let grants = |scope: &str| match scope.strip_prefix(base) {
            Some("") => true,
            // A grant `…:-` must not become a grant for all services.
            Some(rest) => service != "-" && rest.strip_prefix(':') == Some(service),
            None => false,
        };
        match self {
            Self::All => true,
            Self::Some(scopes) => scopes.iter().any(|scope| grants(scope)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(scopes: &[&str]) -> ScopeSet {
        ScopeSet::Some(scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    #[test]
    fn method_scopes() {
        let accepted = ["a".to_owned(), "b".to_owned()];
        assert!(ScopeSet::All.holds_any(&accepted));
        assert!(ScopeSet::All.holds_any(&[]));
        assert!(some(&["x", "b"]).holds_any(&accepted));
        assert!(!some(&["A", "ab"]).holds_any(&accepted));
        assert!(!some(&["a"]).holds_any(&[]));
        assert!(!some(&[]).holds_any(&accepted));
    }

    #[test]
    fn backend_scopes() {
        // (scope, reads s, writes s, reads t, reads all, writes all, any)
        let table = [
            ("longrun.backend", true, true, true, true, true, true),
            ("longrun.backend.readonly", true, false, true, true, false, true),
            ("longrun.backend:s", true, true, false, false, false, true),
            ("longrun.backend.readonly:s", true, false, false, false, false, true),
            ("longrun.backend:-", false, false, false, false, false, true),
            ("longrun.backend:", false, false, false, false, false, true),
            ("longrun.backends", false, false, false, false, false, false),
            ("longrun.backend.readonlys", false, false, false, false, false, false),
            ("", false, false, false, false, false, false),
        ];
        for (scope, reads_s, writes_s, reads_t, reads_all, writes_all, any) in table {
            let scopes = some(&[scope]);
            let found = (
                scopes.backend_reads("s"),
                scopes.backend_writes("s"),
                scopes.backend_reads("t"),
                scopes.backend_reads("-"),
                scopes.backend_writes("-"),
                scopes.backend_any(),
            );
            assert_eq!(found, (reads_s, writes_s, reads_t, reads_all, writes_all, any), "{scope}");
        }
        assert!(ScopeSet::All.backend_writes("-") && ScopeSet::All.backend_any());
    }
}
