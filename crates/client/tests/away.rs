//! A server that goes away in the middle of a wait, and one that comes back.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use longrun_api::google::longrunning::Operation;
use longrun_client::Client;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Cuts the first `cuts` connections once a call has arrived, then answers that the
/// operation is done.
async fn serve(cuts: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (calls, arrived) = (counted.clone(), Arc::new(Notify::new()));
            let cut = arrived.clone();
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let (calls, arrived) = (calls.clone(), arrived.clone());
                async move {
                    request.into_body().collect().await.expect("a whole request");
                    if calls.fetch_add(1, Ordering::SeqCst) < cuts {
                        arrived.notify_one();
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, Infallible>(done())
                }
            });
            tokio::spawn(async move {
                let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                tokio::select! {
                    _ = http.serve_connection(TokioIo::new(stream), service) => {}
                    () = cut.notified() => {}
                }
            });
        }
    });
    (format!("http://{address}"), calls)
}

fn done() -> Response<impl hyper::body::Body<Data = Bytes, Error = Infallible> + Send> {
    let operation =
        Operation { name: "operations/a".to_owned(), done: true, ..Operation::default() };
    let message = operation.encode_to_vec();
    let mut frame = vec![0, 0, 0, 0, u8::try_from(message.len()).expect("it is short")];
    frame.extend(message);
    let trailers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        http::HeaderValue::from_static("0"),
    )]);
    let body = Full::new(Bytes::from(frame)).with_trailers(async { Some(Ok(trailers)) });
    Response::builder().header("content-type", "application/grpc").body(body).expect("a response")
}

#[tokio::test]
async fn a_wait_goes_on_when_its_connection_is_cut() {
    for cuts in [1, 4] {
        let (url, calls) = serve(cuts).await;
        let client = Client::connect(&url, None).await.unwrap();
        let operation = client.wait_until_done("operations/a").await;
        assert_eq!(operation.map(|it| it.done), Ok(true));
        assert_eq!(calls.load(Ordering::SeqCst), cuts + 1);
    }
}
