"""Who calls, and operations in each state, for the tests to start from."""

from uuid import uuid4

from google.protobuf import any_pb2, duration_pb2, json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from backend import Backend, Json
from server import Token

CHAT = "https://www.googleapis.com/auth/chat.spaces.readonly"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"

ALICE = Token("alice", "token-of-alice", (CHAT,))
BOB = Token("bob", "token-of-bob", (CHAT,))
CAROL = Token("carol", "token-of-carol", (EMAIL,))
WORKER = Token("worker", "token-of-the-worker", ("longrun.backend",))
TOKENS = [ALICE, BOB, CAROL, WORKER]


def pack(message: Message) -> any_pb2.Any:
    """The message as an Any."""
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def to_json(message: Message) -> Json:
    """The message as proto3 JSON."""
    content: Json = json_format.MessageToDict(message)
    return content


def any_json(message: Message) -> Json:
    """The message as the JSON of an Any."""
    return to_json(pack(message))


PROBLEM = status_pb2.Status(
    code=code_pb2.FAILED_PRECONDITION,
    message="The topic isn't ours to write to.",
    details=[
        pack(
            error_details_pb2.ErrorInfo(
                reason="TOPIC_CLOSED", domain="library.example.com", metadata={"topic": "books"}
            )
        ),
        pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=90))),
        pack(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(
                        field="topic", description="Grant the service its role."
                    )
                ]
            )
        ),
    ],
)
CANCELLED = status_pb2.Status(code=code_pb2.CANCELLED, message="The worker has stopped.")
EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}


def unique(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}{uuid4().hex}"


def create(backend: Backend, parent: str = "projects/p") -> Json:
    """A pending operation of Alice's on longrun.local, of a method of its own."""
    record = {"method": unique("library.v1.Library/Import"), "owner": ALICE.principal}
    return backend.create(record, parent)


def every_state(backend: Backend, parent: str) -> dict[str, Json]:
    """One operation of Alice's in each state, by the state's name."""
    running, succeeded, failed = (backend.lease(create(backend, parent)) for _ in range(3))
    return {
        "PENDING": create(backend, parent),
        "RUNNING": running,
        "SUCCEEDED": backend.succeed(succeeded, EMPTY),
        "FAILED": backend.fail(failed, to_json(PROBLEM)),
        "CANCELLED": backend.cancel(create(backend, parent)),
    }


def operation_name(record: Json) -> str:
    """What clients call it."""
    name: str = record["operation"]["name"]
    return name
