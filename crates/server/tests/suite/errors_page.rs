//! docs/errors.md says of every reason what the code says of it.

use std::fmt::Write as _;
use std::{env, fs};

use longrun_server::error::Reason;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
/// Set to anything, the page is written anew.
const UPDATE: &str = "LONGRUN_UPDATE_DOCS";

const HEAD: &str = "\
# Errors

Every error that the server makes has a `google.rpc.ErrorInfo` among its details, with one of the
reasons below. Programs go by the reason, or by the code; messages are for people and may change. From
`longrun serve --no-auth`, with `LONGRUN=http://127.0.0.1:8080`:

```sh
curl -s $LONGRUN/v1/operations/none
```

```json
{
  \"error\": {
    \"code\": 404,
    \"message\": \"Operation \\\"operations/none\\\" was not found.\",
    \"status\": \"NOT_FOUND\",
    \"details\": [
      {
        \"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\",
        \"reason\": \"OPERATION_NOT_FOUND\",
        \"domain\": \"longrun.local\",
        \"metadata\": {
          \"name\": \"operations/none\"
        }
      },
      {
        \"@type\": \"type.googleapis.com/google.rpc.ResourceInfo\",
        \"resourceType\": \"type.googleapis.com/google.longrunning.Operation\",
        \"resourceName\": \"operations/none\",
        \"description\": \"Operation \\\"operations/none\\\" was not found.\"
      }
    ]
  }
}
```

Over gRPC the same `google.rpc.Status` is in `grpc-status-details-bin`. `domain` is the service's
name, or `longrun.local` where none is known. Beside the `ErrorInfo` stands what goes with the code:
`BadRequest` (`INVALID_ARGUMENT`, `OUT_OF_RANGE`), `PreconditionFailure` (`FAILED_PRECONDITION`),
`ResourceInfo` (`NOT_FOUND`, `ALREADY_EXISTS`, where the thing has a name), `QuotaFailure`
(`RESOURCE_EXHAUSTED`), `RetryInfo`.
";

const CALLS: &str = "\
Make the call again for `UNAVAILABLE` and `RESOURCE_EXHAUSTED`, after `Retry-After` (`RetryInfo` over
gRPC). For everything else, mend something first.
";

const OPERATIONS: &str = "\
The server itself ends operations with these. They stand in the operation's `error`; the call that
reads it succeeds. Every other reason found there is its API's own.
";

#[test]
fn the_page_is_made_from_the_code() {
    let page = page();
    if env::var_os(UPDATE).is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let there = fs::read_to_string(PAGE).unwrap_or_default();
    let first = page.lines().zip(there.lines()).find(|(new, old)| new != old);
    assert!(
        page == there,
        "docs/errors.md is not what the code says (first difference: {first:?}). Write it anew:\n\
         {UPDATE}=1 cargo test -p longrun-server --test suite errors_page"
    );
}

#[test]
fn every_reason_says_when_it_comes_and_what_to_do() {
    let mut names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    for reason in Reason::ALL {
        let name = reason.name();
        let good = |c: char| c.is_ascii_uppercase() || c == '_';
        assert!(name.chars().all(good) && name.len() <= 63, "{name} is not UPPER_SNAKE_CASE");
        for text in [reason.when(), reason.mend()] {
            assert!(text.ends_with('.'), "{name}: no sentence: {text}");
            assert!(!text.contains(['|', '\n']), "{name}: no cell of a table: {text}");
        }
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Reason::ALL.len(), "each reason has a name of its own");
}

fn page() -> String {
    let (operations, calls): (Vec<Reason>, Vec<Reason>) =
        Reason::ALL.iter().partition(|reason| reason.ends_operation());
    let mut page = format!("{HEAD}\n## Of calls\n\n{CALLS}\n");
    page += "| reason | code | HTTP | when it comes | what to do |\n|---|---|---|---|---|\n";
    for reason in calls {
        let (name, code, http) = (reason.name(), reason.code().as_str_name(), reason.http_status());
        let (when, mend) = (reason.when(), reason.mend());
        writeln!(page, "| `{name}` | `{code}` | {http} | {when} | {mend} |").unwrap();
    }
    write!(page, "\n## Of operations\n\n{OPERATIONS}\n").unwrap();
    page += "| reason | code | when it comes | what to do |\n|---|---|---|---|\n";
    for reason in operations {
        let (name, code) = (reason.name(), reason.code().as_str_name());
        let (when, mend) = (reason.when(), reason.mend());
        writeln!(page, "| `{name}` | `{code}` | {when} | {mend} |").unwrap();
    }
    page
}
