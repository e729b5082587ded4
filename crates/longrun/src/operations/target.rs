//! What a name on the command line means.

/// An operation, and the service whose record is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) service: Option<String>,
    pub(super) operation: String,
}

impl Target {
    pub(super) fn parse(name: &str, service: Option<&str>) -> Self {
        let record = name.strip_prefix("services/").and_then(|rest| rest.split_once('/'));
        let (service, operation) = match (record, service) {
            (Some((named, operation)), None) => (Some(named), operation),
            // A parent may itself be called services/…: with --service, only that prefix is ours.
            (Some((named, operation)), Some(service)) if named == service => {
                (Some(service), operation)
            }
            (_, service) => (service, name),
        };
        let operation = match operation.contains('/') {
            true => operation.to_owned(),
            false => format!("operations/{operation}"),
        };
        Self { service: service.map(str::to_owned), operation }
    }

    /// The record's name.
    pub(super) fn record(&self) -> Option<String> {
        let service = self.service.as_ref()?;
        Some(format!("services/{service}/{}", self.operation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let table = [
            ("abc", None, None, "operations/abc"),
            ("operations/abc", None, None, "operations/abc"),
            ("projects/p/operations/abc", None, None, "projects/p/operations/abc"),
            ("services/s/operations/abc", None, Some("s"), "operations/abc"),
            ("abc", Some("s"), Some("s"), "operations/abc"),
            ("services/s/operations/abc", Some("s"), Some("s"), "operations/abc"),
            ("services/t/operations/abc", Some("s"), Some("s"), "services/t/operations/abc"),
        ];
        for (name, flag, service, operation) in table {
            let found = Target::parse(name, flag);
            assert_eq!(
                (found.service.as_deref(), &*found.operation),
                (service, operation),
                "{name}"
            );
        }
    }
}
