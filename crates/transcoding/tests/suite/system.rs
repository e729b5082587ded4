//! System parameters: what a query may hold besides the request's own fields.

use longrun_transcoding::{Alt, SystemParameters, Violation, effective_method, split_query};

type Rest = Vec<(String, String)>;

fn split(raw: &str) -> Result<(SystemParameters, Rest), Violation> {
    split_query(raw, &|_| None)
}

fn rest(pairs: &[(&str, &str)]) -> Rest {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const INTS: Alt = Alt::Json { enums_as_ints: true };
const NAMES: Alt = Alt::Json { enums_as_ints: false };

#[test]
fn nothing_said_is_the_default() {
    let (system, rest) = split("").expect("no query");
    assert_eq!((system.alt, system.pretty, system.xgafv), (NAMES, true, 2));
    assert!(system.fields.is_none() && system.key.is_none() && system.access_tokens.is_empty());
    assert_eq!(rest, []);
}

#[test]
fn every_system_parameter_is_taken_out() {
    let names = [
        "$alt=json",
        "alt=json",
        "$.xgafv=2",
        "%24.xgafv=1",
        "$callback=",
        "callback=",
        "$ct=x",
        "$fields=a",
        "fields=a",
        "$key=K",
        "key=K",
        "$prettyPrint=true",
        "prettyPrint=false",
        "$quotaUser=q",
        "quotaUser=q",
        "$userProject=p",
        "$apiVersion=1",
        "$httpMethod=GET",
        "$unique=u",
        "access_token=t",
        "oauth_token=t",
        "uploadType=media",
        "upload_protocol=raw",
        "&&",
    ];
    for name in names {
        assert_eq!(split(name).expect(name).1, [], "{name}");
    }
    assert_eq!(split(&names.join("&")).expect("all of them").1, []);
}

#[test]
fn without_the_dollar_most_names_are_a_requests_own() {
    let raw = "ct=1&unique=2&userProject=3&apiVersion=4&httpMethod=5&.xgafv=6&$foo=7&Alt=8&pretty_print=9";
    let own = [
        ("ct", "1"),
        ("unique", "2"),
        ("userProject", "3"),
        ("apiVersion", "4"),
        ("httpMethod", "5"),
        (".xgafv", "6"),
        ("$foo", "7"),
        ("Alt", "8"),
        ("pretty_print", "9"),
    ];
    assert_eq!(split(raw).expect(raw).1, rest(&own));
}

#[test]
fn names_and_values_are_decoded_once() {
    let table: [(&str, &[(&str, &str)]); 9] = [
        ("a=1&a=2", &[("a", "1"), ("a", "2")]),
        ("a=b+c%26%3D", &[("a", "b c&=")]),
        ("a=b%2Bc", &[("a", "b+c")]),
        ("page_size=1&page%53ize=2", &[("page_size", "1"), ("pageSize", "2")]),
        ("a=%2541", &[("a", "%41")]),
        ("a=b=c", &[("a", "b=c")]),
        ("a&b=", &[("a", ""), ("b", "")]),
        ("a=%C3%BC", &[("a", "ü")]),
        ("&a=1&&b=2&", &[("a", "1"), ("b", "2")]),
    ];
    for (raw, expected) in table {
        assert_eq!(split(raw).expect(raw).1, rest(expected), "{raw}");
    }
    for (raw, why) in [
        ("a=%zz", "bad percent-encoding"),
        ("a=%", "bad percent-encoding"),
        ("%4=a", "bad percent-encoding"),
        ("a=%FF", "not valid UTF-8"),
        ("%C3=a", "not valid UTF-8"),
    ] {
        let violation = split(raw).map(|_| ()).expect_err(raw);
        assert_eq!(violation.field, "", "{raw}");
        assert!(violation.description.contains(why), "{raw}: {}", violation.description);
    }
}

#[test]
fn every_spelling_of_alt() {
    let table = [
        ("%24alt=json%3Benum-encoding%3Dint", Some(INTS)),
        ("$alt=json%3Benum-encoding=int", Some(INTS)),
        ("alt=json;enum-encoding=int", Some(INTS)),
        ("alt=json", Some(NAMES)),
        ("alt=", Some(NAMES)),
        ("alt=proto", Some(Alt::Proto)),
        ("$alt=sse", Some(Alt::Sse)),
        ("alt=media", None),
        ("alt=JSON", None),
        ("alt=json;enum-encoding=name", None),
        ("%24alt=xml", None),
    ];
    for (raw, expected) in table {
        match split(raw) {
            Ok((system, _)) => assert_eq!(Some(system.alt), expected, "{raw}"),
            Err(violation) => {
                assert_eq!((violation.field.as_str(), expected), ("alt", None), "{raw}");
            }
        }
    }
    let refused = split("alt=media").map(|_| ()).expect_err("media");
    let text =
        "Invalid value at 'alt', \"media\": expected json, json;enum-encoding=int, proto or sse.";
    assert_eq!(refused.description, text);
    // However long it is, an error shows a part of it.
    let long = split(&format!("alt={}", "x".repeat(100_000))).map(|_| ()).expect_err("long");
    assert!(long.description.len() < 250, "{}", long.description.len());
}

#[test]
fn jsonp_is_refused() {
    for raw in ["callback=f", "$callback=f", "%24callback=f"] {
        let refused = split(raw).map(|_| ()).expect_err(raw);
        assert_eq!(refused.field, "callback");
        assert_eq!(refused.description, "Invalid value at 'callback': JSONP is not supported.");
    }
}

#[test]
fn pretty_tokens_keys_and_the_older_errors() {
    for (raw, pretty) in [
        ("prettyPrint=false", false),
        ("prettyPrint=0", false),
        ("$prettyPrint=0", false),
        ("prettyPrint=true", true),
        ("prettyPrint=1", true),
        ("prettyPrint=", true),
    ] {
        assert_eq!(split(raw).expect(raw).0.pretty, pretty, "{raw}");
    }
    let (system, _) = split("access_token=a&oauth_token=b&access_token=a").expect("tokens");
    assert_eq!(system.access_tokens, ["a", "b", "a"]);
    let (system, rest) = split("access_token=&oauth_token&key=&$key&a=").expect("empty values");
    assert_eq!((system.access_tokens, system.key), (vec![], None));
    assert_eq!(rest, [("a".to_owned(), String::new())]);
    for (raw, xgafv) in [("$.xgafv=1", 1), ("$.xgafv=2", 2), ("$.xgafv=x", 2), ("%24.xgafv=1", 1)] {
        assert_eq!(split(raw).expect(raw).0.xgafv, xgafv, "{raw}");
    }
}

#[test]
fn headers_stand_in_for_what_the_query_leaves_out() {
    let header = |name: &str| match name {
        "x-goog-api-key" => Some("header key".to_owned()),
        "x-goog-fieldmask" => Some("name".to_owned()),
        _ => None,
    };
    let (system, _) = split_query("", &header).expect("headers");
    assert_eq!(system.key.as_deref(), Some("header key"));
    assert_eq!(system.fields, longrun_transcoding::FieldMask::parse("name").ok());
    let (system, _) = split_query("key=K&fields=done", &header).expect("both");
    assert_eq!(system.key.as_deref(), Some("K"));
    assert_eq!(system.fields, longrun_transcoding::FieldMask::parse("done").ok());
    // An empty mask is none, wherever it stands; an empty key in the query isn't there.
    let (system, _) = split_query("fields=&key=", &header).expect("an empty mask");
    assert_eq!((system.fields, system.key.as_deref()), (None, Some("header key")));
    let (system, _) = split_query("", &|_| Some(String::new())).expect("empty headers");
    assert_eq!((system.fields, system.key), (None, None));
    let broken = split_query("", &|name| (name == "x-goog-fieldmask").then(|| "a(".to_owned()));
    assert_eq!(broken.map(|_| ()).expect_err("broken").field, "fields");
}

#[test]
fn only_a_post_means_another_verb() {
    let form = Some("application/x-www-form-urlencoded; charset=utf-8");
    let table = [
        (("POST", Some("GET"), None, form), ("GET", true)),
        (("POST", Some("get"), None, Some("APPLICATION/X-WWW-FORM-URLENCODED")), ("GET", true)),
        (("POST", Some("GET"), None, Some("application/json")), ("GET", false)),
        (("POST", Some("GET"), None, None), ("GET", false)),
        (("POST", Some("patch"), None, form), ("PATCH", false)),
        (("POST", Some(""), None, form), ("POST", false)),
        (("POST", None, None, form), ("POST", false)),
        (("POST", None, Some("a=1&$httpMethod=DELETE"), None), ("DELETE", false)),
        (("POST", None, Some("%24httpMethod=GET"), form), ("GET", true)),
        (("POST", None, Some("httpMethod=GET"), form), ("POST", false)),
        (("POST", Some("PUT"), Some("$httpMethod=GET"), form), ("PUT", false)),
        (("GET", Some("DELETE"), None, None), ("GET", false)),
        (("GET", None, Some("$httpMethod=DELETE"), None), ("GET", false)),
        (("PUT", Some("GET"), None, form), ("PUT", false)),
    ];
    for ((method, header, query, kind), (verb, is_form)) in table {
        let (found, found_form) = effective_method(method, header, query, kind);
        assert_eq!(
            (&*found, found_form),
            (verb, is_form),
            "{method} {header:?} {query:?} {kind:?}"
        );
    }
}
