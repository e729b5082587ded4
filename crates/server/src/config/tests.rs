//! What a file and flags come to, and what they are told when they are wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::auth::TokenDigest;
use crate::catalog::{Bindings, ConfigSource, MethodSource, Policy};

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn parse(text: &str) -> Result<File, ConfigError> {
    File::parse(Path::new("/etc/longrun/longrun.toml"), text)
}

#[test]
fn nothing_is_the_default() {
    let file = parse("").unwrap();
    assert_eq!(file, File::default());
    let config = Config::resolve(file, Overrides::default(), Path::new("here")).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data_dir, Path::new("here"));
    assert_eq!((config.auth, config.limits), (Auth::Local, Limits::default()));
}

#[test]
fn everything() {
    let text = format!(
        r#"
        listen = "localhost:9000"
        data_dir = "data"
        behind_proxy = true
        tombstone_retention = "0s"
        proto_path = "protos"
        descriptor_set = ["/a.bin", "b.bin"]
        [[auth.tokens]]
        subject = "ci"
        sha256 = "{ABC}"
        scopes = ["longrun.backend", "x"]
        [limits]
        requests_per_second = 50
        burst = 100
        request_bytes_max = 2048
        streams_max = 7
        header_timeout = "500ms"
        hot_bytes_max = 1048576
        store_bytes_max = 10000000000
        [[service]]
        name = "library.example.com"
        config = "library.yaml"
        proto_path = "protos"
        hosts = ["api.example.com", "localhost:8080"]
        listen = "127.0.0.1:0"
        policy = "shared"
        bindings = "wide"
        [service.method."lib.v1.Library/Build"]
        admit_timeout = "2s"
        deadline = "6s"
        lease_duration = "5m"
        retention = "30d"
        poll_interval = "1s"
        max_attempts = 2
        operation_parent = "{{parent}}"
        exclusive = "name"
        allow_unscoped = true
        [[service]]
        config = "workspaceevents.googleapis.com"
        "#
    );
    let file = parse(&text).unwrap();
    let folder = Path::new("/etc/longrun");
    assert_eq!(file.listen.unwrap().to_string(), "127.0.0.1:9000");
    assert_eq!(file.data_dir, Some(folder.join("data")));
    assert_eq!(file.descriptor_set, [PathBuf::from("/a.bin"), folder.join("b.bin")]);
    assert_eq!(file.tokens[0].principal.as_str(), "static:ci");
    assert_eq!(file.tokens[0].digest, TokenDigest::of("abc"));
    assert_eq!(file.limits.request_bytes_max, 2048);
    assert_eq!(file.limits.header_timeout, Duration::from_millis(500));
    assert_eq!(file.limits.hot_bytes_max, 1 << 20);
    assert_eq!(file.limits.page_size_max, 1000);
    assert_eq!(file.limits.store_bytes_max, Some(10_000_000_000));
    assert_eq!(file.tombstone_retention, Some(Duration::ZERO));
    let [library, events] = &file.services[..] else { panic!("two services") };
    assert_eq!(library.place, "/etc/longrun/longrun.toml:20:9");
    assert_eq!(library.config, Some(ConfigSource::File(folder.join("library.yaml"))));
    assert_eq!((library.policy, library.bindings), (Policy::Shared, Bindings::Wide));
    let MethodSource { place, settings: method } = &library.methods["lib.v1.Library/Build"];
    assert_eq!(place, "/etc/longrun/longrun.toml:28:9");
    assert_eq!(method.admit_timeout, Some(Duration::from_secs(2)));
    assert_eq!(method.lease_duration, Some(Duration::from_secs(300)));
    assert_eq!(method.operation_parent.as_deref(), Some("{parent}"));
    assert_eq!(method.exclusive.as_deref(), Some("name"));
    let built_in = ConfigSource::BuiltIn("workspaceevents.googleapis.com".to_owned());
    assert_eq!((&events.config, events.policy), (&Some(built_in), Policy::Owner));
    assert_shown_is_the_same(file);
    assert_shown_is_the_same(File::default());
}

/// What is shown of a configuration is one, and the same but for what is hidden.
fn assert_shown_is_the_same(file: File) {
    let resolve = |file: File| {
        let mut config = Config::resolve(file, Overrides::default(), Path::new("/here")).unwrap();
        for service in &mut config.sources.services {
            service.place.clear();
            service.methods.values_mut().for_each(|method| method.place.clear());
        }
        config
    };
    let config = resolve(file);
    let shown = config.to_toml().unwrap().to_string();
    assert!(!shown.contains(ABC), "{shown}");
    let again =
        parse(&shown.replace("(hidden)", ABC)).unwrap_or_else(|error| panic!("{error}: {shown}"));
    assert_eq!(resolve(again), config, "{shown}");
}

