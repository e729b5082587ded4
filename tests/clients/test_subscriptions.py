"""google-apps-events-subscriptions, unmodified, starts operations that a worker carries out."""

from collections.abc import Callable

import pytest
from google.api_core import exceptions
from google.apps import events_subscriptions_v1 as events
from google.protobuf import empty_pb2

from doors import Door
from keeper import Keeper
from scenes import CAROL
from server import Token

SERVICE = "workspaceevents.googleapis.com"

RESULT_SECONDS = 30


def wanted(topic: str = "projects/p/topics/t") -> events.Subscription:
    return events.Subscription(
        target_resource="//chat.googleapis.com/spaces/AAAA",
        event_types=["google.workspace.chat.message.v1.created"],
        payload_options=events.PayloadOptions(include_resource=True),
        notification_endpoint=events.NotificationEndpoint(pubsub_topic=topic),
    )


def test_a_subscription_lives(alice: Door, keeper: Keeper) -> None:
    client = alice.subscriptions
    creation = client.create_subscription(subscription=wanted())
    assert creation.operation.name.startswith("operations/")
    created = creation.result(timeout=RESULT_SECONDS)
    assert isinstance(created, events.Subscription)
    assert isinstance(creation.metadata, events.CreateSubscriptionMetadata)
    expected = wanted()
    expected.name = created.name
    expected.state = events.Subscription.State.SUSPENDED
    assert created == expected

    changed = events.Subscription(
        name=created.name, event_types=["google.workspace.chat.message.v1.deleted"]
    )
    update = client.update_subscription(
        subscription=changed, update_mask={"paths": ["event_types"]}
    )
    expected.event_types = changed.event_types
    assert update.result(timeout=RESULT_SECONDS) == expected
    assert isinstance(update.metadata, events.UpdateSubscriptionMetadata)

    reactivation = client.reactivate_subscription(name=created.name)
    expected.state = events.Subscription.State.ACTIVE
    assert reactivation.result(timeout=RESULT_SECONDS) == expected
    assert isinstance(reactivation.metadata, events.ReactivateSubscriptionMetadata)

    deletion = client.delete_subscription(name=created.name)
    assert deletion.result(timeout=RESULT_SECONDS) == empty_pb2.Empty()
    assert isinstance(deletion.metadata, events.DeleteSubscriptionMetadata)
    assert keeper.subscriptions == {}
    assert keeper.requests[1]["updateMask"] == "eventTypes"


def test_what_is_missing_is_named(alice: Door) -> None:
    # REST has InvalidArgument's base class.
    with pytest.raises(exceptions.BadRequest) as refusal:
        alice.subscriptions.create_subscription(subscription=events.Subscription())
    for field in ("target_resource", "event_types", "notification_endpoint"):
        assert f"Missing required field 'subscription.{field}'." in refusal.value.message


def test_other_scopes_do_not_subscribe(enter: Callable[[Token], Door]) -> None:
    with pytest.raises(exceptions.Forbidden) as refusal:
        enter(CAROL).subscriptions.create_subscription(subscription=wanted())
    assert refusal.value.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
