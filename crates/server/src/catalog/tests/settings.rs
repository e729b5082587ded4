//! `[service.method."pkg.Service/Method"]`: what counts for which method.

use std::num::NonZeroU32;
use std::time::Duration;

use super::*;

const GET: &str = "google.longrunning.Operations/GetOperation";

/// The library, without its scopes if so wished, and settings for one method.
fn load(scoped: bool, method: &str, settings: MethodSettings) -> Result<Catalog, CatalogError> {
    let line = "  option (google.api.oauth_scopes) = \"https://example.com/read,https://example.com/write\";\n";
    let proto = if scoped { LIBRARY.to_owned() } else { LIBRARY.replace(line, "") };
    let tree = Tree::new(&[("library.proto", &proto)]);
    let methods = [(method.to_owned(), settings.into())].into();
    let name = Some("lib.example.com".to_owned());
    let service = ServiceSource { name, methods, ..ServiceSource::default() };
    Catalog::load(&Sources { services: vec![service], ..tree.sources(&[]) })
}

#[test]
fn without_scopes_any_token_will_do_where_that_is_allowed() {
    let open = || MethodSettings { allow_unscoped: true, ..MethodSettings::default() };
    let declared = scopes(&["read", "write"]);
    // Whether scopes are declared, the method, its scopes, those of GetOperation.
    let table = [
        (false, GET, Scopes::Any, Scopes::Any),
        (false, "lib.v1.Library/GetBook", Scopes::Any, Scopes::None),
        (false, "lib.v1.Library/Bind", Scopes::Any, Scopes::Any),
        (true, GET, declared.clone(), declared.clone()),
        (true, "lib.v1.Library/Bind", declared.clone(), declared),
    ];
    for (scoped, method, own, get) in table {
        let catalog = load(scoped, method, open()).unwrap();
        let service = catalog.service("lib.example.com").unwrap();
        assert_eq!(service.method(method).unwrap().scopes, own, "{scoped} {method}");
        let reads = service.method(GET).unwrap();
        assert_eq!(reads.scopes, get, "{scoped} {method}");
        assert!(reads.bindings.iter().all(|binding| binding.scopes == get), "{scoped} {method}");
    }
}

#[test]
fn a_setting_that_counts_for_nothing_is_refused() {
    let second = Some(Duration::from_secs(1));
    let default = MethodSettings::default;
    let settings = [
        ("admit_timeout", MethodSettings { admit_timeout: second, ..default() }),
        ("deadline", MethodSettings { deadline: second, ..default() }),
        ("lease_duration", MethodSettings { lease_duration: second, ..default() }),
        ("retention", MethodSettings { retention: second, ..default() }),
        ("poll_interval", MethodSettings { poll_interval: second, ..default() }),
        ("max_attempts", MethodSettings { max_attempts: NonZeroU32::new(1), ..default() }),
        (
            "operation_parent",
            MethodSettings { operation_parent: Some("{name}".to_owned()), ..default() },
        ),
        ("exclusive", MethodSettings { exclusive: Some("name".to_owned()), ..default() }),
    ];
    for (key, settings) in settings {
        assert!(load(true, "lib.v1.Library/Bind", settings.clone()).is_ok(), "{key}");
        for method in ["lib.v1.Library/GetBook", GET] {
            let error = load(true, method, settings.clone()).unwrap_err().to_string();
            assert!(error.contains("only allow_unscoped takes effect"), "{key}: {error}");
        }
    }
}

#[test]
fn what_is_for_one_service_names_it() {
    let film = LIBRARY.replace("lib.v1", "film.v1").replace("lib.example.com", "film.example.com");
    let tree = Tree::new(&[("library.proto", LIBRARY), ("film.proto", &film)]);
    let default = ServiceSource::default;
    let methods = [("lib.v1.Library/Bind".to_owned(), MethodSource::default())];
    let table = [
        (default(), true),
        (ServiceSource { hosts: vec!["x".to_owned()], ..default() }, false),
        (ServiceSource { listen: Some("127.0.0.1:0".parse().unwrap()), ..default() }, false),
        (ServiceSource { methods: methods.clone().into(), ..default() }, false),
        (
            ServiceSource {
                name: Some("lib.example.com".to_owned()),
                methods: methods.into(),
                ..default()
            },
            true,
        ),
    ];
    for (service, loads) in table {
        let shown = format!("{service:?}");
        let loaded = Catalog::load(&Sources { services: vec![service], ..tree.sources(&[]) });
        match loaded {
            Ok(_) => assert!(loads, "{shown}"),
            Err(error) => {
                let error = error.to_string();
                let expected = "there are film.example.com, lib.example.com: say `name`";
                assert!(!loads && error.contains(expected), "{shown}: {error}");
            }
        }
    }
}
