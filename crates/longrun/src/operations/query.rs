//! Paths with queries, and texts in filters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path as it stands, and those of the parameters that say something.
pub(super) fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut whole = path.to_owned();
    let given = parameters.iter().filter(|(_, value)| !value.is_empty());
    for (index, (name, value)) in given.enumerate() {
        let mark = if index == 0 { '?' } else { '&' };
        whole += &format!("{mark}{name}={}", utf8_percent_encode(value, ESCAPED));
    }
    whole
}

/// A text of a filter (AIP-160) that means itself, whatever is in it.
pub(super) fn literal(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '*') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let table: [(&[(&str, &str)], &str); 3] = [
            (&[], "/v1/a"),
            (&[("filter", "")], "/v1/a"),
            (
                &[("x", ""), ("filter", "a=\"é\" b"), ("y", "1&2")],
                "/v1/a?filter=a%3D%22%C3%A9%22%20b&y=1%262",
            ),
        ];
        for (parameters, expected) in table {
            assert_eq!(with_query("/v1/a", parameters), expected);
        }
    }

    #[test]
    fn literals() {
        assert_eq!(literal("operations/a"), r#""operations/a""#);
        assert_eq!(literal(r#"a"*\"#), r#""a\"\*\\""#);
    }
}
