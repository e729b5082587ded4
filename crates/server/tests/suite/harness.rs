//! A real server in a folder of its own, with a clock that the test moves and randomness
//! that repeats, and the two doors to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::{Buf, BufMut, Bytes};
use longrun_server::auth::{Authenticator, StaticToken, TokenDigest};
use longrun_server::catalog::{Catalog, Sources};
use longrun_server::clock::{Clock, Random};
use longrun_server::config::Limits;
use longrun_server::operation::{Principal, Timestamp};
use longrun_server::store::embedded::{EmbeddedOptions, Faults};
use longrun_server::{Running, Settings, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;

/// 2026-01-02T03:04:05Z, until the test moves it.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that count up: the same in every run.
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
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

pub struct Server {
    pub clock: Arc<ManualClock>,
    pub address: SocketAddr,
    running: Running,
    dir: tempfile::TempDir,
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

impl Server {
    /// A server of `sources`; by default of `longrun.local`.
    pub async fn start(sources: Sources, limits: Limits) -> Self {
        Self::start_as(sources, limits, tokens()).await
    }

    pub async fn start_as(sources: Sources, limits: Limits, authenticator: Authenticator) -> Self {
        Self::start_over(sources, limits, authenticator, EmbeddedOptions::default()).await
    }

    /// A server whose store fails from the `after`th commit after the start on.
    pub async fn start_failing(sources: Sources, after: u64) -> Self {
        // The start itself keeps the descriptors.
        let faults = Some(Arc::new(FailingAfter(AtomicU64::new(after + 1))) as Arc<dyn Faults>);
        Self::start_over(
            sources,
            Limits::default(),
            tokens(),
            EmbeddedOptions { faults, ..Default::default() },
        )
        .await
    }

    async fn start_over(
        sources: Sources,
        limits: Limits,
        authenticator: Authenticator,
        store: EmbeddedOptions,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock(AtomicI64::new(1_767_323_045_000_000)));
        Self::start_in(dir, clock, sources, limits, authenticator, store).await
    }

    async fn start_in(
        dir: tempfile::TempDir,
        clock: Arc<ManualClock>,
        sources: Sources,
        limits: Limits,
        authenticator: Authenticator,
        store: EmbeddedOptions,
    ) -> Self {
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: dir.path().to_owned(),
            catalog: Catalog::load(&sources).unwrap(),
            authenticator,
            limits,
            clock: clock.clone(),
            random: Arc::new(Counting(AtomicU64::new(1))),
            store,
        };
        let running = start(settings).await.unwrap();
        Self { clock, address: running.local_addr(), running, dir }
    }

    /// Stops, and starts again over the same folder, with other sources.
    pub async fn restart(self, sources: Sources) -> Self {
        let Self { clock, running, dir, .. } = self;
        running.shutdown().await;
        let (limits, store) = (Limits::default(), EmbeddedOptions::default());
        Self::start_in(dir, clock, sources, limits, tokens(), store).await
    }

    pub async fn stop(self) {
        self.running.shutdown().await;
    }

    /// Sends the text as it is and returns everything that comes back. The request has to
    /// say `Connection: close`.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        String::from_utf8(response).unwrap()
    }

    /// A REST call: status, head and body.
    pub async fn rest(&self, token: &str, verb: &str, path: &str, body: &str) -> Answer {
        let request = format!(
            "{verb} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let response = self.raw(request.as_bytes()).await;
        let (head, body) = response.split_once("\r\n\r\n").expect("a head ends with an empty line");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// A unary gRPC call with bytes.
    pub async fn grpc(
        &self,
        token: &str,
        rpc: &str,
        message: Bytes,
    ) -> Result<tonic::Response<Bytes>, tonic::Status> {
        self.grpc_with(token, rpc, message, &[]).await
    }

    /// A unary gRPC call with bytes and more metadata.
    pub async fn grpc_with(
        &self,
        token: &str,
        rpc: &str,
        message: Bytes,
        metadata: &[(&'static str, &str)],
    ) -> Result<tonic::Response<Bytes>, tonic::Status> {
        let channel = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        for (key, value) in metadata {
            request.metadata_mut().insert(*key, value.parse().unwrap());
        }
        let path = format!("/{rpc}").parse().unwrap();
        client.unary(request, path, AsBytes).await
    }
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
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

/// Messages as the bytes that they are.
#[derive(Clone, Copy)]
struct AsBytes;

impl Codec for AsBytes {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsBytes {
    type Item = Bytes;
    type Error = tonic::Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for AsBytes {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}
