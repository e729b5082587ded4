"""List, filter, wait and watch as a Python program has them, through both doors: the sessions in
transcripts/python, which doctest repeats. Those of curl and Node are replayed by node/."""

import doctest
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.oauth2.credentials import Credentials
from google.protobuf import struct_pb2

from backend import Backend, Json
from conftest import LOCAL
from doors import Door
from scenes import ALICE, BOB, TOKENS, WORKER, any_json
from server import Server, Token, program

SERVICE = LOCAL

SESSIONS = sorted(Path(__file__).with_name("transcripts").glob("python/*.txt"))
METHOD = "library.v1.Library/Import"


def struct(**fields: object) -> Json:
    """The fields as the JSON of an Any."""
    content = struct_pb2.Struct()
    content.update(fields)
    return any_json(content)


def scene(backend: Backend) -> Json:
    """Four of Alice's operations, failed, succeeded, running and pending, and one of Bob's that
    is pending; what runs is returned."""

    def create(number: int, owner: Token, shelf: str, percent: int) -> Json:
        record = {
            "method": METHOD,
            "owner": owner.principal,
            "labels": {"shelf": shelf},
            "operation": {"metadata": struct(percent=percent)},
        }
        return backend.create(record, "projects/p", f"import-{number}")

    failed = backend.lease(create(1, ALICE, "east", 20))
    backend.fail(failed, {"code": 9, "message": "The shelf is full."})
    succeeded = backend.lease(create(2, ALICE, "west", 100))
    backend.succeed(succeeded, struct(books=12))
    running = backend.lease(create(3, ALICE, "east", 60))
    create(4, BOB, "east", 0)
    create(5, ALICE, "west", 0)
    return running


def refusal(call: Callable[..., object], *args: object, **options: object) -> tuple[int, str, str]:
    """HTTP status, reason and message of a call's error."""
    with pytest.raises(exceptions.GoogleAPICallError) as raised:
        call(*args, **options)
    error = raised.value
    # Over REST the request stands before it.
    return int(error.code), error.reason, re.sub(r"^[A-Z]+ http\S+: ", "", error.message)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """One for each session."""
    return Server(program(), tmp_path, TOKENS)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_session_repeats(server: Server, door: type[Door], session: Path) -> None:
    with server, ThreadPoolExecutor() as pool:
        backend = Backend(server.address, LOCAL, WORKER.text)
        alice = door(server.address, Credentials(ALICE.text))
        scope = {
            **{"json": json, "requests": requests, "pool": pool},
            **{"struct": struct, "refusal": refusal},
            **{"alice": alice, "operations": alice.operations, "backend": backend},
            "running": scene(backend),
            "service": f"http://{server.address}/longrun/v1/services/{LOCAL}",
            "worker": {"Authorization": f"Bearer {WORKER.text}"},
        }
        text = session.read_text()
        test = doctest.DocTestParser().get_doctest(text, scope, session.name, str(session), 0)
        said: list[str] = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
        assert not said, "".join(said)
