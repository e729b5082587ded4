//! `google.protobuf.FieldMask` as text.

use prost_reflect::Value;

/// `aB,c.dE` as the paths `a_b` and `c.d_e`; snake_case is taken as it is.
pub(super) fn read(text: &str) -> Option<Vec<Value>> {
    let paths = text.split(',').map(str::trim).filter(|path| !path.is_empty());
    paths.map(|path| snake(path).map(Value::String)).collect()
}

/// The text of paths.
pub(super) fn write(paths: &[Value]) -> String {
    let paths: Vec<String> = paths.iter().filter_map(|path| path.as_str().map(camel)).collect();
    paths.join(",")
}

fn snake(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        if !c.is_ascii_alphanumeric() && !"_.*".contains(c) {
            return None;
        }
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    Some(snake)
}

/// An underscore goes where a capital can stand for it, and stays elsewhere: `a_1` would
/// not come back from `a1`.
fn camel(path: &str) -> String {
    let mut camel = String::with_capacity(path.len());
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.next_if(|next| c == '_' && next.is_ascii_lowercase()) {
            Some(next) => camel.push(next.to_ascii_uppercase()),
            None => camel.push(c),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let table = [
            ("", ""),
            ("a", "a"),
            ("a_b,c.d_e", "aB,c.dE"),
            ("a.b_c_d", "a.bCD"),
            ("_a", "A"),
            ("a__b", "a_B"),
            ("a_1", "a_1"),
            ("a_", "a_"),
            ("*", "*"),
        ];
        for (paths, text) in table {
            let paths: Vec<Value> = paths
                .split(',')
                .filter(|path| !path.is_empty())
                .map(|path| Value::String(path.to_owned()))
                .collect();
            assert_eq!(write(&paths), text);
            assert_eq!(read(text), Some(paths), "{text}");
        }
    }

    #[test]
    fn snake_case_and_spaces_are_read() {
        let expected = ["a_b", "c"].map(|path| Value::String(path.to_owned())).to_vec();
        assert_eq!(read("a_b, c,"), Some(expected));
        for text in ["a b", "a-b", "a(b)", "ä"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
