//! `longrun operations cancel` and `delete`.

use serde_json::json;

use super::cli;
use super::operations::{here, parsed, server};
use crate::program::{longrun, run};
use crate::server::RECORDS;

#[test]
fn a_cancel_shows_what_came_of_it() {
    for view in ["", " --service longrun.local", " --as-client"] {
        let home = tempfile::tempdir().unwrap();
        let server = server(home.path());
        server.create_with("pending", json!({ "method": "a.v1.A/B", "execution": "LEASED" }));
        let here = format!("{}{view}", here(home.path(), &server));
        let cancel = |what: &str| cli(home.path(), &format!("operations cancel {what} {here}"));
        let ended = cancel("pending open good -o value=name");
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{view}");
        let names = ended.stdout.replace("services/longrun.local/", "");
        assert_eq!(names, "operations/pending\noperations/open\noperations/good\n", "{view}");
        let states = cli(home.path(), &format!("operations list -o value=state {here}"));
        if view != " --as-client" {
            assert_eq!(states.stdout, "CANCELLED\nCANCELLED\nFAILED\nSUCCEEDED\nRUNNING\n");
            let table = cancel("open").stdout;
            assert!(table.contains("RUNNING, cancel asked"), "{table}");
        }
        let record = server.rest("GET", &format!("{RECORDS}/open"), "").json();
        assert!(record["cancelRequestTime"].is_string(), "{record}");

        let ended = cancel("absent open -o jsonl");
        assert_eq!(ended.code, Some(4), "{view}");
        assert!(ended.stderr.starts_with("longrun: operations/absent: "), "{}", ended.stderr);
        assert!(parsed(&ended)["name"].as_str().unwrap().ends_with("operations/open"));
    }
}

#[test]
fn a_delete_needs_a_yes() {
    for view in ["", " --service longrun.local", " --as-client"] {
        let home = tempfile::tempdir().unwrap();
        let server = server(home.path());
        let here = format!("{}{view}", here(home.path(), &server));
        let delete = |what: &str| cli(home.path(), &format!("operations delete {what} {here}"));
        let ended = delete("good open");
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{view}");
        assert!(ended.stderr.contains("--yes"), "{}", ended.stderr);
        assert_eq!(server.rest("GET", "/v1/operations/good", "").status, 200);

        let ended = delete("good absent open --yes");
        assert_eq!((ended.code, &*ended.stdout), (Some(4), ""), "{view}");
        let said: Vec<&str> = ended.stderr.lines().collect();
        let [good, absent, open] = said[..] else { panic!("{}", ended.stderr) };
        assert!(good.ends_with("operations/good: deleted"), "{good}");
        assert!(absent.contains("operations/absent: ") && absent.contains("NOT_FOUND"), "{absent}");
        assert!(open.ends_with("operations/open: deleted"), "{open}");
        for id in ["good", "open"] {
            assert_eq!(server.rest("GET", &format!("/v1/operations/{id}"), "").status, 404);
        }
        let again = delete("good -y");
        assert_eq!(again.code, Some(4), "{view}");
        assert!(again.stderr.contains("OPERATION_DELETED"), "{}", again.stderr);
    }
}

/// A name that could be an option, or a filter, is a name.
#[test]
fn odd_names_are_not_found() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    for name in ["*", "go*", "\"", "a b", "good\" OR name=\"operations/open"] {
        let mut command = longrun(home.path());
        command.args(["operations", "delete", "--yes", name]).args(here.split(' '));
        let ended = run(&mut command);
        assert!(matches!(ended.code, Some(1 | 4)), "{name}: {ended:?}");
        assert_eq!(server.rest("GET", "/v1/operations/good", "").status, 200, "{name}");
    }
}
