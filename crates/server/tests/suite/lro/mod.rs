//! The methods that return an Operation, served from their descriptors: an API that has every
//! kind of them, and the built-in one, through both doors.

mod admission;
mod api;
mod once;
mod validation;

use longrun_server::catalog::MethodSettings;
use longrun_server::operation::Span;
use prost::Message as _;
use serde_json::{Value, json};

use self::api::{Api, KITCHEN, fields, rpc, typed};

fn soup() -> Value {
    json!({
        "title": "Soup",
        "course": "STARTER",
        "ingredients": [{"product": "leek"}],
        "cents": "900",
        "vegan": true,
    })
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
        ("Clean", json!({}), ("POST", "/v1:clean", json!({})), "", Value::Null, "kitchen.v1.Menu"),
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

    api.server.clock.advance(Span::seconds(1));
    let (status, _) = api.rest("alice", "POST", &format!("/v1/{name}:cancel"), &json!({})).await;
    assert_eq!(status, 200);
    expected["requestedCancellation"] = true.into();
    assert_eq!(api.get("alice", name).await["metadata"], expected);
    api.server.clock.advance(Span::seconds(1));
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
