//! The least that a server with waiting calls can do: a table of oneshot channels behind
//! hyper. It keeps nothing on disk.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot::{self, Receiver, Sender};

use crate::Failure;

/// Both halves of each number's channel, until they are taken: a finish may come first.
type Table = Arc<Mutex<HashMap<String, (Option<Sender<()>>, Option<Receiver<()>>)>>>;

/// Serves `/wait/NUMBER` and `/finish/NUMBER` at `PEER_LISTEN` until it is killed.
pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind(std::env::var("PEER_LISTEN")?).await?;
    let table = Table::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let table = table.clone();
        let service = service_fn(move |request| answer(table.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    table: Table,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let take = |number: &str, wake: bool| {
        let mut entries = table.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, receiver) = entries.entry(number.to_owned()).or_insert_with(|| {
            let (sender, receiver) = oneshot::channel();
            (Some(sender), Some(receiver))
        });
        match wake {
            true => (sender.take(), None),
            false => (None, receiver.take()),
        }
    };
    let path = request.uri().path();
    if let Some(number) = path.strip_prefix("/wait/") {
        if let (_, Some(woken)) = take(number, false) {
            // Its sender is never dropped unused.
            let _ = woken.await;
        }
    } else if let Some(number) = path.strip_prefix("/finish/")
        && let (Some(wake), _) = take(number, true)
    {
        // A waiter that has left hears nothing.
        let _ = wake.send(());
    }
    Ok(Response::new(Full::from("{\n  \"name\": \"operations/b\",\n  \"done\": true\n}\n")))
}
