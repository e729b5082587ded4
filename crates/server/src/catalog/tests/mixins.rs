//! Proto services that a tree has because its APIs mix them in.

use super::*;

fn mixin(package: &str, service: &str, host: &str) -> String {
    format!(
        r#"syntax = "proto3";
package {package};
import "google/api/annotations.proto";
import "google/api/client.proto";
message Request {{ string name = 1; }}
service {service} {{
  option (google.api.default_host) = "{host}";
  option (google.api.oauth_scopes) = "https://example.com/mixin";
  rpc Get(Request) returns (Request) {{
    option (google.api.http) = {{get: "/v1/{{name=**}}:{service}"}};
  }}
}}
"#
    )
}

const LOCATIONS: &str = "google.cloud.location.Locations/Get";
const POLICY: &str = "google.iam.v1.IAMPolicy/Get";

/// The library, what it mixes in, and maybe another API.
fn tree(other: &str) -> Tree {
    Tree::new(&[
        ("library.proto", LIBRARY),
        ("other.proto", other),
        (
            "google/cloud/location/locations.proto",
            &mixin("google.cloud.location", "Locations", "cloud.googleapis.com"),
        ),
        (
            "google/iam/v1/iam_policy.proto",
            &mixin("google.iam.v1", "IAMPolicy", "iam-meta-api.googleapis.com"),
        ),
        ("lib.yaml", CONFIG),
        ("mixed.yaml", &format!("{CONFIG}- name: google.iam.v1.IAMPolicy\n")),
    ])
}

#[test]
fn mixins_are_no_services_of_their_own() {
    let film = LIBRARY.replace("lib.v1", "film.v1").replace("lib.example.com", "film.example.com");
    let (lib, both) = (vec!["lib.example.com"], vec!["film.example.com", "lib.example.com"]);
    let nothing = "syntax = \"proto3\";";
    // What else is in the tree, `config`, `name`, the services, the mixins that each serves.
    type Row<'a> = (&'a str, Option<&'a str>, Option<&'a str>, &'a [&'a str], &'a [&'a str]);
    let table: [Row<'_>; 5] = [
        (nothing, None, None, &lib, &[]),
        (nothing, None, Some("lib.example.com"), &lib, &[]),
        (&film, None, None, &both, &[]),
        (nothing, Some("lib.yaml"), None, &lib, &[]),
        // Only a config says what is mixed in.
        (nothing, Some("mixed.yaml"), None, &lib, &[POLICY]),
    ];
    for (other, config, name, services, mixins) in table {
        let title = format!("{config:?} {name:?} {services:?}");
        let tree = tree(other);
        let mut sources = tree.sources(config.as_slice());
        if let Some(name) = name {
            let name = Some(name.to_owned());
            sources.services = vec![ServiceSource { name, ..ServiceSource::default() }];
        }
        let catalog = Catalog::load(&sources).unwrap();
        assert_eq!(tree.problems(&catalog), [""; 0], "{title}");
        let mut found: Vec<&str> = catalog.services().map(|service| &*service.name).collect();
        found.sort_unstable();
        assert_eq!(found, services, "{title}");
        for service in catalog.services() {
            assert_eq!(service.hosts, std::slice::from_ref(&service.name), "{title}");
            let methods = service.methods().map(|method| method.name.as_str());
            let mixed = methods.filter(|name| [LOCATIONS, POLICY].contains(name));
            assert_eq!(mixed.collect::<Vec<_>>(), mixins, "{title}");
        }
        if let [only] = services {
            let polled = catalog.resolve_rest(None, None, "GET", "/v1/operations/x").unwrap();
            assert_eq!(polled.unwrap().name, *only, "{title}");
        }
    }
}

#[test]
fn mixins_alone_are_nothing_to_serve() {
    let policy = mixin("google.iam.v1", "IAMPolicy", "iam-meta-api.googleapis.com");
    let tree = Tree::new(&[("google/iam/v1/iam_policy.proto", &policy)]);
    let error = Catalog::load(&tree.sources(&[])).unwrap_err().to_string();
    assert!(error.ends_with("nothing says what is to be served"), "{error}");
}
