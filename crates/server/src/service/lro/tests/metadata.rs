use longrun_transcoding::{PrintOptions, print};
use serde_json::{Value, json};

use super::super::metadata::{initial, stamp_birth, stamp_change};
use super::*;
use crate::operation::samples::{at, payload, token};
use crate::operation::{
    Change, Decision, Expected, Finish, Grant, Outcome, Payload, Record, Renewal, Timestamp,
    transition,
};

const TYPE: &str = "kitchen.v1.OperationMetadata";

fn any(service: &Service, name: &str, json: &str) -> Payload {
    use prost::Message as _;
    let descriptor = service.pool().get_message_by_name(name).unwrap();
    let message = longrun_transcoding::parse(json.as_bytes(), &descriptor).unwrap();
    payload(name, &message.encode_to_vec())
}

fn shown(service: &Service, record: &Record) -> Value {
    let Some(any) = &record.metadata else { return Value::Null };
    let descriptor =
        service.pool().get_message_by_name(any.type_url.rsplit('/').next().unwrap()).unwrap();
    let message = DynamicMessage::decode(descriptor, any.value.clone()).unwrap();
    let options = PrintOptions { pretty: false, enums_as_ints: false, fields: None };
    serde_json::from_slice(&print(&message, &options).unwrap()).unwrap()
}

fn born(service: &Service, rpc: &str, request: &str, metadata: Option<Payload>) -> Record {
    let method = method(service, rpc);
    let record = Record {
        method: method.name.clone(),
        request: Some(any(service, method.input.full_name(), request)),
        metadata,
        ..crate::operation::samples::record("x", at(0))
    };
    stamp_birth(service, record)
}

/// A call's record.
fn called(service: &Service, rpc: &str, request: &str) -> Record {
    born(service, rpc, request, initial(method(service, rpc)))
}

fn then(
    service: &Service,
    record: &Record,
    event: impl Fn(&Record, Timestamp) -> Decision,
    now: Timestamp,
) -> Change {
    stamp_change(Some(service), record, event(record, now).unwrap())
}

fn after(change: Change) -> Record {
    match change {
        Change::Put(record) | Change::Remove(record, _) | Change::Reject(record, _) => *record,
        Change::Keep => panic!("nothing changed"),
    }
}

const REQUEST_OF_A_DISH: &str = r#"{"name":"restaurants/r/dishes/d"}"#;
const REQUEST: &str = r#"{"parent":"restaurants/r","dish":{"title":"Soup"}}"#;

