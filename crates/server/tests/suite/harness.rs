//! A real server in a folder of its own, with a clock that the test moves and randomness
//! that repeats, and the two doors to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use longrun_server::auth::{Authenticator, StaticToken, TokenDigest};
use longrun_server::catalog::{Catalog, Sources};
use longrun_server::clock::{ManualClock, Random};
use longrun_server::config::Limits;
use longrun_server::operation::{Principal, Timestamp};
use longrun_server::store::embedded::{EmbeddedOptions, Faults};
use longrun_server::{Running, Settings, start};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tonic::transport::Channel;

use crate::codec::AsBytes;

/// Bytes that count up: the same in every run.
#[derive(Default)]
struct Counting {
    drawn: AtomicU64,
    gate: Mutex<Option<Gate>>,
}

/// Tells that somebody draws, who then waits until the other end drops.
type Gate = (oneshot::Sender<()>, std::sync::mpsc::Receiver<()>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let gate = self.gate.lock().unwrap().take();
        if let Some((drawing, wait)) = gate {
            drawing.send(()).unwrap();
            assert!(wait.recv().is_err());
        }
        let count = self.drawn.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (index, byte) in bytes.iter_mut().rev().enumerate() {
            *byte = count.len().checked_sub(index + 1).map_or(0, |at| count[at]);
        }
    }
}

struct FailingAfter(AtomicU64);

impl Faults for FailingAfter {
    fn commit_fails(&self) -> bool {
        let left =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.is_err()
    }
}

/// Longer than any call is held: what hasn't come by then isn't coming.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Fails a test that would wait for ever.
async fn in_time<F: Future>(awaited: F) -> F::Output {
    tokio::time::timeout(PATIENCE, awaited).await.expect("an answer comes")
}

/// 2026-01-02T03:04:05Z: the time until a test moves it.
const START: Timestamp = Timestamp::from_micros(1_767_323_045_000_000);

pub struct Server {
    pub clock: Arc<ManualClock>,
    pub address: SocketAddr,
    running: Running,
    random: Arc<Counting>,
    dir: tempfile::TempDir,
}

/// Between two heartbeats of a watch, unless a test is about them: none of these comes.
const NO_HEARTBEAT: Duration = Duration::from_secs(3600);

/// What is there before a server starts.
struct Place {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    random: Arc<Counting>,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::new(START)),
            random: Arc::new(Counting { drawn: AtomicU64::new(1), ..Default::default() }),
        }
    }
}

/// Tokens are their subject's name.
fn tokens() -> Authenticator {
    let token = |subject: &str, scopes: &[&str]| StaticToken {
        principal: Principal::parse(&format!("static:{subject}")).unwrap(),
        digest: TokenDigest::of(subject),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    };
    let chat = "https://www.googleapis.com/auth/chat.bot";
    Authenticator::tokens([
        token("alice", &[chat]),
        token("bob", &[chat]),
        token("nobody", &["https://www.googleapis.com/auth/other"]),
        token("backend", &["longrun.backend"]),
        token("reader", &["longrun.backend.readonly"]),
        token("elsewhere", &["longrun.backend:other.example.com"]),
    ])
}

/// `longrun.local` alone.
fn local() -> Arc<Catalog> {
    Arc::new(Catalog::load(&Sources::default()).unwrap())
}

impl Server {
    /// A server of `sources`; by default of `longrun.local`.
    pub async fn start(sources: Sources, limits: Limits) -> Self {
        Self::start_as(sources, limits, tokens()).await
    }

    pub async fn start_as(sources: Sources, limits: Limits, authenticator: Authenticator) -> Self {
        let catalog = Arc::new(Catalog::load(&sources).unwrap());
        Self::start_with(catalog, limits, authenticator).await
    }

    /// A server of a catalog that may serve others too.
    pub async fn start_with(
        catalog: Arc<Catalog>,
        limits: Limits,
        authenticator: Authenticator,
    ) -> Self {
        Self::start_over(catalog, limits, authenticator, EmbeddedOptions::default()).await
    }

    /// A server whose store fails from the `after`th commit after the start on.
    pub async fn start_failing(sources: Sources, after: u64) -> Self {
        // The start itself keeps the descriptors.
        let faults = Some(Arc::new(FailingAfter(AtomicU64::new(after + 1))) as Arc<dyn Faults>);
        let catalog = Arc::new(Catalog::load(&sources).unwrap());
        let store = EmbeddedOptions { faults, ..Default::default() };
        Self::start_over(catalog, Limits::default(), tokens(), store).await
    }

    async fn start_over(
        catalog: Arc<Catalog>,
        limits: Limits,
        authenticator: Authenticator,
        store: EmbeddedOptions,
    ) -> Self {
        Self::start_in(Place::new(), catalog, limits, authenticator, store, NO_HEARTBEAT).await
    }

    /// A server whose watches have a heartbeat this often.
    pub async fn start_beating(heartbeat: Duration) -> Self {
        let (catalog, limits) = (local(), Limits::default());
        let store = EmbeddedOptions::default();
        Self::start_in(Place::new(), catalog, limits, tokens(), store, heartbeat).await
    }

