//! Answers, which leave once the batch is durable.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::operation::Record;
use crate::store::StoreError;

/// What becomes of one change.
pub(super) type Answer = Result<Arc<Record>, StoreError>;

/// A job's answer, sent once the batch is durable.
pub(super) type Reply = Box<dyn FnOnce(Result<(), &str>)>;

/// The reply with the answers of a batch of changes.
pub(super) fn answers_reply(reply: oneshot::Sender<Vec<Answer>>, answers: Vec<Answer>) -> Reply {
    Box::new(move |done| {
        let answers = match done {
            Ok(()) => answers,
            Err(text) => {
                answers.iter().map(|_| Err(StoreError::Unavailable(text.into()))).collect()
            }
        };
        // A caller that left doesn't need its answer.
        let _ = reply.send(answers);
    })
}

/// Sends what a job has come to.
pub(super) fn send<T>(reply: oneshot::Sender<Result<T, StoreError>>, done: Result<T, &str>) {
    // A caller that left doesn't need its answer.
    let _ = reply.send(done.map_err(|text| StoreError::Unavailable(text.into())));
}
