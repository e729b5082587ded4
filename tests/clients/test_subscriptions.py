"""google-apps-events-subscriptions, unmodified, starts operations that a worker carries out."""

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import pytest
from google.api_core import exceptions
from google.apps import events_subscriptions_v1 as events
from google.protobuf import empty_pb2, json_format

from backend import Backend, Json
from doors import Door
from scenes import CAROL, EMPTY, WORKER, any_json
from server import Server, Token

SERVICE = "workspaceevents.googleapis.com"

RESULT_SECONDS = 30
METHODS = [
    f"google.apps.events.subscriptions.v1.SubscriptionsService/{verb}Subscription"
    for verb in ("Create", "Update", "Delete", "Reactivate")
]


class Worker:
    """Keeps subscriptions in a dict, as its operations say."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.subscriptions: dict[str, events.Subscription] = {}
        self.requests: list[Json] = []
        self._stopped = Event()
        self._thread = Thread(target=self._work)

    def __enter__(self) -> "Worker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopped.is_set():
            for leased in self.backend.wait_for_work(METHODS, seconds=1):
                self.backend.succeed(leased, self._carry_out(leased))

    def _carry_out(self, leased: Json) -> Json:
        request = {name: value for name, value in leased["request"].items() if name != "@type"}
        self.requests.append(request)
        verb = leased["method"].rpartition("/")[2].removesuffix("Subscription")
        if verb == "Delete":
            del self.subscriptions[request["name"]]
            return EMPTY
        if verb == "Create":
            found = _subscription(request["subscription"])
            found.name = f"subscriptions/chat-spaces-{len(self.subscriptions)}"
            found.state = events.Subscription.State.SUSPENDED
        elif verb == "Update":
            written = _subscription(request["subscription"])
            found = self.subscriptions[written.name]
            for path in request["updateMask"].split(","):
                name = {"eventTypes": "event_types"}[path]
                setattr(found, name, getattr(written, name))
        else:
            found = self.subscriptions[request["name"]]
            found.state = events.Subscription.State.ACTIVE
        self.subscriptions[found.name] = found
        return any_json(events.Subscription.pb(found))


def _subscription(content: Json) -> Any:
    return events.Subscription(json_format.ParseDict(content, events.Subscription.pb()()))


@pytest.fixture
def worker(server: Server) -> Iterator[Worker]:
    with Worker(Backend(server.address, SERVICE, WORKER.text)) as running:
        yield running


def wanted(topic: str = "projects/p/topics/t") -> events.Subscription:
    return events.Subscription(
        target_resource="//chat.googleapis.com/spaces/AAAA",
        event_types=["google.workspace.chat.message.v1.created"],
        payload_options=events.PayloadOptions(include_resource=True),
        notification_endpoint=events.NotificationEndpoint(pubsub_topic=topic),
    )


def test_a_subscription_lives(alice: Door, worker: Worker) -> None:
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
    assert worker.subscriptions == {}
    assert worker.requests[1]["updateMask"] == "eventTypes"


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
