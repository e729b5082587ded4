//! Catalogs from small trees: what is served, to whom, and where.

mod mixins;
mod problems;
mod settings;

use std::path::{Path, PathBuf};

use super::*;

/// A folder with the files of a test.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = tree.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn sources(&self, configs: &[&str]) -> Sources {
        let service = |config: &&str| ServiceSource {
            place: format!("--service {config}"),
            config: Some(ConfigSource::File(self.path(config))),
            ..ServiceSource::default()
        };
        Sources {
            services: configs.iter().map(service).collect(),
            proto_path: vec![self.0.path().to_owned()],
            ..Sources::default()
        }
    }

    /// The text with this folder's path cut out.
    fn shown(&self, text: impl ToString) -> String {
        text.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }

    fn problems(&self, catalog: &Catalog) -> Vec<String> {
        catalog.problems().iter().map(|problem| self.shown(problem)).collect()
    }
}

const LIBRARY: &str = r#"syntax = "proto3";
package lib.v1;
import "google/api/annotations.proto";
import "google/api/client.proto";
import "google/longrunning/operations.proto";
message Book { string name = 1; }
message BindRequest { string name = 1; }
message BindMetadata {}
service Library {
  option (google.api.default_host) = "lib.example.com";
  option (google.api.oauth_scopes) = "https://example.com/read,https://example.com/write";
  rpc GetBook(BindRequest) returns (Book) {
    option (google.api.http) = {get: "/v1/{name=books/*}"};
  }
  rpc Bind(BindRequest) returns (google.longrunning.Operation) {
    option (google.api.http) = {
      post: "/v1/{name=books/*}:bind"
      body: "*"
      additional_bindings {post: "/v1/{name=shelves/*/books/*}:bind" body: "*"}
    };
    option (google.longrunning.operation_info) = {
      response_type: "Book"
      metadata_type: "lib.v1.BindMetadata"
    };
  }
}
"#;

const CONFIG: &str = "\
type: google.api.Service
name: lib.example.com
apis:
- name: lib.v1.Library
- name: google.longrunning.Operations
";

fn scopes(names: &[&str]) -> Scopes {
    Scopes::AnyOf(names.iter().map(|name| format!("https://example.com/{name}")).collect())
}

fn served(service: &Service) -> Vec<&str> {
    let operations = service.methods().filter_map(|method| method.name.strip_prefix("google."));
    operations.filter_map(|name| name.strip_prefix("longrunning.Operations/")).collect()
}

#[test]
fn nothing_given_is_longrun_local() {
    let catalog = Catalog::load(&Sources::default()).unwrap();
    let names: Vec<&str> = catalog.services().map(|service| service.name.as_str()).collect();
    assert_eq!((names, catalog.problems()), (vec![LOCAL], &[][..]));
    let local = catalog.service(LOCAL).unwrap();
    let table = [
        ("GET", "/v1/operations", "ListOperations", "operations"),
        ("GET", "/v1/operations/a", "GetOperation", "operations/a"),
        ("GET", "/v1/projects/p/operations/a", "GetOperation", "projects/p/operations/a"),
        ("GET", "/v1/projects/p/operations", "ListOperations", "projects/p"),
        ("DELETE", "/v1/operations/a", "DeleteOperation", "operations/a"),
        ("DELETE", "/v1/operations", "DeleteOperation", "operations"),
        ("DELETE", "/v1/p/operations/a", "DeleteOperation", "p/operations/a"),
        ("POST", "/v1/operations/a:cancel", "CancelOperation", "operations/a"),
        ("POST", "/v1/p/q/operations/a:cancel", "CancelOperation", "p/q/operations/a"),
        ("POST", "/v1/p/operations/a:wait", "WaitOperation", "p/operations/a"),
    ];
    for (verb, path, rpc, name) in table {
        let route = local.route(verb, path).expect(path);
        assert_eq!(route.method.name, format!("google.longrunning.Operations/{rpc}"), "{path}");
        assert_eq!(route.captures, [("name".to_owned(), name.to_owned())], "{path}");
        assert_eq!(route.binding.scopes, Scopes::Any);
    }
    assert!(local.reads_operations_under("") && local.reads_operations_under("a/b"));
    for path in ["/longrun/v1/services/s/operations", "/longrun/v1/services/s/p/q/operations/x"] {
        assert!(catalog.backend().route("GET", path).is_ok(), "{path}");
    }
}

