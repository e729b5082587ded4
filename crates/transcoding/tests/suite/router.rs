//! Which rule reads a path: the reference matcher's results, and what it refuses.

use longrun_transcoding::{RouteError, Router, Template};

/// The default bindings of `google.longrunning.Operations`, with Wait's.
fn operations(with_list: bool) -> Router<&'static str> {
    let list = [("GET", "/v1/{name=operations}", "List")];
    let others = [
        ("GET", "/v1/{name=operations/**}", "Get"),
        ("DELETE", "/v1/{name=operations/**}", "Delete"),
        ("POST", "/v1/{name=operations/**}:cancel", "Cancel"),
        ("POST", "/v1/{name=operations/**}:wait", "Wait"),
    ];
    router(list.into_iter().filter(|_| with_list).chain(others))
}

pub(crate) fn router(
    rules: impl IntoIterator<Item = (&'static str, &'static str, &'static str)>,
) -> Router<&'static str> {
    let mut router = Router::new();
    for (verb, path, rpc) in rules {
        let template = Template::parse(path).expect(path);
        router.insert(verb, &template, rpc).expect(path);
    }
    router
}

/// The rule that is found and what its one variable gets.
fn find<'r>(
    router: &'r Router<&'static str>,
    request: &str,
) -> Result<(&'r str, String), RouteError> {
    let (verb, path) = request.split_once(' ').expect("a verb and a path");
    let found = router.find(verb, path)?;
    let [(field, value)] = found.captures.as_slice() else { panic!("{:?}", found.captures) };
    assert_eq!(field, "name");
    Ok((found.value, value.clone()))
}

#[test]
fn the_reference_matchers_table() {
    let rows = [
        ("GET /v1/operations/a/", "Get", "operations/a"),
        ("GET /v1/operations/a///", "Get", "operations/a"),
        ("GET /v1/operations/a/b/c", "Get", "operations/a/b/c"),
        ("GET /v1/operations//a", "Get", "operations//a"),
        ("GET /v1/operations/a:foo", "Get", "operations/a:foo"),
        ("GET /v1/operations/a:", "Get", "operations/a:"),
        ("GET /v1/operations/a%3Acancel", "Get", "operations/a:cancel"),
        ("GET /v1/operations/a:cancel/b", "Get", "operations/a:cancel/b"),
        ("POST /v1/operations/a:cancel", "Cancel", "operations/a"),
        ("POST /v1/operations/a:b:cancel", "Cancel", "operations/a:b"),
        ("POST /v1/operations/a:wait:cancel", "Cancel", "operations/a:wait"),
        ("POST /v1/operations/a/:cancel", "Cancel", "operations/a"),
        ("POST /v1/operations/a/b:wait", "Wait", "operations/a/b"),
        ("POST /v1/operations:cancel", "Cancel", "operations"),
        ("DELETE /v1/operations", "Delete", "operations"),
        ("DELETE /v1/operations/a", "Delete", "operations/a"),
        ("GET /v1/operations/a%2Fb", "Get", "operations/a%2Fb"),
        ("GET /v1/operations/a%2fb", "Get", "operations/a%2fb"),
        ("GET /v1/operations/a%25b", "Get", "operations/a%b"),
        ("GET /v1/operations/a%252Fb", "Get", "operations/a%2Fb"),
        ("GET /v1/operations/a+b", "Get", "operations/a+b"),
        ("GET /v1/operations/%C3%BC", "Get", "operations/ü"),
        ("GET /v1/operations/ü%20/%F0%9F%98%80", "Get", "operations/ü /😀"),
        ("GET /v1/operations/%C3%BC%2F%25", "Get", "operations/ü%2F%"),
    ];
    for with_list in [true, false] {
        let router = operations(with_list);
        for (request, rpc, name) in rows {
            let found = find(&router, request);
            assert_eq!(found, Ok((rpc, name.to_owned())), "{request}, List: {with_list}");
        }
        let collection = if with_list { "List" } else { "Get" };
        for request in ["GET /v1/operations", "GET /v1/operations/"] {
            assert_eq!(
                find(&router, request),
                Ok((collection, "operations".to_owned())),
                "{request}"
            );
        }
    }
}

