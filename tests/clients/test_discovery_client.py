"""google-api-python-client, with the discovery document that it brings along, starts operations
of the Workspace Events API that a worker carries out."""

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.oauth2.credentials import Credentials
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from backend import ANY, Json
from keeper import Keeper
from scenes import ALICE, BOB, CAROL, EMPTY
from server import Server, Token

SERVICE = "workspaceevents.googleapis.com"

TYPES = f"{ANY}google.apps.events.subscriptions.v1"
WANTED = {
    "targetResource": "//chat.googleapis.com/spaces/AAAA",
    "eventTypes": ["google.workspace.chat.message.v1.created"],
    "payloadOptions": {"includeResource": True},
    "notificationEndpoint": {"pubsubTopic": "projects/p/topics/t"},
}


@pytest.fixture
def client(server: Server) -> Callable[[Token], Any]:
    """The API as somebody sees it."""
    options = ClientOptions(api_endpoint=f"http://{server.address}/")
    return lambda token: discovery.build(
        "workspaceevents",
        "v1",
        credentials=Credentials(token.text),
        client_options=options,
        static_discovery=True,
    )


def outcome(api: Any, operation: Json) -> Json:
    """The operation once it is done."""
    while not operation.get("done"):
        request = api.operations().get(name=operation["name"])
        request.headers["prefer"] = "wait=30"
        operation = request.execute()
    return operation


def test_a_subscription_lives(client: Callable[[Token], Any], keeper: Keeper) -> None:
    api = client(ALICE)
    subscriptions = api.subscriptions()
    creation = subscriptions.create(body=WANTED).execute()
    assert creation["name"].startswith("operations/")
    created = outcome(api, creation)
    assert created["metadata"] == {"@type": f"{TYPES}.CreateSubscriptionMetadata"}
    name = created["response"]["name"]
    expected = {"@type": f"{TYPES}.Subscription", **WANTED, "name": name, "state": "SUSPENDED"}
    assert created["response"] == expected

    changed = {"eventTypes": ["google.workspace.chat.message.v1.deleted"]}
    update = subscriptions.patch(name=name, body=changed, updateMask="eventTypes").execute()
    expected |= changed
    assert outcome(api, update)["response"] == expected
    assert update["metadata"] == {"@type": f"{TYPES}.UpdateSubscriptionMetadata"}

    reactivation = subscriptions.reactivate(name=name, body={}).execute()
    expected["state"] = "ACTIVE"
    assert outcome(api, reactivation)["response"] == expected
    assert reactivation["metadata"] == {"@type": f"{TYPES}.ReactivateSubscriptionMetadata"}

    deletion = subscriptions.delete(name=name).execute()
    assert outcome(api, deletion)["response"] == EMPTY
    assert deletion["metadata"] == {"@type": f"{TYPES}.DeleteSubscriptionMetadata"}
    assert keeper.subscriptions == {}


def refused(request: Any) -> tuple[int, Any]:
    """The HTTP status of a refusal, and its details."""
    with pytest.raises(HttpError) as refusal:
        request.execute()
    return refusal.value.status_code, refusal.value.error_details


def test_what_is_missing_is_named(client: Callable[[Token], Any]) -> None:
    status, details = refused(client(ALICE).subscriptions().create(body={}))
    assert status == 400
    violations = [violation for detail in details for violation in detail.get("fieldViolations", [])]
    assert {violation["field"] for violation in violations} == {
        "subscription.target_resource",
        "subscription.event_types",
        "subscription.notification_endpoint",
    }


def test_other_scopes_do_not_subscribe(client: Callable[[Token], Any]) -> None:
    status, details = refused(client(CAROL).subscriptions().create(body=WANTED))
    assert (status, details[0]["reason"]) == (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")


def test_somebody_elses_operation_is_not_found(client: Callable[[Token], Any]) -> None:
    name = client(ALICE).subscriptions().create(body=WANTED).execute()["name"]
    assert client(ALICE).operations().get(name=name).execute()["name"] == name
    status, details = refused(client(BOB).operations().get(name=name))
    assert (status, details[0]["reason"]) == (404, "OPERATION_NOT_FOUND")
