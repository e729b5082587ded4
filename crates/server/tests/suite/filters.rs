//! Filters and pages as callers meet them.

use longrun_server::catalog::Sources;
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use serde_json::Value;

use crate::harness::Server;

const RECORDS: &str = "/longrun/v1/services/longrun.local/operations";

/// Operations `a` to `f`, static:alice's, a second apart; each has its id as a label.
async fn six(limits: Limits) -> Server {
    let server = Server::start(Sources::default(), limits).await;
    for id in ["a", "b", "c", "d", "e", "f"] {
        let body = format!("{{\"owner\":\"static:alice\",\"labels\":{{\"id\":\"{id}\"}}}}");
        let path = format!("{RECORDS}?operationId={id}");
        assert_eq!(server.rest("backend", "POST", &path, &body).await.status, 200);
        server.clock.advance(Span::seconds(1));
    }
    server
}

/// Ids of a page, and its token.
fn page(answer: &Value) -> (String, Option<String>) {
    let items = answer["operations"].as_array().or(answer["records"].as_array());
    let name = |item: &Value| item["name"].as_str().unwrap_or_default().to_owned();
    let id = |item: &Value| name(item).rsplit('/').next().unwrap_or_default().to_owned();
    let ids: Vec<String> = items.into_iter().flatten().map(id).collect();
    (ids.concat(), answer["nextPageToken"].as_str().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_be_empty_and_not_the_last() {
    let limits = Limits { list_scan_max: 2, ..Limits::default() };
    let server = six(limits).await;
    let filter = "filter=labels.id%3Da%20OR%20labels.id%3Dd";
    for (token, path) in [("alice", "/v1/operations"), ("reader", RECORDS)] {
        let mut pages = Vec::new();
        let mut at = String::new();
        loop {
            let answer = server.rest(token, "GET", &format!("{path}?{filter}{at}"), "").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let (ids, next) = page(&answer.json());
            pages.push(ids);
            let Some(next) = next else { break };
            at = format!("&pageToken={next}");
        }
        assert_eq!(pages, ["", "d", "a"], "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_with_its_filter() {
    let server = six(Limits::default()).await;
    let list = async |query: &str| {
        server.rest("alice", "GET", &format!("/v1/operations?{query}"), "").await
    };
    let first = list("pageSize=2&filter=labels:*%20OR%20done%3Dtrue").await.json();
    let (ids, Some(token)) = page(&first) else { panic!("{first}") };
    assert_eq!(ids, "fe");
    let rest =
        list(&format!("pageSize=9&filter=labels:*%20OR%20done%3Dtrue&pageToken={token}")).await;
    assert_eq!(page(&rest.json()), ("dcba".to_owned(), None));
    for filter in ["", "&filter=labels:*", "&filter=labels:*%20OR%20%20done%3Dtrue"] {
        let other = list(&format!("pageSize=2{filter}&pageToken={token}")).await;
        assert_eq!(
            (other.status, &other.json()["error"]["status"]),
            (400, &"INVALID_ARGUMENT".into())
        );
        let field = &other.json()["error"]["details"];
        assert!(field.to_string().contains("\"page_token\""), "{field}");
    }
    server.stop().await;
}

/// Caller, parent, order and service; the page size alone may change.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_with_its_list() {
    let server = six(Limits::default()).await;
    let list = async |who: &str, path: &str| server.rest(who, "GET", path, "").await;
    let (_, token) = page(&list("alice", "/v1/operations?pageSize=2").await.json());
    let own = format!("pageToken={}", token.unwrap());
    let (_, token) = page(&list("reader", &format!("{RECORDS}?pageSize=2")).await.json());
    let records = format!("pageToken={}", token.unwrap());
    let all = RECORDS.replace("longrun.local", "-");
    let table = [
        ("alice", format!("/v1/operations?pageSize=3&{own}"), 200),
        ("bob", format!("/v1/operations?{own}"), 400),
        ("alice", format!("/v1/projects/p/operations?{own}"), 400),
        ("reader", format!("{RECORDS}?{own}"), 400),
        ("reader", format!("{RECORDS}?pageSize=3&{records}"), 200),
        ("backend", format!("{RECORDS}?{records}"), 400),
        ("reader", format!("{RECORDS}?orderBy=create_time&{records}"), 400),
        ("reader", format!("{all}?{records}"), 400),
    ];
    for (who, path, status) in table {
        let answer = list(who, &path).await;
        assert_eq!(answer.status, status, "{who} {path}: {}", answer.body);
        assert_eq!(answer.body.contains("\"page_token\""), status == 400, "{who} {path}");
    }
    server.stop().await;
}
