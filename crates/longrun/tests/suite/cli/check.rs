//! `longrun check`.

use std::path::Path;

use serde_json::{Value, json};

use super::cli;
use crate::program::{Ended, longrun, run};

const PROTO: &str = r#"syntax = "proto3";
package shelf.v1;
import "google/api/annotations.proto";
import "google/api/client.proto";
import "google/longrunning/operations.proto";
import "google/protobuf/empty.proto";
service Shelves {
  option (google.api.default_host) = "shelf.example.com";
  option (google.api.oauth_scopes) = "https://example.com/auth/shelf";
  rpc BuildShelf(BuildShelfRequest) returns (google.longrunning.Operation) {
    option (google.api.http) = {
      post: "/v1/{parent=rooms/*}/shelves"
      body: "*"
      additional_bindings { post: "/v1/shelves:build" body: "*" }
    };
    option (google.longrunning.operation_info) = {
      response_type: "google.protobuf.Empty"
      metadata_type: "BuildShelfRequest"
    };
  }
}
message BuildShelfRequest {
  string parent = 1;
}
"#;

const YAML: &str = "type: google.api.Service
config_version: 3
name: shelf.example.com
apis:
- name: shelf.v1.Shelves
";

/// Checks a folder with these files.
fn check(home: &Path, proto: &str, yaml: &str, flags: &str) -> Ended {
    std::fs::write(home.join("shelf.proto"), proto).unwrap();
    std::fs::write(home.join("shelf.yaml"), yaml).unwrap();
    let home_text = home.display();
    let sources = format!("--service {home_text}/shelf.yaml --proto-path {home_text}");
    cli(home, &format!("check {sources}{flags}"))
}

#[test]
fn the_default_service_is_reported_without_any_flag() {
    let home = tempfile::tempdir().unwrap();
    let table = cli(home.path(), "check");
    assert_eq!((table.code, &*table.stderr), (Some(0), ""));
    assert!(table.stdout.starts_with("longrun.local\n"), "{}", table.stdout);
    assert!(table.stdout.ends_with("no problems\n"), "{}", table.stdout);
    let json = cli(home.path(), "check --format json --strict");
    assert_eq!((json.code, &*json.stderr), (Some(0), ""));
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["services"][0]["name"], "longrun.local");
    assert_eq!(report["problems"], json!([]));
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "a check leaves nothing behind: {left:?}");
}

#[test]
fn what_serve_takes_is_checked() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("public.toml");
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let tokens = format!("[[auth.tokens]]\nsubject = \"a\"\nsha256 = \"{digest}\"\n");
    std::fs::write(&file, format!("listen = \"0.0.0.0:0\"\n{tokens}")).unwrap();
    // Flags, variables, and what the error says.
    type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], Option<&'a str>);
    let table: [Row<'_>; 6] = [
        (&[], &[], Some("--behind-proxy")),
        (&["--behind-proxy"], &[], None),
        (&[], &[("LONGRUN_BEHIND_PROXY", "true")], None),
        (&["--behind-proxy=false"], &[("LONGRUN_BEHIND_PROXY", "true")], Some("--behind-proxy")),
        (&["--listen", "127.0.0.1:0"], &[], None),
        (&["--no-auth"], &[("LONGRUN_LISTEN", "localhost:0")], None),
    ];
    for (flags, variables, because) in table {
        let mut command = longrun(home.path());
        command.args(["check", "--config"]).arg(&file).args(flags);
        let ended = run(command.envs(variables.iter().copied()));
        assert_eq!(ended.code, Some(i32::from(because.is_some())), "{flags:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(because.unwrap_or_default()), "{flags:?}: {}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_in_a_private_data_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("shelf.proto"), PROTO).unwrap();
    let folders =
        ["by-variable", "by-flag", ".local/state/longrun"].map(|one| home.path().join(one));
    for (index, folder) in folders.iter().enumerate() {
        let mut command = longrun(home.path());
        command.args(["check", "--proto-path"]).arg(home.path());
        match index {
            0 => drop(command.env("LONGRUN_DATA_DIR", folder)),
            1 => drop(command.arg("--data-dir").arg(folder)),
            _ => {}
        }
        assert!(!folder.exists());
        assert_eq!(run(&mut command).code, Some(0));
        assert_eq!(std::fs::read_dir(folder.join("descriptors")).unwrap().count(), 1);
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
    }
}

