//! An RPC's request from an HTTP request: path, query and body.

use std::collections::HashMap;

use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};

use crate::json::{DEPTH_MAX, LEVELS_MAX, Path, Reader, Tree, is_wrapper, takes_null};
use crate::violation::short;
use crate::{Body, Rule, Violation};

/// Builds the request message of a rule.
///
/// # Errors
/// All that is wrong with the path's values, the query and the body.
pub fn build_request(
    input: &MessageDescriptor,
    rule: &Rule,
    captures: &[(String, String)],
    query: &[(String, String)],
    body: &[u8],
) -> Result<DynamicMessage, Vec<Violation>> {
    build(input, rule, captures, query, body, DEPTH_MAX)
}

fn build(
    input: &MessageDescriptor,
    rule: &Rule,
    captures: &[(String, String)],
    query: &[(String, String)],
    body: &[u8],
    depth_max: usize,
) -> Result<DynamicMessage, Vec<Violation>> {
    let mut reader = Reader::default();
    let mut message = DynamicMessage::new(input.clone());
    read_body(&mut reader, &mut message, rule, body, depth_max).map_err(|one| vec![one])?;
    for (path, text) in captures {
        bind_path(&mut reader, &mut message, path, text);
    }
    for parameter in parameters(&mut reader, input, rule, captures, query) {
        bind_query(&mut reader, &mut message, &parameter);
    }
    if reader.violations.is_empty() { Ok(message) } else { Err(reader.violations) }
}

/// Builds the request message of a rule and encodes it. A body nested deeper than
/// `depth_max` is refused, and one deeper than [`DEPTH_MAX`] whatever that says.
///
/// # Errors
/// As [`build_request`].
pub fn encode_request(
    input: &MessageDescriptor,
    rule: &Rule,
    captures: &[(String, String)],
    query: &[(String, String)],
    body: &[u8],
    depth_max: usize,
) -> Result<Vec<u8>, Vec<Violation>> {
    if query.is_empty()
        && body.is_empty()
        && let Some(encoded) = encode_names(input, captures)
    {
        return Ok(encoded);
    }
    let message = build(input, rule, captures, query, body, depth_max)?;
    Ok(message.encode_to_vec())
}

/// A request that is nothing but texts of its path, as most reads are: encoded without a
/// message in between. `None` if a variable is anything but a plain text field.
fn encode_names(input: &MessageDescriptor, captures: &[(String, String)]) -> Option<Vec<u8>> {
    let mut encoded = Vec::with_capacity(64);
    for (path, text) in captures {
        let field = input.get_field_by_name(path)?;
        if field.is_list() || field.kind() != Kind::String || field.containing_oneof().is_some() {
            return None;
        }
        if !text.is_empty() {
            prost::encoding::string::encode(field.number(), text, &mut encoded);
        }
    }
    Some(encoded)
}

fn read_body(
    reader: &mut Reader,
    message: &mut DynamicMessage,
    rule: &Rule,
    body: &[u8],
    depth_max: usize,
) -> Result<(), Violation> {
    let blank = body.iter().all(u8::is_ascii_whitespace);
    match &rule.body {
        Body::None if body.is_empty() => {}
        Body::None => {
            reader.refuse(|| Violation::new("", "The request body must be empty."));
        }
        Body::All | Body::Field(_) if blank => {}
        Body::All => {
            let pairs = Tree::read_object(body, depth_max)?;
            reader.fields(message, pairs.iter(), &Path::Root);
        }
        Body::Field(name) => {
            let tree = Tree::read(body, depth_max)?;
            let Some(field) = message.descriptor().get_field_by_name(name) else {
                return Err(Violation::unknown_name(name, ""));
            };
            if (tree != Tree::Null || takes_null(&field))
                && let Some(value) = reader.field(&field, &tree, &Path::Field(&Path::Root, name))
            {
                message.set_field(&field, value);
            }
        }
    }
    Ok(())
}

/// Sets a field that the path gives; the body may repeat it, but not say otherwise.
fn bind_path(reader: &mut Reader, message: &mut DynamicMessage, path: &str, text: &str) {
    let Some(fields) = resolve(&message.descriptor(), path) else {
        reader.refuse(|| Violation::unknown_name(path, ""));
        return;
    };
    let Some((last, parents)) = fields.split_last() else { return };
    let at = Path::Field(&Path::Root, path);
    let Some(value) = reader.field(last, &tree(last, text), &at) else { return };
    let Some(parent) = descend(reader, message, parents, path) else { return };
    let given = parent.get_field(last);
    if parent.has_field(last) && *given != value {
        let description = format!(
            "The binding value \"{}\" of the field '{path}' is conflicting with the value \"{}\" in the body.",
            short(text, 256),
            short(&shown(&given), 256)
        );
        reader.refuse(|| Violation::new(path, description));
        return;
    }
    let outer = Path::Field(&Path::Root, enclosing(path));
    if !reader.oneof_is_taken(parent, last, path, &outer) {
        parent.set_field(last, value);
    }
}

/// One field of the query, and all that the query gives it.
struct Parameter<'q> {
    name: &'q str,
    at: String,
    path: Vec<FieldDescriptor>,
    texts: Vec<&'q str>,
}