#[test]
fn a_call_begins_with_what_its_type_has() {
    let service = kitchen();
    let table = [
        (
            "CreateDish",
            REQUEST,
            json!({
                "createTime": "2023-11-14T22:13:20Z",
                "target": "restaurants/r",
                "verb": "create",
                "apiVersion": "v1",
            }),
        ),
        ("DeleteDish", r#"{"name":"restaurants/r/dishes/d"}"#, json!({"verb": "delete"})),
        ("CookDish", r#"{"name":"restaurants/r/dishes/d"}"#, Value::Null),
        ("CreateMenu", "{}", Value::Null),
        ("Clean", "{}", Value::Null),
    ];
    for (rpc, request, expected) in table {
        assert_eq!(shown(&service, &called(&service, rpc, request)), expected, "{rpc}");
    }
}

#[test]
fn the_backend_begins_with_none_or_with_its_own() {
    let service = kitchen();
    let none = born(&service, "CreateDish", REQUEST, None);
    assert_eq!(none.metadata, None);
    let given = any(
        &service,
        TYPE,
        r#"{"verb":"boil","endTime":"2020-01-01T00:00:00Z","statusMessage":"soon"}"#,
    );
    let given = born(&service, "CreateDish", REQUEST, Some(given));
    let expected = json!({
        "createTime": "2023-11-14T22:13:20Z",
        "target": "restaurants/r",
        "verb": "create",
        "statusMessage": "soon",
        "apiVersion": "v1",
    });
    assert_eq!(shown(&service, &given), expected);
}

#[test]
fn workers_write_the_rest() {
    let service = kitchen();
    let first = called(&service, "CreateDish", REQUEST);
    let grant = Grant { worker_id: "w".to_owned(), token: token("A").hash(), duration: None };
    let leased = after(transition::lease(&first, &grant, at(1)).unwrap());
    let expected = Expected { metadata_type: Some(TYPE.to_owned()), response_type: None };
    let renewal = |json: &str| Renewal {
        token: Some(token("A")),
        duration: None,
        metadata: Some(any(&service, TYPE, json)),
    };
    let renew = |record: &Record, json: &str, second: i64| {
        let renewal = renewal(json);
        let event = |record: &Record, now| transition::renew(record, &renewal, &expected, now);
        after(then(&service, record, event, at(second)))
    };
    let half = r#"{"progressPercent":50,"target":"mine","requestedCancellation":true,"endTime":"2020-01-01T00:00:00Z"}"#;
    let renewed = renew(&leased, half, 2);
    let with = |more: Value| {
        let mut whole = json!({
            "createTime": "2023-11-14T22:13:20Z",
            "target": "restaurants/r",
            "verb": "create",
            "apiVersion": "v1",
            "progressPercent": 50,
        });
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        whole
    };
    assert_eq!(shown(&service, &renewed), with(json!({})));
    assert_eq!(renewed.version, leased.version + 1);

    // The same again is a bare renewal, whatever it says of the server's own fields.
    let again = renew(&renewed, r#"{"progressPercent":50}"#, 3);
    assert_eq!((again.version, again.update_time), (renewed.version, renewed.update_time));
    assert_eq!(again.metadata, renewed.metadata);
    assert_eq!(again.lease().unwrap().renew_time, at(3));

    let asked = after(then(&service, &again, transition::cancel, at(4)));
    let cancelled = json!({"requestedCancellation": true});
    assert_eq!(shown(&service, &asked), with(cancelled));
    let asked = renew(&asked, r#"{"progressPercent":50}"#, 5);
    assert_eq!(asked.version, again.version + 1);

    let finish = Finish {
        token: Some(token("A")),
        outcome: Outcome::Response(payload("kitchen.v1.Dish", b"")),
        metadata: None,
    };
    let event = |record: &Record, now| {
        transition::finish(record, &finish, &expected, &transition::by_bytes, now)
    };
    let done = after(then(&service, &asked, event, at(6)));
    let end = json!({"requestedCancellation": true, "endTime": "2023-11-14T22:13:26Z"});
    assert_eq!(shown(&service, &done), with(end.clone()));
    let repeated = then(&service, &done, event, at(7));
    assert_eq!(repeated, Change::Keep);

    let finish = Finish { metadata: Some(any(&service, TYPE, "{}")), ..finish.clone() };
    let event = |record: &Record, now| {
        transition::finish(record, &finish, &expected, &transition::by_bytes, now)
    };
    let done = after(then(&service, &asked, event, at(6)));
    let mut bare = with(end);
    bare.as_object_mut().unwrap().remove("progressPercent");
    assert_eq!(shown(&service, &done), bare);
}

#[test]
fn what_is_cleared_still_has_the_servers_fields() {
    let service = kitchen();
    let clear = |record: &Record, now| {
        let update = transition::Update { metadata: Some(None), ..Default::default() };
        transition::update(record, &update, &Expected::default(), now)
    };
    let own = |record: Record| Record {
        execution: crate::operation::Execution::Service,
        state: crate::operation::State::Running(crate::operation::Holder::Service),
        ..record
    };
    let begun = own(called(&service, "CreateDish", REQUEST));
    let progress = any(&service, TYPE, r#"{"progressPercent":40}"#);
    let update =
        transition::Update { metadata: Some(Some(progress)), ..transition::Update::default() };
    let event =
        |record: &Record, now| transition::update(record, &update, &Expected::default(), now);
    let written = after(then(&service, &begun, event, at(1)));
    assert_eq!(shown(&service, &written)["progressPercent"], 40);
    let cleared = after(then(&service, &written, clear, at(2)));
    assert_eq!(cleared.metadata, begun.metadata);
    assert_eq!(then(&service, &cleared, clear, at(3)), Change::Keep);

    let of_any_type = own(called(&service, "CookDish", REQUEST_OF_A_DISH));
    let written = after(then(&service, &of_any_type, event, at(1)));
    assert_eq!(after(then(&service, &written, clear, at(2))).metadata, None);
}

#[test]
fn what_ends_by_itself_has_an_end_time() {
    let service = kitchen();
    let pending = called(&service, "CreateDish", REQUEST);
    let cancelled = after(then(&service, &pending, transition::cancel, at(9)));
    let late = |record: &Record, now| transition::tick(record, now, now);
    let late = after(then(&service, &pending, late, at(2000)));
    for (record, end, asked) in
        [(cancelled, "2023-11-14T22:13:29Z", true), (late, "2023-11-14T22:46:40Z", false)]
    {
        let metadata = shown(&service, &record);
        assert_eq!(metadata["endTime"], end);
        assert_eq!(metadata["requestedCancellation"] == true, asked);
    }
    let old = called(&service, "DeleteDish", "{}");
    let cancelled = after(then(&service, &old, transition::cancel, at(9)));
    let expected = json!({"verb": "delete", "cancelRequested": true});
    assert_eq!(shown(&service, &cancelled), expected);
}
