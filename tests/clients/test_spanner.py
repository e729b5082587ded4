"""google-cloud-spanner's DatabaseAdminClient, unmodified, against an API of which the project has
nothing but Google's protos and a service config. Its operations have parents: an instance, or the
database that a request names in a field that is neither `parent` nor `name`."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import spanner_admin_database_v1 as admin
from google.oauth2.credentials import Credentials
from google.protobuf import empty_pb2
from google.rpc import code_pb2

from backend import Backend, Json
from scenes import EMPTY, TOKENS, any_json, unique
from server import Server, Token, program
from worker import Worker

SERVICE = "spanner.googleapis.com"

RESULT_SECONDS = 30
ADMIN = Token("admin", "token-of-the-admin", ("https://www.googleapis.com/auth/spanner.admin",))
INSTANCE = "projects/p/instances/i"
METHODS = [
    f"google.spanner.admin.database.v1.DatabaseAdmin/{name}"
    for name in ("CreateDatabase", "UpdateDatabase", "UpdateDatabaseDdl")
]
CANCELLED = {"code": code_pb2.CANCELLED, "message": "No statement was left half done."}

Client = admin.DatabaseAdminClient


def protos(folder: Path) -> Path:
    """What of google-proto-files the API is made of."""
    root = os.environ.get("LONGRUN_GOOGLE_PROTOS")
    assert root, "LONGRUN_GOOGLE_PROTOS is the folder of npm's google-proto-files"
    for part in ("google/spanner/admin/database/v1", "google/iam/v1", "google/type"):
        shutil.copytree(Path(root) / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = Path(__file__).with_name("spanner.yaml")
    proto_path = protos(tmp_path_factory.mktemp("protos"))
    folder = tmp_path_factory.mktemp("server")
    with Server(program(), folder, [*TOKENS, ADMIN], [str(config)], [proto_path]) as running:
        yield running


def over_grpc(address: str) -> Client:
    transport = Client.get_transport_class("grpc")(
        host=address,
        credentials=Credentials(ADMIN.text),
        ssl_channel_credentials=grpc.local_channel_credentials(),
    )
    return Client(transport=transport)


def over_rest(address: str) -> Client:
    transport = Client.get_transport_class("rest")(
        host=address, credentials=Credentials(ADMIN.text), url_scheme="http"
    )
    return Client(transport=transport)


@pytest.fixture(params=[over_grpc, over_rest])
def client(request: pytest.FixtureRequest, server: Server) -> Client:
    connect: Callable[[str], Client] = request.param
    return connect(server.address)


class Instance(Worker):
    """Has databases, and no data in them."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend, METHODS)
        self.operation_ids: dict[str, str] = {}

    def carry_out(self, method: str, request: Json, leased: Json) -> Json:
        if method == "UpdateDatabaseDdl":
            self.operation_ids[request["database"]] = request.get("operationId", "")
            metadata = admin.UpdateDatabaseDdlMetadata(
                database=request["database"],
                statements=request["statements"],
                progress=[{"progress_percent": 100} for _ in request["statements"]],
            )
            self.backend.renew(leased, any_json(type(metadata).pb(metadata)))
            return EMPTY
        if method == "CreateDatabase":
            created = re.fullmatch("CREATE DATABASE `(.*)`", request["createStatement"])
            assert created, request
            name = f"{request['parent']}/databases/{created[1]}"
            progress = admin.CreateDatabaseMetadata(database=name)
            self.backend.renew(leased, any_json(type(progress).pb(progress)))
            database = admin.Database(name=name, state=admin.Database.State.READY)
        else:
            wanted = request["database"]
            database = admin.Database(
                name=wanted["name"], enable_drop_protection=wanted["enableDropProtection"]
            )
        return any_json(admin.Database.pb(database))


@pytest.fixture
def instance(backend: Backend) -> Iterator[Instance]:
    with Instance(backend) as running:
        yield running


@pytest.fixture
def database() -> str:
    """One that no other test has."""
    return f"{INSTANCE}/databases/{unique('d')[:30]}"


