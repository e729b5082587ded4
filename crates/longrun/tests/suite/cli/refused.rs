//! What `longrun serve` does not start with, and how it says so.

use std::net::TcpListener;

use super::cli;
use crate::program::{Ended, Program, longrun, run};
use crate::server::{Server, serve};

const TOKENS: &str = r#"[[auth.tokens]]
subject = "alice"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"#;

fn refused(ended: &Ended, because: &str) {
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{}", ended.stderr);
    let said = ended.stderr.lines().any(|line| line.starts_with("longrun: "));
    assert!(said && ended.stderr.contains(because), "{because}: {}", ended.stderr);
}

#[test]
fn other_machines_need_tokens_and_tls() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("longrun.toml");
    std::fs::write(&file, TOKENS).unwrap();
    let config = format!("--config {}", file.display());
    let table = [
        ("--listen 0.0.0.0:0".to_owned(), "without auth configuration"),
        ("--listen [::]:0".to_owned(), "without auth configuration"),
        ("--listen 0.0.0.0:0 --behind-proxy".to_owned(), "without auth configuration"),
        ("--listen 0.0.0.0:0 --no-auth".to_owned(), "--no-auth lets everybody in"),
        ("--listen 0.0.0.0:0 --no-auth --behind-proxy".to_owned(), "--no-auth lets everybody in"),
        (format!("--listen 0.0.0.0:0 {config}"), "--behind-proxy"),
        (format!("--listen 0.0.0.0:0 --no-auth {config}"), "--no-auth lets everybody in"),
    ];
    for (flags, because) in table {
        refused(&cli(home.path(), &format!("serve {flags}")), because);
        assert!(!home.path().join(".local").exists(), "{flags}: nothing is made before that");
    }
    let program = Program::start(
        longrun(home.path())
            .args(format!("serve --listen 0.0.0.0:0 --behind-proxy {config}").split(' ')),
    );
    program.stderr.find(|line| line.contains("listening").then_some(()));
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
}

#[test]
fn mistakes_in_the_file_have_a_line_and_a_column() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("longrun.toml");
    let table = [
        ("lisen = \"127.0.0.1:0\"\n", ":1:1: unknown key `lisen`"),
        (
            "# limits\n[limits]\nrequests_per_secund = 1\n",
            ":3:1: unknown key `requests_per_secund`",
        ),
        ("[limits]\nburst = 0\n", ":2:9: "),
        ("listen = \"8080\"\n", ":1:10: "),
        ("no_auth = true\nno_auth = false\n", ":2:1: "),
        ("[[auth.tokens]]\nsubject = \"a\"\nsha256 = \"abc\"\n", ":3:10: "),
        ("[[service]]\n[service.method.\"a.B/C\"]\ndeadline = \"1w\"\n", ":3:12: "),
    ];
    for (text, because) in table {
        std::fs::write(&file, text).unwrap();
        let because = format!("longrun: {}{because}", file.display());
        for command in ["serve", "check"] {
            let ended = cli(home.path(), &format!("{command} --config {}", file.display()));
            refused(&ended, &because);
        }
    }
    refused(&cli(home.path(), "serve --config absent.toml"), "longrun: absent.toml: ");
}

#[test]
fn a_folder_and_a_port_are_one_servers() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let second = run(&mut serve(home.path()));
    refused(&second, "belongs to another process");
    assert!(second.stderr.contains("--data-dir"), "{}", second.stderr);

    let other = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let flags = format!("serve --data-dir {} --listen {address}", other.path().display());
    refused(&cli(other.path(), &flags), &format!("can't listen on {address}"));

    // The first one doesn't mind, and what was refused left nothing locked.
    assert_eq!(server.rest("GET", "/v1/operations", "").status, 200);
    let server = Server::start(other.path());
    assert_eq!(server.rest("GET", "/v1/operations", "").status, 200);
}

#[test]
fn folders_services_and_variables_that_are_none() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let flags = format!("serve --listen 127.0.0.1:0 --data-dir {}", file.display());
    refused(&cli(home.path(), &flags), "the data folder");
    refused(&cli(home.path(), "serve --service no.example.com"), "no.example.com");
    let strange = home.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    std::fs::write(strange.join("longrun.db"), "this is no database, and was never one").unwrap();
    refused(&run(&mut serve(&strange)), "is no store of Longrun's");
    std::fs::write(strange.join("token"), "\n").unwrap();
    refused(&run(&mut serve(&strange)), "it is empty; remove it");

    let ended = run(serve(home.path()).env("LONGRUN_LOG", "longrun=loud"));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("LONGRUN_LOG=longrun=loud"), "{}", ended.stderr);
    let ended = run(longrun(home.path()).arg("serve").env("LONGRUN_LISTEN", "8080"));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let mut open = longrun(home.path());
    open.args(["serve", "--listen", "0.0.0.0:0"]).env("LONGRUN_NO_AUTH", "yes");
    refused(&run(&mut open), "--no-auth lets everybody in");
}

#[test]
fn variables_stand_behind_flags() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut command = longrun(home.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.env("LONGRUN_LISTEN", "0.0.0.0:0").env("LONGRUN_DATA_DIR", &data);
    command.env("LONGRUN_NO_AUTH", "false");
    let server = Server::start_as(&data, &mut command);
    assert_eq!(server.rest("GET", "/v1/operations", "").status, 200);
}
