//! The house rules that a machine can hold: which folder may use which, how long a file may
//! be, and that the documents name what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file below a folder with one of the endings, by its path from the root.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|end| path.to_string_lossy().ends_with(end)) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// What each part of the server may use of the others. A part that is not a key may use all.
const ARROWS: [(&str, &[&str]); 15] = [
    ("folder", &[]),
    ("reason", &[]),
    ("operation", &["reason"]),
    ("clock", &["operation"]),
    ("wire", &["operation"]),
    ("catalog", &["folder"]),
    ("auth", &["clock", "operation"]),
    ("store", &["clock", "folder", "operation"]),
    ("error", &["operation", "reason", "store"]),
    ("pace", &["operation", "store"]),
    ("unattended", &["operation", "store"]),
    ("live", &["operation", "pace", "store", "unattended", "wire"]),
    ("reaper", &["clock", "operation", "store"]),
    ("config", &["auth", "catalog", "operation"]),
    ("service", &["auth", "catalog", "clock", "error", "live", "operation", "store", "wire"]),
];

/// The transport names no store.
const TRANSPORT: [&str; 7] =
    ["auth", "catalog", "clock", "config", "error", "operation", "service"];

#[test]
fn the_servers_parts_use_only_what_is_below_them() {
    for (file, text) in files("crates/server/src", &[".rs"]) {
        let inner = file.strip_prefix("crates/server/src/").unwrap();
        let part = inner.split(['/', '.']).next().unwrap();
        let allowed: &[&str] = match ARROWS.iter().find(|(name, _)| *name == part) {
            Some((_, allowed)) => allowed,
            None if part == "transport" => &TRANSPORT,
            None => continue,
        };
        for used in text.split("crate::").skip(1) {
            let used: String =
                used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let fine = used == part || allowed.contains(&used.as_str());
            assert!(fine, "{file} uses crate::{used}; {part} may use {allowed:?}");
        }
    }
}

#[test]
fn the_pure_parts_stay_pure() {
    let impure = [
        "async ",
        "tokio",
        "hyper",
        "axum",
        "tonic",
        "rusqlite",
        "std::fs",
        "std::net",
        "SystemTime",
        "Instant",
    ];
    for (file, text) in files("crates/server/src/operation", &[".rs"]) {
        for word in impure {
            assert!(!text.contains(word), "{file} names {word}: operation/ is pure");
        }
    }
    for (file, text) in files("crates/transcoding/src", &[".rs"]) {
        for word in ["longrun", "tokio", "hyper", "tonic", "std::fs", "std::net"] {
            let code: Vec<&str> =
                text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let hit = code.iter().find(|line| line.contains(word) && !line.contains('"'));
            assert!(hit.is_none(), "{file} names {word}: transcoding knows nothing of operations");
        }
    }
    for (file, text) in files("crates/server/src/service", &[".rs"]) {
        for word in ["axum", "hyper", "tonic", "http::", "rusqlite"] {
            assert!(!text.contains(word), "{file} names {word}: handlers know no transport");
        }
    }
}

#[test]
fn crates_depend_downwards() {
    let below: [(&str, &[&str]); 6] = [
        ("crates/api", &[]),
        ("crates/transcoding", &[]),
        ("crates/client", &["api"]),
        ("crates/server", &["api", "transcoding"]),
        ("examples/workspace-events", &["api", "client"]),
        ("crates/longrun", &["api", "client", "server", "transcoding"]),
    ];
    for (name, allowed) in below {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
        let dependencies = dependencies.split("[dev-dependencies]").next().unwrap();
        for line in dependencies.lines().filter_map(|line| line.strip_prefix("longrun-")) {
            let used = line.split(['.', ' ']).next().unwrap();
            assert!(allowed.contains(&used), "{name} depends on {used}");
        }
    }
}

/// Aim under 400 lines; a longer file says why here.
const LONG: [(&str, &str); 0] = [];
const LINES_MAX: usize = 400;

