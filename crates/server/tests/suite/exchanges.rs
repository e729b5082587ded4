//! Whole HTTP exchanges, to the byte, one or more for every row of the contract's table of
//! errors, and for what succeeds beside them.

use longrun_server::auth::Authenticator;
use longrun_server::catalog::{ConfigSource, ServiceSource, Sources};
use longrun_server::config::Limits;

use crate::harness::Server;
use crate::scenes::{Scene, set};

/// Sends each request (its last header is added here) and snapshots both directions.
pub async fn play(server: &Server, name: &str, exchanges: &[&str]) {
    let mut transcript = String::new();
    for exchange in exchanges {
        let (head, body) = exchange.split_once("\n\n").unwrap_or((exchange, ""));
        let mut request = head.replace('\n', "\r\n");
        if !request.contains("Host:") {
            request.push_str("\r\nHost: localhost");
        }
        if !body.is_empty() {
            request.push_str(&format!("\r\nContent-Length: {}", body.len()));
        }
        request.push_str("\r\nConnection: close\r\n\r\n");
        request.push_str(body);
        let response = server.raw(request.as_bytes()).await.replace("\r\n", "\n");
        transcript.push_str(&format!("> {}\n\n{response}\n", exchange.replace('\n', "\n> ")));
    }
    insta::with_settings!({ filters => vec![(r"date: .*GMT", "date: [now]")], prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, transcript);
    });
}

