//! A stream in each of its forms, to the byte.

use longrun_api::longrun::v1::WatchRecordsResponse;
use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use prost::Message as _;

use crate::harness::Server;
use crate::watch::{STEPS, WATCH, live};

/// A whole watch: what comes as one chunk stands between bars.
async fn transcript(query: &str, headers: &str) -> String {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let mut chunks = server.open("backend", &format!("{WATCH}{query}"), headers).await;
    let mut all = chunks.head.replace("\r\n", "\n");
    let mut token = String::new();
    for step in 0..=STEPS {
        all.push_str(&format!("|{}|\n", chunks.next().await.unwrap()));
        if step < STEPS {
            live(&server, step, &mut token).await;
        }
    }
    server.stop().await;
    while let Some(chunk) = chunks.next().await {
        all.push_str(&format!("|{chunk}|\n"));
    }
    all
}

async fn snapshot(name: &str, query: &str, headers: &str) {
    let all = transcript(query, headers).await;
    // When the watch looked at the clock is up to chance.
    let times = (r"\b(01[0-9a-f]{16})[0-9a-f]{32}", "$1[times]");
    insta::with_settings!({ filters => vec![(r"date: .*GMT", "date: [now]"), times], prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, all);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_array() {
    snapshot("watch_array", "", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compact_json_array_of_some_fields() {
    let query = "?prettyPrint=false&fields=record(name,state,etag),removed,name";
    snapshot("watch_array_compact", query, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines() {
    let query = "?$alt=json%3Benum-encoding=int";
    snapshot("watch_lines", query, "Accept: application/x-ndjson\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events() {
    snapshot("watch_events", "?$alt=sse", "").await;
    let accepted = transcript("", "Accept: text/event-stream\r\n").await;
    let asked = transcript("?alt=sse", "").await;
    let is_event = |line: &&str| line.starts_with("data: ");
    for text in [accepted, asked] {
        assert!(text.contains("content-type: text/event-stream\n"));
        assert_eq!(text.lines().filter(is_event).count(), STEPS + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_events_goes_on_at_its_last_id() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let mut chunks = server.open("backend", WATCH, "Accept: text/event-stream\r\n").await;
    let first = chunks.next().await.unwrap();
    let id = first.lines().next().unwrap().strip_prefix("id: ").unwrap().to_owned();
    drop(chunks);
    live(&server, 0, &mut String::new()).await;
    let headers = format!("Accept: text/event-stream\r\nLast-Event-ID: {id}\r\n");
    let mut chunks = server.open("backend", WATCH, &headers).await;
    assert!(chunks.next().await.unwrap().contains("operations/one"));
    server.stop().await;
}

/// As `google.rpc.StreamBody`: each message is its field 1.
#[tokio::test(flavor = "multi_thread")]
async fn protobuf() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let mut chunks = server.open("backend", &format!("{WATCH}?alt=proto"), "").await;
    assert!(chunks.head.contains("content-type: application/x-protobuf\r\n"), "{}", chunks.head);
    let first = chunks.next().await.unwrap();
    let (&[tag, length], message) = first.as_bytes().split_first_chunk::<2>().unwrap();
    assert_eq!((tag, usize::from(length)), (10, message.len()));
    let message = WatchRecordsResponse::decode(message).unwrap();
    assert_eq!(message.resume_token.len(), 50);
    server.stop().await;
    assert_eq!(chunks.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_no_body_and_an_end() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let request = format!(
        "HEAD {WATCH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer backend\r\n\
         Connection: close\r\n\r\n"
    );
    let response = server.raw(request.as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(response.ends_with("\r\n\r\n"), "{response}");
    server.stop().await;
}

/// A server without a store any more ends its streams with an error, in the stream's form.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_on_the_way_is_the_last_element() {
    for (headers, start, end) in [
        ("", ",\n{\n  \"error\": {\n", "]\n"),
        ("Accept: application/x-ndjson\r\n", "{\"error\":{", "}\n"),
        ("Accept: text/event-stream\r\n", "data: {\"error\":{", "}\n\n"),
    ] {
        let server = Server::start_beating(std::time::Duration::from_millis(10)).await;
        let mut chunks = server.open("backend", WATCH, headers).await;
        chunks.next().await.unwrap();
        // Over a day at once: what the stream still had to read may be forgotten.
        server.clock.advance(Span::seconds(25 * 3600));
        let mut all = String::new();
        while let Some(chunk) = chunks.next().await {
            all.push_str(&chunk);
        }
        assert!(all.contains("\"RESUME_TOKEN_EXPIRED\""), "{all}");
        assert!(all.contains(start), "{all}");
        assert!(all.ends_with(end), "{all}");
        server.stop().await;
    }
}