#[test]
fn files_are_short() {
    for folder in ["crates", "tests", "examples"] {
        for (file, text) in files(folder, &[".rs", ".py", ".js"]) {
            let lines = text.lines().count();
            let excused = LONG.iter().any(|(name, _)| *name == file);
            assert!(lines <= LINES_MAX || excused, "{file} has {lines} lines");
            assert!(lines > LINES_MAX || !excused, "{file} needs no excuse any more");
        }
    }
}

#[test]
fn a_worker_is_a_few_lines() {
    let text = fs::read_to_string(root().join("crates/client/examples/hello_worker.rs")).unwrap();
    assert!(text.lines().count() <= 15, "{text}");
}

#[test]
fn tests_dont_sleep() {
    let sleeps = ["sleep(", "setTimeout("];
    // Under a paused clock, to sleep is to move it.
    let paused = |text: &str| text.contains("paused");
    let rust = files("crates", &[".rs"]).into_iter().filter(|(file, _)| file.contains("/tests"));
    for (file, text) in rust.chain(files("tests", &[".py", ".js"])) {
        if file.ends_with("tidy.rs") || paused(&text) {
            continue;
        }
        for word in sleeps {
            assert!(!text.contains(word), "{file} sleeps: await a signal or move the clock");
        }
    }
}

/// The rows of the two public reference pages.
const ROWS: [&str; 18] = [
    "G1", "G2", "G3", "G4", "G5", "G6", "O1", "O2", "O3", "O4", "O5", "O6", "O7", "O8", "S1", "S2",
    "S3", "S4",
];

#[test]
fn conformance_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let mut rows = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [row, _, tests] = cells.as_slice() else { panic!("three cells: {line}") };
        if !ROWS.contains(row) {
            continue;
        }
        rows.insert(*row);
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{row} names no test");
        for test in named {
            let (file, name) =
                test.split_once("::").unwrap_or_else(|| panic!("FILE::TEST: {test}"));
            let source = fs::read_to_string(root().join(file));
            let source = source.unwrap_or_else(|error| panic!("{row}: {file}: {error}"));
            let marks = if file.ends_with(".js") {
                ['\'', '"'].map(|quote| format!("test({quote}{name}{quote}"))
            } else {
                ["fn ", "def "].map(|keyword| format!("{keyword}{name}("))
            };
            assert!(marks.iter().any(|mark| source.contains(mark)), "{row}: no test {test}");
        }
    }
    assert_eq!(rows, BTreeSet::from(ROWS), "each row has its tests");
}

/// What Markdown links to, relative to the document.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

#[test]
fn documents_link_to_what_is_there() {
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "examples/workspace-events/README.md",
    ];
    let top = top.map(|name| (name.to_owned(), fs::read_to_string(root().join(name)).unwrap()));
    for (name, text) in top.into_iter().chain(files("docs", &[".md"])) {
        let path = root().join(&name);
        for target in links(&text) {
            let target = target.split('#').next().unwrap_or_default();
            assert!(path.parent().unwrap().join(target).exists(), "{name} links to {target}");
        }
    }
    let lines = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap().lines().count();
    assert!(lines < 150, "ARCHITECTURE.md has {lines} lines");
}

/// The README's map is the folder list.
#[test]
fn the_map_is_the_folder_list() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mapped: BTreeSet<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| ["))
        .filter_map(|line| line.split(']').next())
        .map(str::to_owned)
        .collect();
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(root()).unwrap().chain(fs::read_dir(root().join("crates")).unwrap()) {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let ours = !name.starts_with('.') && !matches!(name.as_str(), "target" | "crates");
        if path.is_dir() && ours {
            there.insert(name);
        }
    }
    assert_eq!(mapped, there);
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let table = table.split("\n[").next().unwrap();
    for line in table.lines().filter(|line| line.contains('=') && !line.contains("path =")) {
        let name = line.split(' ').next().unwrap();
        assert!(
            architecture.contains(&format!("`{name}`")),
            "ARCHITECTURE.md gives no reason for {name}"
        );
    }
}
