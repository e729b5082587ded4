//! Who calls, when, and by which operation.

use std::time::SystemTime;

use longrun_api::longrun::v1::OperationRecord;

/// What a decision needs to know beside the request.
pub(crate) struct Call {
    /// The id of the operation. It is the same in each attempt.
    pub(crate) operation: String,
    /// `users/{principal}`: on whose authority.
    pub(crate) authority: String,
    /// The time of the decision.
    pub(crate) now: SystemTime,
}

impl Call {
    /// Of a record that has just been leased.
    pub(crate) fn of(record: &OperationRecord) -> Self {
        let id = record.name.rsplit('/').next().unwrap_or_default();
        Self {
            operation: id.to_owned(),
            authority: format!("users/{}", record.owner),
            now: SystemTime::now(),
        }
    }
}