#[test]
fn the_descriptors_speak_without_a_config() {
    let tree = Tree::new(&[("lib/v1/library.proto", LIBRARY)]);
    let catalog = Catalog::load(&tree.sources(&[])).unwrap();
    assert_eq!(tree.problems(&catalog), [""; 0]);
    let service = catalog.service("lib.example.com").unwrap();
    let bind = service.method("lib.v1.Library/Bind").unwrap();
    assert_eq!(bind.scopes, scopes(&["read", "write"]));
    let lro = bind.lro.as_ref().unwrap();
    assert_eq!(lro.response.as_ref().unwrap().full_name(), "lib.v1.Book");
    assert_eq!(lro.metadata.as_ref().unwrap().full_name(), "lib.v1.BindMetadata");
    let paths: Vec<String> =
        bind.bindings.iter().map(|binding| binding.rule.template.to_string()).collect();
    assert_eq!(paths, ["/v1/{name=books/*}:bind", "/v1/{name=shelves/*/books/*}:bind"]);
    // No rule for any of the five is all five, for whoever may start an operation.
    assert_eq!(served(service).len(), 5);
    let get = service.method("google.longrunning.Operations/GetOperation").unwrap();
    assert_eq!(get.scopes, scopes(&["read", "write"]));
    assert!(service.reads_operations_under("") && !service.reads_operations_under("books/b"));
}

#[test]
fn a_config_says_which_operations_are_served_and_to_whom() {
    let rule = |rpc: &str, path: &str| {
        format!("  - selector: google.longrunning.Operations.{rpc}\n    {path}\n")
    };
    let auth = |selector: &str, scope: &str| {
        format!(
            "  - selector: '{selector}'\n    oauth: {{canonical_scopes: 'https://example.com/{scope}'}}\n"
        )
    };
    let get = rule("GetOperation", "get: '/v1/{name=books/*/operations/*}'");
    let all =
        ["ListOperations", "GetOperation", "DeleteOperation", "CancelOperation", "WaitOperation"];
    let operations = "google.longrunning.Operations";
    let table = [
        ("nothing", String::new(), all.to_vec(), scopes(&["read", "write"])),
        (
            "an http rule",
            format!("http:\n  rules:\n{get}"),
            vec!["GetOperation"],
            scopes(&["read", "write"]),
        ),
        (
            "an authentication rule",
            format!(
                "authentication:\n  rules:\n{}",
                auth(&format!("{operations}.GetOperation"), "poll")
            ),
            vec!["GetOperation"],
            scopes(&["poll"]),
        ),
        (
            "a prefix",
            format!("authentication:\n  rules:\n{}", auth(&format!("{operations}.*"), "poll")),
            all.to_vec(),
            scopes(&["poll"]),
        ),
        (
            "everything, then a method",
            format!(
                "authentication:\n  rules:\n{}{}",
                auth("*", "any"),
                auth(&format!("{operations}.GetOperation"), "poll")
            ),
            vec!["GetOperation"],
            scopes(&["poll"]),
        ),
        (
            "a method, then everything: the last one wins",
            format!(
                "authentication:\n  rules:\n{}{}",
                auth(&format!("{operations}.GetOperation"), "poll"),
                auth("*", "any")
            ),
            vec!["GetOperation"],
            scopes(&["any"]),
        ),
    ];
    for (title, rules, rpcs, expected) in table {
        let config = format!("{CONFIG}{rules}");
        let tree = Tree::new(&[("library.proto", LIBRARY), ("lib.yaml", &config)]);
        let catalog = Catalog::load(&tree.sources(&["lib.yaml"])).unwrap();
        let service = catalog.service("lib.example.com").unwrap();
        let mut found = served(service);
        let mut rpcs = rpcs;
        found.sort_unstable();
        rpcs.sort_unstable();
        assert_eq!(found, rpcs, "{title}");
        let get = service.method(&format!("{operations}/GetOperation")).unwrap();
        assert_eq!(get.scopes, expected, "{title}");
    }
}

