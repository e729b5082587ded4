//! A subscription's life, decision by decision.

use std::time::{Duration, SystemTime};

use prost::Message as _;
use prost_types::FieldMask;

use super::*;
use crate::v1::notification_endpoint::Endpoint;
use crate::v1::{NotificationEndpoint, PayloadOptions};

/// A second of the test's clock.
fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn call(operation: &str, seconds: u64) -> Call {
    let authority = "users/static:alice".to_owned();
    Call { operation: operation.to_owned(), authority, now: at(seconds) }
}

fn wanted(space: &str, topic: &str) -> Subscription {
    let topic = format!("projects/p/topics/{topic}");
    Subscription {
        target_resource: format!("//chat.googleapis.com/spaces/{space}"),
        event_types: vec!["google.workspace.chat.message.v1.created".to_owned()],
        notification_endpoint: Some(NotificationEndpoint {
            endpoint: Some(Endpoint::PubsubTopic(topic)),
        }),
        ..Subscription::default()
    }
}

fn creation(subscription: Subscription) -> CreateSubscriptionRequest {
    CreateSubscriptionRequest { subscription: Some(subscription), validate_only: false }
}

fn ttl(seconds: i64) -> Option<Expiration> {
    Some(Expiration::Ttl(prost_types::Duration { seconds, nanos: 0 }))
}

/// One subscription to space A, `one`.
fn one(topic: &str) -> (Subscriptions, Subscription) {
    let mut all = Subscriptions::default();
    let made = all.create(&call("1", 10), creation(wanted("A", topic))).unwrap();
    (all, made)
}

fn update(name: &str, paths: &[&str], expiration: Option<Expiration>) -> UpdateSubscriptionRequest {
    let name = name.to_owned();
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdateSubscriptionRequest {
        subscription: Some(Subscription { name, expiration, ..Subscription::default() }),
        update_mask: Some(FieldMask { paths }),
        validate_only: false,
    }
}

fn deletion(name: &str) -> DeleteSubscriptionRequest {
    DeleteSubscriptionRequest { name: name.to_owned(), ..DeleteSubscriptionRequest::default() }
}

fn expires(subscription: &Subscription) -> i64 {
    let Some(Expiration::ExpireTime(time)) = &subscription.expiration else {
        panic!("{:?}", subscription.expiration)
    };
    time.seconds
}

#[test]
fn a_create_says_what_the_server_chose() {
    let asked = Subscription {
        payload_options: Some(PayloadOptions { include_resource: true, field_mask: None }),
        // What only the server says is not taken from the request.
        uid: "mine".to_owned(),
        reconciling: true,
        state: State::Deleted.into(),
        ..wanted("A", "t")
    };
    let mut all = Subscriptions::default();
    let made = all.create(&call("1", 10), creation(asked.clone())).unwrap();
    let expected = Subscription {
        name: "subscriptions/spaces-1".to_owned(),
        uid: "spaces-1".to_owned(),
        state: State::Active.into(),
        authority: "users/static:alice".to_owned(),
        create_time: Some(at(10).into()),
        update_time: Some(at(10).into()),
        expiration: Some(Expiration::ExpireTime(at(10 + 4 * 3600).into())),
        reconciling: false,
        etag: made.etag.clone(),
        ..asked
    };
    assert_eq!(made, expected);
    assert!(made.etag.starts_with('"') && made.etag.ends_with('"'), "{}", made.etag);
    assert_eq!(all.list, [made]);
}

