//! `longrun operations wait`.

use std::time::Duration;

use clap::Args;
use longrun_server::config::parse_duration;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::bars::Bars;
use super::each::{each, say};
use super::resume::{Resume, interruptible};
use super::seen::Seen;
use super::session::Session;
use super::target::Target;
use super::{Names, Output};
use crate::output::{Exit, Failure};

/// Flags of `longrun operations wait`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    output: Output,
    /// Give up after so long, with exit code 124: "500ms", "90s", "5m".
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

/// Waits for all, and ends as they did.
pub(super) async fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let resume = || {
        let mut resume = Resume::new("wait", &arguments.names.names, &arguments.names.access);
        resume.output(&arguments.output);
        format!("the work goes on. To wait again: {resume}")
    };
    interruptible(wait(arguments), resume).await
}

async fn wait(arguments: &Arguments) -> Result<Exit, Failure> {
    let deadline = arguments.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let targets = arguments.names.targets();
    let session = Session::open(&arguments.names.access).await?;
    let bars = Bars::new();
    let mut sink = arguments.names.sink(&arguments.output);
    let ask = |target| until(deadline, &session, target, &bars);
    let take = |target: &Target, done: Option<Value>| match done {
        Some(value) => {
            let exit = Seen(&value).outcome();
            bars.suspend(|| sink.put(value))?;
            Ok(exit)
        }
        None => {
            bars.suspend(|| say(&format!("{}: still open", target.operation)));
            Ok(Exit::TimedOut)
        }
    };
    let exit = each(&targets, ask, take, |what| bars.suspend(|| say(what))).await?;
    drop(bars);
    sink.end()?;
    Ok(exit)
}

/// The operation, once it is done; `None` when the time is over first. Of one that is done
/// already, or isn't there, the answer comes even after that.
async fn until(
    deadline: Option<Instant>,
    session: &Session,
    target: &Target,
    bars: &Bars,
) -> Result<Option<Value>, Failure> {
    let seen = |value: &Value| {
        bars.show(value);
        Ok(())
    };
    let done = session.follow(target, &seen);
    let done = match deadline {
        None => done.await?,
        Some(deadline) => match timeout_at(deadline, done).await {
            Ok(done) => done?,
            Err(_) => return late(session, target).await,
        },
    };
    bars.show(&done);
    Ok(Some(done))
}

/// One look more, after the time is over.
async fn late(session: &Session, target: &Target) -> Result<Option<Value>, Failure> {
    let (_, now) = session.find(target).await.map_err(|error| session.explain(error))?;
    Ok(Seen(&now).is_done().then_some(now))
}
