"""google-apps-events-subscriptions against the built-in Workspace Events service."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from google.api_core import exceptions, operation
from google.apps import events_subscriptions_v1 as events
from google.oauth2.credentials import Credentials
from google.protobuf import empty_pb2

from backend import ANY, Backend, Json
from doors import Door, Grpc
from scenes import ALICE, EMPTY, PROBLEM, any_json, operation_name, to_json
from server import Server

SERVICE = "workspaceevents.googleapis.com"

PACKAGE = "google.apps.events.subscriptions.v1"
SUBSCRIPTION = events.Subscription(
    name="subscriptions/chat-spaces-1",
    uid="chat-spaces-1",
    target_resource="//chat.googleapis.com/spaces/AAAA",
    event_types=["google.workspace.chat.message.v1.created"],
    payload_options=events.PayloadOptions(include_resource=True),
    notification_endpoint=events.NotificationEndpoint(pubsub_topic="projects/p/topics/t"),
    state=events.Subscription.State.ACTIVE,
    authority="users/1",
    create_time="2026-11-25T10:00:00.158090Z",
    etag='"1"',
)
CREATION = (
    f"{PACKAGE}.SubscriptionsService/CreateSubscription",
    events.CreateSubscriptionRequest(subscription=SUBSCRIPTION),
    events.CreateSubscriptionMetadata(),
)
DELETION = (
    f"{PACKAGE}.SubscriptionsService/DeleteSubscription",
    events.DeleteSubscriptionRequest(name=SUBSCRIPTION.name),
    events.DeleteSubscriptionMetadata(),
)


def proto_plus_any(message: Any) -> Json:
    return any_json(type(message).pb(message))


def create(backend: Backend, kind: tuple[str, Any, Any]) -> Json:
    """A pending operation of Alice's, for one of the API's methods."""
    method, request, metadata = kind
    return backend.create(
        {
            "method": method,
            "owner": ALICE.principal,
            "request": proto_plus_any(request),
            "operation": {"metadata": proto_plus_any(metadata)},
        }
    )


@pytest.fixture
def pending(backend: Backend) -> Json:
    return create(backend, CREATION)


def get(door: Door, name: str) -> Any:
    return door.subscriptions.get_operation({"name": name})


def future_of(
    door: Door, record: Json, result_type: Any = events.Subscription, metadata_type: Any = None
) -> operation.Operation:
    """The future that the client's own methods return."""
    return operation.from_gapic(
        get(door, operation_name(record)),
        door.subscriptions.transport.operations_client,
        result_type,
        metadata_type=metadata_type or events.CreateSubscriptionMetadata,
    )


def test_a_running_operation_has_typed_metadata_alone(alice: Door, running: Json) -> None:
    found = get(alice, operation_name(running))
    assert found.name.startswith("operations/")
    assert not found.done and found.WhichOneof("result") is None
    assert found.metadata.type_url == f"{ANY}{PACKAGE}.CreateSubscriptionMetadata"
    assert future_of(alice, running).metadata == events.CreateSubscriptionMetadata()


def test_a_created_subscription_is_the_result(alice: Door, backend: Backend, running: Json) -> None:
    future = future_of(alice, running)
    assert not future.done()
    backend.succeed(running, proto_plus_any(SUBSCRIPTION))
    assert future.result() == SUBSCRIPTION
    assert future.metadata == events.CreateSubscriptionMetadata()


def test_a_deletion_results_in_empty(alice: Door, backend: Backend) -> None:
    leased = backend.lease(create(backend, DELETION))
    backend.succeed(leased, EMPTY)
    future = future_of(alice, leased, empty_pb2.Empty, events.DeleteSubscriptionMetadata)
    assert future.result() == empty_pb2.Empty()
    assert future.metadata == events.DeleteSubscriptionMetadata()


def test_a_failure_comes_with_its_details(alice: Door, backend: Backend, running: Json) -> None:
    backend.fail(running, to_json(PROBLEM))
    error = future_of(alice, running).exception()
    assert isinstance(error, exceptions.FailedPrecondition)
    assert error.errors == [PROBLEM]


def test_the_service_can_cancel(alice: Door, backend: Backend, pending: Json) -> None:
    backend.cancel(pending)
    future = future_of(alice, pending)
    assert future.cancelled()
    assert isinstance(future.exception(), exceptions.Cancelled)


def test_a_response_of_another_type_is_refused(
    alice: Door, backend: Backend, running: Json
) -> None:
    with pytest.raises(RuntimeError, match="INVALID_ARGUMENT"):
        backend.succeed(running, EMPTY)
    assert not get(alice, operation_name(running)).done


def test_unknown_and_somebody_elses_are_not_found_alike(
    alice: Door, bob: Door, pending: Json
) -> None:
    def answer(name: str) -> str:
        with pytest.raises(exceptions.NotFound) as refusal:
            get(bob, name)
        error = refusal.value
        assert (error.reason, error.domain) == ("OPERATION_NOT_FOUND", SERVICE)
        return f"{error} {error.metadata}".replace(name, "NAME")

    name = operation_name(pending)
    assert get(alice, name).name == name
    assert answer(name) == answer("operations/unknown")


@pytest.mark.parametrize(
    "call",
    [
        lambda door, name: list(door.operations.list_operations("operations", "")),
        lambda door, name: door.operations.cancel_operation(name),
        lambda door, name: door.operations.delete_operation(name),
        lambda door, name: door.wait(name, seconds=0),
    ],
    ids=["list", "cancel", "delete", "wait"],
)
def test_grpc_serves_get_alone(
    server: Server, backend: Backend, pending: Json, call: Callable[[Door, str], object]
) -> None:
    alice = Grpc(server.address, Credentials(ALICE.text))
    with pytest.raises(exceptions.MethodNotImplemented):
        call(alice, operation_name(pending))
    assert get(alice, operation_name(pending)).name == operation_name(pending)
    assert backend.get(pending)["state"] == "PENDING"


@pytest.mark.parametrize(
    ("verb", "path", "status", "reason"),
    [
        ("GET", "operations", 404, "OPERATION_NOT_FOUND"),
        ("POST", "{name}:cancel", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "{name}", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "{name}:wait", 405, "METHOD_NOT_ALLOWED"),
    ],
    ids=["list", "cancel", "delete", "wait"],
)
def test_rest_serves_get_alone(
    server: Server, backend: Backend, pending: Json, verb: str, path: str, status: int, reason: str
) -> None:
    path = path.format(name=operation_name(pending))
    answer = requests.request(
        verb,
        f"http://{server.address}/v1/{path}",
        headers={"Authorization": f"Bearer {ALICE.text}"},
        timeout=30,
    )
    assert answer.status_code == status
    assert answer.json()["error"]["details"][0]["reason"] == reason
    assert answer.headers.get("Allow") == ("GET, HEAD" if status == 405 else None)
    assert backend.get(pending)["state"] == "PENDING"
