//! create -> lease -> finish -> observed by the client that waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use futures::future::try_join_all;
use longrun_api::longrun::v1::{CreateOperationRequest, OperationRecord};
use longrun_client::{Client, Payload, Worker};

use crate::Failure;
use crate::figures::Times;
use crate::server::Program;

const METHOD: &str = "bench.v1.Bench/Run";

/// How much to do.
#[derive(Args)]
pub(crate) struct Plan {
    /// Clients, each with one operation at a time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Operations in all.
    #[arg(long, default_value_t = 20_000)]
    operations: usize,
}

/// Each client creates an operation and waits for it; one worker does as many at once as
/// there are clients, and answers at once.
pub(crate) async fn measure(program: &Program, plan: &Plan) -> Result<(), Failure> {
    let server = program.longrun().await?;
    let endpoint = format!("http://{}", server.address);
    let worker = Worker::new(Client::connect(&endpoint, None).await?, "longrun.local")
        .concurrency(plan.clients)
        .handle_any(
            METHOD,
            |_, request| async move { Ok(Payload::from(request.unwrap_or_default())) },
        );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(worker.run_until(async { drop(stopped.await) }));

    let client = Client::connect(&endpoint, None).await?;
    run(&client, plan.clients, plan.operations / 10).await?;
    let (cpu, start) = (server.cpu()?, Instant::now());
    let times = run(&client, plan.clients, plan.operations).await?;
    let (elapsed, cpu) = (start.elapsed(), server.cpu()? - cpu);

    let per = |time: Duration| plan.operations as f64 / time.as_secs_f64();
    println!(
        "longrun lifecycle: {:.0} operations/s, {:.0} per server CPU-second; create to observed {}",
        per(elapsed),
        per(cpu),
        Times::new(times),
    );
    drop(stop);
    working.await??;
    Ok(())
}

async fn run(client: &Client, clients: usize, count: usize) -> Result<Vec<Duration>, Failure> {
    let left = Arc::new(AtomicUsize::new(count));
    let each = (0..clients).map(|_| {
        let (client, left) = (client.clone(), left.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
            {
                let start = Instant::now();
                one(&client).await?;
                times.push(start.elapsed());
            }
            Ok::<_, Failure>(times)
        })
    });
    let mut all = Vec::with_capacity(count);
    for times in try_join_all(each).await? {
        all.extend(times?);
    }
    Ok(all)
}

async fn one(client: &Client) -> Result<(), Failure> {
    let request = longrun_client::pack(&"a request of about the size that they have".to_owned());
    let record = OperationRecord {
        method: METHOD.to_owned(),
        owner: "local:anonymous".to_owned(),
        request: Some(request),
        ..OperationRecord::default()
    };
    let create = CreateOperationRequest {
        parent: "services/longrun.local".to_owned(),
        record: Some(record),
        ..CreateOperationRequest::default()
    };
    let record = client.create_operation(create).await?;
    let name = record.operation.map(|operation| operation.name).unwrap_or_default();
    let done = client.wait_operation(&name, None).await?;
    match done.done {
        true => Ok(()),
        false => Err(format!("{name} is still open after a whole wait").into()),
    }
}
