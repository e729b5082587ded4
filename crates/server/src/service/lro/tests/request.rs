use super::super::request::check;
use super::*;

const WHOLE: &str = r#""title":"Soup","course":"STARTER","ingredients":[{"product":"leek"}],"cents":"900","vegan":false"#;

#[test]
fn every_missing_field_is_named() {
    let service = kitchen();
    let dish = |rest: &str| format!(r#"{{"parent":"restaurants/r","dish":{{{WHOLE}{rest}}}}}"#);
    let whole = format!(r#""name":"restaurants/r/dishes/d",{WHOLE}"#);
    let update = |dish: &str, mask: &str| format!(r#"{{"dish":{{{dish}}},"updateMask":"{mask}"}}"#);
    let table: Vec<(&str, String, &[&str])> = vec![
        ("CreateDish", "{}".into(), &["parent", "dish"]),
        (
            "CreateDish",
            r#"{"parent":"restaurants/r","dish":{}}"#.into(),
            &["dish.title", "dish.course", "dish.ingredients", "dish.cents", "dish.vegan"],
        ),
        // Neither its name, nor numbers and real values that are zero.
        ("CreateDish", dish(""), &[]),
        (
            "CreateDish",
            dish(r#","extras":{"b":{},"a":{"grams":1}},"recipe":{},"note":{}"#),
            &["dish.extras[\"a\"].product", "dish.extras[\"b\"].product", "dish.recipe.text"],
        ),
        (
            "CreateDish",
            r#"{"parent":"r","dish":{"title":"","course":"COURSE_UNSPECIFIED","ingredients":[{"product":"a"},{}],"barter":"","vegan":true}}"#.into(),
            &["dish.title", "dish.course", "dish.ingredients[1].product"],
        ),
        // An update is about what its mask names.
        ("UpdateDish", "{}".into(), &["dish"]),
        ("UpdateDish", r#"{"dish":{}}"#.into(), &[]),
        ("UpdateDish", r#"{"dish":{"recipe":{}},"updateMask":""}"#.into(), &[]),
        ("UpdateDish", update("", "heat,labels"), &[]),
        ("UpdateDish", update("", "title"), &["dish.title"]),
        ("UpdateDish", update(r#""title":"x""#, "title"), &[]),
        ("UpdateDish", update("", "recipe"), &[]),
        ("UpdateDish", update(r#""recipe":{}"#, "recipe"), &["dish.recipe.text"]),
        ("UpdateDish", update(r#""recipe":{}"#, "recipe.author"), &[]),
        ("UpdateDish", update("", "recipe.text"), &["dish.recipe.text"]),
        ("UpdateDish", update("", "ingredients"), &["dish.ingredients"]),
        ("UpdateDish", update(r#""extras":{"a":{}}"#, "extras"), &["dish.extras[\"a\"].product"]),
        ("UpdateDish", update(r#""title":"x""#, "*"), &[
            "dish.name", "dish.course", "dish.ingredients", "dish.cents", "dish.vegan",
        ]),
        ("UpdateDish", update(&whole, "*"), &[]),
        ("UpdateDish", update("", "facts.anything,labels.k"), &[]),
        (
            "UpdateDish",
            update("", "nothing,title.x,recipe.nothing"),
            &["update_mask", "update_mask", "update_mask"],
        ),
        ("DeleteDish", "{}".into(), &["name"]),
        ("CookDish", r#"{"name":"restaurants/r/dishes/d","picture":""}"#.into(), &["picture"]),
        ("UpdateMenuDdl", r#"{"menu":"m","statements":[]}"#.into(), &["statements"]),
        // The body is the whole request: the resource is what the RPC's name speaks of.
        ("CreateMenu", r#"{"menu":{}}"#.into(), &["menu.title"]),
        ("Clean", "{}".into(), &[]),
    ];
    for (rpc, json, fields) in table {
        let method = method(&service, rpc);
        let violations = check(method, &message(method, &json));
        let found: Vec<&str> = violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(found, fields, "{rpc} {json}\n{violations:#?}");
    }
}

#[test]
fn a_payload_in_a_request_has_a_known_type() {
    let service = kitchen();
    let method = method(&service, "CreateDish");
    let mut request =
        message(method, &format!(r#"{{"parent":"r","dish":{{{WHOLE},"note":{{}}}}}}"#));
    let dish = request.get_field_by_name_mut("dish").unwrap().as_message_mut().unwrap();
    let note = dish.get_field_by_name_mut("note").unwrap().as_message_mut().unwrap();
    note.set_field_by_number(1, prost_reflect::Value::String("type.googleapis.com/no.Such".into()));
    let violations = check(method, &request);
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].field, "dish.note");
    assert_eq!(
        violations[0].description,
        "Invalid value at 'dish.note': no descriptor declares the type \"type.googleapis.com/no.Such\"."
    );
}