#[test]
fn no_rule_reads_these() {
    let rows = [
        "GET //v1/operations/a",
        "GET /v1//operations/a",
        "GET /v1/Operations/a",
        "GET /v1/oper%61tions/a",
        "GET /v1%2Foperations/a",
        "GET /v1",
        "GET /v1/",
        "GET /",
        "GET ",
        "GET *",
        "GET v1/operations/a",
        "GET /v2/operations/a",
        "GET /v1/operation/a",
        "POST /v1:cancel",
    ];
    for with_list in [true, false] {
        let router = operations(with_list);
        for request in rows {
            assert_eq!(find(&router, request), Err(RouteError::NotFound), "{request}");
        }
    }
}

#[test]
fn another_verb_would_do() {
    let rows: [(&str, &[&str]); 9] = [
        ("GET /v1/operations/a:cancel", &["POST"]),
        ("DELETE /v1/operations/a:wait", &["POST"]),
        ("POST /v1/operations/a", &["DELETE", "GET", "HEAD"]),
        ("POST /v1/operations/a%3Acancel", &["DELETE", "GET", "HEAD"]),
        ("POST /v1/operations/a:cancel/", &["DELETE", "GET", "HEAD"]),
        ("PUT /v1/operations/a", &["DELETE", "GET", "HEAD"]),
        ("HEAD /v1/operations/a", &["DELETE", "GET", "HEAD"]),
        ("get /v1/operations/a", &["DELETE", "GET", "HEAD"]),
        ("PATCH /v1/operations", &["DELETE", "GET", "HEAD"]),
    ];
    for with_list in [true, false] {
        let router = operations(with_list);
        for (request, allow) in rows {
            let allow = allow.iter().map(|verb| (*verb).to_owned()).collect();
            let expected = Err(RouteError::MethodNotAllowed { allow });
            assert_eq!(find(&router, request), expected, "{request}");
        }
    }
}