#[test]
fn everything_that_is_wrong_is_named() {
    let asked = Subscription {
        event_types: vec!["no.event".to_owned()],
        expiration: ttl(-1),
        ..wanted("A", "t/u")
    };
    let refusal = Subscriptions::default().create(&call("1", 10), creation(asked)).unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (Code::InvalidArgument, "INVALID_SUBSCRIPTION"));
    let fields: Vec<&str> = refusal.violations.iter().map(|one| &*one.field).collect();
    assert_eq!(
        fields,
        [
            "subscription.event_types[0]",
            "subscription.notification_endpoint.pubsub_topic",
            "subscription.ttl"
        ]
    );
    assert!(fields.iter().all(|field| refusal.message.contains(field)), "{}", refusal.message);
    let empty = Subscriptions::default().create(&call("1", 10), creation(Subscription::default()));
    assert_eq!(empty.unwrap_err().violations[0].field, "subscription.target_resource");
}

#[test]
fn one_for_each_caller_and_target() {
    let (mut all, made) = one("t");
    let again = all.create(&call("1", 20), creation(wanted("A", "t")));
    assert_eq!(again, Ok(made.clone()), "a second attempt finds what the first one made");
    let second = all.create(&call("2", 20), creation(wanted("A", "other"))).unwrap_err();
    assert_eq!((second.code, second.reason), (Code::AlreadyExists, "SUBSCRIPTION_ALREADY_EXISTS"));
    assert!(second.message.contains(&made.name), "{}", second.message);
    all.create(&call("3", 20), creation(wanted("B", "t"))).unwrap();
    let bob = Call { authority: "users/static:bob".to_owned(), ..call("4", 20) };
    all.create(&bob, creation(wanted("A", "t"))).unwrap();
    let names: Vec<&str> = all.list.iter().map(|one| &*one.name).collect();
    assert_eq!(
        names,
        ["subscriptions/spaces-1", "subscriptions/spaces-3", "subscriptions/spaces-4"]
    );
}

#[test]
fn an_update_changes_when_it_ends() {
    let (mut all, made) = one("t");
    let changed = all.update(&call("2", 20), update(&made.name, &["ttl"], ttl(60))).unwrap();
    assert_eq!((expires(&changed), &changed.update_time), (80, &Some(at(20).into())));
    assert_ne!(changed.etag, made.etag);
    assert_eq!(all.list, vec![changed]);
    let longest = all.update(&call("3", 30), update(&made.name, &["ttl"], None)).unwrap();
    assert_eq!(expires(&longest), 30 + 7 * 24 * 3600);
    let meant = all.update(&call("4", 40), update(&made.name, &[], ttl(60))).unwrap();
    assert_eq!(expires(&meant), 100);
    let nothing = all.update(&call("5", 50), update(&made.name, &[], None));
    assert_eq!(nothing, Ok(meant));

    let fixed = all.update(&call("6", 50), update(&made.name, &["event_types"], None)).unwrap_err();
    assert_eq!(fixed.violations, [violation("update_mask", "`event_types` can't be changed.")]);
    let late = all.update(&call("7", 50), update(&made.name, &["ttl"], ttl(-1))).unwrap_err();
    assert_eq!(late.violations[0].field, "subscription.ttl");
}

#[test]
fn a_delete_is_for_good() {
    let (mut all, made) = one("t");
    assert_eq!(all.delete(&call("2", 20), deletion(&made.name)), Ok(()));
    assert_eq!(all.list, []);
    let refusal = all.delete(&call("3", 20), deletion(&made.name)).unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (Code::NotFound, "SUBSCRIPTION_NOT_FOUND"));
    let missing = DeleteSubscriptionRequest { allow_missing: true, ..deletion(&made.name) };
    assert_eq!(all.delete(&call("4", 20), missing), Ok(()));
}

