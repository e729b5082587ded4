//! The program through its pipes: data on stdout, all else on stderr, and exit codes.

mod change;
mod check;
mod config;
mod demo;
mod list;
mod operations;
mod refused;
mod shell;
mod token;
mod views;
mod wait;
mod watch;

use std::path::Path;

use crate::program::{Ended, longrun, run};

/// Runs `longrun ARGUMENTS…`, the arguments separated by spaces.
fn cli(home: &Path, arguments: &str) -> Ended {
    run(longrun(home).args(arguments.split(' ')))
}

#[test]
fn help_says_what_there_is() {
    let home = tempfile::tempdir().unwrap();
    for arguments in ["--help", "help"] {
        let help = cli(home.path(), arguments);
        assert_eq!((help.code, &*help.stderr), (Some(0), ""), "{arguments}");
        for word in ["serve", "check", "operations", "demo", "Exit codes:", "124", "130"] {
            assert!(help.stdout.contains(word), "{arguments}: {word}\n{}", help.stdout);
        }
    }
    let commands = [
        "serve",
        "check",
        "demo",
        "config show",
        "completion",
        "man",
        "operations list",
        "operations describe",
        "operations wait",
        "operations cancel",
        "operations delete",
        "operations watch",
    ];
    for command in commands {
        let help = cli(home.path(), &format!("{command} --help"));
        assert_eq!((help.code, &*help.stderr), (Some(0), ""), "{command}");
        assert!(help.stdout.contains(&format!("Usage: longrun {command}")), "{}", help.stdout);
    }
    let version = cli(home.path(), "--version");
    assert_eq!((version.code, &*version.stderr), (Some(0), ""));
    assert_eq!(version.stdout, format!("longrun {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_cant_be_asked_is_exit_code_2() {
    let home = tempfile::tempdir().unwrap();
    let table = [
        "serve --lisen 127.0.0.1:0",
        "serve --listen 8080",
        "serve --log-format xml",
        "check --format yaml",
        "operations",
        "operations describe",
        "operations wait one --timeout 5",
        "operations wait one --output xml",
        "operations list --output value=",
        "operations list --limit 0",
        "operations list --order-by name",
        "operations watch one --filter done=true",
        "operations delete one --output json",
        "completion tcsh",
        "opertions",
    ];
    for arguments in table {
        let ended = cli(home.path(), arguments);
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{arguments}");
        assert!(ended.stderr.contains("--help"), "{arguments}: {}", ended.stderr);
    }
    assert_eq!(run(&mut longrun(home.path())).code, Some(2));
}
