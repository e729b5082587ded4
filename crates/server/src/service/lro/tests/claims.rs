use super::super::claims::{claims, request_claim};
use super::*;
use crate::operation::Principal;

const ID: &str = "0f7c1ed4-7c0b-4a3e-9d5e-2f1b8b0c6a11";

#[test]
fn ids_come_in_the_request_or_beside_it() {
    let service = kitchen();
    let long = "x".repeat(129);
    // RPC, field, header, id or the field that is wrong.
    let table = [
        ("CreateDish", "requestId", "", "", Ok(None)),
        ("CreateDish", "requestId", ID, "", Ok(Some(ID))),
        ("CreateDish", "requestId", "", ID, Ok(Some(ID))),
        ("CreateDish", "requestId", ID, ID, Ok(Some(ID))),
        ("CreateDish", "requestId", ID, "other", Err("request_id")),
        ("CreateDish", "requestId", "a b", "", Err("request_id")),
        ("CookDish", "key", ID, "", Ok(Some(ID))),
        ("CookDish", "key", ID, "other", Err("key")),
        ("DeleteDish", "name", "", ID, Ok(Some(ID))),
        ("DeleteDish", "name", ID, "", Ok(None)),
        ("DeleteDish", "name", "", &long, Err("x-longrun-request-id")),
    ];
    for (rpc, field, text, header, expected) in table {
        let method = method(&service, rpc);
        let request = message(method, &format!(r#"{{"{field}":"{text}"}}"#));
        let mut violations = Vec::new();
        let found = claims(method, &request, Some(header), &mut violations);
        let found = match violations.first() {
            Some(violation) => Err(violation.field.as_str()),
            None => Ok(found.request_id.as_deref()),
        };
        assert_eq!(found, expected, "{rpc} {text:?} {header:?}");
    }
}

#[test]
fn a_digest_is_of_what_the_request_says() {
    let service = kitchen();
    let alice = Principal::parse("static:alice").unwrap();
    let digest = |json: &str, header: Option<&str>| {
        let method = method(&service, "CreateDish");
        let (message, mut violations) = (message(method, json), Vec::new());
        let id = claims(method, &message, header, &mut violations).request_id.unwrap();
        assert!(violations.is_empty());
        let claim = request_claim("s", method, &alice, &id, &message);
        claim.body
    };
    let dish = |id: &str, dish: &str| {
        digest(&format!(r#"{{"requestId":"{id}","parent":"r","dish":{{{dish}}}}}"#), None)
    };
    let note = |value: &str| {
        format!(
            r#""note":{{"@type":"type.googleapis.com/google.protobuf.Struct","value":{value}}}"#
        )
    };
    let whole = r#""title":"a","labels":{"k1":"1","k2":"2","k3":"3","k4":"4"}"#;
    let again = r#""labels":{"k4":"4","k3":"3","k2":"2","k1":"1"},"title":"a""#;
    assert_eq!(dish(ID, whole), dish("another", again));
    assert_eq!(
        dish(ID, whole),
        digest(&format!(r#"{{"parent":"r","dish":{{{again}}}}}"#), Some(ID))
    );
    assert_eq!(
        dish(ID, &note(r#"{"a":1,"b":2,"c":3}"#)),
        dish(ID, &note(r#"{"c":3,"b":2,"a":1}"#))
    );
    let different = [
        dish(ID, whole),
        dish(ID, ""),
        dish(ID, r#""title":"a""#),
        dish(ID, r#""title":"b""#),
        dish(ID, r#""barter":"a""#),
        dish(ID, r#""vegan":false"#),
        dish(ID, r#""vegan":true"#),
        dish(ID, r#""recipe":{"text":"a"}"#),
        dish(ID, r#""recipe":{"author":"a"}"#),
        dish(ID, &note(r#"{"a":1}"#)),
        dish(ID, &note(r#"{"a":2}"#)),
    ];
    let distinct: std::collections::BTreeSet<_> = different.iter().collect();
    assert_eq!(distinct.len(), different.len());
}

#[test]
fn the_exclusive_key_is_a_field_of_the_request() {
    let settings = MethodSettings { exclusive: Some("dish.name".to_owned()), ..Default::default() };
    let service = load(&[("UpdateDish", settings)]).unwrap();
    let method = method(&service, "UpdateDish");
    let key = |json: &str| {
        let mut violations = Vec::new();
        let found = claims(method, &message(method, json), None, &mut violations);
        match violations.pop() {
            Some(violation) => Err(violation.field),
            None => Ok(found.exclusive_key),
        }
    };
    assert_eq!(key(r#"{"dish":{"name":"d"}}"#), Ok(Some("d".to_owned())));
    assert_eq!(key("{}"), Ok(None));
    let long = "d".repeat(1025);
    assert_eq!(key(&format!(r#"{{"dish":{{"name":"{long}"}}}}"#)), Err("dish.name".to_owned()));
}
