//! JSON over the connection that gRPC uses: what such a request looks like to a server.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use longrun_client::{Client, Code};

const REFUSAL: &str = r#"{"status":"OUT_OF_RANGE","message":"too old"}"#;

/// A body that comes in pieces.
struct Pieces(VecDeque<Vec<u8>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece.into()))))
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Pieces>, Infallible> {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok());
    let seen = serde_json::json!({
        "accept": accept,
        "verb": request.method().as_str(),
        "path": request.uri().path(),
        "host": request.uri().authority().map(|host| host.as_str()),
        "authorization": header,
    });
    // As a server streams: a message in pieces, several in one, and an error as the end.
    let text = match request.uri().path() {
        "/stream" => format!("{seen}\n{{\"n\":1}}\n{{\"n\":2}}\n{{\"error\":{REFUSAL}}}\n"),
        _ => seen.to_string(),
    };
    let mut answer = Response::new(Pieces(text.into_bytes().chunks(7).map(Vec::from).collect()));
    if request.uri().path() == "/absent" {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(answer)
}

async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(echo);
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                builder.serve_connection(TokioIo::new(stream), service).await.map_err(drop)
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn host_token_and_path_arrive() {
    let url = serve().await;
    let client =
        Client::connect_as(&url, Some("t0k3n\n".to_owned()), Some("library.example.com")).await;
    let client = client.unwrap();
    let seen = client.get_json("/v1/operations/a%20b").await.unwrap();
    let expected = serde_json::json!({
        "accept": null,
        "verb": "GET",
        "path": "/v1/operations/a%20b",
        "host": "library.example.com",
        "authorization": "Bearer t0k3n",
    });
    assert_eq!(seen, expected);
    let absent = client.get_json("/absent").await.unwrap_err();
    assert_eq!((absent.code, absent.reason), (Code::NotFound, None));
    assert!(!format!("{client:?}").contains("t0k3n"));
}

#[tokio::test]
async fn messages_are_streamed() {
    let client = Client::connect(&serve().await, None).await.unwrap();
    let mut stream = client.stream_json("/stream").await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first["accept"], "application/x-ndjson");
    for n in [1, 2] {
        assert_eq!(stream.next().await, Ok(Some(serde_json::json!({ "n": n }))));
    }
    let error = stream.next().await.unwrap_err();
    assert_eq!((error.code, &*error.message), (Code::OutOfRange, "too old"));
    assert_eq!(stream.next().await, Ok(None));
    let absent = client.stream_json("/absent").await.unwrap_err();
    assert_eq!(absent.code, Code::NotFound);
}

#[tokio::test]
async fn what_no_server_answers() {
    let table = [
        ("http://127.0.0.1:1", Code::Unavailable),
        ("https://127.0.0.1:1", Code::InvalidArgument),
        ("http://127.0.0.1:1/path", Code::InvalidArgument),
        ("127.0.0.1:1", Code::InvalidArgument),
        ("", Code::InvalidArgument),
    ];
    for (endpoint, code) in table {
        let error = Client::connect(endpoint, None).await.err();
        assert_eq!(error.map(|error| error.code), Some(code), "{endpoint}");
    }
}
