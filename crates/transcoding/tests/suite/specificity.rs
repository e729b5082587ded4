//! Which of several rules reads a path: segment by segment from the left, a literal, then
//! `*`, then the end, then `**`. And that any path is read to its end.

use longrun_transcoding::{RouteError, Router, Template};

use super::router::router;

/// The wide bindings beside the default ones.
fn wide() -> Router<&'static str> {
    router([
        ("GET", "/v1/{name=operations}", "List"),
        ("GET", "/v1/{name=operations/**}", "Get"),
        ("DELETE", "/v1/{name=operations/**}", "Delete"),
        ("POST", "/v1/{name=operations/**}:cancel", "Cancel"),
        ("POST", "/v1/{name=operations/**}:wait", "Wait"),
        ("GET", "/v1/{name=**/operations/*}", "Get wide"),
        ("DELETE", "/v1/{name=**/operations/*}", "Delete wide"),
        ("GET", "/v1/{name=**}/operations", "List wide"),
        ("POST", "/v1/{name=**/operations/*}:cancel", "Cancel wide"),
        ("POST", "/v1/{name=**/operations/*}:wait", "Wait wide"),
    ])
}

#[test]
fn wide_bindings() {
    let rows = [
        ("GET", "/v1/operations", "List", "operations"),
        ("GET", "/v1/operations/a", "Get", "operations/a"),
        ("GET", "/v1/operations/operations", "Get", "operations/operations"),
        ("GET", "/v1/projects/p/operations/a", "Get wide", "projects/p/operations/a"),
        ("GET", "/v1/projects/p/operations", "List wide", "projects/p"),
        ("GET", "/v1/projects/p/operations/", "List wide", "projects/p"),
        ("GET", "/v1/p/operations/operations", "Get wide", "p/operations/operations"),
        ("GET", "/v1/p/operations/a/operations/b", "Get wide", "p/operations/a/operations/b"),
        ("GET", "/v1/p/operations/a/operations", "List wide", "p/operations/a"),
        ("DELETE", "/v1/p/operations/a", "Delete wide", "p/operations/a"),
        ("POST", "/v1/p/operations/a:cancel", "Cancel wide", "p/operations/a"),
        ("POST", "/v1/p/operations/a:b:wait", "Wait wide", "p/operations/a:b"),
        ("POST", "/v1/operations/a:cancel", "Cancel", "operations/a"),
        ("GET", "/v1/p/operations/a:odd", "Get wide", "p/operations/a:odd"),
        ("GET", "/v1/p/operations/a%2Fb", "Get wide", "p/operations/a%2Fb"),
        // No parent at all: the default binding reads it first.
        ("DELETE", "/v1/operations", "Delete", "operations"),
    ];
    let router = wide();
    for (verb, path, rpc, name) in rows {
        let found = router.find(verb, path).expect(path);
        assert_eq!((*found.value, found.captures[0].1.as_str()), (rpc, name), "{verb} {path}");
    }
    for path in ["/v1/projects/p", "/v1/p/operations/a/b", "/v1/p/Operations/a"] {
        assert_eq!(router.find("GET", path).map(|_| ()), Err(RouteError::NotFound), "{path}");
    }
    let allow = vec!["GET".to_owned(), "HEAD".to_owned()];
    let refused = router.find("DELETE", "/v1/p/operations").map(|_| ());
    assert_eq!(refused, Err(RouteError::MethodNotAllowed { allow }));
}

