//! Calls that ask what would come of them: `validate_only`.

use longrun_server::catalog::MethodSettings;
use longrun_server::operation::Span;
use serde_json::{Value, json};

use super::admission::{call, no_such_dish, reason};
use super::api::{Api, rpc, typed};

#[tokio::test(flavor = "multi_thread")]
async fn validate_only_is_held_and_stands_in_nobodys_way() {
    let settings = MethodSettings { exclusive: Some("parent".to_owned()), ..Default::default() };
    let api = Api::kitchen(&[("CreateDish", settings)]).await;
    for rest in [false, true] {
        let id = format!("round-{rest}");
        let asked = json!({"requestId": id, "validateOnly": true});
        let finished = async {
            let leased = api.next(&rpc("CreateDish")).await;
            assert_eq!(leased["request"]["validateOnly"], true);
            assert_eq!(leased["exclusiveKey"], Value::Null);
            // The same request id and the same exclusive key do a real call no harm.
            let operation = call(&api, !rest, json!({"requestId": id})).await.unwrap();
            let real = api.next(&rpc("CreateDish")).await;
            assert_eq!(real["operation"]["name"], operation["name"]);
            api.finish(&real, &typed("kitchen.v1.Dish", json!({}))).await.unwrap();
            let response = typed("kitchen.v1.Dish", json!({"title": "it would be soup"}));
            api.finish(&leased, &response).await.unwrap()
        };
        let (operation, record) = tokio::join!(call(&api, rest, asked), finished);
        let operation = operation.unwrap();
        assert_eq!(operation["response"]["title"], "it would be soup");
        assert_eq!(record["finishTime"], "2026-01-02T03:04:05Z");
        assert_eq!(record["expireTime"], "2026-01-02T04:04:05Z");
        assert_eq!(api.get("alice", operation["name"].as_str().unwrap()).await, operation);
    }
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_validation_fails_when_a_worker_says_so_or_none_says_anything() {
    let api = Api::kitchen(&[]).await;
    let asked = json!({"validateOnly": true});
    for rest in [false, true] {
        let rejected = async {
            let leased = api.next(&rpc("CreateDish")).await;
            api.reject(&leased, &no_such_dish()).await.unwrap();
        };
        let (error, ()) = tokio::join!(call(&api, rest, asked.clone()), rejected);
        assert_eq!(error.unwrap_err()["details"], no_such_dish()["details"]);
        let unanswered = async {
            let leased = api.next(&rpc("CreateDish")).await;
            api.server.clock.advance(Span::seconds(10));
            leased
        };
        let (error, leased) = tokio::join!(call(&api, rest, asked.clone()), unanswered);
        let error = error.unwrap_err();
        assert_eq!(error["code"], if rest { 503 } else { 14 });
        assert_eq!(error["details"][0]["reason"], "VALIDATION_UNANSWERED");
        assert_eq!(error["details"][1]["retryDelay"], "1s");
        let late = api.finish(&leased, &typed("kitchen.v1.Dish", json!({}))).await;
        assert_eq!(reason(&late.unwrap_err()), "OPERATION_NOT_FOUND");
    }
    api.server.stop().await;
}
