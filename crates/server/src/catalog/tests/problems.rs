//! What is said of trees that aren't as they should be, and what is kept of the good ones.

use super::*;

#[test]
fn what_is_odd_is_said_with_file_and_line() {
    let proto = r#"syntax = "proto3";
package odd.v1;
import "google/api/annotations.proto";
import "google/api/client.proto";
import "google/longrunning/operations.proto";
message Request { string name = 1; }
service Odd {
  option (google.api.default_host) = "odd.example.com";
  rpc Plain(Request) returns (google.longrunning.Operation) {
    option (google.api.http) = {get: "/v1/{nome=things/*}"};
  }
  rpc First(Request) returns (Request) {
    option (google.api.http) = {get: "/v1/{name=things/*}"};
  }
  rpc Second(Request) returns (Request) {
    option (google.api.http) = {get: "/v1/things/{name}"};
  }
  rpc Wild(Request) returns (Request) {
    option (google.api.http) = {get: "/{name=**}"};
  }
  rpc Broken(Request) returns (Request) {
    option (google.api.http) = {get: "v1"};
  }
  rpc Typed(Request) returns (google.longrunning.Operation) {
    option (google.api.http) = {post: "/v1/typed" body: "bady"};
    option (google.longrunning.operation_info) = {response_type: "Gone" metadata_type: "Request"};
  }
}
service Homeless {
  rpc Get(Request) returns (Request);
}
"#;
    let tree = Tree::new(&[("odd.proto", proto)]);
    let catalog = Catalog::load(&tree.sources(&[])).unwrap();
    let problems = tree.problems(&catalog);
    let expected = [
        "warning: odd.proto:29: odd.v1.Homeless has no google.api.default_host",
        "warning: odd.proto:9: odd.v1.Odd/Plain has no scopes",
        "warning: odd.proto:9: odd.v1.Odd/Plain has no google.longrunning.operation_info",
        "error: odd.proto:9: odd.v1.Odd/Plain: the path binds `nome`",
        "warning: odd.proto:15: odd.v1.Odd/Second: GET /v1/things/{name} has the shape of /v1/{name=things/*}, which is odd.v1.Odd/First's (odd.proto:12)",
        "warning: odd.proto:18: odd.v1.Odd/Wild: GET /{name=**} can match a path that the server keeps",
        "error: odd.proto:21: odd.v1.Odd/Broken: google.api.http: ",
        "warning: odd.proto:24: odd.v1.Odd/Typed: no descriptor has its response type Gone",
        "error: odd.proto:24: odd.v1.Odd/Typed: the body is `bady`",
        "warning: odd.example.com: odd.example.com: nobody may call GetOperation",
    ];
    for text in expected {
        assert!(problems.iter().any(|one| one.starts_with(text)), "{text}\n{problems:#?}");
    }

    let config = "type: google.api.Service\nname: odd.example.com\napis:\n- name: odd.v1.Odd\n- name: gone.v1.Gone\nhttp:\n  rules:\n  - selector: odd.v1.Odd.Nothing\n    get: /v1/nothing\n  - selector: google.longrunning.Operations.GetOperatio\n    get: /v1/{name=operations/**}\n  - selector: google.longrunning.Operations.GetOperation\n    get: /v1/{nome=operations/**}\n  - selector: google.longrunning.Operations.CancelOperation\n    post: /v1/{name=operations/**}:cancel\n    body: bady\n";
    let tree = Tree::new(&[("odd.proto", proto), ("odd.yaml", config)]);
    let problems = tree.problems(&Catalog::load(&tree.sources(&["odd.yaml"])).unwrap());
    for text in [
        "warning: odd.yaml:5: no descriptor has the API gone.v1.Gone",
        "warning: odd.yaml:8: the selector odd.v1.Odd.Nothing names no method",
        "warning: odd.yaml:10: the selector google.longrunning.Operations.GetOperatio names no method",
        "error: odd.yaml:12: google.longrunning.Operations/GetOperation: the path binds `nome`",
        "error: odd.yaml:14: google.longrunning.Operations/CancelOperation: the body is `bady`",
    ] {
        assert!(problems.iter().any(|one| one.starts_with(text)), "{text}\n{problems:#?}");
    }
}

