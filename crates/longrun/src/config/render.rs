//! TOML, with a comment behind each value.

use toml::{Table, Value};

/// A step from a table to what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A table as text, values before the tables in it; `comment` says what stands behind the value
/// at a path.
pub(super) fn render(table: &Table, comment: &dyn Fn(&[Step]) -> Option<String>) -> String {
    let mut text = String::new();
    write(table, &[], &mut text, comment);
    text
}

fn write(
    table: &Table,
    path: &[Step],
    text: &mut String,
    comment: &dyn Fn(&[Step]) -> Option<String>,
) {
    let below = |step: Step| [path, &[step]].concat();
    for (name, value) in table.iter().filter(|(_, value)| !is_tables(value)) {
        let comment = comment(&below(Step::Key(name.clone())));
        let comment = comment.map(|comment| format!("  # {comment}")).unwrap_or_default();
        *text += &format!("{} = {value}{comment}\n", key(name));
    }
    for (name, value) in table.iter().filter(|(_, value)| is_tables(value)) {
        let path = below(Step::Key(name.clone()));
        match value {
            Value::Table(inner) => {
                // A table of tables alone needs no line of its own.
                if inner.values().any(|value| !is_tables(value)) {
                    *text += &format!("\n[{}]\n", header(&path));
                }
                write(inner, &path, text, comment);
            }
            Value::Array(all) => {
                for (index, inner) in all.iter().filter_map(Value::as_table).enumerate() {
                    *text += &format!("\n[[{}]]\n", header(&path));
                    write(inner, &[&path[..], &[Step::Index(index)]].concat(), text, comment);
                }
            }
            _ => {}
        }
    }
}

fn is_tables(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(all) => all.first().is_some_and(Value::is_table),
        _ => false,
    }
}

fn header(path: &[Step]) -> String {
    let keys = path.iter().filter_map(|step| match step {
        Step::Key(name) => Some(key(name)),
        Step::Index(_) => None,
    });
    keys.collect::<Vec<_>>().join(".")
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match !name.is_empty() && name.chars().all(bare) {
        true => name.to_owned(),
        false => Value::from(name).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        let text = r#"
            empty = []
            list = ["a\"b", "c"]
            number = 1
            [auth]
            [limits]
            x = true
            [[service]]
            name = "a"
            [service.method."pkg.Service/Method"]
            deadline = "6s"
            [[service]]
            name = "b"
        "#;
        let table: Table = text.parse().unwrap();
        let written = render(&table, &|path| Some(format!("{} steps", path.len())));
        assert_eq!(written.parse::<Table>().unwrap()["service"], table["service"]);
        insta::assert_snapshot!(written);
    }
}