#[test]
fn broken_paths_are_refused_before_they_are_routed() {
    let rows = [
        ("/v1/operations/%zz", "bad percent-encoding at byte 15"),
        ("/v1/operations/%", "bad percent-encoding at byte 15"),
        ("/v1/operations/a%4", "bad percent-encoding at byte 16"),
        ("/nowhere/%", "bad percent-encoding"),
        ("/v1/operations/%ü0", "bad percent-encoding"),
        ("/v1/operations/%FF", "not valid UTF-8"),
        ("/v1/operations/%C3/%BC", "not valid UTF-8"),
        ("/v1/operations/%C3%2F%BC", "not valid UTF-8"),
        ("/v1/operations/%ED%A0%80", "not valid UTF-8"),
        ("/v1/operations/.", "\".\" or \"..\""),
        ("/v1/operations/..", "\".\" or \"..\""),
        ("/v1/./operations/a", "\".\" or \"..\""),
        ("/v1/operations/../a", "\".\" or \"..\""),
        ("/v1/operations/%2e", "\".\" or \"..\""),
        ("/v1/operations/.%2E", "\".\" or \"..\""),
        ("/v1/operations/..:cancel", "\".\" or \"..\""),
        ("/v1/operations/a%2F..%2Fb", "\".\" or \"..\""),
    ];
    let router = operations(true);
    for (path, expected) in rows {
        match router.find("GET", path).map(|found| found.captures) {
            Err(RouteError::BadPath(why)) => assert!(why.contains(expected), "{path}: {why}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    // Dots elsewhere are letters like any other.
    for path in
        ["/v1/operations/...", "/v1/operations/a.b", "/v1/operations/.a", "/v1/operations/a.."]
    {
        assert!(router.find("GET", path).is_ok(), "{path}");
    }
}

#[test]
fn one_segment_is_decoded_wholly_and_several_keep_their_slashes() {
    let router = router([
        ("GET", "/v1/one/{name}", "one"),
        ("GET", "/v1/also/{name=*}", "one"),
        ("GET", "/v1/many/{name=a/*}", "many"),
        ("GET", "/v1/rest/{name=**}", "many"),
    ]);
    let rows = [
        ("GET /v1/one/x%2Fy%2fz%3A", "x/y/z:"),
        ("GET /v1/also/x%2Fy", "x/y"),
        ("GET /v1/many/a/x%2Fy%3A", "a/x%2Fy:"),
        ("GET /v1/rest/x%2Fy", "x%2Fy"),
        ("GET /v1/rest", ""),
    ];
    for (request, value) in rows {
        assert_eq!(
            find(&router, request).map(|(_, value)| value),
            Ok(value.to_owned()),
            "{request}"
        );
    }
    assert_eq!(find(&router, "GET /v1/one/x/y"), Err(RouteError::NotFound));
}

#[test]
fn several_variables_and_literals_between_them() {
    let router = router([
        ("GET", "/v1/{parent=projects/*}/items/{item.id}/{rest=**}", "variables"),
        ("GET", "/v2/*/things/{thing}:look", "bare"),
        ("GET", "/v3/{head=a/**}/b/{tail=c/*}", "both sides"),
    ]);
    let rows: [(&str, &[(&str, &str)]); 5] = [
        (
            "/v1/projects/p/items/%3A7/x/y",
            &[("parent", "projects/p"), ("item.id", ":7"), ("rest", "x/y")],
        ),
        ("/v1/projects/p/items/7", &[("parent", "projects/p"), ("item.id", "7"), ("rest", "")]),
        ("/v2/any/things/t:look", &[("thing", "t")]),
        ("/v3/a/b/c/d", &[("head", "a"), ("tail", "c/d")]),
        ("/v3/a/x/b/c/d/b/c/e", &[("head", "a/x/b/c/d"), ("tail", "c/e")]),
    ];
    for (path, captures) in rows {
        let found = router.find("GET", path).expect(path);
        let expected: Vec<(String, String)> =
            captures.iter().map(|(field, value)| ((*field).into(), (*value).into())).collect();
        assert_eq!(found.captures, expected, "{path}");
    }
    // `*` takes no empty segment.
    assert!(router.find("GET", "/v1/projects//items/7").is_err());
}

#[test]
fn of_two_rules_of_one_shape_the_first_is_served() {
    let mut router = Router::new();
    let mut insert = |verb: &str, path: &str, value| {
        let template = Template::parse(path).expect(path);
        router.insert(verb, &template, value).map_err(|shadowed| shadowed.by)
    };
    assert_eq!(insert("GET", "/v1/{name=operations/**}", 1), Ok(()));
    assert_eq!(
        insert("GET", "/v1/operations/{id=**}", 2),
        Err("/v1/{name=operations/**}".to_owned())
    );
    // Another verb, custom verb or segment is another shape.
    assert_eq!(insert("DELETE", "/v1/operations/{id=**}", 3), Ok(()));
    assert_eq!(insert("GET", "/v1/operations/{id=**}:look", 4), Ok(()));
    assert_eq!(insert("GET", "/v1/operations/{id=*}", 5), Ok(()));
    assert_eq!(insert("GET", "/v1/{name=**/operations/*}", 6), Ok(()));
    assert_eq!(
        insert("GET", "/v1/{a=**}/operations/{b}", 7),
        Err("/v1/{name=**/operations/*}".to_owned())
    );
    for (path, value) in [
        ("/v1/operations/a/b", 1),
        ("/v1/operations/a", 5),
        ("/v1/operations/a:look", 4),
        ("/v1/x/operations/a", 6),
    ] {
        assert_eq!(router.find("GET", path).map(|found| *found.value), Ok(value), "{path}");
    }
}

#[test]
fn a_rule_for_any_verb_is_served_where_no_other_is() {
    let router = router([
        ("GET", "/v1/{name=a/*}", "get"),
        ("*", "/v1/{name=a/*}", "any"),
        ("*", "/v1/{name=b/*}:poke", "poke"),
    ]);
    let rows = [
        ("GET /v1/a/x", "get"),
        ("POST /v1/a/x", "any"),
        ("OPTIONS /v1/a/x", "any"),
        ("PUT /v1/b/x:poke", "poke"),
    ];
    for (request, rpc) in rows {
        assert_eq!(find(&router, request).map(|(rpc, _)| rpc), Ok(rpc), "{request}");
    }
}
