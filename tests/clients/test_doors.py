"""Who gets in and who doesn't, and what both doors say beside the operation itself."""

import re

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import Credentials as AnyCredentials
from google.oauth2.credentials import Credentials
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from backend import Backend, Json
from doors import DOORS, Door, FixedToken, Grpc, NoToken, Rest
from scenes import ALICE, CAROL, CHAT, PROBLEM, WORKER, operation_name, to_json
from server import Server

SERVICE = "workspaceevents.googleapis.com"

SUBSCRIPTIONS = "google.apps.events.subscriptions.v1.SubscriptionsService"


@pytest.fixture
def pending(backend: Backend) -> Json:
    return backend.create(
        {"method": f"{SUBSCRIPTIONS}/DeleteSubscription", "owner": ALICE.principal}
    )


OUTSIDERS = {
    "no token": (NoToken(), exceptions.Unauthorized, "CREDENTIALS_MISSING"),
    "bad token": (FixedToken("token-of-nobody"), exceptions.Unauthorized, "ACCESS_TOKEN_INVALID"),
    "wrong scope": (
        Credentials(CAROL.text),
        exceptions.Forbidden,
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    ),
}


@pytest.mark.parametrize(("credentials", "kind", "reason"), OUTSIDERS.values(), ids=OUTSIDERS)
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_who_may_not_read_learns_nothing(
    server: Server,
    door: type[Door],
    pending: Json,
    credentials: AnyCredentials,
    kind: type[exceptions.GoogleAPICallError],
    reason: str,
    known: bool,
) -> None:
    name = operation_name(pending) if known else "operations/unknown"
    with pytest.raises(kind) as refusal:
        door(server.address, credentials).subscriptions.get_operation({"name": name})
    error = refusal.value
    assert (error.reason, error.domain) == (reason, SERVICE)
    assert error.metadata["method"] == "google.longrunning.Operations.GetOperation"


@pytest.mark.parametrize(
    ("outsider", "challenge"),
    [
        ("no token", r'Bearer realm="[^"]+"'),
        ("bad token", r'Bearer realm="[^"]+", error="invalid_token"'),
        ("wrong scope", rf'Bearer .*, error="insufficient_scope", scope=".*{re.escape(CHAT)}.*"'),
    ],
)
def test_rest_says_what_credential_would_do(server: Server, outsider: str, challenge: str) -> None:
    credentials, kind, _ = OUTSIDERS[outsider]
    with pytest.raises(kind) as refusal:
        Rest(server.address, credentials).subscriptions.get_operation({"name": "operations/x"})
    assert re.fullmatch(challenge, refusal.value.response.headers["WWW-Authenticate"])


def test_an_open_operation_says_when_to_ask_again(
    alice: Door, backend: Backend, running: Json
) -> None:
    name = operation_name(running)
    assert alice.retry_after(name) == "5", "before five samples"
    backend.fail(running, to_json(PROBLEM))
    assert alice.retry_after(name) is None


def test_both_doors_tell_the_same(server: Server, backend: Backend, running: Json) -> None:
    def answers() -> list[object]:
        doors = [door(server.address, Credentials(ALICE.text)) for door in DOORS.values()]
        ask = {"name": operation_name(running)}
        return [door.subscriptions.get_operation(ask) for door in doors]

    open_grpc, open_rest = answers()
    backend.fail(running, to_json(PROBLEM))
    done_grpc, done_rest = answers()
    assert open_grpc == open_rest
    assert done_grpc == done_rest
    assert open_grpc != done_grpc


def test_health_needs_no_token(server: Server) -> None:
    with grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=30)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as refusal:
            health.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=30)
        assert refusal.value.code() == grpc.StatusCode.NOT_FOUND


def test_reflection_lists_and_describes_the_services(server: Server) -> None:
    alice = Grpc(server.address, Credentials(ALICE.text))
    reflection = ProtoReflectionDescriptorDatabase(alice.channel)
    served = {SUBSCRIPTIONS, "google.longrunning.Operations", "longrun.v1.Backend"}
    assert served <= set(reflection.get_services())
    pool = DescriptorPool(reflection)
    create = pool.FindServiceByName(SUBSCRIPTIONS).FindMethodByName("CreateSubscription")
    assert create.output_type.full_name == "google.longrunning.Operation"


@pytest.mark.parametrize("faults", [5, 20, 30, 45, 63])
def test_no_error_is_too_large_for_grpc(server: Server, faults: int) -> None:
    """The client refuses large trailers by chance, with an error of its own."""
    channel = Grpc(server.address, FixedToken(WORKER.text)).channel
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindMethodByName("longrun.v1.Backend.CreateOperation")
    request = GetMessageClass(method.input_type)(parent=f"services/{SERVICE}")
    for fault in range(faults):
        request.record.labels[f"NOT A LABEL {fault}"] = ""
    call = channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=type(request).SerializeToString,
    )
    for _ in range(20):
        with pytest.raises(grpc.RpcError) as refusal:
            call(request)
        assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT, refusal.value
        trailers = dict(refusal.value.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        assert status.details[0].Is(error_details_pb2.ErrorInfo.DESCRIPTOR)
