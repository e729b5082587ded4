//! Under which resource a call's operation stands.

use prost_reflect::DynamicMessage;

use super::resource::resource;
use crate::catalog::{Method, Service, text_at};
use crate::error::Violation;
use crate::operation::Parent;

/// The parent that `operation_parent` gives, else the longest beginning of a resource name in
/// the request under which GetOperation reads operations, else none. The request's names are
/// looked at in this order: `parent`, `name`, `{resource}.name`, the path's first variable.
///
/// # Errors
/// When the setting and the request together give a name that no client could read.
pub(super) fn parent(
    service: &Service,
    method: &Method,
    request: &DynamicMessage,
) -> Result<Parent, Violation> {
    if let Some(template) = method.lro.as_ref().and_then(|lro| lro.parent.as_ref()) {
        let text = template.fill(request);
        let parent = Parent::parse(&text).ok();
        let read = parent.filter(|parent| service.reads_operations_under(parent.as_str()));
        return read.ok_or_else(|| {
            let field = template.field().unwrap_or_default().to_owned();
            let shown: String = text.chars().take(256).collect();
            let description = format!(
                "Invalid value at '{field}': no operation of {} can be read under \"{shown}\".",
                service.name
            );
            Violation { field, description }
        });
    }
    let resource = resource(method).map(|field| format!("{}.name", field.name()));
    let named = ["parent".to_owned(), "name".to_owned()].into_iter().chain(resource);
    let mut paths = named.chain(first_variables(method));
    let found = paths.find_map(|path| {
        let text = text_at(request, &path)?;
        longest(&text, |prefix| service.reads_operations_under(prefix))
    });
    Ok(found.unwrap_or_default())
}

/// What the operation is about: the first that is set of `name`, `{resource}.name`, `parent`
/// and the path's first variable; empty if none is.
pub(super) fn target(method: &Method, request: &DynamicMessage) -> String {
    let resource = resource(method).map(|field| format!("{}.name", field.name()));
    let named = std::iter::once("name".to_owned()).chain(resource).chain(["parent".to_owned()]);
    let mut texts = named.chain(first_variables(method)).filter_map(|path| text_at(request, &path));
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}

fn first_variables(method: &Method) -> impl Iterator<Item = String> {
    let first =
        |template: &longrun_transcoding::Template| template.variables().next().map(str::to_owned);
    method.bindings.iter().filter_map(move |binding| first(&binding.rule.template))
}

/// The longest beginning of a resource name, whole segments of it, that `fits`.
fn longest(name: &str, fits: impl Fn(&str) -> bool) -> Option<Parent> {
    let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
    let ends: Vec<usize> = ends.take_while(|end| *end <= NAME_BYTES_MAX).collect();
    ends.into_iter()
        .rev()
        .map(|end| &name[..end])
        .filter(|prefix| !prefix.is_empty())
        .find_map(|prefix| Parent::parse(prefix).ok().filter(|parent| fits(parent.as_str())))
}

/// No parent is longer.
const NAME_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_that_fits() {
        let locations = |prefix: &str| {
            let parts: Vec<&str> = prefix.split('/').collect();
            matches!(parts.as_slice(), ["projects", _] | ["projects", _, "locations", _])
        };
        let table = [
            ("projects/p/locations/l/clusters/c", Some("projects/p/locations/l")),
            ("projects/p/locations/l", Some("projects/p/locations/l")),
            ("projects/p/locations", Some("projects/p")),
            ("projects/p/", Some("projects/p")),
            ("projects//locations/l", None),
            ("folders/f", None),
            ("/projects/p", None),
            ("", None),
        ];
        for (name, expected) in table {
            let found = longest(name, locations);
            assert_eq!(found.as_ref().map(Parent::as_str), expected, "{name}");
        }
        assert_eq!(longest(&"a/".repeat(100_000), |_| true).unwrap().as_str().len(), 1023);
    }
}
