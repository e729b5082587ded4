//! finish -> the waiting client's answer. Longrun and its peer are asked by the same client
//! over HTTP/1.1, a connection for each who waits.

use std::net::SocketAddr;
use std::time::Instant;

use clap::Args;
use futures::future::try_join_all;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::Failure;
use crate::figures::Times;
use crate::server::{Program, Server};

/// How much to do.
#[derive(Args)]
pub(crate) struct Plan {
    /// Those who wait, each for an operation of its own.
    #[arg(long, default_value_t = 8_000)]
    waiters: usize,
    /// How many of the operations are finished, one after the other.
    #[arg(long, default_value_t = 2_000)]
    finishes: usize,
    /// Rounds, in turns with the peer.
    #[arg(long, default_value_t = 4)]
    rounds: usize,
}

/// Where a server has what is waited for.
#[derive(Clone, Copy)]
struct Paths {
    name: &'static str,
    wait: fn(usize) -> String,
    finish: fn(usize) -> String,
}

const LONGRUN: Paths = Paths {
    name: "longrun",
    wait: |number| format!("/v1/operations/b{number}"),
    finish: |number| format!("/longrun/v1/services/longrun.local/operations/b{number}:finish"),
};

const PEER: Paths = Paths {
    name: "hyper+oneshot",
    wait: |number| format!("/wait/{number}"),
    finish: |number| format!("/finish/{number}"),
};

pub(crate) async fn measure(program: &Program, plan: &Plan) -> Result<(), Failure> {
    for _ in 0..plan.rounds {
        let server = program.longrun().await?;
        create(server.address, plan.waiters).await?;
        round(&server, plan, LONGRUN).await?;
        drop(server);
        round(&program.peer().await?, plan, PEER).await?;
    }
    Ok(())
}

async fn round(server: &Server, plan: &Plan, paths: Paths) -> Result<(), Failure> {
    let waiting = (0..plan.waiters).map(|number| wait(server.address, (paths.wait)(number)));
    let mut waiting: Vec<_> = try_join_all(waiting).await?.into_iter().map(Some).collect();
    server.settle().await?;
    let mut control = connect(server.address).await?;
    // Those who are finished are spread over all who wait.
    let stride = (plan.waiters / plan.finishes).max(1);
    let (mut finishes, mut answers) = (Vec::new(), Vec::new());
    let numbers = (0..plan.waiters).step_by(stride).take(plan.finishes);
    let body = r#"{"response":{"@type":"type.googleapis.com/google.protobuf.Empty"}}"#;
    for number in numbers {
        let start = Instant::now();
        ask(&mut control, Method::POST, &(paths.finish)(number), body, false).await?;
        finishes.push(start.elapsed());
        let waiter = waiting[number].take().ok_or("finished twice")?;
        answers.push(waiter.await?? - start);
    }
    println!(
        "{} wakeup: finish to answer {}; the finish call itself {}",
        paths.name,
        Times::new(answers),
        Times::new(finishes),
    );
    waiting.into_iter().flatten().for_each(|waiter| waiter.abort());
    Ok(())
}

/// Begins to wait; when this returns, the server may not have read the request yet.
async fn wait(
    address: SocketAddr,
    path: String,
) -> Result<JoinHandle<Result<Instant, Failure>>, Failure> {
    let mut connection = connect(address).await?;
    Ok(tokio::spawn(async move {
        let body = ask(&mut connection, Method::GET, &path, "", true).await?;
        let answered = Instant::now();
        match body.windows(6).any(|part| part == b"\"done\"") {
            true => Ok(answered),
            false => Err(format!("{path} was answered while it is open").into()),
        }
    }))
}

/// SELF operations, which are finished without a lease.
async fn create(address: SocketAddr, count: usize) -> Result<(), Failure> {
    let share = count.div_ceil(64);
    let each = (0..64).map(|part| async move {
        let mut connection = connect(address).await?;
        for number in (part * share)..((part + 1) * share).min(count) {
            let path =
                format!("/longrun/v1/services/longrun.local/operations?operationId=b{number}");
            let body = r#"{"owner":"local:anonymous","method":"bench.v1.Bench/Run",
                "execution":"SELF","deadline":"2100-01-01T00:00:00Z"}"#;
            ask(&mut connection, Method::POST, &path, body, false).await?;
        }
        Ok::<_, Failure>(())
    });
    try_join_all(each).await.map(drop)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(
    connection: &mut SendRequest<Full<Bytes>>,
    verb: Method,
    path: &str,
    body: &'static str,
    wait: bool,
) -> Result<Bytes, Failure> {
    let mut request = Request::builder().method(verb).uri(path).header("host", "127.0.0.1");
    if wait {
        request = request.header("prefer", "wait=60");
    }
    connection.ready().await?;
    let answer = connection.send_request(request.body(Full::from(body))?).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    match status.is_success() {
        true => Ok(body),
        false => Err(format!("{path}: {status}: {}", String::from_utf8_lossy(&body)).into()),
    }
}
