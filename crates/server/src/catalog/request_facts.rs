//! What the options of a request's fields say: which must be set, and which is the
//! request's id.

use std::collections::HashMap;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::annotation;

/// The facts about one method's request. Reading options takes its time, so they are read
/// once, when the method is first called.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// By the full name of each message that a request may hold.
    required: HashMap<String, Vec<FieldDescriptor>>,
    request_id: Option<FieldDescriptor>,
}

impl RequestFacts {
    pub(super) fn read(input: &MessageDescriptor) -> Self {
        let mut facts = Self::default();
        let mut left = vec![input.clone()];
        while let Some(message) = left.pop() {
            if facts.required.contains_key(message.full_name()) {
                continue;
            }
            let required = message.fields().filter(annotation::is_required).collect();
            facts.required.insert(message.full_name().to_owned(), required);
            for field in message.fields() {
                let held = match field.kind() {
                    Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
                    kind => kind,
                };
                if let Kind::Message(inner) = held {
                    left.push(inner);
                }
            }
        }
        let text = |field: &FieldDescriptor| !field.is_list() && field.kind() == Kind::String;
        let named = input.get_field_by_name("request_id").filter(text);
        facts.request_id = named
            .or_else(|| input.fields().find(|field| text(field) && annotation::is_uuid4(field)));
        facts
    }

    /// The fields of a message that are `REQUIRED` (`google.api.field_behavior`).
    #[must_use]
    pub fn required(&self, message: &MessageDescriptor) -> &[FieldDescriptor] {
        self.required.get(message.full_name()).map_or(&[], Vec::as_slice)
    }

    /// The request's id (AIP-155): the field `request_id`, or one of format `UUID4`.
    #[must_use]
    pub fn request_id(&self) -> Option<&FieldDescriptor> {
        self.request_id.as_ref()
    }
}
