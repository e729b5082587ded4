"""A server that is killed or stopped, and starts again on the same folder."""

import contextlib
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.longrunning import operations_pb2
from google.oauth2.credentials import Credentials
from google.protobuf import struct_pb2

from backend import Backend, Json
from doors import DOORS, Door
from scenes import (
    ALICE,
    EMPTY,
    TOKENS,
    WORKER,
    any_json,
    create,
    every_state,
    operation_name,
)
from server import Server, program

SERVICE = "longrun.local"
PARENT = "projects/p"
WRITERS = 4
CUT_OFF = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(program(), tmp_path, TOKENS) as running:
        yield running


def crash(server: Server) -> Backend:
    """Kills and restarts the server; the backend of the new process."""
    before = server.pid
    server.kill()
    server.start()
    assert server.pid != before
    return worker(server)


def worker(server: Server) -> Backend:
    return Backend(server.address, SERVICE, WORKER.text)


def alice(server: Server, door: type[Door] = DOORS["grpc"]) -> Door:
    return door(server.address, Credentials(ALICE.text))


def test_every_state_reads_equal(server: Server, door: type[Door]) -> None:
    backend = worker(server)
    records = every_state(backend, PARENT)
    backend.renew(records["RUNNING"], any_json(struct_pb2.Struct()))
    deleted = operation_name(create(backend, PARENT))
    alice(server, door).operations.delete_operation(deleted)

    def reading(backend: Backend) -> tuple[dict[str, object], dict[str, Json], list[str]]:
        client = alice(server, door).operations
        with pytest.raises(exceptions.NotFound):
            client.get_operation(deleted)
        operations = {
            state: client.get_operation(operation_name(record)) for state, record in records.items()
        }
        listed = [found.name for found in client.list_operations(PARENT, "")]
        return operations, {state: backend.get(records[state]) for state in records}, listed

    before = reading(backend)
    assert {state: record["state"] for state, record in before[1].items()} == {
        state: state for state in records
    }
    assert reading(crash(server)) == before


def test_a_lease_outlives_the_crash(server: Server, door: type[Door]) -> None:
    backend = worker(server)
    leased = backend.lease(create(backend))
    backend = crash(server)
    assert "cancelRequestTime" not in backend.renew(leased)
    backend.succeed(leased, EMPTY)
    crash(server)
    found = alice(server, door).operations.get_operation(operation_name(leased))
    assert found.done and found.HasField("response")


def test_a_stop_answers_whoever_waits(server: Server, door: type[Door]) -> None:
    name = operation_name(create(worker(server)))
    client = alice(server, door)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.wait, name, seconds=50)
        # By the end of this one, which the server holds for a second, the other is there.
        assert not client.wait(name, seconds=1).done
        assert not waiting.done()
        server.stop()
        assert waiting.result() == operations_pb2.Operation(name=name)
    server.start()


def test_no_acknowledged_write_is_lost_under_load(server: Server) -> None:
    """Writers go on until the kill cuts them off; it comes once many have been answered."""
    acknowledged: list[Json] = []
    answered = threading.Semaphore(0)

    def write() -> None:
        writer = worker(server)
        with contextlib.suppress(*CUT_OFF):
            for turn in itertools.count():
                record = create(writer)
                if turn % 2:
                    record = writer.succeed(writer.lease(record), EMPTY)
                acknowledged.append(record)
                answered.release()

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write) for _ in range(WRITERS)]
        for _ in range(100):
            assert answered.acquire(timeout=30)
        server.kill()
    for writer in writers:
        writer.result()
    server.start()
    backend = worker(server)
    assert [backend.get(record) for record in acknowledged] == acknowledged
