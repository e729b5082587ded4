//! One record, from its lease to its end.

use std::any::Any;
use std::time::Duration;

use longrun_api::longrun::v1::OperationRecord;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{sleep, timeout};
use tonic::Code;

use super::backend::{Answer, Outcome};
use super::error::{admitted, lost, passing};
use super::{Context, Handler, Retry, WorkError};
use crate::{ClientError, Failure, Payload};

/// What a lease is taken to last when the record doesn't say.
const LEASE: Duration = Duration::from_secs(30);
/// Before the first call again; each pause is twice the one before.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// How long a handler that was stopped may take to reach its next await.
const STOP_MAX: Duration = Duration::from_secs(2);
/// How long the end may still be told after everything is over.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

type Ended = Result<Result<Payload, WorkError>, JoinError>;

/// Why the loop looks at a record again.
enum End {
    Ended(Ended),
    Lost,
    Over,
}

/// The handler's task; it ends with its record's.
struct Running(JoinHandle<Result<Payload, WorkError>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Running {
    /// Whether it has ended: one that never awaits can't be stopped.
    async fn stop(mut self) -> bool {
        self.0.abort();
        timeout(STOP_MAX, &mut self.0).await.is_ok()
    }
}

/// Works on a record until it is finished, given back, or lost; `unfit` ends the loop.
pub(super) async fn run(
    context: Context,
    handler: Handler,
    mut over: watch::Receiver<bool>,
    unfit: mpsc::Sender<String>,
) {
    let name = context.name();
    let work = context.clone();
    let mut running = Running(tokio::spawn(async move { handler(work).await }));
    let end = tokio::select! {
        biased;
        ended = &mut running.0 => End::Ended(ended),
        () = keep(&context) => End::Lost,
        () = context.lost() => End::Lost,
        () = set(&mut over) => End::Over,
    };
    let ended = match end {
        End::Ended(ended) if !context.is_lost() => ended,
        End::Ended(_) | End::Lost => {
            tracing::warn!(name, "the lease is lost; the work is stopped");
            running.stop().await;
            return;
        }
        End::Over => {
            if running.stop().await {
                give_back(&context).await;
            }
            return;
        }
    };
    let told = tell(&context, verdict(ended), &unfit);
    tokio::pin!(told);
    tokio::select! {
        () = &mut told => {}
        () = async { keep(&context).await; std::future::pending().await } => {}
        () = set(&mut over) => {
            if timeout(LAST_WORDS_MAX, told).await.is_err() {
                tracing::warn!(name, "the end of the work was not told in time");
            }
        }
    }
}

/// Until everything is over: the worker ends, whatever still runs.
async fn set(over: &mut watch::Receiver<bool>) {
    // An error means that the loop is gone, which is over too.
    let _ = over.wait_for(|over| *over).await;
}

/// Back to be leased again; the attempt doesn't count.
async fn give_back(context: &Context) {
    let name = context.name();
    let given_back = context.backend().release(context.held(), None, Duration::ZERO);
    match timeout(LAST_WORDS_MAX, given_back).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(name, %error, "not given back"),
        Err(_) => tracing::warn!(name, "not given back in time"),
    }
}

/// Renews the lease until it is lost.
async fn keep(context: &Context) {
    let period = lease_duration(context.record()) / 3;
    let mut pause = period;
    loop {
        sleep(pause).await;
        pause = match timeout(period, context.renew(None)).await {
            Ok(Ok(())) => period,
            Ok(Err(error)) if lost(&error) => return,
            Ok(Err(error)) => {
                tracing::warn!(name = context.name(), %error, "the lease was not renewed");
                period / 4
            }
            Err(_) => {
                tracing::warn!(name = context.name(), "the lease was not renewed in time");
                PAUSE_MIN
            }
        };
    }
}

/// As the server gave it: a lease is a write, so its time is the record's update time.
fn lease_duration(record: &OperationRecord) -> Duration {
    let end = record.lease.as_ref().and_then(|lease| lease.expire_time);
    let nanos = |time: prost_types::Timestamp| {
        i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
    };
    let span = end.zip(record.update_time).map(|(end, start)| nanos(end) - nanos(start));
    let span = span.and_then(|span| u64::try_from(span).ok()).filter(|span| *span > 0);
    span.map_or(LEASE, Duration::from_nanos)
}

enum Verdict {
    Finish(Outcome),
    Reject(Failure),
    Release(Retry),
    GiveBack(String),
}

fn verdict(ended: Ended) -> Verdict {
    match ended {
        Ok(Ok(response)) => Verdict::Finish(Outcome::Response(response)),
        Ok(Err(WorkError::Failed(failure))) => Verdict::Finish(Outcome::Failure(failure)),
        Ok(Err(WorkError::Rejected(failure))) => Verdict::Reject(failure),
        Ok(Err(WorkError::Retry(retry))) => Verdict::Release(retry),
        Ok(Err(WorkError::Unfit(why))) => Verdict::GiveBack(why),
        Err(error) => {
            let what = match error.try_into_panic() {
                Ok(panic) => format!("the worker panicked: {}", text(&*panic)),
                Err(_) => "the worker's task was stopped".to_owned(),
            };
            Verdict::Release(Retry::new(Code::Internal, what))
        }
    }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// Says how it ended. The same call may be made again: a finish repeats with its token.
async fn tell(context: &Context, verdict: Verdict, unfit: &mpsc::Sender<String>) {
    let (backend, held) = (context.backend(), context.held());
    let mut told = match &verdict {
        Verdict::Finish(outcome) => tirelessly(|| backend.finish(held, outcome.clone())).await,
        Verdict::Reject(failure) => {
            let outcome = Outcome::Failure(failure.clone());
            match tirelessly(|| backend.reject(held, failure.clone())).await {
                Err(error) if admitted(&error) => {
                    tirelessly(|| backend.finish(held, outcome.clone())).await
                }
                told => told,
            }
        }
        Verdict::Release(Retry { failure, delay }) => {
            tirelessly(|| backend.release(held, Some(failure.clone()), *delay)).await
        }
        Verdict::GiveBack(why) => {
            // An error means that the loop has ended already. It has to, or else the same worker
            // would lease the record again.
            let _ = unfit.send(why.clone()).await;
            unfit.closed().await;
            tirelessly(|| backend.release(held, None, Duration::ZERO)).await
        }
    };
    if let Err(error) = &told
        && error.code == Code::InvalidArgument
    {
        // Or else the record would be worked on again, only to be refused again.
        let what = format!("the server refused what the worker said: {error}");
        tracing::error!(name = context.name(), "{what}");
        let outcome = Outcome::Failure(Failure::new(Code::Internal, what));
        told = tirelessly(|| backend.finish(held, outcome.clone())).await;
    }
    if let Err(error) = told {
        tracing::warn!(name = context.name(), %error, "the end of the work was not taken");
    }
}

/// Makes a call until the server answers it.
async fn tirelessly<'a>(mut call: impl FnMut() -> Answer<'a, ()>) -> Result<(), ClientError> {
    let mut pause = PAUSE_MIN;
    loop {
        match call().await {
            Err(error) if passing(error.code) => sleep(pause).await,
            answer => return answer,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
