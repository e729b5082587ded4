//! Rules from annotations.

use longrun_transcoding::{Body, Rule};
use prost_reflect::Value;

use super::POOL;

/// The `google.api.http` option of a method of `shapes.v1.Shapes`, as rules.
fn rules(method: &str) -> Option<Result<Vec<Rule>, String>> {
    let service = POOL.get_service_by_name("shapes.v1.Shapes").expect("the service");
    let method = service.methods().find(|one| one.name() == method).expect("the method");
    let http = POOL.get_extension_by_name("google.api.http").expect("the option");
    let options = method.options();
    let rule = options.has_extension(&http).then(|| options.get_extension(&http).into_owned())?;
    let Value::Message(rule) = rule else { panic!("{rule:?}") };
    Some(Rule::from_annotation(&rule).map_err(|error| error.to_string()))
}

#[test]
fn annotations_and_their_additional_bindings() {
    let field = |name: &str| Body::Field(name.to_owned());
    let table = [
        (
            "Get",
            vec![
                ("GET", "/v1/{name=shapes/*}", Body::None, None),
                ("GET", "/v1/{name=projects/*/shapes/*}", Body::None, Some("point")),
                ("HEAD", "/v1/{name=shapes/*}", Body::None, None),
            ],
        ),
        (
            "Update",
            vec![
                ("PATCH", "/v1/{child.name=shapes/*}", field("child"), None),
                ("PUT", "/v1/{name=shapes/*}", Body::All, None),
            ],
        ),
        ("Draw", vec![("POST", "/v1/{name=shapes/*}:draw", Body::All, None)]),
        ("Erase", vec![("DELETE", "/v1/{name=shapes/*}", Body::None, None)]),
    ];
    for (method, expected) in table {
        let rules = rules(method).expect(method).expect(method);
        let rules: Vec<_> = rules
            .iter()
            .map(|rule| {
                let response_body = rule.response_body.as_deref();
                (rule.verb.as_str(), rule.template.to_string(), rule.body.clone(), response_body)
            })
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(verb, path, body, response)| (verb, path.to_owned(), body, response))
            .collect();
        assert_eq!(rules, expected, "{method}");
    }
    assert_eq!(rules("Hidden"), None);
    assert_eq!(rules("Broken"), Some(Err("expected `}` at column 10".to_owned())));
}