#[test]
fn a_configs_rule_replaces_the_annotation() {
    let config = format!(
        "{CONFIG}http:\n  rules:\n  - selector: lib.v1.Library.Bind\n    put: '/v2/{{name=books/*}}'\n    body: '*'\nauthentication:\n  rules:\n  - selector: lib.v1.Library.Bind\n    oauth: {{canonical_scopes: 'https://example.com/bind'}}\n"
    );
    let tree = Tree::new(&[("library.proto", LIBRARY), ("lib.yaml", &config)]);
    let catalog = Catalog::load(&tree.sources(&["lib.yaml"])).unwrap();
    let service = catalog.service("lib.example.com").unwrap();
    let bind = service.method("lib.v1.Library/Bind").unwrap();
    assert_eq!((bind.bindings.len(), &bind.scopes), (1, &scopes(&["bind"])));
    assert!(service.route("PUT", "/v2/books/b").is_ok());
    assert!(service.route("POST", "/v1/books/b:bind").is_err());
    assert_eq!(
        service.method("lib.v1.Library/GetBook").unwrap().scopes,
        scopes(&["read", "write"])
    );
}

#[test]
fn versions_are_one_service() {
    let beta = LIBRARY.replace("lib.v1", "lib.v1beta").replace("/v1/", "/v1beta/");
    let rule = |version: &str, scope: &str| {
        format!(
            "http:\n  rules:\n  - selector: google.longrunning.Operations.GetOperation\n    get: '/{version}/{{name=operations/**}}'\nauthentication:\n  rules:\n  - selector: google.longrunning.Operations.GetOperation\n    oauth: {{canonical_scopes: 'https://example.com/{scope}'}}\n"
        )
    };
    let v1 = format!("{CONFIG}{}", rule("v1", "one"));
    let v1beta = format!("{}{}", CONFIG.replace("lib.v1", "lib.v1beta"), rule("v1beta", "beta"));
    let tree = Tree::new(&[
        ("v1.proto", LIBRARY),
        ("v1beta.proto", &beta),
        ("v1.yaml", &v1),
        ("v1beta.yaml", &v1beta),
    ]);
    let mut sources = tree.sources(&["v1.yaml", "v1beta.yaml"]);
    let catalog = Catalog::load(&sources).unwrap();
    assert_eq!(catalog.services().count(), 1);
    let service = catalog.service("lib.example.com").unwrap();
    for (path, expected) in [("/v1/operations/x", "one"), ("/v1beta/operations/x", "beta")] {
        let route = service.route("GET", path).unwrap();
        assert_eq!(route.binding.scopes, scopes(&[expected]), "{path}");
        assert_eq!(route.method.scopes, scopes(&["one", "beta"]));
    }
    assert!(service.method("lib.v1.Library/Bind").is_some());
    assert!(service.method("lib.v1beta.Library/Bind").is_some());

    sources.services[1].policy = Policy::Shared;
    let error = Catalog::load(&sources).unwrap_err().to_string();
    assert!(
        error.starts_with("--service v1beta.yaml: another version of lib.example.com"),
        "{error}"
    );
}

