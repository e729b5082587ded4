//! `longrun demo`, by the lines that it prints.

use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::program::{Program, longrun, run};

/// The printed line that starts and ends so.
fn printed(program: &Program, start: &str, end: &str) -> String {
    program.stdout.find(|line| {
        let line = line.trim();
        (line.starts_with(start) && line.contains(end)).then(|| line.to_owned())
    })
}

/// What `curl` does with such a line.
fn curl(line: &str) -> Answer {
    let quoted = |flag: &str| {
        let (_, rest) = line.split_once(&format!(" {flag} '"))?;
        rest.split_once('\'').map(|(text, _)| text)
    };
    let (_, url) = line.split_once("http://").expect("a URL");
    let url = url.split(['\'', ' ']).next().unwrap_or_default();
    let (address, path) = url.split_once('/').expect("a path");
    let headers = quoted("-H").map(|header| format!("{header}\r\n")).unwrap_or_default();
    let (verb, body) = match quoted("-d") {
        Some(body) => ("POST", body),
        None => ("GET", ""),
    };
    let request = http::request(verb, &format!("/{path}"), &headers, body);
    http::call(address.parse().expect("an address"), &request)
}

#[test]
fn the_printed_lines_work_as_they_stand() {
    let home = tempfile::tempdir().unwrap();
    let program = Program::start(longrun(home.path()).args(["demo", "--listen", "127.0.0.1:0"]));
    let create = printed(&program, "curl", "operationId=build-1");
    let get = printed(&program, "curl", "/v1/operations/build-1");
    let wait = printed(&program, "curl", "/v1/operations/build-1:wait");
    let wait_here = printed(&program, "longrun", "operations wait build-1");
    let cancel = printed(&program, "curl", "/v1/operations/build-1:cancel");
    let folders = || std::fs::read_dir(home.path()).unwrap().count();
    assert_eq!(folders(), 1, "records are in a temporary folder");

    assert_eq!(curl(&create).status, 200);
    assert_eq!(curl(&create.replace("build-1", "build-2")).status, 200);
    // The worker holds it after its first renewal: progress is there, and a cancel is heard.
    let open = until(&get.replace("build-1", "build-2"), |it| it.get("metadata").is_some());
    assert_eq!(open["metadata"]["value"]["progressPercent"], 0);
    let cancelled = curl(&cancel.replace("build-1", "build-2"));
    assert_eq!((cancelled.status, cancelled.json()), (200, json!({})));
    let cancelled = curl(&wait.replace("build-1", "build-2")).json();
    assert_eq!(cancelled["error"]["code"], 1, "{cancelled}");

    let done = curl(&wait).json();
    assert_eq!(done["name"], "operations/build-1");
    assert_eq!(done["response"]["value"]["artifact"], "build-1.tar.gz", "{done}");
    assert_eq!(done["metadata"]["value"]["progressPercent"], 100, "{done}");
    assert_eq!(curl(&get).json(), done);
    let list = printed(&program, "curl", "/v1/operations").replace("/build-1", "");
    let list = curl(&list).json();
    assert_eq!(list["operations"].as_array().map(Vec::len), Some(2), "{list}");

    let mut arguments = wait_here.split(' ');
    assert_eq!(arguments.next(), Some("longrun"));
    let ended = run(longrun(home.path()).args(arguments));
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert!(ended.stdout.contains("build-1.tar.gz"), "{}", ended.stdout);

    program.signal("TERM");
    let ended = program.end();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert_eq!(folders(), 0, "the temporary folder is gone");
}

/// Asks again until the operation is so; each answer is awaited.
fn until(get: &str, so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let operation = curl(get).json();
        if so(&operation) {
            return operation;
        }
        assert_ne!(operation["done"], true, "{operation}");
    }
}

#[test]
fn a_folder_that_was_named_stays() {
    let home = tempfile::tempdir().unwrap();
    let kept = home.path().join("kept");
    let mut command = longrun(home.path());
    command.args(["demo", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&kept);
    let program = Program::start(&mut command);
    assert_eq!(curl(&printed(&program, "curl", "operationId=build-1")).status, 200);
    program.signal("INT");
    let ended = program.end();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    assert!(kept.join("longrun.db").exists());
    let program = Program::start(&mut command);
    assert_eq!(curl(&printed(&program, "curl", "operationId=build-1")).status, 409);
}

#[test]
fn it_listens_on_loopback_alone() {
    let home = tempfile::tempdir().unwrap();
    let ended = run(longrun(home.path()).args(["demo", "--listen", "0.0.0.0:0"]));
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.contains("loopback"), "{}", ended.stderr);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "no folder stays behind");
}
