//! The loop itself: as many leases as there are hands, until a stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use longrun_api::longrun::v1::{LeaseOperationsRequest, OperationRecord};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use super::backend::Backend;
use super::error::passing;
use super::job;
use super::{Context, Handler};
use crate::ClientError;
use crate::operations::PAUSE_MIN;

/// How long the server may hold a lease call that finds no work.
const HOLD: Duration = Duration::from_secs(30);
/// The longest pause before a server that is away is asked again.
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// How long giving everything back may take.
const RELEASE_MAX: Duration = Duration::from_secs(5);

/// What a worker was told to do.
pub(super) struct Plan {
    pub(super) service: String,
    pub(super) worker_id: String,
    pub(super) concurrency: usize,
    pub(super) lease_duration: Option<Duration>,
    pub(super) drain_timeout: Duration,
    pub(super) handlers: BTreeMap<String, Handler>,
}

/// How soon the loop is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    No,
    /// Once the running work is done.
    Drain,
    Now,
}

/// Works until `stop`.
///
/// # Errors
/// What the server refuses for good; what the worker is not fit for.
pub(super) async fn drive(
    backend: Arc<dyn Backend>,
    plan: Plan,
    mut stop: watch::Receiver<Stop>,
) -> Result<(), ClientError> {
    let over = watch::Sender::new(false);
    let (unfit, mut reasons) = mpsc::channel(1);
    let mut running = JoinSet::new();
    let mut sequence = 0;
    let ended = loop {
        let next = async {
            while running.len() >= plan.concurrency {
                running.join_next().await;
            }
            while running.try_join_next().is_some() {}
            lease(&*backend, &plan, plan.concurrency - running.len()).await
        };
        let leased = tokio::select! {
            biased;
            // An error means that nobody can say stop any more, which is a stop too.
            _ = stop.wait_for(|stop| *stop >= Stop::Drain) => break Ok(()),
            Some(why) = reasons.recv() => {
                break Err(ClientError::new(Code::FailedPrecondition, why));
            }
            leased = next => leased,
        };
        let records = match leased {
            Ok(records) => records,
            Err(error) => break Err(error),
        };
        for record in records {
            let handler = plan.handlers.get(&record.method).cloned();
            let context = Context::new(backend.clone(), record, sequence);
            sequence += 1;
            match handler {
                Some(handler) => {
                    let job = job::run(context, handler, over.subscribe(), unfit.clone());
                    running.spawn(job);
                }
                // Not asked for: the lease runs out.
                None => tracing::error!(name = context.name(), "leased a method without a handler"),
            }
        }
    };
    // What is given back from now on isn't leased here again.
    drop(reasons);
    drain(running, plan.drain_timeout, stop, over).await;
    ended
}

/// Lets what runs finish, up to the limit; the rest is given back.
async fn drain(
    mut running: JoinSet<()>,
    limit: Duration,
    mut stop: watch::Receiver<Stop>,
    over: watch::Sender<bool>,
) {
    let hurry = async {
        if stop.wait_for(|stop| *stop == Stop::Now).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = all(&mut running) => return,
        () = sleep(limit) => {}
        () = hurry => {}
    }
    tracing::info!(count = running.len(), "giving back what is not done");
    over.send_replace(true);
    if timeout(RELEASE_MAX, all(&mut running)).await.is_err() {
        tracing::warn!(count = running.len(), "not given back; the leases run out");
    }
}

async fn all(running: &mut JoinSet<()>) {
    while running.join_next().await.is_some() {}
}

/// The next records, however long that takes.
async fn lease(
    backend: &dyn Backend,
    plan: &Plan,
    free: usize,
) -> Result<Vec<OperationRecord>, ClientError> {
    let request = LeaseOperationsRequest {
        parent: format!("services/{}", plan.service),
        methods: plan.handlers.keys().cloned().collect(),
        worker_id: plan.worker_id.clone(),
        max_operations: i32::try_from(free).unwrap_or(i32::MAX),
        lease_duration: plan.lease_duration.and_then(|duration| duration.try_into().ok()),
        wait_timeout: HOLD.try_into().ok(),
    };
    let mut pause = PAUSE_MIN;
    loop {
        let began = Instant::now();
        match backend.lease(request.clone()).await {
            Ok(records) if records.is_empty() => {
                // A server that stops answers at once.
                sleep(PAUSE_MIN.saturating_sub(began.elapsed())).await;
                pause = PAUSE_MIN;
            }
            Ok(records) => return Ok(records),
            Err(error)
                if passing(error.code) || matches!(error.code, Code::Internal | Code::Unknown) =>
            {
                tracing::warn!(%error, "no lease; asking again");
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Err(error) => return Err(error),
        }
    }
}
