//! A method's request ids and exclusive keys, through both doors.

use longrun_server::catalog::MethodSettings;
use serde_json::{Value, json};

use super::api::{Api, KITCHEN, rpc};
use super::soup;

const ID: &str = "0f7c1ed4-7c0b-4a3e-9d5e-2f1b8b0c6a11";
const PATH: &str = "/v1/restaurants/r/dishes";

fn request(id: &str) -> Value {
    json!({"parent": "restaurants/r", "dish": soup(), "requestId": id})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_finds_the_first_calls_operation() {
    let api = Api::kitchen(&[]).await;
    let first = api.grpc("alice", &rpc("CreateDish"), &request(ID)).await.unwrap();
    let path = format!("{PATH}?requestId={ID}");
    let (status, again) = api.rest("alice", "POST", &path, &soup()).await;
    assert_eq!((status, &again["name"]), (200, &first["name"]), "{again}");

    let mut other = soup();
    other["title"] = "Stew".into();
    let (status, reused) = api.rest("alice", "POST", &path, &other).await;
    assert_eq!(status, 409);
    assert_eq!(reused["error"]["details"][0]["reason"], "REQUEST_ID_REUSED", "{reused}");
    let bobs = api.grpc("bob", &rpc("CreateDish"), &request(ID)).await.unwrap();
    assert_ne!(bobs["name"], first["name"], "an id is its caller's own");

    let name = first["name"].as_str().unwrap();
    let record = json!({"name": format!("services/{KITCHEN}/{name}")});
    api.backend("DeleteRecord", &record).await.unwrap();
    let (status, gone) = api.rest("alice", "POST", &path, &soup()).await;
    assert_eq!(status, 404, "it is still worked on, but deleted: there is no second run");
    assert_eq!(gone["error"]["details"][0]["reason"], "OPERATION_DELETED");
    api.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keys_holder_is_named_to_those_who_may_read_it() {
    let exclusive = Some("dish.title".to_owned());
    let settings = MethodSettings { exclusive, ..Default::default() };
    let api = Api::kitchen(&[("CreateDish", settings)]).await;
    let first = api.grpc("alice", &rpc("CreateDish"), &request("")).await.unwrap();
    for (who, shown) in [("alice", &first["name"]), ("bob", &Value::Null)] {
        let (status, held) = api.rest(who, "POST", PATH, &soup()).await;
        let error = &held["error"];
        assert_eq!((status, error["status"].as_str()), (409, Some("ABORTED")), "{held}");
        assert_eq!(error["details"][0]["reason"], "EXCLUSIVE_KEY_HELD");
        assert_eq!(&error["details"][0]["metadata"]["name"], shown, "{who}");
    }
    let name = first["name"].as_str().unwrap();
    let cancel = format!("/v1/{name}:cancel");
    assert_eq!(api.rest("alice", "POST", &cancel, &json!({})).await.0, 200);
    assert_eq!(api.rest("bob", "POST", PATH, &soup()).await.0, 200, "it is free");
    api.server.stop().await;
}
