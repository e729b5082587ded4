//! What a payload must be before it is kept: of a type that the service's descriptors
//! give, nested ones too, or no client could read it.

use longrun_api::google::rpc;
use longrun_transcoding::{canonical, check_any_types, decode};
use prost_reflect::DynamicMessage;
use prost_types::Any;

use crate::catalog::Service;
use crate::error::Violation;
use crate::operation::Payload;

/// Adds what is wrong with the payload of `field` to `violations`.
pub(super) fn check(service: &Service, field: &str, any: &Any, violations: &mut Vec<Violation>) {
    let mut refuse = |description: String| {
        violations.push(Violation { field: field.to_owned(), description });
    };
    let name = full_name(&any.type_url);
    if any.type_url.len() == name.len() {
        let given = &any.type_url;
        return refuse(format!(
            "Invalid value at '{field}': type_url \"{given}\" should be type.googleapis.com/{{full name}}."
        ));
    }
    let Some(descriptor) = service.pool().get_message_by_name(name) else {
        return refuse(format!(
            "Invalid value at '{field}': no descriptor of service {} declares the type {name}.",
            service.name
        ));
    };
    let checked = decode(&descriptor, &any.value).and_then(|message| check_any_types(&message));
    if let Err(inner) = checked {
        refuse(format!("Invalid value at '{field}': {}", inner.description));
    }
}

/// Adds what is wrong with an operation's error to `violations`.
pub(super) fn check_status(
    service: &Service,
    field: &str,
    status: &rpc::Status,
    violations: &mut Vec<Violation>,
) {
    if !(1..=16).contains(&status.code) {
        let path = format!("{field}.code");
        let description = format!(
            "Invalid value at '{path}': {} is no google.rpc.Code of a failure (1 to 16).",
            status.code
        );
        violations.push(Violation { field: path, description });
    }
    for (index, detail) in status.details.iter().enumerate() {
        check(service, &format!("{field}.details[{index}]"), detail, violations);
    }
}

/// Whether two payloads of one type say the same: maps have no order.
pub(super) fn same(service: &Service, one: &Payload, other: &Payload) -> bool {
    let descriptor = service.pool().get_message_by_name(full_name(&one.type_url));
    descriptor.is_some_and(|descriptor| {
        let read = |payload: &Payload| {
            let message = DynamicMessage::decode(descriptor.clone(), payload.value.clone());
            message.ok().map(|message| canonical(&message))
        };
        read(one).is_some_and(|form| Some(form) == read(other))
    })
}

/// The full name in a type URL.
pub(super) fn full_name(type_url: &str) -> &str {
    type_url.rsplit('/').next().unwrap_or_default()
}