/// docs/limits.md has every key, with its default.
#[test]
fn the_page_of_limits_says_what_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/limits.md");
    let page = std::fs::read_to_string(path).unwrap();
    let rows = page.lines().filter_map(|line| {
        let (key, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some((key, rest.split(" | ").next()?))
    });
    // Asked for what it doesn't know, serde says all that it knows.
    let known = toml::from_str::<Limits>("unknown = 1").unwrap_err().message().to_owned();
    let mut known: Vec<&str> = known.split('`').skip(3).step_by(2).collect();
    let mut told: Vec<&str> = rows.clone().map(|(key, _)| key).collect();
    told.sort_unstable();
    known.sort_unstable();
    assert_eq!(told, known);

    for (key, default) in rows {
        let quoted = default.strip_prefix('`').and_then(|rest| rest.split_once('`'));
        let text = quoted.map_or_else(String::new, |(value, _)| format!("{key} = {value}"));
        let limits: Limits = toml::from_str(&text).unwrap();
        assert_eq!(limits, Limits::default(), "{text}");
        let bytes = quoted.and_then(|(value, _)| value.parse::<u64>().ok());
        let told = default.split_once(" (").map(|(_, told)| told.trim_end_matches(')'));
        if key.ends_with("bytes_max")
            && let Some(bytes) = bytes
        {
            let short = match bytes >> 20 {
                0 => format!("{} KiB", bytes >> 10),
                mib => format!("{mib} MiB"),
            };
            assert_eq!(told, Some(short.as_str()), "{key}");
        }
        // A key that another's field would take has no default to tell it by.
        let other = if default.contains('"') { "\"7s\"" } else { "7" };
        let limits: Limits = toml::from_str(&format!("{key} = {other}")).unwrap();
        assert_ne!(limits, Limits::default(), "{key}");
    }
}

#[test]
fn errors_name_file_line_and_key() {
    let token = format!("[[auth.tokens]]\nsubject = \"a\"\nsha256 = \"{ABC}\"\n");
    let table: &[(&str, &str, &str)] = &[
        ("lisen = 1", ":1:1: unknown key `lisen`", "lisen = 1"),
        ("\nlisten = \"8080\"", ":2:10: `8080` is no address", "listen = \"8080\""),
        ("x = ", ":1:", "x ="),
        ("[limits]\nburst = 0", ":2:9:", "burst = 0"),
        ("[limits]\nburst = \"many\"", ":2:9: invalid type", "burst"),
        ("[limits]\nlist_max = 1", ":2:1: unknown key", "list_max"),
        ("[limits]\njson_depth_max = 101", ":2:18: expected a number from 1 to 100", "json"),
        ("[limits]\nfilter_bytes_max = 4097", ":2:20: expected a number from 1 to 4096", "filter"),
        ("[limits]\nstreams_max = -1", ":2:15:", "streams_max"),
        ("[limits]\nheader_timeout = 6", ":2:18: invalid type", "header_timeout"),
        ("[limits]\nheader_timeout = \"0s\"", ":2:18: expected a duration above", "header_timeout"),
        ("[limits]\nheader_timeout = \"6\"", ":2:18: `6` is no duration", "header_timeout"),
        ("[[auth.tokens]]\nsubject = \"a\"", ":1:1: missing key `sha256`", "[[auth.tokens]]"),
        ("[[auth.tokens]]\nsubject = \"a\"\nsha256 = \"beef\"", ":3:10: `sha256` takes 64", "beef"),
        ("[[auth.tokens]]\nsubject = \"\"\nsha256 = \"\"", ":2:11: expected 1 to 505", "subject"),
        (
            "[[auth.tokens]]\nsubject = \"a\"\nsha256 = \"\"\ntoken = \"t\"",
            ":4:1: unknown key `token`",
            "token",
        ),
        (&format!("{token}scopes = [\n\"ok\",\n\"a b\"]"), ":6:1: a scope", "\"a b\"]"),
        (&format!("{token}{token}"), ":6:10: `sha256` is the token of static:a", "sha256"),
        ("[[auth.jwt]]\nalias = \"a\"", ":1:1: this key is not yet supported", "[[auth.jwt]]"),
        ("store = \"postgres://\"", ":1:9: this key is not yet supported", "store"),
        ("[[service]]\nprotos = \"x\"", ":2:1: unknown key `protos`", "protos"),
        ("[[service]]\nproto_path = 1", ":2:14: invalid type", "proto_path"),
        ("[[service]]\npolicy = \"open\"", ":2:10: unknown variant `open`", "policy"),
        ("[[service]]\nname = \"a/b\"", ":1:1: `name` takes", "[[service]]"),
        ("[[service]]\nhosts = [\"http://a\"]", ":2:10: expected a host", "hosts"),
        (
            "[[service]]\nproto_path = \"a\"\ndescriptor_set = \"b\"",
            ":1:1: a service takes",
            "[[service]]",
        ),
        (
            "[[service]]\n[service.method.\"a.B/C\"]\nmode = \"upstream\"",
            ":3:8: this key is not yet",
            "mode",
        ),
        (
            "[[service]]\n[service.method.\"a.B/C\"]\nadmit_timeout = \"6\"",
            ":3:17: `6` is no duration",
            "admit_timeout",
        ),
        (
            "[[service]]\n[service.method.\"a.B/C\"]\nlease_duration = \"2h\"",
            ":3:18: expected a duration from",
            "lease_duration",
        ),
        ("[[service]]\n[service.method.\"a.B/C\"]\nmax_attempts = 0", ":3:16:", "max_attempts"),
    ];
    for (text, what, line) in table {
        let error = parse(text).unwrap_err().to_string();
        let start = format!("/etc/longrun/longrun.toml{what}");
        assert!(error.starts_with(&start), "{text}\n{error}");
        assert!(error.lines().last().unwrap().contains(line), "{text}\n{error}");
    }
    let absent = File::load(Path::new("/nowhere/longrun.toml")).unwrap_err().to_string();
    assert!(absent.starts_with("/nowhere/longrun.toml: "), "{absent}");
}

