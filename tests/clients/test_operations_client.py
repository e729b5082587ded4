"""google-api-core's OperationsClient (gRPC), AbstractOperationsClient (REST) and futures."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core import exceptions, operation, retry
from google.api_core.future import polling
from google.longrunning import operations_pb2
from google.oauth2.credentials import Credentials
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.message import Message

from backend import Backend, Json
from doors import Door, Grpc
from scenes import (
    ALICE,
    CANCELLED,
    EMPTY,
    PROBLEM,
    any_json,
    create,
    every_state,
    operation_name,
    to_json,
    unique,
)
from server import Server

SERVICE = "longrun.local"

CALLS: dict[str, Callable[[Door, str], object]] = {
    "get": lambda door, name: door.operations.get_operation(name),
    "cancel": lambda door, name: door.operations.cancel_operation(name),
    "delete": lambda door, name: door.operations.delete_operation(name),
    "wait": lambda door, name: door.wait(name, seconds=0),
}


@pytest.fixture
def pending(backend: Backend) -> Json:
    return create(backend)


def struct(**fields: str | float) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(fields)
    return message


def future_of(
    door: Door, record: Json, result_type: type[Message] = empty_pb2.Empty
) -> operation.Operation:
    """The future that a generated client would have returned."""
    return operation.from_gapic(
        door.operations.get_operation(operation_name(record)),
        door.operations,
        result_type,
        metadata_type=struct_pb2.Struct,
    )


def names_under(door: Door, parent: str, filter_: str = "") -> list[str]:
    return [found.name for found in door.operations.list_operations(parent, filter_)]


def test_a_running_operation_has_no_outcome(alice: Door, running: Json) -> None:
    name = operation_name(running)
    assert name.startswith("projects/p/operations/")
    assert alice.operations.get_operation(name) == operations_pb2.Operation(name=name)


def test_progress_is_metadata(alice: Door, backend: Backend, running: Json) -> None:
    future = future_of(alice, running)
    assert future.metadata is None
    for percent in (40, 80):
        backend.renew(running, any_json(struct(percent=percent)))
        assert not future.done()
        assert future.metadata == struct(percent=percent)


@pytest.mark.parametrize("response", [empty_pb2.Empty(), struct(books=3)], ids=["Empty", "Struct"])
def test_a_response_is_the_result(
    alice: Door, backend: Backend, running: Json, response: Message
) -> None:
    future = future_of(alice, running, type(response))
    assert not future.done()
    backend.succeed(running, any_json(response))
    assert future.result() == response
    assert future.exception() is None
    assert not future.cancelled()


def test_a_future_polls_until_the_operation_is_done(
    alice: Door, backend: Backend, running: Json
) -> None:
    polls: list[Exception] = []

    def finish_after_three(not_yet: Exception) -> None:
        polls.append(not_yet)
        if len(polls) == 3:
            backend.succeed(running, EMPTY)

    often = retry.Retry(
        predicate=polling.POLLING_PREDICATE,
        initial=0.001,
        timeout=30,
        on_error=finish_after_three,
    )
    assert future_of(alice, running).result(polling=often) == empty_pb2.Empty()
    assert len(polls) == 3


def test_a_failure_comes_with_its_details(alice: Door, backend: Backend, running: Json) -> None:
    backend.fail(running, to_json(PROBLEM))
    future = future_of(alice, running)
    error = future.exception()
    assert isinstance(error, exceptions.FailedPrecondition)
    assert error.message == PROBLEM.message
    assert error.errors == [PROBLEM]
    assert not future.cancelled()
    with pytest.raises(exceptions.FailedPrecondition):
        future.result()


def test_cancelling_before_the_work_ends_it(alice: Door, backend: Backend, pending: Json) -> None:
    future = future_of(alice, pending)
    assert future.cancel()
    assert future.cancelled()
    with pytest.raises(exceptions.Cancelled):
        future.result()
    assert backend.get(pending)["state"] == "CANCELLED"
    assert not future.cancel(), "it is done"


def test_cancelling_during_the_work_is_the_workers_to_do(
    alice: Door, backend: Backend, running: Json
) -> None:
    future = future_of(alice, running)
    assert "cancelRequestTime" not in backend.renew(running)
    assert future.cancel()
    assert not future.done()
    assert "cancelRequestTime" in backend.renew(running)
    backend.fail(running, to_json(CANCELLED))
    assert future.cancelled()
    error = future.exception()
    assert isinstance(error, exceptions.Cancelled)
    assert error.message == CANCELLED.message


def test_a_list_goes_over_all_pages(alice: Door, backend: Backend) -> None:
    parent = unique("projects/")
    created = [operation_name(create(backend, parent)) for _ in range(101)]
    assert names_under(alice, parent) == created[::-1], "newest first"


def test_page_tokens_lead_from_page_to_page(alice: Door, backend: Backend) -> None:
    parent = unique("projects/")
    created = [operation_name(create(backend, parent)) for _ in range(5)]
    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        page = alice.page(parent, "", size=2, token=token)
        pages.append([found.name for found in page.operations])
        token = page.next_page_token
    newest_first = created[::-1]
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:]]


def test_a_page_token_is_for_its_own_list(alice: Door, backend: Backend) -> None:
    parent = unique("projects/")
    created = [operation_name(create(backend, parent)) for _ in range(3)]
    token = alice.page(parent, "", size=1, token="").next_page_token
    rest = alice.page(parent, "", size=5, token=token)
    assert [found.name for found in rest.operations] == created[1::-1], "the size may change"
    with pytest.raises(exceptions.BadRequest) as refusal:
        alice.page(parent, "done:false", size=1, token=token)
    assert refusal.value.reason == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("filter_", "states"),
    [
        ("", ["CANCELLED", "FAILED", "PENDING", "RUNNING", "SUCCEEDED"]),
        ("done:true", ["CANCELLED", "FAILED", "SUCCEEDED"]),
        ("done=false", ["PENDING", "RUNNING"]),
        ("state=RUNNING", ["RUNNING"]),
        ('done:true AND state="FAILED"', ["FAILED"]),
    ],
)
def test_lists_are_filtered(alice: Door, backend: Backend, filter_: str, states: list[str]) -> None:
    parent = unique("projects/")
    state_of = {
        operation_name(record): state for state, record in every_state(backend, parent).items()
    }
    assert sorted(state_of[name] for name in names_under(alice, parent, filter_)) == states


def test_an_unknown_state_is_no_filter(alice: Door) -> None:
    with pytest.raises(exceptions.BadRequest) as refusal:
        names_under(alice, "projects/p", "state=ASLEEP")
    assert refusal.value.reason == "INVALID_ARGUMENT"


def test_a_wait_ends_with_the_operation(alice: Door, backend: Backend, running: Json) -> None:
    name = operation_name(running)
    with ThreadPoolExecutor() as pool:
        long = pool.submit(alice.wait, name, seconds=30)
        # By the end of this one, which the server holds for a second, the long one is there.
        assert not alice.wait(name, seconds=1).done
        assert not long.done()
        backend.succeed(running, EMPTY)
        assert long.result(timeout=10).HasField("response")
    assert alice.wait(name, seconds=30).done, "it is done already"


def test_a_wait_of_no_time_answers_now(alice: Door, running: Json) -> None:
    name = operation_name(running)
    assert alice.wait(name, seconds=0) == operations_pb2.Operation(name=name)


def test_a_wait_answers_before_the_callers_deadline(server: Server, running: Json) -> None:
    name = operation_name(running)
    alice = Grpc(server.address, Credentials(ALICE.text))
    assert alice.wait(name, seconds=30, deadline=1) == operations_pb2.Operation(name=name)


def test_a_deleted_operation_is_gone(alice: Door, backend: Backend) -> None:
    parent = unique("projects/")
    for record in every_state(backend, parent).values():
        alice.operations.delete_operation(operation_name(record))
        with pytest.raises(exceptions.NotFound) as refusal:
            alice.operations.get_operation(operation_name(record))
        assert refusal.value.reason == "OPERATION_DELETED"
    assert names_under(alice, parent) == []


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_name_is_not_found(alice: Door, call: str) -> None:
    name = "projects/p/operations/unknown"
    with pytest.raises(exceptions.NotFound) as refusal:
        CALLS[call](alice, name)
    error = refusal.value
    assert (error.reason, error.domain) == ("OPERATION_NOT_FOUND", SERVICE)
    assert dict(error.metadata) == {"name": name}


@pytest.mark.parametrize("call", CALLS)
def test_somebody_elses_operation_is_as_if_unknown(
    bob: Door, backend: Backend, running: Json, call: str
) -> None:
    def answer(name: str) -> str:
        with pytest.raises(exceptions.NotFound) as refusal:
            CALLS[call](bob, name)
        error = refusal.value
        return f"{error} {error.reason} {error.domain} {error.metadata}".replace(name, "NAME")

    before = backend.get(running)
    assert answer(operation_name(running)) == answer("projects/p/operations/unknown")
    assert backend.get(running) == before


def test_lists_show_nobody_elses_operations(alice: Door, bob: Door, backend: Backend) -> None:
    parent = unique("projects/")
    name = operation_name(create(backend, parent))
    assert names_under(alice, parent) == [name]
    assert names_under(bob, parent) == []
