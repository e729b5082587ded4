//! `longrun operations cancel`.

use clap::Args;
use longrun_client::{ClientError, escape_path};
use serde_json::{Value, json};

use super::each::{each, say};
use super::format::{Shape, Sink};
use super::session::{Session, View};
use super::target::Target;
use super::{Names, Output};
use crate::output::{Exit, Failure};

/// Flags of `longrun operations cancel`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    output: Output,
}

/// Asks for each to be cancelled, and lists how they are then.
pub(super) async fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let targets = arguments.names.targets();
    let session = Session::open(&arguments.names.access).await?;
    let session = &session;
    let services = arguments.names.access.service.is_none();
    let mut sink = Sink::new(&arguments.output.format, Shape::List { services });
    let ask = |target| async move {
        session.cancel(target).await.map_err(|error| session.explain(error))
    };
    let take = |_, value| sink.put(value).map(|()| Exit::Ok);
    let exit = each(&targets, ask, take, say).await?;
    sink.end()?;
    Ok(exit)
}

impl Session {
    /// The operation after a cancel.
    async fn cancel(&self, target: &Target) -> Result<Value, ClientError> {
        let (view, _) = self.find(target).await?;
        if let View::Record(name) = &view {
            let path = format!("/longrun/v1/{}:cancel", escape_path(name));
            let nothing = json!({});
            let cancelled = self.backend().post_json(&path, &nothing);
            if let Some(record) = self.as_backend(cancelled).await? {
                return Ok(record);
            }
        }
        // The Backend may be for reading only; then the operation is still its owner's.
        let client = self.client_of(view.service(target)).await?;
        client.cancel_operation(&target.operation).await?;
        self.look(&view).await
    }
}