#[test]
fn which_service_is_meant() {
    let other = LIBRARY.replace("lib.v1", "film.v1").replace("lib.example.com", "film.example.com");
    let film = CONFIG.replace("lib.", "film.");
    let tree = Tree::new(&[
        ("lib.proto", LIBRARY),
        ("film.proto", &other),
        ("lib.yaml", CONFIG),
        ("film.yaml", &film),
    ]);
    let mut sources = tree.sources(&["lib.yaml", "film.yaml"]);
    sources.services[0].hosts = vec!["localhost:8001".to_owned(), "Books.example.com".to_owned()];
    let catalog = Catalog::load(&sources).unwrap();
    let name = |resolved: Resolved<'_>| match resolved {
        Ok(service) => service.map_or("none".to_owned(), |service| service.name.clone()),
        Err(ambiguous) => format!("ambiguous: {}", ambiguous.hosts.join(", ")),
    };
    let both = "ambiguous: lib.example.com, film.example.com";
    let rest = [
        (Some("lib.example.com"), None, "/v1/operations/x", "lib.example.com"),
        (Some("FILM.example.com:443"), None, "/v1/operations/x", "film.example.com"),
        (Some("localhost:8001"), None, "/v1/operations/x", "lib.example.com"),
        (Some("books.example.com:1"), None, "/v1/operations/x", "lib.example.com"),
        (Some("localhost:8002"), None, "/v1/operations/x", both),
        (Some("localhost:8002"), Some("film.example.com"), "/v1/operations/x", "film.example.com"),
        (Some("lib.example.com"), Some("film.example.com"), "/v1/operations/x", "lib.example.com"),
        (None, None, "/v1/operations/x", both),
        (None, None, "/v2/nothing", "none"),
    ];
    for (host, bound, path, expected) in rest {
        let found = name(catalog.resolve_rest(host, bound, "GET", path));
        assert_eq!(found, expected, "{host:?} {bound:?} {path}");
        assert_eq!(catalog.bad_path("GET", path), None, "{path}");
    }
    let broken = catalog.bad_path("GET", "/v1/operations/%zz").unwrap();
    assert_eq!(broken, "The path has a bad percent-encoding at byte 15.");
    let grpc = [
        (None, "lib.v1.Library/Bind", "lib.example.com"),
        (None, "film.v1.Library/Bind", "film.example.com"),
        (None, "google.longrunning.Operations/GetOperation", both),
        (
            Some("film.example.com"),
            "google.longrunning.Operations/GetOperation",
            "film.example.com",
        ),
        (None, "no.Such/Method", "none"),
    ];
    for (host, rpc, expected) in grpc {
        assert_eq!(name(catalog.resolve_grpc(host, None, rpc)), expected, "{host:?} {rpc}");
    }
}

#[test]
fn the_built_in_service_reads_operations_alone() {
    let config = ConfigSource::parse("workspaceevents.googleapis.com", Path::new(""));
    let service = ServiceSource { config: Some(config), ..ServiceSource::default() };
    let catalog =
        Catalog::load(&Sources { services: vec![service], ..Sources::default() }).unwrap();
    assert_eq!(catalog.problems(), []);
    let service = catalog.service("workspaceevents.googleapis.com").unwrap();
    assert_eq!(served(service), ["GetOperation"]);
    let scope = |name: &&str| format!("https://www.googleapis.com/auth/{name}");
    // The twelve of the public page.
    let twelve = [
        "chat.bot",
        "chat.spaces",
        "chat.spaces.readonly",
        "chat.messages",
        "chat.messages.readonly",
        "chat.messages.reactions",
        "chat.messages.reactions.readonly",
        "chat.memberships",
        "chat.memberships.readonly",
        "meet.space.created",
        "meetings.space.created",
        "meetings.space.readonly",
    ];
    let get = service.route("GET", "/v1/operations/a/b").unwrap();
    assert_eq!(get.binding.rule.template.to_string(), "/v1/{name=operations/**}");
    let Scopes::AnyOf(found) = &get.binding.scopes else { panic!("{:?}", get.binding.scopes) };
    let (mut found, mut twelve) = (found.clone(), twelve.iter().map(scope).collect::<Vec<_>>());
    found.sort();
    twelve.sort();
    assert_eq!(found, twelve);
    let lros = service.methods().filter(|method| method.lro.is_some()).count();
    assert_eq!(lros, 4);
}
