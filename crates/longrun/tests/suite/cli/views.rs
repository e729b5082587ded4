//! Whose view `longrun operations` takes, of which service, and with which token.

use std::path::Path;

use serde_json::{Value, json};

use super::operations::parsed;
use crate::http;
use crate::program::{Ended, longrun, run};
use crate::server::{Server, serve};

/// Tokens that are their subjects' names, and two services.
const CONFIG: &str = r#"
[[auth.tokens]]
subject = "alice"
sha256 = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"
scopes = ["https://example.com/auth/build"]
[[auth.tokens]]
subject = "reader"
sha256 = "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30"
scopes = ["longrun.backend.readonly"]
[[auth.tokens]]
subject = "one"
sha256 = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
scopes = ["longrun.backend:one.example.com"]
[[auth.tokens]]
subject = "backend"
sha256 = "10e08a419e850eba1ebba18fdd28eb7ec1b7e8baa9bcc3b973e2b8891ec726be"
scopes = ["longrun.backend"]
[[service]]
config = "one.yaml"
[[service]]
config = "two.yaml"
"#;

fn service(name: &str) -> String {
    format!(
        "type: google.api.Service\nname: {name}\napis:\n- name: google.longrunning.Operations\n\
         authentication:\n  rules:\n  - selector: '*'\n    oauth:\n      \
         canonical_scopes: https://example.com/auth/build\n"
    )
}

/// With service one alone.
fn one(home: &Path) -> Server {
    let config = CONFIG.replace("[[service]]\nconfig = \"two.yaml\"\n", "");
    std::fs::write(home.join("longrun.toml"), config).unwrap();
    std::fs::write(home.join("one.yaml"), service("one.example.com")).unwrap();
    let mut command = serve(home);
    Server::start_as(home, command.arg("--config").arg(home.join("longrun.toml")))
}

/// `a` is of service one, `b` of two, and `both` of both; all are Alice's.
fn server(home: &Path) -> Server {
    std::fs::write(home.join("longrun.toml"), CONFIG).unwrap();
    for name in ["one", "two"] {
        let text = service(&format!("{name}.example.com"));
        std::fs::write(home.join(format!("{name}.yaml")), text).unwrap();
    }
    let mut command = serve(home);
    command.arg("--config").arg(home.join("longrun.toml"));
    let server = Server::start_as(home, &mut command);
    for (service, id) in [("one", "a"), ("one", "both"), ("two", "b"), ("two", "both")] {
        let record = json!({
            "method": "build.v1.Build/Build", "owner": "static:alice", "execution": "SELF",
            "deadline": "2100-01-01T00:00:00Z",
        });
        let path =
            format!("/longrun/v1/services/{service}.example.com/operations?operationId={id}");
        let headers = "Authorization: Bearer backend\r\nContent-Type: application/json\r\n";
        let request = http::request("POST", &path, headers, &record.to_string());
        let answer = http::call(server.address, &request);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    server
}

/// Runs `longrun operations LINE` with somebody's token.
fn operations(home: &Path, server: &Server, token: &str, line: &str) -> Ended {
    let mut command = longrun(home);
    command.arg("operations").args(line.split(' ')).args(["--server", &server.url()]);
    run(command.env("LONGRUN_TOKEN", token))
}

#[test]
fn a_name_finds_its_service() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let name = |token: &str, line: &str| {
        let ended = operations(home.path(), &server, token, &format!("{line} -o name"));
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{token}: {line}");
        ended.stdout.trim_end().to_owned()
    };
    let (a, b) = ("services/one.example.com/operations/a", "services/two.example.com/operations/b");
    assert_eq!(name("reader", "describe a"), a);
    assert_eq!(name("reader", "describe operations/a"), a);
    assert_eq!(name("backend", "cancel a"), a);
    assert_eq!(name("reader", "describe a b"), format!("{a}\n{b}"));
    let both = "services/two.example.com/operations/both";
    assert_eq!(name("reader", "describe both --service two.example.com"), both);
    assert_eq!(name("reader", &format!("describe {both}")), both);
    assert_eq!(name("one", "describe a --service one.example.com"), a);
    assert_eq!(name("alice", "describe both --service two.example.com"), "operations/both");
    assert_eq!(name("alice", &format!("describe {both}")), "operations/both");
    let listed = name("reader", "list --order-by create_time");
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert_eq!(name("alice", "list --service one.example.com"), "operations/both\noperations/a");
    let listed = name("one", "list --service one.example.com");
    assert!(listed.lines().all(|line| line.starts_with("services/one.example.com/")), "{listed}");
    let table = operations(home.path(), &server, "reader", "list").stdout;
    assert!(table.starts_with("SERVICE ") && table.contains("\ntwo.example.com "), "{table}");
}

