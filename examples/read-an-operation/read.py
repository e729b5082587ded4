"""An API's backend does its work and the server crashes twice; the API's client sees neither.

The API is Google's Workspace Events, which is built in; the client is Google's own, unmodified.
Processes, calls and clients are those of the tests in `tests/clients`.
"""

import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from google.api_core import operation
from google.apps import events_subscriptions_v1 as events
from google.longrunning.operations_pb2 import Operation
from google.oauth2.credentials import Credentials

from backend import Backend, Json
from doors import DOORS
from scenes import any_json
from server import Server, Token, program

SERVICE = "workspaceevents.googleapis.com"
METHOD = "google.apps.events.subscriptions.v1.SubscriptionsService/CreateSubscription"

ALICE = Token("alice", "token-of-alice", ("https://www.googleapis.com/auth/chat.spaces.readonly",))
WORKER = Token("worker", "token-of-the-worker", (f"longrun.backend:{SERVICE}",))

ASKED = events.Subscription(
    target_resource="//chat.googleapis.com/spaces/AAAA",
    event_types=["google.workspace.chat.message.v1.created"],
    notification_endpoint={"pubsub_topic": "projects/my-project/topics/my-topic"},
)
MADE = events.Subscription(
    ASKED, name="subscriptions/my-subscription", state=events.Subscription.State.ACTIVE
)


def main() -> None:
    # As Ctrl-C does: no process stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="longrun-") as folder:
        with Server(program(), Path(folder), [ALICE, WORKER], [SERVICE]) as server:
            show(server, folder)
            step("The server is asked to stop.")
        say("It did, with exit code 0.")
    print("\nAll as expected: what was acknowledged survived both crashes.")


def show(server: Server, folder: str) -> None:
    step("A server starts.")
    say(f"It serves {SERVICE} on {server.address} as process {server.pid}.")
    say(f"It keeps its records in {folder}.")

    step("The API's backend makes a record: Alice has asked for a subscription.")
    record = backend(server).create(
        {
            "method": METHOD,
            "owner": ALICE.principal,
            "request": as_any(events.CreateSubscriptionRequest(subscription=ASKED)),
            "operation": {"metadata": as_any(events.CreateSubscriptionMetadata())},
        }
    )
    name = record["operation"]["name"]
    say(f"Alice's operation is {name}.")

    step("A worker leases the record, to do the work.")
    leased = backend(server).lease(record)
    say(f"The lease is good until {leased['lease']['expireTime']}.")

    step("Alice looks at her operation.")
    expect_running(server, name)

    step("The server crashes: kill -9.")
    crash(server)

    step("Alice looks again.")
    expect_running(server, name)

    step("The worker is done. Its lease has outlived the crash: it finishes the operation.")
    backend(server).succeed(leased, as_any(MADE))
    say("The server has acknowledged it.")

    step("The server crashes again: kill -9.")
    crash(server)

    step("Alice looks a last time.")
    expect_subscription(server, name)


def backend(server: Server) -> Backend:
    return Backend(server.address, SERVICE, WORKER.text)


def crash(server: Server) -> None:
    gone = server.pid
    server.kill()
    say(f"Process {gone} is gone, without a chance to clean up.")
    server.start()
    say(f"Process {server.pid} starts on the same folder and listens on {server.address}.")


def read(server: Server, name: str) -> dict[str, tuple[Operation, operation.Operation]]:
    """The operation and its future, as Alice's client gets them through each door."""
    found = {}
    for kind, door in DOORS.items():
        client = door(server.address, Credentials(ALICE.text)).subscriptions
        read = client.get_operation({"name": name})
        found[kind] = (
            read,
            operation.from_gapic(
                read,
                client.transport.operations_client,
                events.Subscription,
                metadata_type=events.CreateSubscriptionMetadata,
            ),
        )
    return found


def expect_running(server: Server, name: str) -> None:
    for kind, (found, future) in read(server, name).items():
        expect("its name", found.name, name)
        expect("its metadata", future.metadata, events.CreateSubscriptionMetadata())
        expect("whether it is done", found.done, False)
        say(f"Over {kind}: it is running.")


def expect_subscription(server: Server, name: str) -> None:
    for kind, (found, future) in read(server, name).items():
        expect("its name", found.name, name)
        expect("whether it is done", found.done, True)
        subscription = future.result()
        expect("the subscription", subscription, MADE)
        say(
            f"Over {kind}: it is done. {subscription.name} is {subscription.state.name} and "
            f"watches {subscription.target_resource}."
        )


def as_any(message: Any) -> Json:
    return any_json(type(message).pb(message))


def expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise SystemExit(f"{what}:\n{found}\nexpected:\n{expected}")


def step(text: str) -> None:
    print(f"\n{text}", flush=True)


def say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main()
