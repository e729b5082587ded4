//! Settings that point into a method's request: `operation_parent` and `exclusive`.

use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};

/// The text of a request's field, given by a dotted path in snake_case. Empty if it is unset;
/// `None` if there is no such field, or it is no single text.
#[must_use]
pub fn text_at(request: &DynamicMessage, path: &str) -> Option<String> {
    match path.split_once('.') {
        None => request.get_field_by_name(path)?.as_str().map(str::to_owned),
        Some((first, rest)) => text_at(request.get_field_by_name(first)?.as_message()?, rest),
    }
}

/// Checks that a path leads to a text.
///
/// # Errors
/// Says what is wrong with the path.
pub(super) fn check_path(input: &MessageDescriptor, path: &str) -> Result<(), String> {
    let mut owner = Some(input.clone());
    let mut kind = None;
    for name in path.split('.') {
        let field = owner.as_ref().and_then(|owner| owner.get_field_by_name(name));
        let field = field.filter(|field| !field.is_list() && !field.is_map()).ok_or_else(|| {
            format!("`{path}` is no path to a single field of {}", input.full_name())
        })?;
        owner = match field.kind() {
            Kind::Message(inner) => Some(inner),
            _ => None,
        };
        kind = Some(field.kind());
    }
    match kind {
        Some(Kind::String) => Ok(()),
        _ => Err(format!("`{path}` of {} is no string", input.full_name())),
    }
}

/// A parent's text with fields of the request in it: `{database}`, `projects/{project_id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

impl ParentTemplate {
    /// Reads the setting.
    ///
    /// # Errors
    /// Says what is wrong: a brace that stands alone, or a path that leads to no text.
    pub(super) fn parse(input: &MessageDescriptor, source: &str) -> Result<Self, String> {
        let alone = || format!("a brace stands alone in `{source}`");
        let mut parts = Vec::new();
        let mut rest = source;
        while !rest.is_empty() {
            let (text, behind) = rest.split_once('{').unwrap_or((rest, ""));
            if text.contains('}') {
                return Err(alone());
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            if text.len() == rest.len() {
                break;
            }
            let (path, behind) = behind.split_once('}').ok_or_else(alone)?;
            check_path(input, path)?;
            parts.push(Part::Field(path.to_owned()));
            rest = behind;
        }
        Ok(Self(parts))
    }

    /// The parent, if every request has the same.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The parent of a request's operation.
    #[must_use]
    pub fn fill(&self, request: &DynamicMessage) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(path) => text_at(request, path).unwrap_or_default(),
        };
        self.0.iter().map(part).collect()
    }

    /// The first field in it, to which an error about the parent belongs.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.0.iter().find_map(|part| match part {
            Part::Field(path) => Some(path.as_str()),
            Part::Text(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::{DescriptorPool, Value};

    use super::*;

    fn input() -> MessageDescriptor {
        let pool = DescriptorPool::decode(longrun_api::DESCRIPTORS).unwrap();
        pool.get_message_by_name("longrun.v1.CreateOperationRequest").unwrap()
    }

    #[test]
    fn settings_name_texts() {
        let table = [
            ("", Ok(())),
            ("projects/p", Ok(())),
            ("{parent}", Ok(())),
            ("a/{operation_id}/b/{record.name}", Ok(())),
            ("{record.operation.name}/c", Ok(())),
            (
                "{none}",
                Err("`none` is no path to a single field of longrun.v1.CreateOperationRequest"),
            ),
            (
                "{record.none}",
                Err(
                    "`record.none` is no path to a single field of longrun.v1.CreateOperationRequest",
                ),
            ),
            (
                "{record.labels}",
                Err(
                    "`record.labels` is no path to a single field of longrun.v1.CreateOperationRequest",
                ),
            ),
            (
                "{parent.name}",
                Err(
                    "`parent.name` is no path to a single field of longrun.v1.CreateOperationRequest",
                ),
            ),
            ("{record}", Err("`record` of longrun.v1.CreateOperationRequest is no string")),
            (
                "{record.attempt}",
                Err("`record.attempt` of longrun.v1.CreateOperationRequest is no string"),
            ),
            ("{}", Err("`` is no path to a single field of longrun.v1.CreateOperationRequest")),
            ("{parent", Err("a brace stands alone in `{parent`")),
            ("parent}", Err("a brace stands alone in `parent}`")),
        ];
        for (source, expected) in table {
            let parsed = ParentTemplate::parse(&input(), source).map(drop);
            assert_eq!(parsed, expected.map_err(str::to_owned), "{source}");
        }
    }

    #[test]
    fn fields_fill_the_text() {
        let template = ParentTemplate::parse(&input(), "a/{operation_id}/{record.name}").unwrap();
        let mut request = DynamicMessage::new(input());
        assert_eq!(template.fill(&request), "a//");
        request.set_field_by_name("operation_id", Value::String("x".to_owned()));
        let record = request.get_field_by_name_mut("record").unwrap().as_message_mut().unwrap();
        record.set_field_by_name("name", Value::String("b/c".to_owned()));
        assert_eq!(template.fill(&request), "a/x/b/c");
        assert_eq!(template.field(), Some("operation_id"));
    }
}
