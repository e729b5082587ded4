//! What is wrong with what was loaded: bad enough to stop, or worth saying.

use std::fmt;

/// Why there is no catalog. The text says what, where (file and line) and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogError(pub(super) String);

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CatalogError {}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is served, though maybe not as meant.
    Warning,
    /// It isn't served.
    Error,
}

/// Something that isn't as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// `FILE:LINE`, or the flag that named the service.
    pub location: String,
    /// What is wrong.
    pub what: String,
}

impl Problem {
    pub(super) fn warning(location: impl Into<String>, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, location: location.into(), what: what.into() }
    }

    pub(super) fn error(location: impl Into<String>, what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, location: location.into(), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}: {}", self.location, self.what)
    }
}
