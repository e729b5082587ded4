//! The sample worker: leases over gRPC as any worker would.

use std::time::Duration;

use longrun_api::google::rpc;
use longrun_api::longrun::v1::finish_operation_request::Result as Outcome;
use longrun_api::longrun::v1::{
    FinishOperationRequest, LeaseOperationsRequest, OperationRecord, RenewLeaseRequest,
};
use longrun_client::{Client, ClientError, Code};
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Any, Struct, Value};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What it works on.
pub(crate) const METHOD: &str = "demo.v1.Demo/Build";

/// How long one step of the work takes, and how many there are.
const STEP: Duration = Duration::from_millis(500);
const STEPS: u32 = 10;
/// How many operations it works on at once.
const WORK_MAX: usize = 8;

/// Works until it is told to stop; what it has begun then is left to the lease's end.
pub(crate) async fn run(client: Client, mut stopping: watch::Receiver<bool>) {
    let mut work = JoinSet::new();
    while !*stopping.borrow() {
        while work.len() >= WORK_MAX {
            work.join_next().await;
        }
        let free = i32::try_from(WORK_MAX - work.len()).unwrap_or(1);
        match client.lease(lease_request(free)).await {
            Ok(records) => {
                for record in records {
                    let (client, stopping) = (client.clone(), stopping.clone());
                    work.spawn(async move {
                        let name = record.name.clone();
                        let built = build(&client, record, stopping.clone()).await;
                        // A server that stops is no news to whoever stops it.
                        if let Err(error) = built
                            && !*stopping.borrow()
                        {
                            tracing::warn!(%name, %error, "the demo worker gave up");
                        }
                    });
                }
            }
            Err(_) if *stopping.borrow() => {}
            Err(error) => {
                tracing::warn!(%error, "the demo worker got no work");
                pause(STEP * 4, &mut stopping).await;
            }
        }
        while work.try_join_next().is_some() {}
    }
    work.join_all().await;
}

/// Whether the work goes on after so long.
async fn pause(time: Duration, stopping: &mut watch::Receiver<bool>) -> bool {
    // An error means that the demo is gone, which is stopping too.
    timeout(time, stopping.wait_for(|stop| *stop)).await.is_err()
}

fn lease_request(max_operations: i32) -> LeaseOperationsRequest {
    LeaseOperationsRequest {
        parent: "services/longrun.local".to_owned(),
        methods: vec![METHOD.to_owned()],
        worker_id: "demo".to_owned(),
        max_operations,
        lease_duration: None,
        wait_timeout: Some(prost_types::Duration { seconds: 5, nanos: 0 }),
    }
}

/// One operation: a step, then its progress, until done or asked to cancel.
async fn build(
    client: &Client,
    record: OperationRecord,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), ClientError> {
    let token = record.lease.map(|lease| lease.token).unwrap_or_default();
    let name = record.name;
    let mut step = 0;
    let end = loop {
        let renewed = client.renew(RenewLeaseRequest {
            name: name.clone(),
            lease_token: token.clone(),
            lease_duration: None,
            metadata: Some(progress(percent(step))),
        });
        if let Some(end) = end(step, renewed.await?.cancel_request_time.is_some()) {
            break end;
        }
        if !pause(STEP, &mut stopping).await {
            return Ok(());
        }
        step += 1;
    };
    let result = match end {
        End::Built => Outcome::Response(structure([(
            "artifact",
            Kind::StringValue(format!("{}.tar.gz", name.rsplit('/').next().unwrap_or_default())),
        )])),
        End::Cancelled => Outcome::Error(rpc::Status {
            code: Code::Cancelled as i32,
            message: format!("cancelled at {} %", percent(step)),
            details: Vec::new(),
        }),
    };
    let finished = client.finish(FinishOperationRequest {
        name: name.clone(),
        result: Some(result),
        lease_token: token.clone(),
        metadata: None,
    });
    finished.await.map(drop)
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Built,
    Cancelled,
}

/// Whether the work ends after `step` steps; done is done, even if a cancel came last.
fn end(step: u32, cancel_asked: bool) -> Option<End> {
    match (step >= STEPS, cancel_asked) {
        (true, _) => Some(End::Built),
        (false, true) => Some(End::Cancelled),
        (false, false) => None,
    }
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
    fn ends() {
        let table = [
            (0, false, None),
            (0, true, Some(End::Cancelled)),
            (STEPS - 1, false, None),
            (STEPS - 1, true, Some(End::Cancelled)),
            (STEPS, false, Some(End::Built)),
            (STEPS, true, Some(End::Built)),
        ];
        for (step, cancel_asked, expected) in table {
            assert_eq!(end(step, cancel_asked), expected, "{step} {cancel_asked}");
        }
        assert_eq!((percent(0), percent(STEPS / 2), percent(STEPS)), (0, 50, 100));
    }
}
