//! `longrun operations delete`.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;
use longrun_client::ClientError;

use super::Names;
use super::each::{each, say};
use super::session::{Session, View};
use super::target::Target;
use crate::output::{Exit, Failure};

/// Flags of `longrun operations delete`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    names: Names,
    /// Don't ask. Without a terminal to ask on, nothing is deleted that isn't told so.
    #[arg(long, short)]
    yes: bool,
}

/// Deletes each, and says so.
pub(super) async fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let targets = arguments.names.targets();
    if !arguments.yes && !confirm(&targets)? {
        return Err(Failure::new("nothing is deleted"));
    }
    let session = Session::open(&arguments.names.access).await?;
    let session = &session;
    let ask = |target| async move {
        session.delete(target).await.map_err(|error| session.explain(error))
    };
    let take = |_, name: String| {
        say(&format!("{name}: deleted"));
        Ok(Exit::Ok)
    };
    each(&targets, ask, take, say).await
}

/// Asks on the terminal.
fn confirm(targets: &[Target]) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::usage(
            "there is no terminal to ask on, so nothing is deleted; say --yes to delete",
        ));
    }
    let mut stderr = io::stderr().lock();
    let names: String = targets.iter().map(|target| format!("  {}\n", target.operation)).collect();
    let question = format!("{names}Clients won't see this again. Delete? [y/N] ");
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(Failure::new)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Failure::new)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

impl Session {
    /// Deletes it, and says by which name.
    async fn delete(&self, target: &Target) -> Result<String, ClientError> {
        let (view, _) = self.find(target).await?;
        if let View::Record(name) = &view {
            let deleted = self.backend().delete_record(name);
            if self.as_backend(deleted).await?.is_some() {
                return Ok(name.clone());
            }
        }
        // The Backend may be for reading only; then the operation is still its owner's.
        let client = self.client_of(view.service(target)).await?;
        client.delete_operation(&target.operation).await?;
        Ok(target.operation.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, yes) in [
            ("y\n", true),
            (" YES\r\n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yep\n", false),
        ] {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }
}
