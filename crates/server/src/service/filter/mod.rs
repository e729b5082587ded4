//! The part of a filter that no store answers: what is in metadata, responses and errors,
//! read by the descriptors of their types.
//!
//! Any type may stand in metadata, so nothing is wrong with a field that a record's type
//! hasn't, nor with a value that the field can't have: the comparison doesn't hold, `!=` no
//! more than `=`. Nor does one of a payload whose type no descriptor gives.

mod scalar;
#[cfg(test)]
pub(super) mod tests;
mod walk;

use std::cell::OnceCell;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};

use super::payload::full_name;
use crate::error::{Error, Result};
use crate::operation::filter::{Condition, Part, Question};
use crate::operation::{Outcome, Payload, Record};
use crate::wire;
use walk::Walk;

/// Reads a filter of at most `bytes_max` bytes.
///
/// # Errors
/// `INVALID_ARGUMENT`, saying what is wrong and where.
pub(super) fn parse(text: &str, bytes_max: usize) -> Result<Condition> {
    let refuse = |why: String| Error::invalid("filter", format!("Invalid filter: {why}"));
    let bytes = text.len();
    if bytes > bytes_max {
        return Err(refuse(format!("{bytes} bytes; a filter has at most {bytes_max}.")));
    }
    Condition::parse(text).map_err(|error| refuse(error.to_string()))
}

/// A record that is asked, and what was decoded of it for that.
pub(super) struct Asked<'a> {
    record: &'a Record,
    pool: &'a DescriptorPool,
    metadata: OnceCell<Option<DynamicMessage>>,
    outcome: OnceCell<Option<DynamicMessage>>,
}

impl<'a> Asked<'a> {
    /// `pool`: the descriptors by which its payloads are read.
    pub(super) fn new(record: &'a Record, pool: &'a DescriptorPool) -> Self {
        Self { record, pool, metadata: OnceCell::new(), outcome: OnceCell::new() }
    }

    /// Whether the condition holds for it.
    pub(super) fn is(&self, condition: &Condition) -> bool {
        condition.holds(self.record, &mut |question| self.answer(question))
    }

    fn answer(&self, question: &Question) -> bool {
        let outcome = self.record.done().map(|done| &done.outcome);
        match (question.part, outcome) {
            (Part::Metadata, _) => {
                let payload = self.record.metadata.as_ref();
                payload.is_some_and(|payload| self.payload(question, payload, &self.metadata))
            }
            (Part::Response, Some(Outcome::Response(payload))) => {
                self.payload(question, payload, &self.outcome)
            }
            (Part::Error, Some(Outcome::Error(status))) => {
                let decode = || {
                    let bytes = wire::status_message(status).encode_to_vec();
                    self.decode("google.rpc.Status", &bytes)
                };
                let message = self.outcome.get_or_init(decode).as_ref();
                message.is_some_and(|message| Walk::new(question).message(message))
            }
            _ => false,
        }
    }

    fn payload(
        &self,
        question: &Question,
        payload: &Payload,
        decoded: &OnceCell<Option<DynamicMessage>>,
    ) -> bool {
        match question.path.as_slice() {
            [only] if only == "@type" => return walk::type_is(question, &payload.type_url),
            [] if question.is_presence() => return true,
            _ => {}
        }
        let message =
            decoded.get_or_init(|| self.decode(full_name(&payload.type_url), &payload.value));
        message.as_ref().is_some_and(|message| Walk::new(question).message(message))
    }

    fn decode(&self, full_name: &str, bytes: &[u8]) -> Option<DynamicMessage> {
        let descriptor = self.pool.get_message_by_name(full_name)?;
        DynamicMessage::decode(descriptor, bytes).ok()
    }
}