/// The fields that a query names, in its order; what it may not name is refused.
fn parameters<'q>(
    reader: &mut Reader,
    input: &MessageDescriptor,
    rule: &Rule,
    captures: &[(String, String)],
    query: &'q [(String, String)],
) -> Vec<Parameter<'q>> {
    let mut parameters: Vec<Parameter<'q>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let in_body = |path: &[FieldDescriptor]| match &rule.body {
        Body::None => false,
        Body::All => true,
        Body::Field(field) => path.first().is_some_and(|first| first.name() == field),
    };
    for (name, text) in query {
        let Some(path) = resolve(input, name) else {
            reader.refuse(|| Violation::unknown_parameter(name));
            continue;
        };
        let at = dotted(&path);
        if captures.iter().any(|(field, _)| *field == at) {
            let why = "the path gives it; leave it out of the query.";
            reader.refuse(|| Violation::invalid(at, why));
        } else if in_body(&path) {
            reader.refuse(|| Violation::unknown_parameter(name));
        } else if let Some(place) = places.get(&at) {
            parameters[*place].texts.push(text);
        } else {
            places.insert(at.clone(), parameters.len());
            parameters.push(Parameter { name, at, path, texts: vec![text] });
        }
    }
    parameters
}

fn bind_query(reader: &mut Reader, message: &mut DynamicMessage, parameter: &Parameter<'_>) {
    let Some((last, parents)) = parameter.path.split_last() else { return };
    let at = parameter.at.as_str();
    let path = Path::Field(&Path::Root, at);
    let tree = match parameter.texts.as_slice() {
        texts if last.is_list() => {
            Tree::List(texts.iter().map(|text| scalar(last, text)).collect())
        }
        // An empty value leaves what isn't text as it is.
        [""] if !takes_empty(&last.kind()) => return,
        [text] => scalar(last, text),
        _ => {
            let why = "the field is given more than once.";
            reader.refuse(|| Violation::invalid(at, why));
            return;
        }
    };
    let Some(value) = reader.field(last, &tree, &path) else { return };
    let Some(parent) = descend(reader, message, parents, parameter.name) else { return };
    let outer = Path::Field(&Path::Root, enclosing(at));
    if !reader.oneof_is_taken(parent, last, parameter.name, &outer) {
        parent.set_field(last, value);
    }
}

/// A text as the JSON of its field.
fn tree(field: &FieldDescriptor, text: &str) -> Tree {
    let scalar = scalar(field, text);
    if field.is_list() { Tree::List(vec![scalar]) } else { scalar }
}

/// A text as JSON of its field's kind: path and query have no types of their own.
fn scalar(field: &FieldDescriptor, text: &str) -> Tree {
    let is_bool = match field.kind() {
        Kind::Bool => true,
        Kind::Message(kind) => kind.full_name() == "google.protobuf.BoolValue",
        _ => false,
    };
    match text {
        "true" if is_bool => Tree::Bool(true),
        "false" if is_bool => Tree::Bool(false),
        _ => Tree::Text(text.to_owned()),
    }
}

/// Kinds of which the empty text is a value.
fn takes_empty(kind: &Kind) -> bool {
    match kind {
        Kind::String | Kind::Bytes => true,
        Kind::Message(kind) => {
            matches!(kind.full_name(), "google.protobuf.StringValue" | "google.protobuf.BytesValue")
        }
        _ => false,
    }
}

/// The fields on a dotted path, camelCase or snake_case; `None` if there is no such path,
/// or it can't come from text.
fn resolve(input: &MessageDescriptor, path: &str) -> Option<Vec<FieldDescriptor>> {
    let mut descriptor = Some(input.clone());
    let mut fields: Vec<FieldDescriptor> = Vec::new();
    for name in path.split('.') {
        if fields.last().is_some_and(FieldDescriptor::is_list) || fields.len() == LEVELS_MAX {
            return None;
        }
        let owner = descriptor?;
        let field = owner.get_field_by_json_name(name).or_else(|| owner.get_field_by_name(name))?;
        if field.is_map() {
            return None;
        }
        descriptor = match field.kind() {
            Kind::Message(inner) => Some(inner),
            _ => None,
        };
        fields.push(field);
    }
    match fields.last()?.kind() {
        Kind::Message(inner) if !reads_text(inner.full_name()) => None,
        _ => Some(fields),
    }
}

/// Messages that JSON writes as one text or number.
fn reads_text(name: &str) -> bool {
    name.strip_prefix("google.protobuf.").is_some_and(|short| {
        is_wrapper(short) || matches!(short, "Timestamp" | "Duration" | "FieldMask")
    })
}

/// The message that a path's inner fields lead to; `None`, said by then, if a field of
/// theirs stands in a oneof beside one that is set.
fn descend<'m>(
    reader: &mut Reader,
    mut message: &'m mut DynamicMessage,
    parents: &[FieldDescriptor],
    name: &str,
) -> Option<&'m mut DynamicMessage> {
    for (depth, field) in parents.iter().enumerate() {
        let at = dotted(&parents[..depth]);
        if reader.oneof_is_taken(message, field, name, &Path::Field(&Path::Root, &at)) {
            return None;
        }
        message = message
            .get_field_mut(field)
            .as_message_mut()
            .expect("a path's inner fields are messages");
    }
    Some(message)
}

/// A value of one field, in an error.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::I32(value) | Value::EnumNumber(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => value.to_string(),
        Value::F64(value) => value.to_string(),
        Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Message(_) => "…".to_owned(),
    }
}

fn dotted(path: &[FieldDescriptor]) -> String {
    path.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
}

/// The path of the message that a field stands in.
fn enclosing(path: &str) -> &str {
    path.rsplit_once('.').map(|(outer, _)| outer).unwrap_or_default()
}
