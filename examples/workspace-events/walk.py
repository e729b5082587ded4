"""A subscription's life, as the API's callers see it through each of the server's doors.

The API is the one in this folder, served by `longrun demo`; the client is Google's own,
unmodified. Process and clients are those of the tests in `tests/clients`.
"""

import signal
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from google.api_core import exceptions, operation
from google.apps import events_subscriptions_v1 as events
from google.protobuf import duration_pb2, empty_pb2, json_format

from demo import Demo
from doors import DOORS, NoToken

RESULT_SECONDS = 30
State = events.Subscription.State


def main() -> None:
    # As Ctrl-C does: no process stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="longrun-") as folder:
        with Demo(Path(folder)) as demo:
            step("`longrun demo` starts.")
            say(f"It serves the Workspace Events API on {demo.address} as process {demo.pid}.")
            for kind, door in DOORS.items():
                print(f"\n=== Over {kind}")
                live(door(demo.address, NoToken()).subscriptions)
            step("The demo is asked to stop.")
        say("It did, with exit code 0.")
    print("\nAll as expected: from its making to its end, the subscription was an operation's.")


def live(client: events.SubscriptionsServiceClient) -> None:
    """From create to delete. Each call answers an operation; its result is typed."""
    asked = wanted("projects/p/topics/closed")
    step("Ask whether a Chat space can be subscribed to: with validate_only, nothing is made.")
    preview = client.create_subscription({"subscription": asked, "validate_only": True})
    previewed = preview.result(timeout=RESULT_SECONDS)
    say(f"It can: it would live until {previewed.expire_time:%d %B, %H:%M}.")

    step("Subscribe to it.")
    creation = client.create_subscription(subscription=asked)
    expect("whether it is done", creation.operation.done, True)
    say(f"The answer is {creation.operation.name}, and it is done.")
    created = creation.result(timeout=RESULT_SECONDS)
    expect("the metadata", creation.metadata, events.CreateSubscriptionMetadata())
    expect("the target", created.target_resource, asked.target_resource)
    expect("its state", created.state, State.SUSPENDED)
    say(f"It made {created.name},")
    say(f"{created.state.name} for {created.suspension_reason.name}: the topic is closed.")

    step("Reactivate it. The worker takes two seconds: the client asks until it is done.")
    reactivation = client.reactivate_subscription(name=created.name)
    expect("whether it is done", reactivation.operation.done, False)
    say(f"{reactivation.operation.name} is not done yet.")
    reactivated = reactivation.result(timeout=RESULT_SECONDS)
    expect("its state", reactivated.state, State.ACTIVE)
    say(f"Now it is: {reactivated.name} is {reactivated.state.name}.")

    step("Let it end an hour from now.")
    update = client.update_subscription(
        subscription={"name": created.name, "ttl": duration_pb2.Duration(seconds=3600)},
        update_mask={"paths": ["ttl"]},
    )
    updated = update.result(timeout=RESULT_SECONDS)
    expect("its lifetime", updated.expire_time - updated.update_time, timedelta(hours=1))
    say(f"It ends at {updated.expire_time:%H:%M}.")

    step("Try what can't be: an event that a Chat space doesn't have.")
    bad = wanted("projects/p/topics/t")
    bad.event_types = ["google.workspace.meet.conference.v2.started"]
    expect_refusal(client, bad)

    step("Read an operation again, by its name.")
    again = operation.from_gapic(
        client.get_operation({"name": creation.operation.name}),
        client.transport.operations_client,
        events.Subscription,
        metadata_type=events.CreateSubscriptionMetadata,
    )
    expect("the operation's result", again.result(timeout=RESULT_SECONDS), created)
    say(f"{again.operation.name} still holds what the create resulted in.")

    step("Delete the subscription.")
    deletion = client.delete_subscription(name=created.name)
    expect("the result", deletion.result(timeout=RESULT_SECONDS), empty_pb2.Empty())
    say("The operation results in Empty.")

    step("Read the subscription: that is no operation, and nobody here serves it.")
    try:
        client.get_subscription(name=created.name)
    except exceptions.MethodNotImplemented as refusal:
        say(f"{refusal.code.value} UNIMPLEMENTED, as workspaceevents.yaml says.")
    else:
        raise SystemExit("it was read")


def wanted(topic: str) -> events.Subscription:
    return events.Subscription(
        target_resource="//chat.googleapis.com/spaces/AAAA",
        event_types=["google.workspace.chat.message.v1.created"],
        notification_endpoint={"pubsub_topic": topic},
    )


def expect_refusal(client: events.SubscriptionsServiceClient, bad: events.Subscription) -> None:
    """The worker rejects the call: no operation comes of it."""
    try:
        client.create_subscription(subscription=bad)
    except exceptions.BadRequest as refusal:
        expect("the reason", refusal.reason, "INVALID_SUBSCRIPTION")
        # Through REST the client leaves details in JSON.
        detail = refusal.details[-1]
        content = detail if isinstance(detail, dict) else json_format.MessageToDict(detail)
        (violation,) = content["fieldViolations"]
        expect("the field", violation["field"], "subscription.event_types[0]")
        say(f"{refusal.code.value} {refusal.reason} ({refusal.domain}):")
        say(f"{violation['field']}: {violation['description']}")
    else:
        raise SystemExit("it was taken")


def expect(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise SystemExit(f"{what}:\n{found}\nexpected:\n{expected}")


def step(text: str) -> None:
    print(f"\n{text}", flush=True)


def say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main()
