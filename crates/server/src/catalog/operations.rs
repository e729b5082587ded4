//! `google.longrunning.Operations` as each service serves it: which RPCs, by which paths.

use longrun_transcoding::Rule;

use super::service_config::ServiceConfig;

/// The service when none is given: it needs only a valid token.
pub const LOCAL: &str = "longrun.local";

/// The proto service.
pub(super) const OPERATIONS: &str = "google.longrunning.Operations";

/// Each RPC: its verb, its path, and its path under every parent.
const RPCS: [(&str, &str, &str, &str); 5] = [
    ("ListOperations", "GET", "/v1/{name=operations}", "/v1/{name=**}/operations"),
    ("GetOperation", "GET", "/v1/{name=operations/**}", "/v1/{name=**/operations/*}"),
    ("DeleteOperation", "DELETE", "/v1/{name=operations/**}", "/v1/{name=**/operations/*}"),
    (
        "CancelOperation",
        "POST",
        "/v1/{name=operations/**}:cancel",
        "/v1/{name=**/operations/*}:cancel",
    ),
    ("WaitOperation", "POST", "/v1/{name=operations/**}:wait", "/v1/{name=**/operations/*}:wait"),
];

/// Which RPCs a config's service serves: those that its rules mention; all, if none is.
pub(super) fn served(config: Option<&ServiceConfig>) -> Vec<&'static str> {
    let all = || RPCS.iter().map(|(rpc, ..)| *rpc);
    let mentioned = |rpc: &&str| {
        config.is_some_and(|config| config.mentions(OPERATIONS, &format!("{OPERATIONS}.{rpc}")))
    };
    let some: Vec<&str> = all().filter(mentioned).collect();
    if some.is_empty() { all().collect() } else { some }
}

/// The binding of an RPC that no config gives another.
pub(super) fn default_rule(rpc: &str) -> Option<Rule> {
    rule(rpc, |(_, _, path, _)| path)
}

/// The binding under every parent.
pub(super) fn wide_rule(rpc: &str) -> Option<Rule> {
    rule(rpc, |(_, _, _, path)| path)
}

type Row = (&'static str, &'static str, &'static str, &'static str);

fn rule(rpc: &str, path: fn(Row) -> &'static str) -> Option<Rule> {
    let row = RPCS.into_iter().find(|(name, ..)| *name == rpc)?;
    let body = if row.1 == "POST" { "*" } else { "" };
    Some(Rule::new(row.1, path(row), body, "").expect("the paths above are templates"))
}
