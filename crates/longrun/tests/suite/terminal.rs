//! The program in a terminal: what it draws, what it asks, and what Ctrl-C makes of it.

mod tmux;

use serde_json::json;

use crate::server::{Server, progress};
use tmux::Tmux;

const EMPTY: &str = "type.googleapis.com/google.protobuf.Empty";

/// A server, and a terminal that finds it without flags; the folder of both goes last.
fn place(columns: u16) -> (tempfile::TempDir, Server, Tmux) {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path());
    let folder = home.path().display().to_string();
    let variables = [("LONGRUN_SERVER", server.url()), ("LONGRUN_DATA_DIR", folder)];
    let tmux = Tmux::start(home.path(), columns, &variables);
    (home, server, tmux)
}

#[test]
fn a_wait_shows_how_far_the_work_is() {
    for (flags, state) in [("", "RUNNING"), (" --as-client", "OPEN")] {
        let (_home, server, tmux) = place(100);
        server.create_with("one", json!({ "operation": { "metadata": progress(42) } }));
        server.create("two");
        tmux.run(&format!("longrun operations wait one two{flags}"));
        let screen =
            tmux.shows(&[&format!("] 42% {state} "), "=>", &format!(" operations/two {state} ")]);
        let bar = screen.lines().find(|line| line.contains("42%")).unwrap();
        assert!(bar.starts_with("operations/one [====") && bar.ends_with('s'), "{bar}");
        assert!(bar.chars().count() <= 100, "{bar}");
        server.progress("one", 80);
        tmux.shows(&[&format!("] 80% {state} ")]);
        for id in ["one", "two"] {
            server.finish(id, json!({ "response": { "@type": EMPTY } }));
        }
        let screen = tmux.ended(0);
        assert!(!screen.contains("80% ") && !screen.contains("=>"), "{screen}");
        assert_eq!(screen.matches("State         SUCCEEDED").count(), 2, "{screen}");
    }
}

#[test]
fn ctrl_c_says_how_to_go_on() {
    let (_home, server, tmux) = place(80);
    server.create("one");
    tmux.run("longrun operations wait one");
    tmux.shows(&[" operations/one RUNNING "]);
    tmux.key("C-c");
    tmux.ended(130);
    let screen = tmux.unwrapped();
    let (_, hint) = screen.split_once("To wait again: ").expect("a hint");
    let hint = hint.lines().next().unwrap();
    assert!(hint.starts_with("longrun operations wait one --server "), "{screen}");
    server.finish("one", json!({ "error": { "code": 9, "message": "no paper" } }));
    tmux.run(hint);
    tmux.shows(&["FAILED_PRECONDITION: no paper"]);
    tmux.ended(3);
}

#[test]
fn a_watch_has_rows_above_its_bars() {
    let (_home, server, tmux) = place(100);
    server.create_with("one", json!({ "operation": { "metadata": progress(7) } }));
    tmux.run("longrun operations watch one");
    tmux.shows(&["NAME ", "] 7% RUNNING "]);
    server.progress("one", 70);
    let screen = tmux.shows(&["] 70% RUNNING "]);
    let rows: Vec<&str> = screen.lines().filter(|line| line.contains(" operations/one ")).collect();
    assert_eq!(rows.len(), 2, "a row for each version: {screen}");
    assert!(screen.trim_end().ends_with('s'), "the bar is last: {screen}");
    tmux.key("C-c");
    tmux.shows(&["to go on: longrun operations watch one"]);
    tmux.ended(130);
}

#[test]
fn a_delete_asks() {
    let (_home, server, tmux) = place(100);
    server.create("one");
    tmux.run("longrun operations delete one");
    tmux.shows(&["  operations/one", "Delete? [y/N]"]);
    tmux.answer("n");
    tmux.shows(&["longrun: nothing is deleted"]);
    tmux.ended(1);
    assert_eq!(server.rest("GET", "/v1/operations/one", "").status, 200);
    tmux.run("longrun operations delete one");
    tmux.shows(&["Delete? [y/N]"]);
    tmux.answer("y");
    tmux.shows(&["operations/one: deleted"]);
    tmux.ended(0);
    assert_eq!(server.rest("GET", "/v1/operations/one", "").status, 404);
    // Whoever interrupts the question deletes nothing.
    server.create("two");
    tmux.run("longrun operations delete two");
    tmux.shows(&["Delete? [y/N]"]);
    tmux.key("C-c");
    tmux.ended(130);
    assert_eq!(server.rest("GET", "/v1/operations/two", "").status, 200);
}

#[test]
fn a_table_fits_and_has_colours() {
    let (_home, server, tmux) = place(80);
    let id = "an-id-of-some-length";
    server.create_with(id, json!({ "method": "library.v1.LibraryService/BuildTheWholeShelf" }));
    server.create("two");
    server.finish("two", json!({ "error": { "code": 9, "message": "no paper" } }));
    tmux.run("longrun operations list --service longrun.local");
    let screen = tmux.ended(0);
    let rows: Vec<&str> = screen.lines().filter(|line| line.contains("operations/")).collect();
    assert_eq!(rows.len(), 2, "a line for each: {screen}");
    assert!(rows[1].starts_with(&format!("operations/{id}  RUNNING")), "{screen}");
    assert!(rows[1].contains("  Library") && rows[1].contains("…"), "{screen}");
    let coloured = tmux.with_colours();
    assert!(coloured.contains("\u{1b}[38;5;9mFAILED"), "{coloured:?}");

    tmux.run("NO_COLOR=1 longrun operations list --service longrun.local");
    tmux.shows(&["FAILED"]);
    tmux.ended(0);
    let plain = tmux.with_colours();
    assert!(!plain.contains("\u{1b}[38;") && plain.contains("FAILED"), "{plain:?}");
}
