//! The catalog over all of npm's google-proto-files: thousands of real protos.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use longrun_server::catalog::{Catalog, Severity, Sources};

/// Where `tests/run` has put them.
fn folder() -> PathBuf {
    std::env::var_os("LONGRUN_GOOGLE_PROTOS").map(PathBuf::from).expect(
        "LONGRUN_GOOGLE_PROTOS is the folder of npm's google-proto-files; tests/run installs it",
    )
}

/// All of it, compiled once for the tests of this program.
pub fn catalog() -> Arc<Catalog> {
    static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
        let sources = Sources { proto_path: vec![folder()], ..Sources::default() };
        Arc::new(Catalog::load(&sources).expect("every file compiles"))
    });
    CATALOG.clone()
}

#[test]
fn everything_loads_and_what_is_odd_has_its_file_and_line() {
    let folder = folder();
    let catalog = catalog();

    let methods: Vec<_> = catalog.services().flat_map(|service| service.methods()).collect();
    let own = methods.iter().filter(|method| !method.name.starts_with("google.longrunning."));
    let names: BTreeSet<&str> = own.clone().map(|method| method.name.as_str()).collect();
    let lros: Vec<_> = own.filter(|method| method.lro.is_some()).collect();
    let typed = lros.iter().filter(|method| {
        method.lro.as_ref().is_some_and(|lro| lro.response.is_some() && lro.metadata.is_some())
    });
    let bound = lros.iter().filter(|method| !method.bindings.is_empty());
    // google-proto-files 5.0.3.
    let counts =
        (catalog.services().count(), names.len(), lros.len(), typed.count(), bound.count());
    assert_eq!(counts, (261, 13356, 2652, 2645, 2648));

    let here = folder.display().to_string();
    for problem in catalog.problems() {
        let line = problem.location.rsplit_once(':').and_then(|(_, line)| line.parse::<u32>().ok());
        let in_a_file = problem.location.starts_with(&here) && line.is_some_and(|line| line > 0);
        let of_a_service = catalog.service(&problem.location).is_some();
        assert!(in_a_file || of_a_service, "{problem}");
    }
    let errors: Vec<String> = catalog
        .problems()
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}
