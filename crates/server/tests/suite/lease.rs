//! Lease calls that wait for work: whatever makes a record leasable ends the wait.

use longrun_server::operation::Span;
use serde_json::{Value, json};

use crate::harness::Server;

const RECORDS: &str = "/longrun/v1/services/longrun.local/operations";
const METHOD: &str = "demo.v1.Demo/Build";

async fn post(server: &Server, path: &str, body: Value) -> Value {
    let answer = server.rest("backend", "POST", path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn create(server: &Server, id: &str) {
    post(server, &format!("{RECORDS}?operationId={id}"), json!({"method": METHOD})).await;
}

/// The next record, however long that takes.
async fn next(server: &Server) -> Value {
    let body = json!({"methods": [METHOD], "leaseDuration": "3s", "waitTimeout": "60s"});
    let leased = post(server, &format!("{RECORDS}:lease"), body).await;
    assert_eq!(leased["records"].as_array().map(Vec::len), Some(1), "{leased}");
    leased["records"][0].clone()
}

/// The next record. `then` comes when the call has registered and its look, which draws
/// tokens first, is in the store's queue: the server has one thread here.
async fn next_after(server: &Server, then: impl Future<Output = ()>) -> Value {
    let (drawn, held) = server.hold();
    drop(held);
    let then = async {
        drawn.await.unwrap();
        then.await;
    };
    tokio::join!(next(server), then).0
}

async fn release(server: &Server, leased: &Value, delay: &str) {
    let path = format!("/longrun/v1/{}:releaseLease", leased["name"].as_str().unwrap());
    let body = json!({"leaseToken": leased["lease"]["token"], "retryDelay": delay});
    post(server, &path, body).await;
}

#[tokio::test]
async fn whatever_makes_a_record_leasable_ends_the_wait() {
    let server = Server::start(Default::default(), Default::default()).await;
    let first = next_after(&server, create(&server, "one")).await;
    assert_eq!(first["attempt"], 1);
    // Given back: the attempt doesn't count.
    let second = next_after(&server, release(&server, &first, "0s")).await;
    assert_eq!((&second["name"], &second["attempt"]), (&first["name"], &json!(1)));
    assert_ne!(second["lease"]["token"], first["lease"]["token"]);
    // Its rest is over.
    release(&server, &second, "2s").await;
    let third = next_after(&server, async { server.clock.advance(Span::seconds(2)) }).await;
    assert_eq!(third["name"], first["name"]);
    // Its lease has run out.
    let fourth = next_after(&server, async { server.clock.advance(Span::seconds(4)) }).await;
    assert_eq!((&fourth["name"], &fourth["attempt"]), (&first["name"], &json!(2)));
    server.stop().await;
}

#[tokio::test]
async fn two_that_wait_get_one_record_each() {
    let server = Server::start(Default::default(), Default::default()).await;
    let create = async {
        create(&server, "one").await;
        create(&server, "two").await;
    };
    let mut other = Value::Null;
    let one = next_after(&server, async { other = next_after(&server, create).await }).await;
    assert_ne!(one["name"], other["name"]);
    server.stop().await;
}
