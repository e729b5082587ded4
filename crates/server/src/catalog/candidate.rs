//! Which bindings are served: those whose fields are there, and whose shape no other has.

use std::collections::HashMap;
use std::sync::Arc;

use longrun_transcoding::{Body, Router, Rule};
use prost_reflect::{Kind, MessageDescriptor};

use super::{Binding, Method, Problem};

/// A binding, before it is known whether it is served.
pub(super) struct Candidate {
    /// Configs' rules come first, in their order; then the files'.
    pub(super) order: (bool, usize, usize),
    pub(super) method: usize,
    pub(super) binding: Binding,
    pub(super) place: String,
}

/// Makes the router; a rule whose shape another one has is not served.
pub(super) fn route(
    methods: &mut [Method],
    mut candidates: Vec<Candidate>,
    problems: &mut Vec<Problem>,
) -> Router<(usize, usize)> {
    let mut router = Router::new();
    let mut first: HashMap<(String, String), (usize, String)> = HashMap::new();
    candidates.sort_by_key(|candidate| candidate.order);
    for Candidate { method, binding, place, .. } in candidates {
        let name = methods[method].name.clone();
        let template = binding.rule.template.clone();
        let shown = format!("{} {template}", binding.rule.verb);
        if is_reserved(template.first_literal()) {
            let what = format!(
                "{name}: {shown} can match a path that the server keeps for itself: it is not served there"
            );
            problems.push(Problem::warning(&place, what));
        }
        let index = methods[method].bindings.len();
        match router.insert(&binding.rule.verb, &template, (method, index)) {
            Ok(()) => {
                first.insert((binding.rule.verb.clone(), template.to_string()), (method, place));
                methods[method].bindings.push(Arc::new(binding));
            }
            Err(shadowed) => {
                let key = (binding.rule.verb.clone(), shadowed.by.clone());
                let Some((other, other_place)) = first.get(&key) else { continue };
                // Two versions may well give one RPC one path.
                if *other != method {
                    let other = &methods[*other].name;
                    let what = format!(
                        "{name}: {shown} has the shape of {}, which is {other}'s ({other_place}) and served instead",
                        shadowed.by
                    );
                    problems.push(Problem::warning(&place, what));
                }
            }
        }
    }
    router
}

fn is_reserved(first: Option<&str>) -> bool {
    let reserved = ["longrun", "$discovery", "console", "livez", "readyz", "metrics"];
    first.is_none_or(|first| reserved.contains(&first))
}

/// Whether a rule's fields are there.
pub(super) fn check(
    rule: &Rule,
    input: &MessageDescriptor,
    output: &MessageDescriptor,
) -> Result<(), String> {
    for path in rule.template.variables() {
        let mut message = Some(input.clone());
        for part in path.split('.') {
            let field = message.as_ref().and_then(|message| message.get_field_by_name(part));
            let Some(field) = field else {
                return Err(format!(
                    "the path binds `{path}`, which {} has not",
                    input.full_name()
                ));
            };
            message = match field.kind() {
                Kind::Message(inner) if !field.is_list() && !field.is_map() => Some(inner),
                _ => None,
            };
        }
    }
    if let Body::Field(field) = &rule.body
        && input.get_field_by_name(field).is_none()
    {
        return Err(format!("the body is `{field}`, which {} has not", input.full_name()));
    }
    match &rule.response_body {
        Some(field) if output.get_field_by_name(field).is_none() => {
            Err(format!("the response body is `{field}`, which {} has not", output.full_name()))
        }
        _ => Ok(()),
    }
}
