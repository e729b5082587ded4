//! The sample worker: leases over gRPC as any worker would.

use std::time::Duration;

use longrun_client::{Client, Context, WorkError, Worker};
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Any, Struct, Value};
use tokio::sync::watch;
use tokio::time::timeout;

/// What it works on.
pub(crate) const METHOD: &str = "demo.v1.Demo/Build";

/// How long one step of the work takes, and how many there are.
const STEP: Duration = Duration::from_millis(500);
const STEPS: u32 = 10;

/// Works until it is told to stop; what it has begun then goes back to the server at once.
pub(crate) async fn run(client: Client, mut stopping: watch::Receiver<bool>) {
    let worker =
        Worker::new(client, "longrun.local").worker_id("demo").drain_timeout(Duration::ZERO);
    let stopped = async move {
        // An error means that the demo is gone, which is stopping too.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let worker = worker.handle_any(METHOD, |context, _| build(context));
    if let Err(error) = worker.run_until(stopped).await {
        tracing::warn!(%error, "the demo worker gave up");
    }
}

/// One operation: a step, then its progress, until done or asked to cancel.
async fn build(context: Context) -> Result<Any, WorkError> {
    for step in 0..STEPS {
        context.progress_any(progress(percent(step))).await?;
        let asked = timeout(STEP, context.cancelled()).await;
        // Done is done, even if a cancel comes last.
        if asked.is_ok() && step + 1 < STEPS {
            return Err(WorkError::cancelled(format!("cancelled at {} %", percent(step))));
        }
    }
    context.progress_any(progress(percent(STEPS))).await?;
    let id = context.name().rsplit('/').next().unwrap_or_default();
    Ok(structure([("artifact", Kind::StringValue(format!("{id}.tar.gz")))]))
}

fn percent(step: u32) -> u32 {
    step * 100 / STEPS
}

fn progress(percent: u32) -> Any {
    structure([("progressPercent", Kind::NumberValue(percent.into()))])
}

fn structure<const N: usize>(fields: [(&str, Kind); N]) -> Any {
    let value = |(key, kind): (&str, Kind)| (key.to_owned(), Value { kind: Some(kind) });
    let content = Struct { fields: fields.into_iter().map(value).collect() };
    Any {
        type_url: "type.googleapis.com/google.protobuf.Struct".to_owned(),
        value: content.encode_to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents() {
        assert_eq!((percent(0), percent(STEPS / 2), percent(STEPS)), (0, 50, 100));
    }
}
