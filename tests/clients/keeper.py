"""A worker that keeps subscriptions, as the Workspace Events API's own would."""

from threading import Event, Thread
from typing import Any

from google.apps import events_subscriptions_v1 as events
from google.protobuf import json_format

from backend import Backend, Json
from scenes import EMPTY, any_json

METHODS = [
    f"google.apps.events.subscriptions.v1.SubscriptionsService/{verb}Subscription"
    for verb in ("Create", "Update", "Delete", "Reactivate")
]


class Keeper:
    """Keeps subscriptions in a dict, as its operations say."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.subscriptions: dict[str, events.Subscription] = {}
        self.requests: list[Json] = []
        self._stopped = Event()
        self._thread = Thread(target=self._work)

    def __enter__(self) -> "Keeper":
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
