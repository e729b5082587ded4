//! What filters mean, as far as no payload is asked.

mod fields;
mod grammar;
mod literals;
mod properties;

use super::FilterError;
use super::parse::Syntax;

/// `(and a=1 (or b=2 (not c:*)))`
fn show(syntax: &Syntax) -> String {
    let each = |name: &str, parts: &[Syntax]| {
        let parts: Vec<String> = parts.iter().map(show).collect();
        format!("({name} {})", parts.join(" "))
    };
    match syntax {
        Syntax::All(parts) if parts.is_empty() => "()".to_owned(),
        Syntax::All(parts) => each("and", parts),
        Syntax::Any(parts) => each("or", parts),
        Syntax::Not(inner) => format!("(not {})", show(inner)),
        Syntax::Restriction(restriction) => {
            let path: Vec<&str> =
                restriction.field.path.iter().map(|(name, _)| name.as_str()).collect();
            let operator = match restriction.field.operator {
                operator if operator.has => ":",
                operator => match operator.compare {
                    super::Compare::Equal => "=",
                    super::Compare::NotEqual => "!=",
                    super::Compare::Less => "<",
                    super::Compare::LessOrEqual => "<=",
                    super::Compare::Greater => ">",
                    super::Compare::GreaterOrEqual => ">=",
                },
            };
            format!("{}{operator}{}", path.join("/"), restriction.value.text())
        }
    }
}

/// Column and message.
fn told(error: FilterError) -> (usize, String) {
    (error.column, error.message)
}
