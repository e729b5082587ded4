//! `longrun worker simulate`: operations that take their time, report, succeed and fail as a
//! script says.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use longrun_client::{Code, Context, Failure as Failed, Payload, WorkError, pack};
use longrun_server::clock::{Random as _, SystemRandom};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::flags::Flags;
use super::random;
use super::script::{self, Method, Script};
use super::template::{at, render};
use crate::logging;
use crate::output::{Exit, Failure};

const SCRIPT: &str = r#"The script, with a table for each method:
  [method."pkg.Service/Method"]
  delay = "2s"            # how long the work takes; none by default
  steps = 4               # progress reports after the one at the start; 1 by default
  metadata = { "@type" = "type.googleapis.com/pkg.Progress", percent = "{$percent}" }
  response = { "@type" = "type.googleapis.com/pkg.Book", name = "{parent}/books/1" }
  [method."pkg.Service/Method".error]
  rate = 0.1              # how many fail; all by default
  reject = true           # the call, while it is held for admission; false by default
  code = "UNAVAILABLE"
  message = "no room for {book.title}"
  details = []

A {path} stands for what is at that place of the request's JSON, and {$percent}, {$step},
{$steps}, {$operation}, {$attempt} for what they say; a text that is one of them alone takes
its type. {{ and }} are braces."#;

/// Flags of `longrun worker simulate`.
#[derive(Args, Debug)]
#[command(after_help = SCRIPT)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// What to do, in TOML.
    #[arg(long, value_name = "FILE.toml")]
    script: PathBuf,
    /// Decides which operations fail, in the order in which they come. [default: random;
    /// printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many operations go on at once.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
}

/// Works until a signal.
pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    logging::start(None, "info")?;
    let path = &arguments.script;
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let script = Script::parse(path, &text).map_err(Failure::new)?;
    let seed = arguments.seed.unwrap_or_else(|| {
        let mut bytes = [0; 8];
        SystemRandom.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    });
    eprintln!("longrun: the same again: --seed {seed}");
    let client = arguments.flags.open().await?;
    let concurrency = usize::from(arguments.concurrency);
    let mut worker = arguments.flags.worker(client.clone(), concurrency);
    for (name, method) in script.method {
        let (client, method) = (client.clone(), Arc::new(method));
        worker = worker.handle_any(name, move |context, _| {
            let (client, method) = (client.clone(), method.clone());
            async move {
                let record = super::record(&client, &context).await?;
                one(&method, &context, &record, random::fraction(seed, context.sequence())).await
            }
        });
    }
    worker.run().await?;
    Ok(Exit::Ok)
}

/// One operation; `draw` decides whether it fails.
async fn one(
    method: &Method,
    context: &Context,
    record: &Value,
    draw: f64,
) -> Result<Payload, WorkError> {
    let look = |step: u32, path: &str| match path.strip_prefix('$') {
        None => at(&record["request"], path).cloned(),
        Some("percent") => Some((step * 100 / method.steps).into()),
        Some("step") => Some(step.into()),
        Some("steps") => Some(method.steps.into()),
        Some("operation") => Some(record["operation"]["name"].clone()),
        Some("attempt") => Some(context.attempt().into()),
        Some(_) => None,
    };
    let fill = |template: &Value, step: u32| {
        render(template, &|path| look(step, path))
            .map_err(|what| WorkError::failed(Code::Internal, format!("the script: {what}")))
    };
    for step in 0..method.steps {
        if let Some(metadata) = &method.metadata {
            context.progress_any(fill(metadata, step)?).await?;
        }
        let pause = method.delay / method.steps;
        if timeout(pause, context.cancelled()).await.is_ok() {
            return Err(WorkError::cancelled("the simulated work was cancelled"));
        }
    }
    if let Some(metadata) = &method.metadata {
        context.progress_any(fill(metadata, method.steps)?).await?;
    }
    if let Some(error) = method.error.as_ref().filter(|error| draw < error.rate) {
        let details = error.details.iter().map(script::json).collect::<Result<Vec<_>, _>>();
        let details = details.map_err(|what| WorkError::failed(Code::Internal, what))?;
        let status = json!({"code": error.code, "message": error.message, "details": details});
        let failure = Failed::Json(fill(&status, method.steps)?);
        return Err(match error.reject {
            true => WorkError::Rejected(failure),
            false => WorkError::Failed(failure),
        });
    }
    match &method.response {
        Some(response) => Ok(fill(response, method.steps)?.into()),
        None => Ok(pack(&()).into()),
    }
}
