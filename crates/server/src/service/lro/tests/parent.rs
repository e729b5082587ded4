use super::super::parent::{parent, target};
use super::*;

#[test]
fn operations_stand_under_what_the_request_names() {
    let service = kitchen();
    // RPC, request, parent, target.
    let table = [
        (
            "CreateDish",
            r#"{"parent":"restaurants/r","dish":{"name":"restaurants/else/dishes/d"}}"#,
            "restaurants/r",
            "restaurants/else/dishes/d",
        ),
        ("CreateDish", r#"{"parent":"restaurants/r"}"#, "restaurants/r", "restaurants/r"),
        (
            "CreateDish",
            r#"{"parent":"streets/s","dish":{"name":"restaurants/r/dishes/d"}}"#,
            "restaurants/r",
            "restaurants/r/dishes/d",
        ),
        ("CreateDish", r#"{"parent":"streets/s"}"#, "", "streets/s"),
        (
            "UpdateDish",
            r#"{"dish":{"name":"restaurants/r/dishes/d"}}"#,
            "restaurants/r",
            "restaurants/r/dishes/d",
        ),
        (
            "DeleteDish",
            r#"{"name":"restaurants/r/dishes/d"}"#,
            "restaurants/r",
            "restaurants/r/dishes/d",
        ),
        ("DeleteDish", r#"{"name":"restaurants/"}"#, "", "restaurants/"),
        // Neither `parent` nor `name`.
        (
            "UpdateMenuDdl",
            r#"{"menu":"restaurants/r/menus/m"}"#,
            "restaurants/r/menus/m",
            "restaurants/r/menus/m",
        ),
        ("CreateMenu", r#"{"menu":{"name":"menus/m"}}"#, "", "menus/m"),
        ("Clean", "{}", "", ""),
    ];
    for (rpc, json, expected, about) in table {
        let method = method(&service, rpc);
        let request = message(method, json);
        let found = parent(&service, method, &request).unwrap();
        assert_eq!((found.as_str(), &*target(method, &request)), (expected, about), "{rpc} {json}");
    }
}

fn under(template: &str) -> MethodSettings {
    MethodSettings { operation_parent: Some(template.to_owned()), ..MethodSettings::default() }
}

#[test]
fn the_configuration_says_otherwise() {
    let table = [
        ("restaurants/{name}", "r", Ok("restaurants/r")),
        ("{name}", "restaurants/r/menus/m", Ok("restaurants/r/menus/m")),
        ("", "restaurants/r", Ok("")),
        ("{name}", "restaurants/r/dishes/d", Err("restaurants/r/dishes/d")),
        ("restaurants/{name}", "", Err("restaurants/")),
        ("restaurants/{name}", "..", Err("restaurants/..")),
    ];
    for (template, name, expected) in table {
        let service = load(&[("CookDish", under(template))]).unwrap();
        let method = method(&service, "CookDish");
        let found = parent(&service, method, &message(method, &format!(r#"{{"name":"{name}"}}"#)));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_str(), expected),
            (Err(violation), Err(shown)) => {
                let what = format!(
                    "Invalid value at 'name': no operation of kitchen.example.com can be read under \"{shown}\"."
                );
                assert_eq!((violation.field, violation.description), ("name".to_owned(), what));
            }
            (found, _) => panic!("{template} {name}: {found:?}"),
        }
    }
}

#[test]
fn a_setting_that_names_nothing_is_refused_at_start() {
    let exclusive = |path: &str| MethodSettings {
        exclusive: Some(path.to_owned()),
        ..MethodSettings::default()
    };
    let table = [
        (
            "CookDish",
            under("{none}"),
            "operation_parent: `none` is no path to a single field of kitchen.v1.CookDishRequest",
        ),
        ("CookDish", under("{name"), "operation_parent: a brace stands alone in `{name`"),
        (
            "CookDish",
            exclusive("picture"),
            "exclusive: `picture` of kitchen.v1.CookDishRequest is no string",
        ),
        (
            "GetDish",
            exclusive("name"),
            "only allow_unscoped takes effect on a method that doesn't return a google.longrunning.Operation",
        ),
    ];
    for (rpc, settings, what) in table {
        let error = load(&[(rpc, settings)]).unwrap_err().to_string();
        assert_eq!(error, format!("[service.method.\"kitchen.v1.Kitchen/{rpc}\"] {what}"));
    }
}
