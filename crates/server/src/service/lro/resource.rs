//! Which field of a request is the resource that it is about, and what an RPC's name says.

use longrun_transcoding::Body;
use prost_reflect::{FieldDescriptor, Kind};

use crate::catalog::Method;

/// The first word of an RPC's name: `Create` of `CreateSubscription`.
pub(super) fn first_word(rpc: &str) -> &str {
    let mut lower = false;
    let end = rpc.char_indices().find(|(_, c)| {
        let starts = lower && c.is_uppercase();
        lower = !c.is_uppercase();
        starts
    });
    end.map_or(rpc, |(at, _)| &rpc[..at])
}

/// The field that holds the resource: the one that an HTTP rule names as its body. Where
/// the body is the whole request, it is the message that the RPC's name speaks of
/// (`instance` in CreateInstance) or in which a variable of the path stands.
pub(super) fn resource(method: &Method) -> Option<FieldDescriptor> {
    let rules = || method.bindings.iter().map(|binding| &binding.rule);
    let body = rules().find_map(|rule| match &rule.body {
        Body::Field(field) => Some(field.as_str()),
        _ => None,
    });
    let (_, rpc) = method.names();
    let noun = snake_case(&rpc[first_word(rpc).len()..]);
    let bound = rules().flat_map(|rule| rule.template.variables());
    let bound = bound.filter_map(|path| path.split_once('.').map(|(first, _)| first));
    let candidates = body.into_iter().chain([noun.as_str()]).chain(bound);
    let fields = candidates.filter_map(|name| method.input.get_field_by_name(name));
    let mut messages = fields.filter(|field| {
        let single = !field.is_list() && !field.is_map();
        single && matches!(field.kind(), Kind::Message(_))
    });
    messages.next()
}

fn snake_case(words: &str) -> String {
    let mut text = String::with_capacity(words.len() + 4);
    for c in words.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_words() {
        let table = [
            ("CreateSubscription", "Create", "subscription"),
            ("UpdateDatabaseDdl", "Update", "database_ddl"),
            ("BatchCreateNodes", "Batch", "create_nodes"),
            ("Import", "Import", ""),
            ("TPUReset", "TPUReset", ""),
            ("Export2Files", "Export2", "files"),
        ];
        for (rpc, word, noun) in table {
            assert_eq!(first_word(rpc), word);
            assert_eq!(snake_case(&rpc[first_word(rpc).len()..]), noun);
        }
    }
}
