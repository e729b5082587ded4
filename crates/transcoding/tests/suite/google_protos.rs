//! JSON and protobuf of Google's own types, which payloads and errors are made of: all that
//! npm's google-proto-files declares in these folders.

use std::fmt;
use std::path::{Path, PathBuf};

use longrun_transcoding::{PrintOptions, canonical, check_any_types, parse, print};
use proptest::strategy::Strategy as _;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage as _};
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};

use super::{COMPACT, made};

const FOLDERS: [&str; 5] = [
    "google/longrunning",
    "google/rpc",
    "google/api",
    "google/apps/events/subscriptions/v1",
    "google/apps/events/subscriptions/v1beta",
];

/// Messages of each type.
const CASES: u32 = 24;
/// Levels of messages in a message.
const DEPTH: usize = 3;

/// Where `tests/run` has put them.
fn root() -> PathBuf {
    std::env::var_os("LONGRUN_GOOGLE_PROTOS").map(PathBuf::from).expect(
        "LONGRUN_GOOGLE_PROTOS is the folder of npm's google-proto-files; tests/run installs it",
    )
}

/// The `.proto` files below a folder, by their paths from `root`.
fn protos(root: &Path, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "proto") {
                found.push(path.strip_prefix(root).expect("it is below").to_owned());
            }
        }
    }
    found
}

fn compile(root: &Path, files: &[PathBuf]) -> DescriptorPool {
    let mut resolver = ChainFileResolver::new();
    // Its own well-known types are in an edition's syntax, which protox doesn't read.
    resolver.add(GoogleFileResolver::new());
    resolver.add(IncludeFileResolver::new(root.to_owned()));
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_files(files).expect("the files compile");
    compiler.descriptor_pool()
}

/// Every message of a file, those in other messages too.
fn messages(pool: &DescriptorPool, file: &Path) -> Vec<MessageDescriptor> {
    let mut found = Vec::new();
    let name = file.to_str().expect("the paths are ASCII");
    let file = pool.get_file_by_name(name).expect("it was compiled");
    let mut open: Vec<_> = file.messages().collect();
    while let Some(message) = open.pop() {
        open.extend(message.child_messages());
        if !message.is_map_entry() {
            found.push(message);
        }
    }
    found
}

#[test]
fn every_type_is_the_same_after_json_and_protobuf() {
    let root = root();
    let files: Vec<PathBuf> = FOLDERS.iter().flat_map(|folder| protos(&root, folder)).collect();
    let pool = compile(&root, &files);
    let types: Vec<_> = files.iter().flat_map(|file| messages(&pool, file)).collect();
    // google-proto-files 5.0.3.
    assert_eq!((files.len(), types.len()), (78, 394));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    for of in types {
        let mut runner = TestRunner::new(config.clone());
        let messages = made::message(&of, DEPTH).prop_map(Shown);
        let run = runner.run(&messages, |Shown(message)| stays_the_same(&message));
        run.unwrap_or_else(|why| panic!("{}: {why}", of.full_name()));
    }
}

/// A message whose debug form can be read.
struct Shown(DynamicMessage);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = print(&self.0, &COMPACT).map_err(|_| fmt::Error)?;
        f.write_str(&String::from_utf8_lossy(&json))
    }
}

/// protobuf → JSON → protobuf → JSON, in each form of JSON.
fn stays_the_same(message: &DynamicMessage) -> Result<(), TestCaseError> {
    let fails = |why: String| TestCaseError::fail(why);
    check_any_types(message).map_err(|why| fails(format!("{why:?}")))?;
    for options in [
        COMPACT,
        PrintOptions { pretty: true, ..COMPACT },
        PrintOptions { enums_as_ints: true, ..COMPACT },
    ] {
        let json = print(message, &options).map_err(|why| fails(why.to_string()))?;
        let text = String::from_utf8_lossy(&json);
        let back = parse(&json, &message.descriptor());
        let back = back.map_err(|why| fails(format!("{text} is refused: {why:?}")))?;
        if canonical(&back) != canonical(message) {
            return Err(fails(format!("{text} is read as {:?}", Shown(back))));
        }
        // As a store gives it back.
        let bytes = prost::Message::encode_to_vec(&back);
        let stored = DynamicMessage::decode(message.descriptor(), bytes.as_slice());
        let stored = stored.map_err(|why| fails(format!("{text}: {why}")))?;
        let again = print(&stored, &options).map_err(|why| fails(why.to_string()))?;
        if again != json {
            return Err(fails(format!("{text} became {}", String::from_utf8_lossy(&again))));
        }
    }
    Ok(())
}