def test_a_database_is_created(client: Client, instance: Instance, database: str) -> None:
    statement = f"CREATE DATABASE `{database.rpartition('/')[2]}`"
    creation = client.create_database(parent=INSTANCE, create_statement=statement)
    assert creation.operation.name.startswith(f"{INSTANCE}/operations/")
    created = creation.result(timeout=RESULT_SECONDS)
    assert created == admin.Database(name=database, state=admin.Database.State.READY)
    assert creation.metadata == admin.CreateDatabaseMetadata(database=database)


def test_a_schema_is_changed(client: Client, instance: Instance, database: str) -> None:
    statements = ["CREATE TABLE Books (Id INT64) PRIMARY KEY (Id)", "DROP TABLE Books"]
    change = client.update_database_ddl(database=database, statements=statements)
    assert change.operation.name.startswith(f"{database}/operations/")
    assert change.result(timeout=RESULT_SECONDS) == empty_pb2.Empty()
    assert isinstance(change.metadata, admin.UpdateDatabaseDdlMetadata)
    assert list(change.metadata.statements) == statements
    assert [one.progress_percent for one in change.metadata.progress] == [100, 100]


def test_a_database_is_changed(client: Client, instance: Instance, database: str) -> None:
    wanted = admin.Database(name=database, enable_drop_protection=True)
    update = client.update_database(
        database=wanted, update_mask={"paths": ["enable_drop_protection"]}
    )
    assert update.operation.name.startswith(f"{database}/operations/")
    assert update.result(timeout=RESULT_SECONDS) == wanted
    assert isinstance(update.metadata, admin.UpdateDatabaseMetadata)


def test_an_id_of_the_callers_is_for_the_worker(
    client: Client, instance: Instance, database: str
) -> None:
    """Names of operations are the server's to give."""
    request = admin.UpdateDatabaseDdlRequest(
        database=database, statements=["DROP TABLE Books"], operation_id="mine"
    )
    change = client.update_database_ddl(request)
    change.result(timeout=RESULT_SECONDS)
    assert instance.operation_ids[database] == "mine"
    assert not change.operation.name.endswith("/mine")


def test_the_operations_of_a_database_are_listed(client: Client, database: str) -> None:
    def started(name: str) -> str:
        operation = client.update_database_ddl(database=name, statements=["DROP TABLE Books"])
        return str(operation.operation.name)

    names = [started(database) for _ in range(3)]
    started(f"{database}x")
    listed = client.list_operations({"name": f"{database}/operations"}).operations
    assert [operation.name for operation in listed] == names[::-1]
    first = client.get_operation({"name": names[0]})
    assert not first.done
    assert first.metadata.Is(admin.UpdateDatabaseDdlMetadata.pb()().DESCRIPTOR)
    with pytest.raises(exceptions.NotFound):
        client.get_operation({"name": names[0].replace("/databases/", "/databases/x")})


def test_a_change_is_cancelled_before_it_begins(client: Client, database: str) -> None:
    change = client.update_database_ddl(database=database, statements=["DROP TABLE Books"])
    client.cancel_operation({"name": change.operation.name})
    with pytest.raises(exceptions.Cancelled):
        change.result(timeout=RESULT_SECONDS)
    assert change.cancelled()


def test_a_change_is_cancelled_by_its_worker(
    client: Client, backend: Backend, database: str
) -> None:
    change = client.update_database_ddl(database=database, statements=["DROP TABLE Books"])
    name = f"services/{SERVICE}/{change.operation.name}"
    leased = backend.lease({"name": name, "method": METHODS[2]})
    # Not change.cancel(): over REST that client of google-api-core fails before it has asked.
    client.cancel_operation({"name": change.operation.name})
    assert not client.get_operation({"name": change.operation.name}).done
    assert "cancelRequestTime" in backend.renew(leased)
    backend.fail(leased, CANCELLED)
    with pytest.raises(exceptions.Cancelled, match="No statement was left half done"):
        change.result(timeout=RESULT_SECONDS)


def test_what_is_missing_is_named(client: Client) -> None:
    with pytest.raises(exceptions.BadRequest) as refusal:
        client.update_database_ddl(admin.UpdateDatabaseDdlRequest(database=f"{INSTANCE}/databases/d"))
    assert "Missing required field 'statements'." in refusal.value.message
