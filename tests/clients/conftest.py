"""A server for each module, and both doors to it."""

from collections.abc import Callable, Iterator

import pytest
from google.oauth2.credentials import Credentials

from backend import Backend, Json
from doors import DOORS, Door
from keeper import Keeper
from scenes import ALICE, BOB, TOKENS, WORKER
from server import Server, Token, program

LOCAL = "longrun.local"


def pytest_configure() -> None:
    try:
        program()
    except RuntimeError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest) -> str:
    """The service that the module is about."""
    name: str = request.module.SERVICE
    return name


@pytest.fixture(scope="module")
def server(service: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    services = [] if service == LOCAL else [service]
    folder = tmp_path_factory.mktemp("server")
    with Server(program(), folder, TOKENS, services) as running:
        yield running


@pytest.fixture
def backend(server: Server, service: str) -> Backend:
    return Backend(server.address, service, WORKER.text)


@pytest.fixture
def keeper(backend: Backend) -> Iterator[Keeper]:
    """A worker for the Workspace Events API, while the test runs."""
    with Keeper(backend) as running:
        yield running


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> type[Door]:
    return DOORS[request.param]


@pytest.fixture
def enter(server: Server, door: type[Door]) -> Callable[[Token], Door]:
    """Lets somebody in, with the credentials that Google's clients take."""
    return lambda token: door(server.address, Credentials(token.text))


@pytest.fixture
def alice(enter: Callable[[Token], Door]) -> Door:
    return enter(ALICE)


@pytest.fixture
def bob(enter: Callable[[Token], Door]) -> Door:
    return enter(BOB)


@pytest.fixture
def running(backend: Backend, pending: Json) -> Json:
    """A leased record of Alice's."""
    return backend.lease(pending)
