//! The `update_mask` of a request (AIP-134, AIP-161).

use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value};

/// The paths of a mask, each in its segments. None: nobody says what is written.
pub(super) struct Mask(Vec<Vec<String>>);

impl Mask {
    /// The mask of a request that can have one; an absent one is empty.
    pub(super) fn of(request: &DynamicMessage) -> Option<Self> {
        let value = request.get_field_by_name("update_mask")?;
        let mask = value.as_message()?;
        let paths = mask.get_field_by_name("paths")?;
        let texts = paths.as_list()?.iter().filter_map(Value::as_str);
        Some(Self(texts.map(segments).collect()))
    }

    /// Whether it names everything.
    pub(super) fn is_whole(&self) -> bool {
        self.0.iter().any(|path| path == &["*"])
    }

    pub(super) fn paths(&self) -> Vec<&[String]> {
        self.0.iter().map(Vec::as_slice).collect()
    }

    /// The paths that lead to no field of the resource.
    pub(super) fn unknown_paths(&self, resource: &MessageDescriptor) -> Vec<String> {
        let known = |path: &&Vec<String>| *path == &["*"] || leads(resource, path);
        self.0.iter().filter(|path| !known(path)).map(|path| path.join(".")).collect()
    }
}

/// A path's segments; one in backticks may have dots.
fn segments(path: &str) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut quoted = false;
    for c in path.chars() {
        match c {
            '`' => quoted = !quoted,
            '.' if !quoted => segments.push(String::new()),
            c => segments.last_mut().expect("there is always one").push(c),
        }
    }
    segments
}

/// Whether a path leads to a field, a key of a map, or `*`: what all elements of a list have.
fn leads(message: &MessageDescriptor, path: &[String]) -> bool {
    let Some((name, mut rest)) = path.split_first() else { return true };
    if message.full_name() == "google.protobuf.Struct" {
        return true;
    }
    let Some(field) = message.get_field_by_name(name) else { return false };
    let mut kind = field.kind();
    if let Some((key, behind)) = rest.split_first()
        && (field.is_map() || field.is_list())
    {
        if field.is_list() && key != "*" {
            return false;
        }
        rest = behind;
        if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
            kind = entry.map_entry_value_field().kind();
        }
    }
    match (rest, kind) {
        ([], _) => true,
        (rest, Kind::Message(inner)) => leads(&inner, rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;

    #[test]
    fn paths_lead_to_fields() {
        let pool = DescriptorPool::decode(longrun_api::DESCRIPTORS).unwrap();
        let record = pool.get_message_by_name("longrun.v1.OperationRecord").unwrap();
        let table = [
            ("name", true),
            ("labels", true),
            ("labels.a", true),
            ("labels.`a.b`", true),
            ("labels.a.b", false),
            ("operation.error.message", true),
            ("operation.error.details.*.type_url", true),
            ("operation.error.details.0.type_url", false),
            ("operation.error.details.type_url", false),
            ("createTime", false),
            ("none", false),
            ("name.none", false),
            ("", false),
        ];
        for (path, expected) in table {
            assert_eq!(leads(&record, &segments(path)), expected, "{path}");
        }
        let structure = pool.get_message_by_name("google.protobuf.Struct");
        assert!(structure.is_none_or(|found| leads(&found, &segments("any.key"))));
    }
}
