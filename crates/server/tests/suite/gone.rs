//! Who learns what of an operation that is gone, and when.

use longrun_server::catalog::{Policy, ServiceSource, Sources};
use longrun_server::config::Limits;
use longrun_server::operation::Span;
use tokio::io::AsyncWriteExt as _;

use crate::harness::Server;
use crate::limits::wires::{Line, Told, request};
use crate::scenes::{Scene, set};
use crate::still::Still;

const RECORDS: &str = "/longrun/v1/services/longrun.local/operations";

async fn reason(server: &Server, token: &str, name: &str) -> String {
    let answer = server.rest(token, "GET", &format!("/v1/operations/{name}"), "").await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    answer.json()["error"]["details"][0]["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_see_no_difference_to_what_never_was() {
    for scene in [Scene::Deleted, Scene::Gone] {
        let set = set(scene).await;
        assert_eq!(reason(&set.server, "alice", "one").await, "OPERATION_DELETED");
        let deleted = set.server.rest("bob", "GET", "/v1/operations/one", "").await;
        let never = set.server.rest("bob", "GET", "/v1/operations/two", "").await;
        assert_eq!(deleted.body, never.body.replace("two", "one"));
        set.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_shared_everybody_learns_of_it() {
    let local = Some("longrun.local".to_owned());
    let service = ServiceSource { name: local, policy: Policy::Shared, ..Default::default() };
    let sources = Sources { services: vec![service], ..Default::default() };
    let server = Server::start(sources, Limits::default()).await;
    server.rest("backend", "POST", &format!("{RECORDS}?operationId=one"), "{}").await;
    assert_eq!(server.rest("bob", "DELETE", "/v1/operations/one", "").await.status, 200);
    for who in ["alice", "bob"] {
        assert_eq!(reason(&server, who, "one").await, "OPERATION_DELETED");
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_learns_of_the_delete_at_once() {
    let still = Still::new();
    let set = set(Scene::Leased).await;
    let mut waiting = Line::connect(set.server.address).await;
    let wait = request("POST", "/v1/operations/one:wait", "alice", "Content-Length: 0\r\n");
    waiting.0.write_all(wait.as_bytes()).await.unwrap();
    // The server has one thread here: who has an answer now is behind the wait.
    let open = set.server.rest("alice", "GET", "/v1/operations/one", "").await;
    assert_eq!(open.status, 200);
    let deleted = set.server.rest("alice", "DELETE", "/v1/operations/one", "").await;
    assert_eq!(deleted.status, 200);
    let waited = waiting.ask("").await.unwrap();
    assert_eq!(Told::of_rest(&waited), Told::new(404, "NOT_FOUND", "OPERATION_DELETED"));
    still.no_time_has_passed();
    set.server.stop().await;
}

/// Waits for a pass of the reaper: for a deadline that it enforces.
async fn pass(server: &Server, id: &str, deadline: &str) {
    let body = format!(r#"{{"owner":"static:alice","deadline":"{deadline}"}}"#);
    let path = format!("{RECORDS}?operationId={id}");
    let made = server.rest("backend", "POST", &path, &body).await;
    assert_eq!(made.status, 200, "{}", made.body);
}

async fn passed(server: &Server, id: &str) {
    let done = server.rest("alice", "POST", &format!("/v1/operations/{id}:wait"), "{}").await;
    assert_eq!(done.json()["done"], true, "{}", done.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_says_so_for_a_week() {
    let set = set(Scene::Succeeded).await;
    let server = &set.server;
    // Finished at 03:04:07, so it expires 30 days later; what the reaper does next to it is
    // due a second after that.
    pass(server, "next", "2026-02-01T03:04:08Z").await;
    server.clock.advance(Span::seconds(30 * 24 * 3600 + 10));
    passed(server, "next").await;
    assert_eq!(reason(server, "alice", "one").await, "OPERATION_EXPIRED");
    assert_eq!(reason(server, "bob", "one").await, "OPERATION_NOT_FOUND");
    // What is kept of it goes at the end of a pass, so after the next one it is gone.
    for (id, deadline) in [("more", "2026-02-09T00:00:00Z"), ("last", "2026-02-10T00:00:00Z")] {
        pass(server, id, deadline).await;
        server.clock.advance(Span::seconds(8 * 24 * 3600));
        passed(server, id).await;
    }
    assert_eq!(reason(server, "alice", "one").await, "OPERATION_NOT_FOUND");
    set.server.stop().await;
}