#[test]
fn a_second_attempt_recognises_its_own_work_alone() {
    let (mut all, made) = one("t");
    let mut change = update(&made.name, &["ttl"], ttl(600));
    change.subscription.as_mut().unwrap().etag = made.etag;
    let changed = all.update(&call("2", 20), change.clone()).unwrap();
    assert_eq!(all.update(&call("2", 30), change.clone()), Ok(changed));
    let later = all.update(&call("3", 40), update(&made.name, &["ttl"], ttl(60))).unwrap();
    assert_eq!(all.update(&call("2", 50), change.clone()), Ok(later), "it was done before that");
    let others = all.update(&call("4", 50), change).unwrap_err();
    assert_eq!(others.reason, "ETAG_MISMATCH");

    // It is kept: the attempts may be those of two processes.
    all.delete(&call("5", 60), deletion(&made.name)).unwrap();
    let mut all = Subscriptions::decode(&*all.encode_to_vec()).unwrap();
    assert_eq!(all.delete(&call("5", 70), deletion(&made.name)), Ok(()));
    // Whichever attempt it is: one that did nothing has nothing to recognise.
    let other = all.delete(&call("6", 70), deletion(&made.name)).unwrap_err();
    assert_eq!(other, Refusal::not_found(&made.name));
    let next_day = call("5", 60 + REMEMBERED.as_secs());
    assert_eq!(all.delete(&next_day, deletion(&made.name)), Err(other));
}

#[test]
fn a_suspended_one_is_reactivated() {
    let (mut all, made) = one("closed");
    assert_eq!(made.state(), State::Suspended);
    assert_eq!(made.suspension_reason(), ErrorType::EndpointPermissionDenied);
    let request = ReactivateSubscriptionRequest { name: made.name.clone() };
    let active = all.reactivate(&call("2", 20), request.clone()).unwrap();
    assert_eq!(active.state(), State::Active);
    assert_eq!(active.suspension_reason(), ErrorType::Unspecified);
    assert_ne!(active.etag, made.etag);
    assert_eq!(all.reactivate(&call("3", 30), request), Ok(active.clone()));
    assert_eq!(all.list, [active]);
}

#[test]
fn others_and_the_past_are_not_there() {
    let (mut all, made) = one("t");
    let week = 7 * 24 * 3600;
    let bob = Call { authority: "users/static:bob".to_owned(), ..call("2", 20) };
    for call in [bob, call("3", 10 + week)] {
        let request = ReactivateSubscriptionRequest { name: made.name.clone() };
        assert_eq!(all.reactivate(&call, request), Err(Refusal::not_found(&made.name)));
        let changed = all.update(&call, update(&made.name, &["ttl"], None));
        assert_eq!(changed, Err(Refusal::not_found(&made.name)));
        assert_eq!(all.delete(&call, deletion(&made.name)), Err(Refusal::not_found(&made.name)));
    }
    assert_eq!(all.list, [], "its time is over");
}

#[test]
fn an_etag_that_is_sent_has_to_match() {
    let (mut all, made) = one("t");
    let stale = "\"stale\"".to_owned();
    let mut change = update(&made.name, &["ttl"], None);
    change.subscription.as_mut().unwrap().etag = stale.clone();
    let refused = all.update(&call("2", 20), change).unwrap_err();
    assert_eq!((refused.code, refused.reason), (Code::Aborted, "ETAG_MISMATCH"));
    let with = |etag: String| DeleteSubscriptionRequest { etag, ..deletion(&made.name) };
    assert_eq!(all.delete(&call("3", 20), with(stale)).unwrap_err().code, Code::Aborted);
    assert_eq!(all.delete(&call("4", 20), with(made.etag.clone())), Ok(()));
}

#[test]
fn to_validate_is_to_change_nothing() {
    let (mut all, made) = one("t");
    let before = all.clone();
    let request = CreateSubscriptionRequest { validate_only: true, ..creation(wanted("B", "t")) };
    assert_eq!(all.create(&call("2", 20), request).unwrap().name, "subscriptions/spaces-2");
    let request =
        UpdateSubscriptionRequest { validate_only: true, ..update(&made.name, &["ttl"], ttl(60)) };
    assert_eq!(expires(&all.update(&call("3", 20), request).unwrap()), 80);
    let request = DeleteSubscriptionRequest { validate_only: true, ..deletion(&made.name) };
    assert_eq!(all.delete(&call("4", 20), request), Ok(()));
    assert_eq!(all, before);
}
