//! WatchRecords over both doors: what is told, and that whoever goes on where a stream broke
//! off misses nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use longrun_api::longrun::v1::{WatchRecordsRequest, WatchRecordsResponse};
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use longrun_transcoding::{PrintOptions, print};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

use crate::harness::{Chunks, Server};

pub const OPERATIONS: &str = "/longrun/v1/services/longrun.local/operations";
pub const WATCH: &str = "/longrun/v1/services/longrun.local/operations:watch";
const RPC: &str = "longrun.v1.Backend/WatchRecords";
const LINES: &str = "Accept: application/x-ndjson\r\n";

/// A call of the Backend that goes well.
pub async fn call(server: &Server, verb: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = server.rest("backend", verb, &format!("{OPERATIONS}{path}"), &body).await;
    assert_eq!(answer.status, 200, "{verb} {path}: {}", answer.body);
    answer.json()
}

pub fn outcome(token: &str) -> Value {
    json!({"response": {"@type": "type.googleapis.com/google.protobuf.Empty"}, "leaseToken": token})
}

/// Steps of one record's life, from nothing to nothing; each is one visible change.
pub async fn live(server: &Server, step: usize, token: &mut String) {
    server.clock.advance(Span::seconds(1));
    match step {
        0 => {
            let record = json!({"method": "demo.v1.Demo/Build", "owner": "static:alice"});
            call(server, "POST", "?operationId=one", &record).await;
        }
        1 => {
            let lease = json!({"methods": ["demo.v1.Demo/Build"], "workerId": "w"});
            let leased = call(server, "POST", ":lease", &lease).await;
            *token = leased["records"][0]["lease"]["token"].as_str().unwrap().to_owned();
        }
        2 => {
            // A bare renewal, which nobody is told, then one with progress.
            call(server, "POST", "/one:renewLease", &json!({"leaseToken": token})).await;
            let metadata = json!({"@type": "type.googleapis.com/google.protobuf.Empty"});
            let renewal = json!({"leaseToken": token, "metadata": metadata});
            call(server, "POST", "/one:renewLease", &renewal).await;
        }
        3 => drop(call(server, "POST", "/one:finish", &outcome(token)).await),
        _ => drop(call(server, "DELETE", "/one", &Value::Null).await),
    }
}

pub const STEPS: usize = 5;

/// A watch as NDJSON, message by message.
struct Lines(Chunks);

impl Lines {
    async fn open(server: &Server, query: &str) -> Self {
        let chunks = server.open("backend", &format!("{WATCH}{query}"), LINES).await;
        assert!(chunks.head.starts_with("HTTP/1.1 200"), "{}", chunks.head);
        Self(chunks)
    }

    async fn next(&mut self) -> Option<Value> {
        let line = self.0.next().await?;
        assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "{line:?}");
        Some(serde_json::from_str(&line).unwrap())
    }
}

/// `id state`, `-id`, or a dot for a heartbeat.
fn told(message: &Value) -> String {
    assert!(message["resumeToken"].is_string(), "{message}");
    let id = |name: &Value| name.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    if message["record"].is_object() {
        let record = &message["record"];
        format!("{} {}", id(&record["name"]), record["state"].as_str().unwrap())
    } else if message["removed"] == true {
        format!("-{}", id(&message["name"]))
    } else {
        ".".to_owned()
    }
}

fn token(message: &Value) -> String {
    message["resumeToken"].as_str().unwrap().to_owned()
}

fn printed(pool: &DescriptorPool, message: &[u8]) -> Value {
    let output = pool.get_message_by_name("longrun.v1.WatchRecordsResponse").unwrap();
    let message = DynamicMessage::decode(output, message).unwrap();
    let options = PrintOptions { pretty: false, enums_as_ints: false, fields: None };
    serde_json::from_slice(&print(&message, &options).unwrap()).unwrap()
}

async fn stream(server: &Server, parent: &str, resume: &str) -> tonic::Streaming<Bytes> {
    let request = WatchRecordsRequest {
        parent: parent.to_owned(),
        filter: String::new(),
        resume_token: resume.to_owned(),
    };
    server.grpc_stream("backend", RPC, request.encode_to_vec().into()).await.unwrap()
}

