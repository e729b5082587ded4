"""A worker that keeps subscriptions, as the Workspace Events API's own would."""

from typing import Any

from google.apps import events_subscriptions_v1 as events
from google.protobuf import json_format

from backend import Backend, Json
from scenes import EMPTY, any_json
from worker import Worker

METHODS = [
    f"google.apps.events.subscriptions.v1.SubscriptionsService/{verb}Subscription"
    for verb in ("Create", "Update", "Delete", "Reactivate")
]


class Keeper(Worker):
    """Keeps subscriptions in a dict, as its operations say."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend, METHODS)
        self.subscriptions: dict[str, events.Subscription] = {}
        self.requests: list[Json] = []

    def carry_out(self, method: str, request: Json, leased: Json) -> Json:
        self.requests.append(request)
        verb = method.removesuffix("Subscription")
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
