//! The methods that return an Operation, served from their descriptors: an API that has every
//! kind of them, and the built-in one, through both doors.

use std::sync::Arc;

use longrun_server::auth::{Authenticator, StaticToken, TokenDigest};
use longrun_server::catalog::{
    Catalog, ConfigSource, MethodSettings, Service, ServiceSource, Sources,
};
use longrun_server::config::Limits;
use longrun_server::operation::Principal;
use longrun_transcoding::{PrintOptions, parse, print};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

use crate::harness::Server;

const KITCHEN: &str = "kitchen.example.com";
const EVENTS: &str = "workspaceevents.googleapis.com";

/// A server of one service.
struct Api {
    server: Server,
    service: Arc<Service>,
    pool: DescriptorPool,
}

impl Api {
    async fn kitchen(settings: &[(&str, MethodSettings)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        file("kitchen.proto", include_str!("kitchen/kitchen.proto"));
        let config = file("kitchen.yaml", include_str!("kitchen/kitchen.yaml"));
        let named = |(rpc, settings): &(&str, MethodSettings)| {
            (format!("kitchen.v1.Kitchen/{rpc}"), settings.clone())
        };
        Self::start(ServiceSource {
            config: Some(ConfigSource::File(config)),
            proto_path: vec![folder.path().to_owned()],
            methods: settings.iter().map(named).collect(),
            ..Default::default()
        })
        .await
    }

    async fn events() -> Self {
        let config = Some(ConfigSource::BuiltIn(EVENTS.to_owned()));
        Self::start(ServiceSource { config, ..Default::default() }).await
    }

    async fn start(source: ServiceSource) -> Self {
        let sources = Sources { services: vec![source], ..Default::default() };
        let catalog = Arc::new(Catalog::load(&sources).unwrap());
        let service = catalog.services().next().unwrap().clone();
        let pool = catalog.union_pool().clone();
        let server = Server::start_with(catalog, Limits::default(), tokens()).await;
        Self { server, service, pool }
    }

    /// A call over gRPC, its messages as JSON: the answer, or the status.
    async fn grpc(&self, token: &str, rpc: &str, request: &Value) -> Result<Value, tonic::Status> {
        let (api, name) = rpc.split_once('/').unwrap();
        let api = self.pool.get_service_by_name(api).unwrap();
        let method = api.methods().find(|method| method.name() == name).unwrap();
        let request = parse(request.to_string().as_bytes(), &method.input()).unwrap();
        let answer = self.server.grpc(token, rpc, request.encode_to_vec().into()).await?;
        let message = DynamicMessage::decode(method.output(), answer.into_inner()).unwrap();
        let options = PrintOptions { pretty: false, enums_as_ints: false, fields: None };
        Ok(serde_json::from_slice(&print(&message, &options).unwrap()).unwrap())
    }

    async fn rest(&self, token: &str, verb: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.server.rest(token, verb, path, &body).await;
        (answer.status, answer.json())
    }

    /// The latest state, which both doors tell alike.
    async fn get(&self, token: &str, name: &str) -> Value {
        let (status, rest) = self.rest(token, "GET", &format!("/v1/{name}"), &Value::Null).await;
        assert_eq!(status, 200, "{rest}");
        let request = json!({ "name": name });
        let get = "google.longrunning.Operations/GetOperation";
        assert_eq!(self.grpc(token, get, &request).await.unwrap(), rest);
        rest
    }

    async fn backend(&self, rpc: &str, request: &Value) -> Result<Value, tonic::Status> {
        self.grpc("backend", &format!("longrun.v1.Backend/{rpc}"), request).await
    }

    /// Leases the one record of a method that waits.
    async fn lease(&self, method: &str) -> Value {
        let request = json!({
            "parent": format!("services/{}", self.service.name),
            "methods": [method],
            "workerId": "w",
            "maxOperations": 100,
        });
        let leased = self.backend("LeaseOperations", &request).await.unwrap();
        let records = leased["records"].as_array().unwrap();
        assert_eq!(records.len(), 1, "{leased}");
        records[0].clone()
    }

    async fn finish(&self, leased: &Value, response: &Value) -> Result<Value, tonic::Status> {
        let request = json!({
            "name": leased["name"],
            "leaseToken": leased["lease"]["token"],
            "response": response,
        });
        self.backend("FinishOperation", &request).await
    }
}

fn tokens() -> Authenticator {
    let token = |subject: &str, scopes: &[&str]| StaticToken {
        principal: Principal::parse(&format!("static:{subject}")).unwrap(),
        digest: TokenDigest::of(subject),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    };
    let own = ["https://example.com/cook", "https://www.googleapis.com/auth/chat.messages"];
    Authenticator::tokens([
        token("alice", &own),
        token("bob", &own),
        token("nobody", &["https://example.com/other"]),
        token("backend", &["longrun.backend"]),
    ])
}

fn rpc(name: &str) -> String {
    format!("kitchen.v1.Kitchen/{name}")
}

fn typed(name: &str, mut fields: Value) -> Value {
    fields["@type"] = format!("type.googleapis.com/{name}").into();
    fields
}

fn soup() -> Value {
    json!({
        "title": "Soup",
        "course": "STARTER",
        "ingredients": [{"product": "leek"}],
        "cents": "900",
        "vegan": true,
    })
}

fn fields(error: &Value) -> Vec<&str> {
    let details = error["details"].as_array().unwrap().iter();
    let found = details.filter_map(|detail| detail["fieldViolations"].as_array()).flatten();
    found.map(|violation| violation["field"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_method_starts_an_operation() {
    let api = Api::kitchen(&[]).await;
    let dish = "restaurants/r/dishes/d";
    let metadata = |target: &str, verb: &str| {
        let fields = json!({
            "createTime": "2026-01-02T03:04:05Z",
            "target": target,
            "verb": verb,
            "apiVersion": "v1",
        });
        typed("kitchen.v1.OperationMetadata", fields)
    };
    let mut named = soup();
    named["name"] = dish.into();
    // RPC, request, REST, parent, metadata, response.
    let table = [
        (
            "CreateDish",
            json!({"parent": "restaurants/r", "dish": soup()}),
            ("POST", "/v1/restaurants/r/dishes", soup()),
            "restaurants/r/",
            metadata("restaurants/r", "create"),
            "kitchen.v1.Dish",
        ),
        (
            "UpdateDish",
            json!({"dish": named, "updateMask": "title"}),
            ("PATCH", "/v1/restaurants/r/dishes/d?updateMask=title", soup()),
            "restaurants/r/",
            metadata(dish, "update"),
            "kitchen.v1.Dish",
        ),
        (
            "DeleteDish",
            json!({"name": dish}),
            ("DELETE", "/v1/restaurants/r/dishes/d", Value::Null),
            "restaurants/r/",
            typed("kitchen.v1.OldMetadata", json!({"verb": "delete"})),
            "google.protobuf.Empty",
        ),
        (
            "CookDish",
            json!({"name": dish, "picture": "AAAA"}),
            ("POST", "/v1/restaurants/r/dishes/d:cook", json!({"picture": "AAAA"})),
            "restaurants/r/",
            Value::Null,
            "kitchen.v1.Dish",
        ),
        (
            "UpdateMenuDdl",
            json!({"menu": "restaurants/r/menus/m", "statements": ["a", "b"]}),
            ("PATCH", "/v1/restaurants/r/menus/m/ddl", json!({"statements": ["a", "b"]})),
            "restaurants/r/menus/m/",
            metadata("restaurants/r/menus/m", "update"),
            "google.protobuf.Empty",
        ),
        (
            "CreateMenu",
            json!({"menu": {"title": "Lunch"}}),
            ("POST", "/v1/menus", json!({"menu": {"title": "Lunch"}})),
            "",
            Value::Null,
            "kitchen.v1.Menu",
        ),
        (
            "Clean",
            json!({}),
            ("POST", "/v1:clean", json!({})),
            "",
            Value::Null,
            "kitchen.v1.Menu",
        ),
    ];
    for (name, request, (verb, path, body), parent, metadata, response) in table {
        let by_grpc = api.grpc("alice", &rpc(name), &request).await.unwrap();
        let first = api.lease(&rpc(name)).await;
        let (status, by_rest) = api.rest("alice", verb, path, &body).await;
        assert_eq!(status, 200, "{name}: {by_rest}");
        let second = api.lease(&rpc(name)).await;
        assert_eq!(first["request"], second["request"], "{name}");
        for (operation, leased) in [(by_grpc, first), (by_rest, second)] {
            let operation_name = operation["name"].as_str().unwrap();
            let id = operation_name.strip_prefix(&format!("{parent}operations/"));
            assert_eq!(id.map(str::len), Some(26), "{name}: {operation}");
            assert_eq!(operation["metadata"], metadata, "{name}");
            assert_eq!((&operation["done"], &operation["response"]), (&Value::Null, &Value::Null));
            assert_eq!(api.get("alice", operation_name).await, operation);
            assert_eq!(leased["owner"], "static:alice");
            assert_eq!(leased["method"], rpc(name));
            assert_eq!(leased["name"], format!("services/{KITCHEN}/{operation_name}"));

            if name != "Clean" {
                let wrong = typed("kitchen.v1.OldMetadata", json!({}));
                let refusal = api.finish(&leased, &wrong).await.unwrap_err();
                assert_eq!(refusal.code(), tonic::Code::InvalidArgument, "{name}");
                assert_eq!(api.get("alice", operation_name).await, operation);
            }
            let response = typed(response, json!({}));
            api.finish(&leased, &response).await.unwrap();
            let done = api.get("alice", operation_name).await;
            assert_eq!((&done["done"], &done["response"]), (&true.into(), &response));
        }
    }
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_violation_is_named_through_both_doors() {
    let api = Api::kitchen(&[]).await;
    // RPC, request, REST, the fields that are wrong.
    let table = [
        (
            "CreateDish",
            json!({"parent": "restaurants/r", "dish": {"extras": {"a": {}}, "cents": "1"}}),
            ("POST", "/v1/restaurants/r/dishes", json!({"extras": {"a": {}}, "cents": "1"})),
            &[
                "dish.title",
                "dish.course",
                "dish.ingredients",
                "dish.vegan",
                "dish.extras[\"a\"].product",
            ][..],
        ),
        (
            "CreateDish",
            json!({"parent": "restaurants/r", "requestId": "a b"}),
            ("POST", "/v1/restaurants/r/dishes?requestId=a%20b", Value::Null),
            &["dish", "request_id"],
        ),
        (
            "UpdateDish",
            json!({"dish": {"name": "restaurants/r/dishes/d"}, "updateMask": "title,recipe.nothing"}),
            ("PATCH", "/v1/restaurants/r/dishes/d?updateMask=title,recipe.nothing", json!({})),
            &["update_mask", "dish.title"],
        ),
    ];
    for (name, request, (verb, path, body), expected) in table {
        let refusal = api.grpc("alice", &rpc(name), &request).await.unwrap_err();
        assert_eq!(refusal.code(), tonic::Code::InvalidArgument);
        let (status, answer) = api.rest("alice", verb, path, &body).await;
        let error = &answer["error"];
        assert_eq!((status, &error["status"]), (400, &"INVALID_ARGUMENT".into()));
        assert_eq!(error["message"], refusal.message());
        assert_eq!(fields(error), expected, "{name} {request}");
    }
    // What isn't JSON of the request's type doesn't get as far.
    let path = "/v1/restaurants/r/dishes?nothing=1";
    let (status, answer) = api.rest("alice", "POST", path, &json!({"nothing": 1})).await;
    assert_eq!(status, 400, "{answer}");
    let broken = bytes::Bytes::from_static(&[0x0a, 5, b'r']);
    let refusal = api.server.grpc("alice", &rpc("CreateDish"), broken).await.unwrap_err();
    assert_eq!(refusal.code(), tonic::Code::InvalidArgument);
    let dry = json!({"parent": "restaurants/r", "dish": soup(), "validateOnly": true});
    let refusal = api.grpc("alice", &rpc("CreateDish"), &dry).await.unwrap_err();
    assert_eq!(refusal.code(), tonic::Code::Unimplemented);
    let none = json!({"parent": format!("services/{KITCHEN}")});
    assert_eq!(api.backend("ListRecords", &none).await.unwrap(), json!({}));
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_come_to_the_worker() {
    let api = Api::kitchen(&[]).await;
    let mut request = Vec::new();
    prost::encoding::string::encode(1, &"restaurants/r/dishes/d".to_owned(), &mut request);
    prost::encoding::string::encode(99, &"from a newer client".to_owned(), &mut request);
    let method = rpc("DeleteDish");
    api.server.grpc("alice", &method, request.clone().into()).await.unwrap();
    let lease = longrun_api::longrun::v1::LeaseOperationsRequest {
        parent: format!("services/{KITCHEN}"),
        methods: vec![method],
        ..Default::default()
    };
    let lease = lease.encode_to_vec().into();
    let answer = api.server.grpc("backend", "longrun.v1.Backend/LeaseOperations", lease).await;
    let answer = answer.unwrap().into_inner();
    let leased = longrun_api::longrun::v1::LeaseOperationsResponse::decode(answer).unwrap();
    let kept = leased.records[0].request.as_ref().unwrap();
    assert_eq!(kept.type_url, "type.googleapis.com/kitchen.v1.DeleteDishRequest");
    assert_eq!(kept.value, request);
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_call_and_who_may_see() {
    let open = MethodSettings { allow_unscoped: true, ..Default::default() };
    let api = Api::kitchen(&[("Clean", open)]).await;
    let request = json!({"name": "restaurants/r/dishes/d"});
    let method = rpc("DeleteDish");
    let refusal = api.grpc("nobody", &method, &request).await.unwrap_err();
    assert_eq!(refusal.code(), tonic::Code::PermissionDenied);
    let path = "/v1/restaurants/r/dishes/d";
    let (status, _) = api.rest("nobody", "DELETE", path, &Value::Null).await;
    assert_eq!(status, 403);
    let (status, answer) = api.rest("nobody", "POST", "/v1/menus?nothing=1", &json!({})).await;
    assert_eq!(status, 403, "scopes come before the request: {answer}");

    let (_, operation) = api.rest("alice", "DELETE", path, &Value::Null).await;
    let name = format!("/v1/{}", operation["name"].as_str().unwrap());
    assert_eq!(api.rest("bob", "GET", &name, &Value::Null).await.0, 404);
    let list = |token| api.rest(token, "GET", "/v1/restaurants/r/operations", &Value::Null);
    assert_eq!(list("bob").await.1, json!({}));
    assert_eq!(list("alice").await.1["operations"], json!([operation]));

    // Not long-running, and no upstream: nothing here can answer.
    assert_eq!(api.rest("alice", "GET", path, &Value::Null).await.0, 501);
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_has_settings_of_its_own() {
    let seconds = std::time::Duration::from_secs;
    let settings = MethodSettings {
        deadline: Some(seconds(600)),
        lease_duration: Some(seconds(7)),
        retention: Some(seconds(60)),
        poll_interval: Some(seconds(3)),
        max_attempts: std::num::NonZeroU32::new(2),
        operation_parent: Some("restaurants/all".to_owned()),
        ..Default::default()
    };
    let api = Api::kitchen(&[("DeleteDish", settings)]).await;
    let answer = api.server.rest("alice", "DELETE", "/v1/restaurants/r/dishes/d", "").await;
    assert_eq!(answer.header("retry-after"), Some("3"));
    let name = answer.json()["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("restaurants/all/operations/"), "{name}");
    let leased = api.lease(&rpc("DeleteDish")).await;
    assert_eq!(leased["deadline"], "2026-01-02T03:14:05Z");
    assert_eq!(leased["lease"]["expireTime"], "2026-01-02T03:04:12Z");
    assert_eq!(leased["maxAttempts"], 2);
    let done = api.finish(&leased, &typed("google.protobuf.Empty", json!({}))).await.unwrap();
    assert_eq!(done["expireTime"], "2026-01-02T03:05:05Z");
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_metadata_survives_the_worker() {
    let api = Api::kitchen(&[]).await;
    let request = json!({"menu": "restaurants/r/menus/m", "statements": ["a"]});
    let operation = api.grpc("alice", &rpc("UpdateMenuDdl"), &request).await.unwrap();
    let name = operation["name"].as_str().unwrap();
    let leased = api.lease(&rpc("UpdateMenuDdl")).await;
    let progress = typed(
        "kitchen.v1.OperationMetadata",
        json!({"progressPercent": 50, "verb": "mine", "endTime": "2020-01-01T00:00:00Z"}),
    );
    let renewal = json!({
        "name": leased["name"],
        "leaseToken": leased["lease"]["token"],
        "metadata": progress,
    });
    let renewed = api.backend("RenewLease", &renewal).await.unwrap();
    let mut expected = operation["metadata"].clone();
    expected["progressPercent"] = 50.into();
    assert_eq!(renewed["operation"]["metadata"], expected);
    let again = api.backend("RenewLease", &renewal).await.unwrap();
    assert_eq!(again["etag"], renewed["etag"], "the same again is a bare renewal");

    api.server.clock.forward(1);
    let (status, _) = api.rest("alice", "POST", &format!("/v1/{name}:cancel"), &json!({})).await;
    assert_eq!(status, 200);
    expected["requestedCancellation"] = true.into();
    assert_eq!(api.get("alice", name).await["metadata"], expected);
    api.server.clock.forward(1);
    api.finish(&leased, &typed("google.protobuf.Empty", json!({}))).await.unwrap();
    expected["endTime"] = "2026-01-02T03:04:07Z".into();
    assert_eq!(api.get("alice", name).await["metadata"], expected);
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workspace_events_without_code() {
    let api = Api::events().await;
    let package = "google.apps.events.subscriptions.v1";
    let subscription = json!({
        "targetResource": "//chat.googleapis.com/spaces/AAAA",
        "eventTypes": ["google.workspace.chat.message.v1.created"],
        "notificationEndpoint": {"pubsubTopic": "projects/p/topics/t"},
    });
    let (status, operation) = api.rest("alice", "POST", "/v1/subscriptions", &subscription).await;
    assert_eq!(status, 200, "{operation}");
    let name = operation["name"].as_str().unwrap();
    let metadata = typed(&format!("{package}.CreateSubscriptionMetadata"), json!({}));
    assert_eq!(operation, json!({"name": name, "metadata": metadata}));
    assert!(name.starts_with("operations/"), "{name}");

    let leased = api.lease(&format!("{package}.SubscriptionsService/CreateSubscription")).await;
    assert_eq!(leased["request"]["subscription"], subscription);
    let mut created = subscription.clone();
    created["name"] = "subscriptions/chat-1".into();
    let created = typed(&format!("{package}.Subscription"), created);
    api.finish(&leased, &created).await.unwrap();
    assert_eq!(
        api.get("alice", name).await,
        json!({"name": name, "metadata": metadata, "done": true, "response": created})
    );

    let (status, answer) = api.rest("alice", "POST", "/v1/subscriptions", &json!({})).await;
    assert_eq!(status, 400);
    let missing = [
        "subscription.target_resource",
        "subscription.event_types",
        "subscription.notification_endpoint",
    ];
    assert_eq!(fields(&answer["error"]), missing);
    // Reads are the API's own affair.
    let path = "/v1/subscriptions/chat-1";
    assert_eq!(api.rest("alice", "GET", path, &Value::Null).await.0, 501);
    api.server.stop().await;
}
