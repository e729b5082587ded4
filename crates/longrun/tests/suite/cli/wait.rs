//! `longrun operations wait`.

use serde_json::json;

use super::cli;
use super::operations::{EMPTY, here, parsed, server};
use crate::program::{Program, longrun};
use crate::server::Server;

#[test]
fn a_wait_ends_as_its_operation_did() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let table = [
        ("good", 0, "", 1),
        ("failed", 3, "", 1),
        ("cancelled", 6, "", 1),
        ("absent", 4, "longrun: operations/absent: ", 0),
        ("open --timeout 1ms", 124, "longrun: operations/open: still open\n", 0),
        // What is known least decides; the others are waited for all the same.
        ("cancelled failed good", 3, "", 3),
        ("good absent failed", 4, "longrun: operations/absent: ", 2),
        ("open cancelled good --timeout 1ms", 124, "longrun: operations/open: still open\n", 2),
    ];
    for service in ["", " --service longrun.local", " --as-client"] {
        for (what, code, stderr, shown) in table {
            let line = format!("operations wait {what} {here}{service}");
            let ended = cli(home.path(), &line);
            assert_eq!(ended.code, Some(code), "{what}{service}: {ended:?}");
            assert!(ended.stderr.starts_with(stderr), "{what}: {}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), usize::from(!stderr.is_empty()), "{what}");
            assert_eq!(ended.stdout.matches("Name ").count(), shown, "{what}: {}", ended.stdout);
            let json = cli(home.path(), &format!("{line} -o json"));
            assert_eq!((json.code, &json.stderr), (ended.code, &ended.stderr), "{what}");
            if what.contains(' ') && !what.starts_with("open --timeout") {
                assert_eq!(parsed(&json).as_array().map(Vec::len), Some(shown), "{what}");
            } else if shown == 0 {
                assert_eq!(json.stdout, "", "{what}");
            } else {
                assert!(parsed(&json).is_object(), "{what}");
            }
        }
    }
}

#[test]
fn a_wait_returns_when_the_work_is_done() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    for (id, service) in
        [("one", ""), ("two", " --service longrun.local"), ("three", " --as-client")]
    {
        server.create(id);
        // What is shown first tells that the second is waited for.
        let line = format!("operations wait good {id} {here}{service}");
        let waiting = Program::start(longrun(home.path()).args(line.split(' ')));
        waiting.stdout.find(|line| line.starts_with("Response").then_some(()));
        server.finish(id, json!({ "error": { "code": 9, "message": "no paper" } }));
        let ended = waiting.end();
        assert_eq!((ended.code, &*ended.stderr), (Some(3), ""), "{id}");
        assert!(ended.stdout.contains("FAILED_PRECONDITION: no paper"), "{}", ended.stdout);
    }
}

#[test]
fn who_interrupts_a_wait_learns_how_to_resume_it() {
    let home = tempfile::tempdir().unwrap();
    let server = server(home.path());
    let here = here(home.path(), &server);
    let line = format!("operations wait good open --service longrun.local {here} -o table");
    let waiting = Program::start(longrun(home.path()).args(line.split(' ')));
    waiting.stdout.find(|line| line.starts_with("Response").then_some(()));
    waiting.signal("INT");
    let ended = waiting.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(ended.stdout.matches("Name ").count(), 1, "{}", ended.stdout);
    let (said, resume) = ended.stderr.trim_end().split_once(": longrun ").expect("how to resume");
    assert_eq!(said, "longrun: interrupted; the work goes on. To wait again");

    server.finish("open", json!({ "response": { "@type": EMPTY } }));
    let resumed = cli(home.path(), resume);
    assert_eq!((resumed.code, &*resumed.stderr), (Some(0), ""), "{resume}");
    assert!(resumed.stdout.contains("operations/open"), "{}", resumed.stdout);
}

#[test]
fn a_wait_outlives_its_server() {
    let home = tempfile::tempdir().unwrap();
    for (id, good, service) in [("one", "good", ""), ("two", "better", " --as-client")] {
        let mut first = Server::start(home.path());
        first.create(good);
        first.create(id);
        first.finish(good, json!({ "response": { "@type": EMPTY } }));
        let here = here(home.path(), &first);
        let line = format!("operations wait {good} {id} {here}{service}");
        let waiting = Program::start(longrun(home.path()).args(line.split(' ')));
        waiting.stdout.find(|line| line.starts_with("Response").then_some(()));
        first.program.kill();
        let mut again = longrun(home.path());
        again.args(["serve", "--data-dir"]).arg(home.path());
        again.args(["--listen", &first.address.to_string()]);
        let second = Server::start_as(home.path(), &mut again);
        second.finish(id, json!({ "response": { "@type": EMPTY } }));
        let ended = waiting.end();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{id}");
        assert!(ended.stdout.contains(&format!("operations/{id}\n")), "{}", ended.stdout);
    }
}
