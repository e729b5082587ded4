//! JSON with `{path}`s into a request.

use serde_json::{Map, Value};

/// Fills in a template. A text that is one `{path}` alone becomes what is there, whatever its
/// type; elsewhere it becomes text. `{{` and `}}` are braces.
///
/// # Errors
/// Which path leads nowhere, or which brace has no partner.
pub(super) fn render(
    template: &Value,
    look: &impl Fn(&str) -> Option<Value>,
) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) => fill(text, look)?,
        Value::Array(items) => {
            items.iter().map(|item| render(item, look)).collect::<Result<_, _>>()?
        }
        Value::Object(fields) => {
            let filled = fields.iter().map(|(key, value)| Ok((key.clone(), render(value, look)?)));
            Value::Object(filled.collect::<Result<Map<_, _>, String>>()?)
        }
        other => other.clone(),
    })
}

/// What a path of names and indices, separated by dots, leads to.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

fn fill(text: &str, look: &impl Fn(&str) -> Option<Value>) -> Result<Value, String> {
    let find = |path: &str| look(path).ok_or_else(|| format!("{{{path}}} leads nowhere"));
    if let Some(path) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
        && !path.contains(['{', '}'])
    {
        return find(path);
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(['{', '}']) {
        filled.push_str(&rest[..place]);
        rest = &rest[place..];
        if let Some(after) = rest.strip_prefix("{{") {
            (filled, rest) = (filled + "{", after);
        } else if let Some(after) = rest.strip_prefix("}}") {
            (filled, rest) = (filled + "}", after);
        } else {
            let inside = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let (path, after) = inside.ok_or_else(|| format!("`{text}`: a lone brace"))?;
            match find(path)? {
                Value::String(text) => filled.push_str(&text),
                other => filled.push_str(&other.to_string()),
            }
            rest = after;
        }
    }
    Ok(Value::String(filled + rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates() {
        let request = json!({"name": "Ada", "book": {"pages": [1, 2.5]}, "flag": true});
        let look = |path: &str| at(&request, path).cloned();
        let table = [
            (json!("{name}"), Ok(json!("Ada"))),
            (json!("{book.pages}"), Ok(json!([1, 2.5]))),
            (json!("{book.pages.1}"), Ok(json!(2.5))),
            (json!("{name} is {flag}: {book.pages.0}"), Ok(json!("Ada is true: 1"))),
            (json!("{{name}} }}{{"), Ok(json!("{name} }{"))),
            (json!([{"a": ["{flag}", 3]}, null]), Ok(json!([{"a": [true, 3]}, null]))),
            (json!("{nobody}"), Err("{nobody} leads nowhere".to_owned())),
            (json!("x{name.first}"), Err("{name.first} leads nowhere".to_owned())),
            (json!("a } b"), Err("`a } b`: a lone brace".to_owned())),
            (json!("a {b"), Err("`a {b`: a lone brace".to_owned())),
        ];
        for (template, expected) in table {
            assert_eq!(render(&template, &look), expected, "{template}");
        }
    }
}