/// Two servers that are alike to the bit, each watched through one door.
#[tokio::test(flavor = "multi_thread")]
async fn both_doors_tell_the_same() {
    let pool = DescriptorPool::decode(longrun_api::DESCRIPTORS).unwrap();
    let start = || Server::start(Sources::default(), Limits::default());
    let (by_rest, by_grpc) = (start().await, start().await);
    let mut lines = Lines::open(&by_rest, "").await;
    let mut messages = stream(&by_grpc, "services/longrun.local", "").await;
    let mut all = Vec::new();
    let (mut one, mut other) = (String::new(), String::new());
    for step in 0..=STEPS {
        let mut line = lines.next().await.unwrap();
        let message = messages.message().await.unwrap().unwrap();
        let mut other_line = printed(&pool, &message);
        // When a watch looked at the clock is up to chance; its place in the feed isn't.
        for one in [&mut line, &mut other_line] {
            one["resumeToken"] = token(one)[..18].into();
        }
        assert_eq!(line, other_line);
        assert!(WatchRecordsResponse::decode(message).is_ok());
        all.push(told(&line));
        if step < STEPS {
            live(&by_rest, step, &mut one).await;
            live(&by_grpc, step, &mut other).await;
        }
    }
    assert_eq!(all, [".", "one PENDING", "one RUNNING", "one RUNNING", "one SUCCEEDED", "-one"]);
    assert!(!one.is_empty() && one == other);
    by_rest.stop().await;
    by_grpc.stop().await;
    assert!(lines.next().await.is_none(), "it ends with its server");
    assert!(messages.message().await.unwrap().is_none(), "and well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_never_told_but_to_its_holder() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let mut lines = Lines::open(&server, "").await;
    lines.next().await;
    let mut held = String::new();
    for step in 0..2 {
        live(&server, step, &mut held).await;
    }
    let first = lines.next().await.unwrap();
    let leased = if told(&first) == "one RUNNING" { first } else { lines.next().await.unwrap() };
    assert_eq!(leased["record"]["lease"]["workerId"], "w");
    assert!(!leased.to_string().contains(&held));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_brings_a_fresh_token() {
    let server = Server::start_beating(Duration::from_millis(10)).await;
    let mut lines = Lines::open(&server, "").await;
    let first = lines.next().await.unwrap();
    server.clock.advance(Span::seconds(60));
    let mut last = first.clone();
    while last["resumeToken"] == first["resumeToken"] {
        last = lines.next().await.unwrap();
        assert_eq!(told(&last), ".");
        assert_eq!(last.as_object().unwrap().len(), 1);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_services_are_watched_at_once_where_the_scope_is_for_all() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let mut messages = stream(&server, "services/-", "").await;
    let path = "/longrun/v1/services/-/operations:watch";
    let mut lines = Lines(server.open("reader", path, LINES).await);
    messages.message().await.unwrap();
    lines.next().await;
    live(&server, 0, &mut String::new()).await;
    assert_eq!(told(&lines.next().await.unwrap()), "one PENDING");
    let message = messages.message().await.unwrap().unwrap();
    let record = WatchRecordsResponse::decode(message).unwrap().record.unwrap();
    assert_eq!(record.name, "services/longrun.local/operations/one");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_more_than_a_day_ago_is_refused() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let mut lines = Lines::open(&server, "").await;
    let resume = token(&lines.next().await.unwrap());
    let path = format!("{WATCH}?resumeToken={resume}");
    server.clock.advance(Span::seconds(24 * 3600));
    let mut again = Lines(server.open("backend", &path, LINES).await);
    live(&server, 0, &mut String::new()).await;
    assert_eq!(told(&again.next().await.unwrap()), "one PENDING");
    let refused = server.rest("backend", "GET", &path, "").await;
    assert_eq!(refused.status, 400, "a second later");
    let error = &refused.json()["error"];
    assert_eq!(error["status"], "OUT_OF_RANGE");
    assert_eq!(error["details"][0]["reason"], "RESUME_TOKEN_EXPIRED");
    assert_eq!(error["details"][0]["domain"], "longrun.local");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_on_the_way_comes_in_the_trailers() {
    let server = Server::start_beating(Duration::from_millis(10)).await;
    let mut messages = stream(&server, "services/longrun.local", "").await;
    assert!(messages.message().await.unwrap().is_some());
    server.clock.advance(Span::seconds(25 * 3600));
    let status = loop {
        if let Err(status) = messages.message().await {
            break status;
        }
    };
    assert_eq!(status.code(), tonic::Code::OutOfRange);
    let details = longrun_api::google::rpc::Status::decode(status.details()).unwrap();
    assert_eq!((details.code, details.details.len()), (11, 2));
    server.stop().await;
}

/// There is a place again, so the server has let go of the watch.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_ends_its_watch() {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let server = Server::start(Sources::default(), limits).await;
    let request = Bytes::from_static(b"\x0a\x16services/longrun.local");
    for _ in 0..3 {
        let mut lines = loop {
            let chunks = server.open("backend", WATCH, LINES).await;
            if !chunks.head.starts_with("HTTP/1.1 503") {
                break Lines(chunks);
            }
        };
        assert_eq!(told(&lines.next().await.unwrap()), ".");
        drop(lines);
        let mut messages = loop {
            if let Ok(messages) = server.grpc_stream("backend", RPC, request.clone()).await {
                break messages;
            }
        };
        assert!(messages.message().await.unwrap().is_some());
        drop(messages);
    }
    server.stop().await;
}

/// Numbers that look random and repeat.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One random write; some do nothing, as the record isn't there or is done.
async fn write(server: &Server, dice: &mut Dice, count: &mut u64) {
    let id = format!("op{}", dice.roll(*count + 1));
    let post = |verb: &'static str, path: String, body: Value| async move {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = server.rest("backend", verb, &format!("{OPERATIONS}{path}"), &body).await;
        assert!(answer.status < 500, "{}", answer.body);
        answer.json()
    };
    match dice.roll(8) {
        0..3 => {
            let record = json!({"method": "m", "labels": {"env": "a"}});
            post("POST", format!("?operationId=op{count}"), record).await;
            *count += 1;
        }
        3 => {
            let leased = post("POST", ":lease".to_owned(), json!({"methods": ["m"]})).await;
            let Some(record) = leased["records"].get(0) else { return };
            let token = record["lease"]["token"].as_str().unwrap();
            let id = record["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            if dice.roll(2) == 0 {
                post("POST", format!("/{id}:finish"), outcome(token)).await;
            }
        }
        4 => drop(post("DELETE", format!("/{id}"), Value::Null).await),
        5 => drop(post("POST", format!("/{id}:cancel"), json!({})).await),
        roll => {
            let env = if roll == 6 { "a" } else { "b" };
            post("PATCH", format!("/{id}"), json!({"labels": {"env": env}})).await;
        }
    }
}

async fn listed(server: &Server, filter: &str) -> BTreeMap<String, String> {
    let page = call(server, "GET", &format!("?pageSize=1000{filter}"), &Value::Null).await;
    let records = page["records"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    records.iter().map(|record| (text(&record["name"]), text(&record["etag"]))).collect()
}

/// Whoever starts with nothing in the store, breaks off wherever, and goes on at the token
/// of the last message that was read, ends up with what a list shows: also when it is another
/// server on the same folder by then.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_between_streams() {
    for (seed, filter) in [(1, ""), (2, "labels.env%3Da"), (3, "state%3DPENDING"), (4, "")] {
        let mut dice = Dice(seed);
        let mut server = Server::start(Sources::default(), Limits::default()).await;
        let mut picture = BTreeMap::new();
        let (mut resume, mut count) = (String::new(), 0);
        let query = |resume: &str| match filter {
            "" => format!("?resumeToken={resume}"),
            filter => format!("?filter={filter}&resumeToken={resume}"),
        };
        resume = token(&Lines::open(&server, &query(&resume)).await.next().await.unwrap());
        for round in 0..12 {
            for _ in 0..dice.roll(12) {
                write(&server, &mut dice, &mut count).await;
            }
            let mut lines = Lines::open(&server, &query(&resume)).await;
            for _ in 0..dice.roll(6) {
                write(&server, &mut dice, &mut count).await;
            }
            // Something passes the filter, so there is a message to wait for; on the last
            // round, every message up to it.
            let last = format!("last{round}");
            let record = json!({"method": "other", "labels": {"env": "a"}});
            call(&server, "POST", &format!("?operationId={last}"), &record).await;
            let stop_after = if round == 11 { usize::MAX } else { dice.roll(8) as usize };
            for _ in 0..=stop_after {
                let message = lines.next().await.unwrap();
                resume = token(&message);
                let said = told(&message);
                if message["removed"] == true {
                    picture.remove(message["name"].as_str().unwrap());
                } else if let Some(name) = message["record"]["name"].as_str() {
                    let etag = message["record"]["etag"].as_str().unwrap();
                    picture.insert(name.to_owned(), etag.to_owned());
                }
                if said.starts_with(&format!("{last} ")) {
                    break;
                }
            }
            drop(lines);
            if round == 11 {
                break;
            }
            server.clock.advance(Span::seconds(dice.roll(3600).cast_signed()));
            if dice.roll(3) == 0 {
                server = server.restart().await;
            }
        }
        let filter = if filter.is_empty() { String::new() } else { format!("&filter={filter}") };
        let list = listed(&server, &filter).await;
        assert_eq!(picture, list, "seed {seed}");
        assert!(list.len() > 12);
        server.stop().await;
    }
}
