//! What the options of services and methods say.

use longrun_transcoding::{Rule, TemplateError};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor, Value,
};

/// `google.api.default_host`.
pub(super) fn default_host(service: &ServiceDescriptor) -> Option<String> {
    text(&service.options(), service, "google.api.default_host")
}

/// `google.api.oauth_scopes`.
pub(super) fn oauth_scopes(service: &ServiceDescriptor) -> Vec<String> {
    let scopes = text(&service.options(), service, "google.api.oauth_scopes").unwrap_or_default();
    let scopes = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty());
    scopes.map(str::to_owned).collect()
}

fn text(options: &DynamicMessage, service: &ServiceDescriptor, name: &str) -> Option<String> {
    let extension = service.parent_pool().get_extension_by_name(name)?;
    if !options.has_extension(&extension) {
        return None;
    }
    let value = options.get_extension(&extension);
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn message(method: &MethodDescriptor, name: &str) -> Option<DynamicMessage> {
    let options = method.options();
    let extension = method.parent_pool().get_extension_by_name(name)?;
    if !options.has_extension(&extension) {
        return None;
    }
    options.get_extension(&extension).as_message().cloned()
}

/// `google.api.http`, with its additional bindings.
///
/// # Errors
/// When one of the paths is no template.
pub(super) fn http(method: &MethodDescriptor) -> Result<Vec<Rule>, TemplateError> {
    match message(method, "google.api.http") {
        Some(rule) => Rule::from_annotation(&rule),
        None => Ok(Vec::new()),
    }
}

/// One type of `google.longrunning.operation_info`.
#[derive(Clone, Debug)]
pub(super) enum Declared {
    /// Nothing is said.
    Absent,
    /// This type.
    Type(MessageDescriptor),
    /// A name that no descriptor has.
    Unknown(String),
}

/// `google.longrunning.operation_info`: response and metadata type. Names without a
/// package are looked up in the method's own.
pub(super) fn operation_info(method: &MethodDescriptor) -> (Declared, Declared) {
    let Some(info) = message(method, "google.longrunning.operation_info") else {
        return (Declared::Absent, Declared::Absent);
    };
    let declared = |field: &str| {
        let value = info.get_field_by_name(field).map(std::borrow::Cow::into_owned);
        match value {
            Some(Value::String(name)) if !name.is_empty() => named(method, &name),
            _ => Declared::Absent,
        }
    };
    (declared("response_type"), declared("metadata_type"))
}

fn named(method: &MethodDescriptor, name: &str) -> Declared {
    let pool = method.parent_pool();
    let full = name.trim_start_matches('.');
    let package = method.parent_file().package_name().to_owned();
    let own = pool.get_message_by_name(&format!("{package}.{full}"));
    match own.or_else(|| pool.get_message_by_name(full)) {
        Some(found) => Declared::Type(found),
        None => Declared::Unknown(name.to_owned()),
    }
}

/// Whether `google.api.field_behavior` has `REQUIRED`.
pub(super) fn is_required(field: &FieldDescriptor) -> bool {
    const REQUIRED: i32 = 2;
    let behavior = field_option(field, "google.api.field_behavior");
    let values = behavior.as_ref().and_then(Value::as_list).unwrap_or_default();
    values.iter().any(|value| value.as_enum_number() == Some(REQUIRED))
}

/// Whether `google.api.field_info` says format `UUID4`.
pub(super) fn is_uuid4(field: &FieldDescriptor) -> bool {
    const UUID4: i32 = 1;
    let info = field_option(field, "google.api.field_info");
    let format = info.as_ref().and_then(Value::as_message);
    let format = format.and_then(|info| info.get_field_by_name("format"));
    format.is_some_and(|format| format.as_enum_number() == Some(UUID4))
}

fn field_option(field: &FieldDescriptor, name: &str) -> Option<Value> {
    let extension = field.parent_pool().get_extension_by_name(name)?;
    let options = field.options();
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}