    async fn start_in(
        Place { dir, clock, random }: Place,
        catalog: Arc<Catalog>,
        limits: Limits,
        authenticator: Authenticator,
        store: EmbeddedOptions,
        heartbeat: Duration,
    ) -> Self {
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: dir.path().to_owned(),
            catalog,
            authenticator,
            limits,
            clock: clock.clone(),
            random: random.clone(),
            store,
            heartbeat,
        };
        let running = start(settings).await.unwrap();
        Self { clock, address: running.local_addr(), running, random, dir }
    }

    /// Stops it, and starts another of `longrun.local` in the same folder.
    pub async fn restart(self) -> Self {
        self.restart_with(Sources::default()).await
    }

    /// Stops it, and starts another in the same folder.
    pub async fn restart_with(self, sources: Sources) -> Self {
        self.restart_as(&sources, tokens()).await
    }

    pub async fn restart_as(self, sources: &Sources, authenticator: Authenticator) -> Self {
        let Self { clock, running, random, dir, .. } = self;
        running.shutdown().await;
        let place = Place { dir, clock, random };
        let (limits, store) = (Limits::default(), EmbeddedOptions::default());
        let catalog = match *sources == Sources::default() {
            true => local(),
            false => Arc::new(Catalog::load(sources).unwrap()),
        };
        Self::start_in(place, catalog, limits, authenticator, store, NO_HEARTBEAT).await
    }

    /// The next call that draws a random number stands still there until the other end
    /// drops; and a word once it does.
    pub fn hold(&self) -> (oneshot::Receiver<()>, std::sync::mpsc::Sender<()>) {
        let (drawing, drawn) = oneshot::channel();
        let (held, wait) = std::sync::mpsc::channel();
        *self.random.gate.lock().unwrap() = Some((drawing, wait));
        (drawn, held)
    }

    /// Stops it. No call outlives that, or it would still hold what the server drew from.
    pub async fn stop(self) {
        let Self { running, random, .. } = self;
        running.shutdown().await;
        assert_eq!(Arc::strong_count(&random), 1, "something still runs");
    }

    /// Sends the text as it is and returns everything that comes back. The request has to
    /// say `Connection: close`.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut response = Vec::new();
        in_time(stream.read_to_end(&mut response)).await.unwrap();
        String::from_utf8(response).unwrap()
    }

    /// A REST call: status, head and body.
    pub async fn rest(&self, token: &str, verb: &str, path: &str, body: &str) -> Answer {
        self.rest_at("localhost", token, verb, path, body).await
    }

    /// A REST call to a host. The token may have further headers behind it.
    pub async fn rest_at(
        &self,
        host: &str,
        token: &str,
        verb: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let request = format!(
            "{verb} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        Answer::parse(&self.raw(request.as_bytes()).await)
    }

    /// A unary gRPC call with bytes.
    pub async fn grpc(
        &self,
        token: &str,
        rpc: &str,
        message: Bytes,
    ) -> Result<tonic::Response<Bytes>, tonic::Status> {
        self.grpc_at(&self.address.to_string(), token, rpc, message, &[]).await
    }

    /// A unary gRPC call to a host, with more metadata.
    pub async fn grpc_at(
        &self,
        host: &str,
        token: &str,
        rpc: &str,
        message: Bytes,
        metadata: &[(&'static str, &str)],
    ) -> Result<tonic::Response<Bytes>, tonic::Status> {
        let channel = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        let channel = channel.origin(format!("http://{host}").parse().unwrap());
        let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        for (key, value) in metadata {
            request.metadata_mut().insert(*key, value.parse().unwrap());
        }
        let path = format!("/{rpc}").parse().unwrap();
        in_time(client.unary(request, path, AsBytes)).await
    }

    /// A gRPC call that answers with many messages.
    pub async fn grpc_stream(
        &self,
        token: &str,
        rpc: &str,
        message: Bytes,
    ) -> Result<tonic::Streaming<Bytes>, tonic::Status> {
        let channel = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let path = format!("/{rpc}").parse().unwrap();
        client.server_streaming(request, path, AsBytes).await.map(tonic::Response::into_inner)
    }

    /// A GET whose answer is read as it comes.
    pub async fn open(&self, token: &str, path: &str, headers: &str) -> Chunks {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut chunks = Chunks { stream: BufReader::new(stream), head: String::new() };
        while !chunks.head.ends_with("\r\n\r\n") {
            let read = chunks.stream.read_line(&mut chunks.head).await.unwrap();
            assert_ne!(read, 0, "{}", chunks.head);
        }
        chunks
    }
}

/// A chunked answer of HTTP/1.1. Dropping it closes the connection.
pub struct Chunks {
    stream: BufReader<TcpStream>,
    pub head: String,
}

impl Chunks {
    /// The next chunk; `None` after the last.
    pub async fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        in_time(self.stream.read_line(&mut line)).await.unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's length");
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk).await.unwrap();
        chunk.truncate(length);
        (length > 0).then(|| String::from_utf8(chunk).unwrap())
    }
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// From a whole response.
    pub fn parse(response: &str) -> Self {
        let (head, body) = response.split_once("\r\n\r\n").expect("a head ends with an empty line");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}
