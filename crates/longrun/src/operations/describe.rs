//! `longrun operations describe`.

use clap::Args;

use super::each::{each, say};
use super::session::Session;
use super::{Names, Output};
use crate::output::{Exit, Failure};

/// Flags of `longrun operations describe`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    output: Output,
}

/// Shows each as it is now. One that failed is shown well: only a wait ends as its operation did.
pub(super) async fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let targets = arguments.names.targets();
    let session = Session::open(&arguments.names.access).await?;
    let session = &session;
    let mut sink = arguments.names.sink(&arguments.output);
    let ask =
        |target| async move { session.find(target).await.map_err(|error| session.explain(error)) };
    let take = |_, (_, value)| sink.put(value).map(|()| Exit::Ok);
    let exit = each(&targets, ask, take, say).await?;
    sink.end()?;
    Ok(exit)
}