#[test]
fn what_a_token_is_not_for() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let table = [
        // Several services have it.
        ("reader", "describe both", 1, "services/one.example.com/operations/both"),
        ("reader", "describe absent", 4, "absent: no service of this server has it"),
        ("reader", "describe absent --service one.example.com", 4, "OPERATION_NOT_FOUND"),
        ("reader", "describe a --as-client --service one.example.com", 5, "SCOPE_INSUFFICIENT"),
        // To read is not to write, neither for the Backend nor for a client.
        ("reader", "cancel a", 5, "SCOPE_INSUFFICIENT"),
        ("reader", "delete a --yes", 5, "SCOPE_INSUFFICIENT"),
        ("one", "describe b --service two.example.com", 5, "SCOPE_INSUFFICIENT"),
        ("alice", "describe a", 4, "(SERVICE_AMBIGUOUS); give --service"),
        ("alice", "list", 4, "SERVICE_AMBIGUOUS"),
        ("alice", "watch", 5, "by name alone"),
        ("nobody", "list", 5, "ACCESS_TOKEN_INVALID"),
    ];
    for (token, line, code, because) in table {
        let ended = operations(home.path(), &server, token, line);
        assert_eq!((ended.code, &*ended.stdout), (Some(code), ""), "{token}: {line}: {ended:?}");
        assert!(ended.stderr.contains(because), "{token}: {line}: {}", ended.stderr);
    }
}

/// An operator hasn't a client's scopes, and needs none to be told that there is no such name.
#[test]
fn what_is_absent_is_absent_for_operators() {
    let home = tempfile::tempdir().unwrap();
    let server = one(home.path());
    let lines = ["describe absent", "wait absent", "cancel absent", "delete absent --yes"];
    for line in lines {
        for token in ["reader", "backend"] {
            let ended = operations(home.path(), &server, token, line);
            let because = "absent: no service of this server has it";
            assert_eq!((ended.code, &*ended.stdout), (Some(4), ""), "{token}: {line}");
            assert!(ended.stderr.contains(because), "{token}: {line}: {}", ended.stderr);
        }
        // Whose Backend it is not is told of the scope.
        let ended = operations(home.path(), &server, "one", line);
        assert_eq!(ended.code, Some(5), "{line}: {}", ended.stderr);
    }
}

#[test]
fn clients_change_what_is_theirs() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let run = |line: &str| {
        operations(home.path(), &server, "alice", &format!("{line} --service one.example.com"))
    };
    let cancelled = run("cancel a -o json");
    assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
    assert_eq!(parsed(&cancelled), json!([{ "name": "operations/a" }]));
    let deleted = run("delete a --yes");
    assert_eq!((deleted.code, &*deleted.stderr), (Some(0), "longrun: operations/a: deleted\n"));
    assert_eq!(run("describe a").code, Some(4));
    let record = operations(home.path(), &server, "reader", "describe a -o json");
    let record: Value = parsed(&record);
    assert!(record["cancelRequestTime"].is_string() && record["deleteTime"].is_string());
}

#[test]
fn where_the_token_may_be() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (good, bad, empty) = (file("good", "reader\n"), file("bad", "x\n"), file("empty", "\n"));
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let table: [(Variables, Option<&str>, i32, &str); 8] = [
        (&[("LONGRUN_TOKEN_FILE", &good)], None, 0, ""),
        (&[("LONGRUN_TOKEN", "reader\n")], None, 0, ""),
        (&[("LONGRUN_TOKEN", ""), ("LONGRUN_TOKEN_FILE", &good)], None, 0, ""),
        (&[("LONGRUN_TOKEN", "x"), ("LONGRUN_TOKEN_FILE", &bad)], Some(&good), 0, ""),
        (&[("LONGRUN_TOKEN", "reader"), ("LONGRUN_TOKEN_FILE", &good)], None, 2, "both set"),
        (&[("LONGRUN_TOKEN_FILE", "absent")], None, 1, "LONGRUN_TOKEN_FILE absent: "),
        (&[("LONGRUN_TOKEN_FILE", &empty)], None, 1, "it is empty"),
        (&[("LONGRUN_TOKEN", "reader")], Some(&bad), 5, "ACCESS_TOKEN_INVALID"),
    ];
    for (variables, flag, code, because) in table {
        let mut command = longrun(home.path());
        command.args(["operations", "list", "--server", &server.url()]);
        if let Some(path) = flag {
            command.args(["--token-file", path]);
        }
        let ended = run(command.envs(variables.iter().copied()));
        assert_eq!(ended.code, Some(code), "{variables:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(because), "{variables:?}: {}", ended.stderr);
    }
}
