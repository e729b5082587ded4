//! `longrun operations watch`.

use std::cell::RefCell;

use clap::Args;
use longrun_client::{Code, patiently};
use serde_json::Value;
use tokio::time::sleep;

use super::bars::Bars;
use super::each::{each, say};
use super::follow::PAUSE;
use super::format::{Format, Shape, Sink};
use super::resume::{Resume, interruptible};
use super::seen::Seen;
use super::session::Session;
use super::target::Target;
use super::{Access, Output};
use crate::output::{Exit, Failure};

const STREAMS: &str = "\
With names, each is shown as it is and whenever it changes, until all are done; the exit code is
that of a wait. Without, whatever changes from now on is shown until Ctrl-C, which says how to go
on; that needs the Backend's view. json, jsonl and yaml show the server's messages then:
{record, resumeToken}, or {removed, name, resumeToken} of one that went or passes the filter no
more.";

/// Flags of `longrun operations watch`.
#[derive(Args, Debug)]
#[command(after_help = STREAMS)]
pub(super) struct Arguments {
    /// An id, `operations/ID`, `PARENT/operations/ID`, or `services/SERVICE/operations/ID`;
    /// without any, all operations.
    #[arg(value_name = "NAME", conflicts_with_all = ["filter", "resume_token"])]
    names: Vec<String>,
    #[command(flatten)]
    access: Access,
    /// Those that pass (AIP-160), such as 'state=RUNNING'.
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Go on after the message with this token, at most a day old.
    #[arg(long, value_name = "TOKEN")]
    resume_token: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Watches the names to their end, or all operations until Ctrl-C.
pub(super) async fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let token = RefCell::new(arguments.resume_token.clone());
    let resume = || {
        let mut resume = Resume::new("watch", &arguments.names, &arguments.access);
        resume.flag("--filter", arguments.filter.as_deref());
        resume.flag("--resume-token", token.borrow().as_deref());
        resume.output(&arguments.output);
        format!("to go on: {resume}")
    };
    let session = Session::open(&arguments.access).await?;
    let shown = Shown::new(arguments);
    if !arguments.names.is_empty() {
        return interruptible(named(arguments, &session, &shown), resume).await;
    }
    let ended = interruptible(all(arguments, &session, &shown, &token), &resume).await;
    ended.map_err(|mut failure| {
        // A token that expired, or a server that stays away, is an interruption too.
        let broken = matches!(failure.exit, Exit::Auth | Exit::Unavailable);
        if broken && token.borrow().is_some() {
            failure.message += &format!("; {}", resume());
        }
        failure
    })
}

/// What is on stdout, and what is on stderr.
struct Shown {
    sink: RefCell<Sink>,
    bars: Bars,
}

impl Shown {
    fn new(arguments: &Arguments) -> Self {
        let services = arguments.access.service.is_none();
        let sink = Sink::new(&arguments.output.format, Shape::Stream { services });
        Self { sink: RefCell::new(sink), bars: Bars::new() }
    }

    fn put(&self, value: &Value) -> Result<(), Failure> {
        self.bars.suspend(|| self.sink.borrow_mut().put(value.clone()))
    }
}

async fn named(arguments: &Arguments, session: &Session, shown: &Shown) -> Result<Exit, Failure> {
    let service = arguments.access.service.as_deref();
    let targets: Vec<Target> =
        arguments.names.iter().map(|name| Target::parse(name, service)).collect();
    let ask = |target| async move {
        let seen = |value: &Value| {
            shown.put(value)?;
            shown.bars.show(value);
            Ok(())
        };
        let done = session.follow(target, &seen).await?;
        // In the order in which they end, which each() doesn't keep.
        shown.bars.show(&done);
        shown.put(&done)?;
        Ok(Seen(&done).outcome())
    };
    each(&targets, ask, |_, exit| Ok(exit), |what| shown.bars.suspend(|| say(what))).await
}

async fn all(
    arguments: &Arguments,
    session: &Session,
    shown: &Shown,
    token: &RefCell<Option<String>>,
) -> Result<Exit, Failure> {
    let messages = matches!(arguments.output.format, Format::Json | Format::Jsonl | Format::Yaml);
    let service = arguments.access.service.as_deref().unwrap_or("-");
    let filter = arguments.filter.as_deref().unwrap_or_default();
    loop {
        let from = token.borrow().clone().unwrap_or_default();
        let opened =
            patiently(async || session.as_backend(session.watch(service, filter, &from)).await);
        let Some(mut stream) = opened.await.map_err(|error| session.explain(error))? else {
            return Err(Failure {
                exit: Exit::Auth,
                message: "a client can watch operations by name alone: give names, or a token \
                          with the scope longrun.backend.readonly"
                    .to_owned(),
            });
        };
        loop {
            let message = match stream.next().await {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(error) if error.code == Code::Unavailable => break,
                Err(error) => return Err(session.explain(error)),
            };
            if let Some(value) = change(&message) {
                shown.put(if messages { &message } else { value })?;
                shown.bars.show(value);
            }
            if let Some(place) = message["resumeToken"].as_str() {
                token.replace(Some(place.to_owned()));
            }
        }
        sleep(PAUSE).await;
    }
}

/// The record that changed, or the message that says that it went; `None` of a heartbeat.
fn change(message: &Value) -> Option<&Value> {
    match message.get("record") {
        Some(record) => Some(record),
        None => (message["removed"] == true).then_some(message),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_messages_tell() {
        let record = json!({"record": {"name": "a"}, "resumeToken": "t"});
        assert_eq!(change(&record), Some(&json!({"name": "a"})));
        let removed = json!({"removed": true, "name": "a", "resumeToken": "t"});
        assert_eq!(change(&removed), Some(&removed));
        assert_eq!(change(&json!({"resumeToken": "t"})), None);
    }
}
