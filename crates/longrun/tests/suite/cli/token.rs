//! The token of the data folder: found without a flag, and sent to this machine alone.

use super::cli;
use crate::program::longrun;
use crate::server::Server;

#[test]
fn the_default_folder_needs_no_flag() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    for state in [None, Some(&state)] {
        let with_state = |command: &mut std::process::Command| {
            state.map(|state| command.env("XDG_STATE_HOME", state));
        };
        let mut command = longrun(home.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        with_state(&mut command);
        let folder = state.cloned().unwrap_or_else(|| home.path().join(".local/state"));
        let server = Server::start_as(&folder.join("longrun"), &mut command);
        server.create("one");
        let mut describe = longrun(home.path());
        describe.args(["operations", "describe", "one", "--server", &server.url()]);
        with_state(&mut describe);
        let ended = crate::program::run(&mut describe);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
        assert!(
            ended.stdout.starts_with("Name          services/longrun.local/operations/one\n"),
            "{}",
            ended.stdout
        );
    }
}

#[test]
fn it_goes_to_no_other_server() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let port = server.address.port();
    let folder = home.path().display();
    let describe = |host: &str, flags: &str| {
        cli(home.path(), &format!("operations describe one --server http://{host}:{port} {flags}"))
    };
    for host in ["127.0.0.1", "localhost"] {
        let ended = describe(host, &format!("--data-dir {folder}"));
        assert_eq!(ended.code, Some(4), "{host}: {}", ended.stderr);
    }
    // This address is the same server's, but it isn't known to be.
    let ended = describe("0.0.0.0", &format!("--data-dir {folder}"));
    assert_eq!((ended.code, &*ended.stdout), (Some(5), ""));
    assert!(ended.stderr.contains("CREDENTIALS_MISSING"), "{}", ended.stderr);
    assert!(ended.stderr.contains("no token was sent"), "{}", ended.stderr);
    // Who names the file means it.
    let ended = describe("0.0.0.0", &format!("--token-file {folder}/token"));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
}

#[test]
fn without_a_good_one_the_exit_code_is_5() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let bad = elsewhere.path().join("bad");
    std::fs::write(&bad, "not-the-token\n").unwrap();
    let table = [
        (format!("--data-dir {}", elsewhere.path().display()), 5, "no token was sent"),
        (format!("--token-file {}", bad.display()), 5, "ACCESS_TOKEN_INVALID"),
        ("--token-file absent".to_owned(), 1, "--token-file absent: "),
    ];
    for (flags, code, because) in table {
        for command in ["describe", "wait"] {
            let line = format!("operations {command} one --server {} {flags}", server.url());
            let ended = cli(home.path(), &line);
            assert_eq!((ended.code, &*ended.stdout), (Some(code), ""), "{flags}");
            assert!(ended.stderr.contains(because), "{flags}: {}", ended.stderr);
            assert!(!ended.stderr.contains("not-the-token"), "{}", ended.stderr);
        }
    }
}