fn workspace_events() -> Sources {
    let config = ConfigSource::BuiltIn("workspaceevents.googleapis.com".to_owned());
    let service = ServiceSource { config: Some(config), ..Default::default() };
    Sources { services: vec![service], ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_as_clients_read_them() {
    for (scene, name) in [
        (Scene::Pending, "get_pending"),
        (Scene::Leased, "get_running"),
        (Scene::Succeeded, "get_succeeded"),
        (Scene::Failed, "get_failed"),
    ] {
        let set = set(scene).await;
        play(&set.server, name, &["GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice"])
            .await;
        set.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_and_delete_answer_an_empty_object() {
    let set = set(Scene::Pending).await;
    let exchanges = [
        "POST /v1/operations/one:cancel HTTP/1.1\nAuthorization: Bearer alice\nContent-Length: 0",
        "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice",
        "DELETE /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice",
    ];
    play(&set.server, "cancel_and_delete", &exchanges).await;
    set.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_or_a_bad_token() {
    let server = Server::start(workspace_events(), Limits::default()).await;
    let exchanges = [
        "GET /v1/operations/one HTTP/1.1",
        "GET /v1/operations/one?key=K HTTP/1.1",
        "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer wrong",
        "GET /v1/operations/one HTTP/1.1\nAuthorization: Basic YTpi",
        "GET /v1/operations/one?access_token=bob HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/one?access_token=alice HTTP/1.1\nAuthorization: Bearer alice",
    ];
    play(&server, "credentials", &exchanges).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn none_of_the_scopes() {
    let server = Server::start(workspace_events(), Limits::default()).await;
    let exchanges = [
        "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer nobody",
        "GET /longrun/v1/services/workspaceevents.googleapis.com/operations HTTP/1.1\nAuthorization: Bearer alice",
        "POST /longrun/v1/services/workspaceevents.googleapis.com/operations:lease HTTP/1.1\nAuthorization: Bearer reader\n\n{\"methods\":[\"m\"]}",
    ];
    play(&server, "scopes", &exchanges).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_somebody_elses_look_the_same() {
    let set = set(Scene::Pending).await;
    let missing = set.server.rest("bob", "GET", "/v1/operations/two", "").await;
    let others = set.server.rest("bob", "GET", "/v1/operations/one", "").await;
    assert_eq!(missing.body.replace("two", "one"), others.body);
    let exchange = "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer bob";
    play(&set.server, "not_found", &[exchange]).await;
    set.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_is_not_unknown() {
    let set = set(Scene::Gone).await;
    let get = |who: &str| format!("GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer {who}");
    let record = "GET /longrun/v1/services/longrun.local/operations/one HTTP/1.1\nAuthorization: Bearer backend";
    let taken = "POST /longrun/v1/services/longrun.local/operations?operationId=one HTTP/1.1\nAuthorization: Bearer backend\n\n{}";
    play(&set.server, "gone", &[&get("alice"), &get("bob"), record, taken]).await;
    set.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_ids_and_exclusive_keys() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    let create = "POST /longrun/v1/services/longrun.local/operations";
    let token = "HTTP/1.1\nAuthorization: Bearer backend";
    let body = r#"{"owner":"static:alice","exclusiveKey":"db/one"}"#;
    let first = format!("{create}?operationId=one&requestId=7a1c {token}\n\n{body}");
    let header = format!("{create}?operationId=one {token}\nx-longrun-request-id: 7a1c\n\n{body}");
    let other = format!("{create}?operationId=one&requestId=7a1c {token}\n\n{{}}");
    let both = format!("{create}?requestId=7a1c {token}\nx-longrun-request-id: 8b2d\n\n{body}");
    let long = format!("{create}?requestId={} {token}\n\n{body}", "x".repeat(129));
    let held = format!("{create} {token}\n\n{body}");
    let cancel = format!("{create}/one:cancel {token}\nContent-Length: 0");
    let delete = format!("DELETE /longrun/v1/services/longrun.local/operations/one {token}");
    let freed = format!("{create}?operationId=two {token}\n\n{body}");
    let exchanges =
        [&first, &header, &other, &both, &long, &held, &cancel, &delete, &first, &freed];
    play(&server, "claims", &exchanges.map(String::as_str)).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_or_another_verb() {
    let server = Server::start(workspace_events(), Limits::default()).await;
    let exchanges = [
        "GET /v2/operations/one HTTP/1.1\nAuthorization: Bearer alice",
        "DELETE /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice",
        "POST /v1/operations/one:cancel HTTP/1.1\nAuthorization: Bearer alice\nContent-Length: 0",
        "HEAD /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice",
    ];
    play(&server, "routes", &exchanges).await;
    server.stop().await;
    let set = set(Scene::Pending).await;
    let exchanges = [
        "GET /v1/operations/one:cancel HTTP/1.1\nAuthorization: Bearer alice",
        "PUT /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice\nContent-Length: 0",
    ];
    play(&set.server, "verbs", &exchanges).await;
    set.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request() {
    let limits = Limits { request_bytes_max: 256, ..Default::default() };
    let server = Server::start(Sources::default(), limits).await;
    let create = "POST /longrun/v1/services/longrun.local/operations HTTP/1.1\nAuthorization: Bearer backend\n\n";
    let large = format!("{create}{}", " ".repeat(300));
    let deep = format!("{create}{{\"request\":{}", "[".repeat(120));
    let syntax = format!("{create}{{\"owner\": nobody}}");
    let twice = format!("{create}{{\"owner\":\"a:b\",\"owner\":\"a:b\"}}");
    let unknown = format!(
        "{create}{{\"nonsense\":1,\"operation\":{{\"metadata\":{{\"@type\":\"type.googleapis.com/no.Such\"}}}}}}"
    );
    let exchanges = [
        large.as_str(),
        &deep,
        &syntax,
        &twice,
        &unknown,
        "GET /v1/operations/one?foo=1 HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/one?alt=xml HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/one?callback=f HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/%zz HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/%ff HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/../secret HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice\n\n{}",
        "GET /v1/operations?pageSize=abc HTTP/1.1\nAuthorization: Bearer alice",
    ];
    play(&server, "bad_requests", &exchanges).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_limit() {
    let one = std::num::NonZeroU32::new(1);
    let limits = Limits { requests_per_second: one, burst: one, ..Default::default() };
    let server = Server::start(Sources::default(), limits).await;
    let exchange = "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice";
    play(&server, "rate_limit", &[exchange, exchange]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_takes_no_new_operations() {
    let limits = Limits { store_bytes_max: Some(1), ..Default::default() };
    let server = Server::start(Sources::default(), limits).await;
    let create = "POST /longrun/v1/services/longrun.local/operations HTTP/1.1\nAuthorization: Bearer backend\n\n{}";
    play(&server, "store_full", &[create]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_hosts_and_pages_without_authentication() {
    let limits = Limits::default();
    let server = Server::start_as(Sources::default(), limits, Authenticator::open()).await;
    let exchanges = [
        "GET /v1/operations/one HTTP/1.1\nHost: evil.example.com",
        "GET /v1/operations/one HTTP/1.1\nHost: localhost\nOrigin: https://evil.example.com",
        "GET /v1/operations/one HTTP/1.1\nHost: localhost",
    ];
    play(&server, "open", &exchanges).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_away() {
    let server = Server::start_failing(Sources::default(), 1).await;
    let create = "POST /longrun/v1/services/longrun.local/operations?operationId=one HTTP/1.1\nAuthorization: Bearer backend\n\n{\"owner\":\"static:alice\"}";
    let exchanges = [
        create,
        "POST /v1/operations/one:cancel HTTP/1.1\nAuthorization: Bearer alice\nContent-Length: 0",
        "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice",
        "GET /readyz HTTP/1.1",
        "GET /livez HTTP/1.1",
    ];
    play(&server, "store_away", &exchanges).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_services_that_read_the_same_paths() {
    let local = ServiceSource { name: Some("longrun.local".to_owned()), ..Default::default() };
    let mut sources = workspace_events();
    sources.services.push(local);
    let server = Server::start(sources, Limits::default()).await;
    let exchanges = [
        "GET /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/one HTTP/1.1\nHost: workspaceevents.googleapis.com\nAuthorization: Bearer alice",
        "GET /v1/operations/one HTTP/1.1\nHost: longrun.local:8080\nAuthorization: Bearer alice",
        "DELETE /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/%zz HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/../one HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/elsewhere/one HTTP/1.1\nAuthorization: Bearer alice",
    ];
    play(&server, "two_services", &exchanges).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes() {
    let server = Server::start(Sources::default(), Limits::default()).await;
    play(&server, "probes", &["GET /livez HTTP/1.1", "GET /readyz HTTP/1.1"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn system_parameters() {
    let set = set(Scene::Succeeded).await;
    let exchanges = [
        "GET /v1/operations/one?prettyPrint=false HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/one?fields=done&$alt=json%3Benum-encoding=int HTTP/1.1\nAuthorization: Bearer alice",
        "POST /v1/operations/one HTTP/1.1\nAuthorization: Bearer alice\nX-HTTP-Method-Override: GET\nContent-Type: application/x-www-form-urlencoded\n\nalt=json&prettyPrint=false",
        "GET /v1/operations/none?$.xgafv=1 HTTP/1.1\nAuthorization: Bearer alice",
        "GET /v1/operations/one?fields=nonsense HTTP/1.1\nAuthorization: Bearer alice",
    ];
    play(&set.server, "system_parameters", &exchanges).await;
    set.server.stop().await;
}