/// Each row: rules, a path, and the rule that is to read it. The rules go in both ways
/// round: order means nothing.
#[test]
fn the_most_specific_rule_wins() {
    let rows: [(&[&str], &str, Option<&str>); 24] = [
        (&["/a/b", "/a/*", "/a/**"], "/a/b", Some("/a/b")),
        (&["/a/b", "/a/*", "/a/**"], "/a/c", Some("/a/*")),
        (&["/a/b", "/a/*", "/a/**"], "/a/b/c", Some("/a/**")),
        (&["/a", "/a/**"], "/a", Some("/a")),
        (&["/a/*", "/a/**"], "/a", Some("/a/**")),
        (&["/**", "/*"], "/a", Some("/*")),
        (&["/**", "/*"], "/", Some("/**")),
        // The first segment that differs decides, whatever comes after it.
        (&["/a/*/*/*", "/*/b/c/d"], "/a/b/c/d", Some("/a/*/*/*")),
        (&["/a/**", "/*/b"], "/a/b", Some("/a/**")),
        (&["/*/**", "/**/b"], "/a/b", Some("/*/**")),
        // Where the more specific can't finish, the less specific is tried.
        (&["/a/b/c", "/a/*/d", "/*/b/e", "/**"], "/a/b/c", Some("/a/b/c")),
        (&["/a/b/c", "/a/*/d", "/*/b/e", "/**"], "/a/b/d", Some("/a/*/d")),
        (&["/a/b/c", "/a/*/d", "/*/b/e", "/**"], "/a/b/e", Some("/*/b/e")),
        (&["/a/b/c", "/a/*/d", "/*/b/e", "/**"], "/a/b/f", Some("/**")),
        (&["/a/b/c", "/a/*/d", "/*/b/e"], "/a/b/f", None),
        (&["/a/**/z", "/a/b/*"], "/a/b/c/z", Some("/a/**/z")),
        // Behind a `**` the same order holds.
        (&["/**/a", "/**/*"], "/x/a", Some("/**/a")),
        (&["/**/a", "/**/*"], "/x/b", Some("/**/*")),
        (&["/**/a", "/**/*/*"], "/x/a", Some("/**/a")),
        (&["/**/a", "/**/b/*"], "/b/a", Some("/**/b/*")),
        (&["/**/a", "/**"], "/x/a", Some("/**/a")),
        (&["/**/a/*", "/**/*/a"], "/a/a/a", Some("/**/a/*")),
        (&["/**/a/b", "/**/a"], "/a/b/a", Some("/**/a")),
        (&["/x/**/a", "/x/**/a/*"], "/x/a/a", Some("/x/**/a/*")),
    ];
    for (rules, path, expected) in rows {
        for reversed in [false, true] {
            let mut rules = rules.to_vec();
            if reversed {
                rules.reverse();
            }
            let mut router = Router::new();
            for rule in &rules {
                router.insert("GET", &Template::parse(rule).expect(rule), *rule).expect(rule);
            }
            let found = router.find("GET", path).ok().map(|found| *found.value);
            assert_eq!(found, expected, "{path} by {rules:?}");
        }
    }
}

#[test]
fn a_verb_that_the_most_specific_rule_lacks_may_be_the_next_ones() {
    let router = router([
        ("GET", "/v1/a", "literal"),
        ("POST", "/v1/*", "one"),
        ("DELETE", "/v1/**", "many"),
        ("PATCH", "/v1/**/a", "tail"),
    ]);
    for (verb, rpc) in [("GET", "literal"), ("POST", "one"), ("DELETE", "many"), ("PATCH", "tail")]
    {
        assert_eq!(router.find(verb, "/v1/a").map(|found| *found.value), Ok(rpc), "{verb}");
    }
    let allow = ["DELETE", "GET", "HEAD", "PATCH", "POST"].map(str::to_owned).to_vec();
    let refused = router.find("PUT", "/v1/a").map(|found| *found.value);
    assert_eq!(refused, Err(RouteError::MethodNotAllowed { allow }));
}

/// No clock is looked at: with as much work for each segment as the path has segments, this
/// would not end.
#[test]
fn hostile_paths_take_no_longer_than_their_length() {
    let mut router = wide();
    // Forty levels where a literal and `*` both read: two to the fortieth ways, if the
    // search went by paths and not by rules.
    for bits in 0..64 {
        let segment = |at: usize| if bits >> (at % 6) & 1 == 0 { "/a" } else { "/*" };
        let path: String = (0..40).map(segment).collect();
        let template = Template::parse(&format!("{path}/end")).expect("a template");
        router.insert("GET", &template, "deep").expect("64 shapes");
    }
    for segment in ["/a", "/operations", "/operations/a", "/", "/a%2F", "/a:b"] {
        let path = format!("/v1/p{}/x/y/z", segment.repeat(500_000));
        assert!(router.find("GET", &path).is_err(), "{segment}");
        let path = format!("{}/x", segment.repeat(40));
        assert!(router.find("GET", &path).is_err(), "{segment}");
    }
    let long = format!("/v1/{}operations/a", "p/".repeat(1_000));
    assert_eq!(router.find("GET", &long).map(|found| *found.value), Ok("Get wide"));
}