#[test]
fn what_cannot_be_loaded_says_where() {
    let broken = "syntax = \"proto3\";\npackage b;\nmessage M {\n  strin name = 1;\n}\n";
    let import = "syntax = \"proto3\";\nimport \"none.proto\";\n";
    let homeless = "syntax = \"proto3\";\npackage h;\nmessage M {}\n";
    // Files, configs, and how the error begins.
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let table: [Row<'_>; 7] = [
        (&[("a/broken.proto", broken)], &[], "a/broken.proto:4:3: "),
        (&[("import.proto", import)], &[], "import.proto:2:1: import 'none.proto' not found"),
        (&[("h.proto", homeless)], &[], "the descriptors: no service config"),
        (&[("bad.yaml", "type: [")], &["bad.yaml"], "bad.yaml:1:"),
        (&[("type.yaml", "type: x\nname: y\n")], &["type.yaml"], "type.yaml:1: `type` is \"x\""),
        (&[], &["missing.yaml"], "missing.yaml: No such file"),
        (&[("x.proto", "")], &["missing.yaml"], "missing.yaml: No such file"),
    ];
    for (files, configs, expected) in table {
        let tree = Tree::new(files);
        let error = tree.shown(Catalog::load(&tree.sources(configs)).unwrap_err());
        assert!(error.starts_with(expected), "expected {expected}, got {error}");
    }
    let unknown = ServiceSource {
        place: "--service no.such".to_owned(),
        config: Some(ConfigSource::BuiltIn("no.such".to_owned())),
        ..ServiceSource::default()
    };
    let sources = Sources { services: vec![unknown], ..Sources::default() };
    let error = Catalog::load(&sources).unwrap_err().to_string();
    assert!(error.contains("one of workspaceevents.googleapis.com"), "{error}");

    let mut local = ServiceSource { name: Some(LOCAL.to_owned()), ..ServiceSource::default() };
    local.methods.insert("a.B/C".to_owned(), MethodSource::default());
    let sources = Sources { services: vec![local], ..Sources::default() };
    let error = Catalog::load(&sources).unwrap_err().to_string();
    assert!(error.starts_with("[service.method.\"a.B/C\"] names no method"), "{error}");

    let tree = Tree::new(&[("lib.proto", LIBRARY)]);
    let bind = "lib.v1.Library/Bind";
    for (parent, error) in [
        (
            "shelves/1",
            Some(
                "[service.method.\"lib.v1.Library/Bind\"] operation_parent: no GetOperation binding of lib.example.com reads operations under \"shelves/1\"",
            ),
        ),
        ("", None),
        ("{name}", None),
    ] {
        let settings =
            MethodSettings { operation_parent: Some(parent.to_owned()), ..Default::default() };
        let service = ServiceSource {
            name: Some("lib.example.com".to_owned()),
            methods: [(bind.to_owned(), settings.into())].into(),
            ..ServiceSource::default()
        };
        let sources = Sources { services: vec![service], ..tree.sources(&[]) };
        let said = Catalog::load(&sources).err().map(|error| error.to_string());
        assert_eq!(said.as_deref(), error, "{parent}");
    }
}

#[test]
fn versions_share_the_files_of_one_name() {
    let beta = LIBRARY.replace("lib.v1", "lib.v1beta");
    let config = CONFIG.replace("lib.v1", "lib.v1beta");
    let tree = Tree::new(&[
        ("one/library.proto", LIBRARY),
        ("two/library.proto", &beta),
        ("one.yaml", CONFIG),
        ("two.yaml", &config),
    ]);
    let mut sources = Sources { proto_path: vec![], ..tree.sources(&["one.yaml", "two.yaml"]) };
    for (service, folder) in sources.services.iter_mut().zip(["one", "two"]) {
        service.proto_path = vec![tree.path(folder)];
    }
    let error = tree.shown(Catalog::load(&sources).unwrap_err());
    let expected = "two/library.proto:9: lib.v1beta.Library: another version has another library.proto; name the folder above both";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn compiled_descriptors_are_kept_until_a_text_changes() {
    let tree = Tree::new(&[("lib.proto", LIBRARY)]);
    let cache = tempfile::tempdir().unwrap();
    let sources = || Sources { cache_dir: Some(cache.path().to_owned()), ..tree.sources(&[]) };
    let files = || std::fs::read_dir(cache.path()).unwrap().count();
    let methods = |catalog: &Catalog| catalog.service("lib.example.com").unwrap().methods().count();
    let first = Catalog::load(&sources()).unwrap();
    assert_eq!((files(), methods(&first)), (1, 7));
    let again = Catalog::load(&sources()).unwrap();
    assert_eq!((files(), methods(&again)), (1, 7));
    let lro = again.service("lib.example.com").unwrap().method("lib.v1.Library/Bind").unwrap();
    assert!(lro.lro.as_ref().unwrap().response.is_some(), "the options survive the cache");
    let more =
        LIBRARY.replace("service Library {", "service Library {\n  rpc More(Book) returns (Book);");
    std::fs::write(tree.path("lib.proto"), more).unwrap();
    let changed = Catalog::load(&sources()).unwrap();
    assert_eq!((files(), methods(&changed)), (2, 8));
}

#[test]
fn reserved_paths() {
    for path in ["/longrun/v1/x", "/console/", "/$discovery/rest", "/livez", "/readyz", "/metrics"]
    {
        assert!(reserved(path), "{path}");
    }
    for path in ["/longrunning", "/v1/longrun/x", "/livez/x", "/"] {
        assert!(!reserved(path), "{path}");
    }
}
