//! `longrun worker exec`: one run of a command for each operation.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use longrun_client::{Code, Context, Payload, Retry, WorkError};
use longrun_server::config::parse_duration;
use serde_json::{Value, json};

use super::flags::Flags;
use super::lookup;
use super::process::Process;
use super::verdict::verdict;
use crate::logging;
use crate::output::{Exit, Failure};

const CONVENTIONS: &str = "\
The command gets
  stdin     the request as JSON, an Any with @type; {} if there is none
  fd 3      where it writes progress: a line of JSON with @type becomes the metadata
  LONGRUN_OPERATION, LONGRUN_RECORD, LONGRUN_SERVICE, LONGRUN_METHOD, LONGRUN_ATTEMPT,
  LONGRUN_MAX_ATTEMPTS, LONGRUN_OWNER, LONGRUN_DEADLINE

It says how the work ended
  0         stdout is the response as JSON with @type; google.protobuf.Empty if it is empty
  75        the attempt failed, the operation may be tried again
  79        the call is rejected while it is held (admit_timeout, validate_only), else the
            operation fails; FAILED_PRECONDITION
  64, 65    INVALID_ARGUMENT          66    NOT_FOUND        69    UNAVAILABLE
  70        INTERNAL                  77    PERMISSION_DENIED
  126, 127  what a shell says when it can't run or find a command: the operation is given back,
            the attempt doesn't count, and the worker ends with 1
  others    UNKNOWN
The error's message is the end of stderr; if its last line is a google.rpc.Status in JSON,
that is the error. A command that is killed is an attempt that failed. One that isn't there, or
may not be executed, is refused before anything is leased: the worker ends with 2.

On a cancel it gets SIGTERM, and SIGKILL after --grace; if it still ends with 0, the operation
has succeeded. A lease that is lost is a SIGKILL. Signals go to its whole process group.";

/// Flags of `longrun worker exec`.
#[derive(Args, Debug)]
#[command(after_help = CONVENTIONS)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// Which method's operations, pkg.Service/Method; repeatable.
    #[arg(long = "method", required = true, value_name = "METHOD")]
    methods: Vec<String>,
    /// How many run at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// How long after SIGTERM comes SIGKILL.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    grace: Duration,
    /// How long an operation rests before it is tried again.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    retry_delay: Duration,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Works until a signal.
pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    logging::start(None, "info")?;
    lookup::check(&arguments.command[0]).map_err(Failure::usage)?;
    let client = arguments.flags.open().await?;
    let concurrency = usize::from(arguments.concurrency);
    let mut worker = arguments.flags.worker(client.clone(), concurrency);
    let arguments = Arc::new(arguments);
    for method in arguments.methods.clone() {
        let (client, arguments) = (client.clone(), arguments.clone());
        worker = worker.handle_any(method, move |context, _| {
            let (client, arguments) = (client.clone(), arguments.clone());
            async move {
                let record = super::record(&client, &context).await?;
                one(&arguments, &context, &record).await
            }
        });
    }
    worker.run().await?;
    Ok(Exit::Ok)
}

/// One run of the command.
async fn one(
    arguments: &Arguments,
    context: &Context,
    record: &Value,
) -> Result<Payload, WorkError> {
    let name = context.name();
    let request = record.get("request").cloned().unwrap_or_else(|| json!({}));
    let variables = variables(arguments.flags.service(), record);
    let process = Process::start(&arguments.command, &variables).map_err(|error| {
        tracing::error!(name, %error, "the command can't be run");
        let what = format!("the worker can't run {}: {error}", arguments.command[0]);
        Retry::new(Code::Internal, what).after(arguments.retry_delay)
    })?;
    tracing::info!(name, attempt = context.attempt(), "started");
    let ended = process.run(context, &format!("{request}\n"), arguments.grace).await;
    tracing::info!(name, end = %ended.how, "ended");
    verdict(&ended, context.is_cancelled(), arguments.retry_delay)
}

/// What the command finds in its environment.
fn variables(service: &str, record: &Value) -> Vec<(&'static str, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    vec![
        ("LONGRUN_OPERATION", text(&record["operation"]["name"])),
        ("LONGRUN_RECORD", text(&record["name"])),
        ("LONGRUN_SERVICE", service.to_owned()),
        ("LONGRUN_METHOD", text(&record["method"])),
        ("LONGRUN_ATTEMPT", text(&record["attempt"])),
        ("LONGRUN_MAX_ATTEMPTS", text(&record["maxAttempts"])),
        ("LONGRUN_OWNER", text(&record["owner"])),
        ("LONGRUN_DEADLINE", text(&record["deadline"])),
    ]
}
