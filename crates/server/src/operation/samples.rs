//! Records, payloads and tokens for tests.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::{
    Digest, Done, Execution, Expected, Finisher, Holder, Id, Lease, LeaseToken, OperationName,
    Outcome, Parent, Payload, Principal, Record, RecordName, RequestClaim, Span, State, Status,
    Timestamp, TokenHash,
};

/// `seconds` after a moment that is the tests' own.
pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

/// A payload of a type.
pub(crate) fn payload(full_name: &str, value: &[u8]) -> Payload {
    let type_url = format!("type.googleapis.com/{full_name}");
    Payload { type_url, value: value.to_vec().into() }
}

/// An error outcome.
pub(crate) fn status(code: i32, message: &str) -> Status {
    Status { code, message: message.to_owned(), details: vec![] }
}

/// The token that is called so.
pub(crate) fn token(name: &str) -> LeaseToken {
    LeaseToken::new(name)
}

/// What the method of [`record`] declares.
pub(crate) fn expected() -> Expected {
    Expected {
        response_type: Some("test.Response".to_owned()),
        metadata_type: Some("test.Metadata".to_owned()),
    }
}

/// `operations/{id}` of the service `s`.
pub(crate) fn name(id: &str) -> RecordName {
    RecordName::parse(&format!("services/s/operations/{id}")).unwrap()
}

/// A pending record: 3 attempts, leases of 20 s, a deadline in 1,000 s, kept for 500 s.
pub(crate) fn record(id: &str, now: Timestamp) -> Record {
    Record {
        name: name(id),
        method: "pkg.Service/Method".to_owned(),
        owner: Principal::parse("static:alice"),
        exclusive_key: None,
        request_claim: None,
        execution: Execution::Leased,
        state: State::Pending { delayed_until: None },
        hold: None,
        validation: false,
        request: Some(payload("test.Request", b"request")),
        metadata: Some(payload("test.Metadata", b"old")),
        labels: [("env".to_owned(), "old".to_owned())].into(),
        create_time: now,
        start_time: None,
        update_time: now,
        expire_time: None,
        delete_time: None,
        deadline: now.plus(Span::seconds(1000)),
        cancel_request_time: None,
        attempt: 0,
        max_attempts: 3,
        lease_duration: Span::seconds(20),
        retention: Span::seconds(500),
        descriptors: vec![],
        version: 1,
    }
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (0..2_000_000_000_000_000_i64).prop_map(Timestamp::from_micros),
        Just(Timestamp::MAX),
        any::<i32>().prop_map(|micros| Timestamp::from_micros(micros.into())),
    ]
}

fn any_span() -> impl Strategy<Value = Span> {
    any::<i64>().prop_map(Span::from_micros)
}

fn any_payload() -> impl Strategy<Value = Payload> {
    ("\\PC{0,20}", vec(any::<u8>(), 0..40))
        .prop_map(|(type_url, value)| Payload { type_url, value: value.into() })
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let error = (1..17, "\\PC{0,20}", vec(any_payload(), 0..3))
        .prop_map(|(code, message, details)| Outcome::Error(Status { code, message, details }));
    prop_oneof![any_payload().prop_map(Outcome::Response), error]
}

fn any_state() -> impl Strategy<Value = (Execution, State)> {
    let hash = || any::<[u8; 32]>().prop_map(TokenHash);
    let pending = option::of(any_time())
        .prop_map(|delayed_until| (Execution::Leased, State::Pending { delayed_until }));
    let lease = ("\\PC{0,20}", hash(), any_time(), any_span(), any_time()).prop_map(
        |(worker_id, token, renew_time, duration, expire_time)| {
            let lease = Lease { worker_id, token, renew_time, duration, expire_time };
            (Execution::Leased, State::Running(Holder::Worker(lease)))
        },
    );
    let finisher = prop_oneof![
        Just((Execution::Service, Finisher::Service)),
        Just((Execution::Service, Finisher::Server)),
        Just((Execution::Leased, Finisher::Server)),
        hash().prop_map(|hash| (Execution::Leased, Finisher::Worker(hash))),
    ];
    let done = (any_outcome(), any_time(), finisher, any_time()).prop_map(
        |(outcome, finish_time, (execution, finisher), expire_time)| {
            (execution, State::Done(Done { outcome, finish_time, finisher, expire_time }))
        },
    );
    prop_oneof![pending, Just((Execution::Service, State::Running(Holder::Service))), lease, done]
}

prop_compose! {
    /// A name in one of a few services and parents, with a random id.
    pub(crate) fn any_name()(
        service in prop::sample::select(vec!["s", "t.example.com", "longrun.local"]),
        parent in prop::sample::select(vec!["", "projects/p", "a/operations/b/c", "projects/ü"]),
        id in "[A-Za-z0-9][A-Za-z0-9_-]{8,40}",
    ) -> RecordName {
        let (parent, id) = (Parent::parse(parent).unwrap(), Id::parse(&id).unwrap());
        RecordName { service: service.to_owned(), operation: OperationName { parent, id } }
    }
}

prop_compose! {
    /// A record with anything in its fields that their types allow, likely or not.
    pub(crate) fn any_record()(
        name in any_name(),
        method in "(pkg\\.Service/[A-Z]{0,5})?",
        owner in option::of("[a-z]{1,4}:\\PC{1,20}"),
        // Random enough that no two have one.
        exclusive_key in option::of("[a-z]{20,30}"),
        request_claim in option::of(any::<([u8; 32], [u8; 32])>()),
        descriptors in vec(any::<[u8; 32]>(), 0..3),
        (execution, state) in any_state(),
        (hold, validation) in (option::of(any_time()), prop::bool::ANY),
        (request, metadata) in (option::of(any_payload()), option::of(any_payload())),
        labels in btree_map("[a-z]{1,4}", "\\PC{0,10}", 0..4),
        (create_time, update_time, deadline) in (any_time(), any_time(), any_time()),
        (start_time, expire_time) in (option::of(any_time()), option::of(any_time())),
        (delete_time, cancel_request_time) in (option::of(any_time()), option::of(any_time())),
        (attempt, max_attempts) in any::<(u32, u32)>(),
        (lease_duration, retention) in (any_span(), any_span()),
        version in any::<u64>(),
    ) -> Record {
        let owner = owner.and_then(|owner| Principal::parse(&owner));
        let request_claim = request_claim
            .map(|(scope, body)| RequestClaim { scope: Digest(scope), body: Digest(body) });
        let open = execution == Execution::Leased && !matches!(state, State::Done(_));
        let hold = hold.filter(|_| open);
        let descriptors = descriptors.into_iter().map(Digest).collect();
        Record {
            name, method, owner, exclusive_key, request_claim, descriptors, execution, state, hold, validation,
            request, metadata, labels, create_time, start_time, update_time, expire_time, delete_time, deadline, cancel_request_time,
            attempt, max_attempts, lease_duration, retention, version,
        }
    }
}