#[test]
fn an_api_in_a_table_and_in_json() {
    let home = tempfile::tempdir().unwrap();
    let json = check(home.path(), PROTO, YAML, " --format json");
    assert_eq!((json.code, &*json.stderr), (Some(0), ""));
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["services"][0]["name"], "shelf.example.com");
    let expected = json!({
        "name": "shelf.v1.Shelves/BuildShelf",
        "lro": true,
        "requestType": "shelf.v1.BuildShelfRequest",
        "responseType": "google.protobuf.Empty",
        "metadataType": "shelf.v1.BuildShelfRequest",
        "bindings": [
            { "verb": "POST", "path": "/v1/{parent=rooms/*}/shelves", "body": "*" },
            { "verb": "POST", "path": "/v1/shelves:build", "body": "*" },
        ],
        "scopes": ["https://example.com/auth/shelf"],
    });
    assert_eq!(report["services"][0]["methods"][0], expected);

    let table = check(home.path(), PROTO, YAML, "");
    assert_eq!((table.code, &*table.stderr), (Some(0), ""));
    let head = "shelf.example.com
  shelf.v1.Shelves/BuildShelf  LRO
    POST   /v1/{parent=rooms/*}/shelves  body *
    POST   /v1/shelves:build  body *
    scopes https://example.com/auth/shelf
  google.longrunning.Operations/ListOperations
";
    assert!(table.stdout.starts_with(head), "{}", table.stdout);
}

#[test]
fn strict_refuses_what_is_merely_odd() {
    let home = tempfile::tempdir().unwrap();
    let yaml = format!(
        "{YAML}http:\n  rules:\n  - selector: shelf.v1.Shelves.Biuld\n    get: /v1/shelves\n"
    );
    let proto = PROTO.replace("https://example.com/auth/shelf", "");
    for (proto, yaml, line) in [(PROTO, &*yaml, 8), (&*proto, YAML, 10)] {
        let lax = check(home.path(), proto, yaml, " --format json");
        let report: Value = serde_json::from_str(&lax.stdout).unwrap();
        assert_eq!(lax.code, Some(0), "{report}");
        assert_eq!(report["problems"][0]["severity"], "warning", "{report}");
        let place = report["problems"][0]["where"].as_str().unwrap();
        assert!(place.contains(&format!(":{line}")), "{report}");
        let strict = check(home.path(), proto, yaml, " --strict");
        assert_eq!(strict.code, Some(1));
        assert!(strict.stdout.contains(&format!("\nwarning: {place}: ")), "{}", strict.stdout);
    }
}

#[test]
fn what_is_not_served_is_exit_code_1() {
    let home = tempfile::tempdir().unwrap();
    let proto = PROTO.replace("{parent=rooms/*}", "{room=rooms/*}");
    let report = check(home.path(), &proto, YAML, "");
    assert_eq!((report.code, &*report.stderr), (Some(1), ""));
    let error = format!("error: {}", home.path().join("shelf.proto:10").display());
    assert!(report.stdout.contains(&error), "{}", report.stdout);
    assert!(report.stdout.contains("`room`"), "{}", report.stdout);
}

#[test]
fn what_cant_be_loaded_names_file_and_line() {
    let home = tempfile::tempdir().unwrap();
    let table = [
        (PROTO.replace("BuildShelfRequest)", "BuildShelfReqest)"), YAML, "shelf.proto:10"),
        (PROTO.replace("message", "mesage"), YAML, "shelf.proto:22"),
        (PROTO.to_owned(), "type: google.api.Service\nname: [\n", "shelf.yaml:2"),
        (PROTO.to_owned(), "type: google.api.Service\napis: 3\n", "shelf.yaml:2"),
        (PROTO.to_owned(), "type: other\nname: x.example.com\n", "shelf.yaml:1"),
        (PROTO.to_owned(), "type: google.api.Service\nname: ''\n", "shelf.yaml:2"),
    ];
    for (proto, yaml, place) in table {
        let ended = check(home.path(), &proto, yaml, "");
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{place}");
        let place = format!("longrun: {}:", home.path().join(place).display());
        assert!(ended.stderr.starts_with(&place), "{place}: {}", ended.stderr);
    }
    for flags in ["--service absent.yaml", "--proto-path absent", "--descriptor-set absent"] {
        let ended = cli(home.path(), &format!("check {flags}"));
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{flags}");
        assert!(ended.stderr.contains("absent"), "{flags}: {}", ended.stderr);
    }
}

#[test]
fn a_methods_settings_are_named_with_their_line() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("protos")).unwrap();
    std::fs::write(home.path().join("protos/shelf.proto"), PROTO).unwrap();
    std::fs::write(home.path().join("shelf.yaml"), YAML).unwrap();
    let build = "shelf.v1.Shelves/BuildShelf";
    let get = "google.longrunning.Operations/GetOperation";
    let table = [
        ("shelf.v1.Shelves/Nope", "deadline = \"5s\"", "names no method of shelf.example.com"),
        (build, "exclusive = \"nope\"", "exclusive: `nope` is no path"),
        (build, "operation_parent = \"a/b\"", "operation_parent: no GetOperation binding"),
        (get, "max_attempts = 3", "only allow_unscoped takes effect"),
    ];
    for (method, setting, because) in table {
        let file = home.path().join("longrun.toml");
        let section = format!("[service.method.\"{method}\"]");
        let text = format!(
            "[[service]]\nconfig = \"shelf.yaml\"\nproto_path = \"protos\"\n{section}\n{setting}\n"
        );
        std::fs::write(&file, text).unwrap();
        let ended = cli(home.path(), &format!("check --config {}", file.display()));
        assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{method}");
        let said = format!("longrun: {}:4:1: {section} {because}", file.display());
        assert!(ended.stderr.starts_with(&said), "{said}: {}", ended.stderr);
    }
}