#[test]
fn flags_win_over_the_file() {
    let file = parse(
        "listen = \"127.0.0.1:1\"\ndata_dir = \"d\"\nproto_path = \"p\"\n[[service]]\nname = \"a\"",
    )
    .unwrap();
    let flags = Overrides {
        listen: Some("[::1]:2".parse().unwrap()),
        data_dir: Some("e".into()),
        services: vec!["b.yaml".to_owned(), "built-in.example.com".to_owned()],
        proto_path: vec!["q".into()],
        ..Overrides::default()
    };
    let config = Config::resolve(file.clone(), flags, Path::new("here")).unwrap();
    assert_eq!(config.listen.to_string(), "[::1]:2");
    assert_eq!(config.data_dir, Path::new("e"));
    assert_eq!(config.sources.proto_path, [Path::new("/etc/longrun/p"), Path::new("q")]);
    assert_eq!(config.sources.services[0].config, Some(ConfigSource::File("b.yaml".into())));
    assert_eq!(config.sources.services[1].place, "--service built-in.example.com");
    let config = Config::resolve(file, Overrides::default(), Path::new("here")).unwrap();
    assert_eq!(config.sources.services[0].name.as_deref(), Some("a"));
}

#[test]
fn addresses_and_authentication() {
    let tokens = format!("[[auth.tokens]]\nsubject = \"a\"\nsha256 = \"{ABC}\"\n");
    let extra = format!("{tokens}[[service]]\nlisten = \"10.0.0.1:1\"");
    // (file, --listen, --no-auth, --behind-proxy, what the error says)
    let table: &[(&str, &str, bool, bool, Option<&str>)] = &[
        ("", "127.9.9.9:1", false, false, None),
        ("", "[::1]:1", true, false, None),
        ("", "0.0.0.0:1", false, true, Some("without auth configuration")),
        ("", "0.0.0.0:1", true, true, Some("--no-auth lets everybody in")),
        ("no_auth = true", "[::]:1", false, true, Some("--no-auth lets everybody in")),
        ("no_auth = true", "127.0.0.1:1", false, false, None),
        (&tokens, "0.0.0.0:1", false, false, Some("--behind-proxy")),
        (&tokens, "0.0.0.0:1", false, true, None),
        (&tokens, "127.0.0.1:1", true, false, None),
        (&tokens, "192.0.2.1:1", true, true, Some("--listen 192.0.2.1:1: --no-auth")),
        (&format!("no_auth = true\n{tokens}"), "127.0.0.1:1", false, false, Some("contradict")),
        (&extra, "127.0.0.1:1", false, false, Some("longrun.toml:4:1 10.0.0.1:1: tokens would")),
        (&extra, "127.0.0.1:1", false, true, None),
    ];
    for (text, listen, no_auth, behind_proxy, expected) in table {
        let flags = Overrides {
            listen: Some(listen.parse().unwrap()),
            no_auth: no_auth.then_some(true),
            behind_proxy: behind_proxy.then_some(true),
            ..Overrides::default()
        };
        let found = Config::resolve(parse(text).unwrap(), flags, Path::new("here"));
        match (found, expected) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => {
                assert!(error.to_string().contains(expected), "{text} {listen}: {error}");
            }
            (found, expected) => panic!("{text} {listen}: {found:?}, expected {expected:?}"),
        }
    }
}

/// `LONGRUN_NO_AUTH=false` and the like.
#[test]
fn what_is_said_over_the_file_may_be_no() {
    let tokens = format!("[[auth.tokens]]\nsubject = \"a\"\nsha256 = \"{ABC}\"\n");
    let file = format!("no_auth = true\nbehind_proxy = true\n{tokens}");
    let over = |no_auth, behind_proxy| Overrides { no_auth, behind_proxy, ..Overrides::default() };
    let found = |over| Config::resolve(parse(&file).unwrap(), over, Path::new("here"));
    let config = found(over(Some(false), None)).unwrap();
    assert!(matches!(config.auth, Auth::Tokens(_)) && config.behind_proxy);
    let config = found(over(Some(true), Some(false))).unwrap();
    assert!(config.auth == Auth::Open && !config.behind_proxy);
    assert!(found(over(None, Some(false))).is_err(), "the file contradicts itself");
}
