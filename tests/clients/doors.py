"""Google's Python clients, each through both of the server's doors: gRPC and REST."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import google.auth.credentials
import google.oauth2.credentials
import grpc
from google.api_core import exceptions, grpc_helpers, operations_v1
from google.apps import events_subscriptions_v1 as events
from google.auth.transport.requests import AuthorizedSession
from google.longrunning import operations_pb2
from google.protobuf import json_format

CALL_SECONDS = 30


class NoToken(google.auth.credentials.AnonymousCredentials):
    """Sends none, and after a 401 has nothing new to send."""

    def refresh(self, request: object) -> None:
        pass


class FixedToken(google.oauth2.credentials.Credentials):
    """A token that is all there is: after a 401 the same is sent again."""

    def refresh(self, request: object) -> None:
        pass


@dataclass(frozen=True)
class Door(ABC):
    """One caller's way to one server."""

    address: str
    credentials: google.auth.credentials.Credentials

    @property
    @abstractmethod
    def operations(self) -> Any:
        """The client of google-api-core."""

    @property
    @abstractmethod
    def subscriptions(self) -> events.SubscriptionsServiceClient:
        """The client of google-apps-events-subscriptions."""

    @abstractmethod
    def wait(self, name: str, seconds: int) -> operations_pb2.Operation:
        """WaitOperation, which neither client has a function for."""

    @abstractmethod
    def page(
        self, parent: str, filter_: str, size: int, token: str
    ) -> operations_pb2.ListOperationsResponse:
        """One page of ListOperations."""

    @abstractmethod
    def retry_after(self, name: str) -> str | None:
        """What GetOperation recommends, in seconds."""


class Grpc(Door):
    """HTTP/2 and protobuf."""

    @cached_property
    def channel(self) -> grpc.Channel:
        """The way a generated client opens one, but in plain text, as loopback allows."""
        return grpc_helpers.create_channel(
            self.address,
            credentials=self.credentials,
            ssl_credentials=grpc.local_channel_credentials(),
        )

    @cached_property
    def operations(self) -> operations_v1.OperationsClient:
        return operations_v1.OperationsClient(self.channel)

    @cached_property
    def subscriptions(self) -> events.SubscriptionsServiceClient:
        transport = events.SubscriptionsServiceClient.get_transport_class("grpc")(
            host=self.address,
            credentials=self.credentials,
            ssl_channel_credentials=grpc.local_channel_credentials(),
        )
        return events.SubscriptionsServiceClient(transport=transport)

    def wait(
        self, name: str, seconds: int, deadline: float = 2 * CALL_SECONDS
    ) -> operations_pb2.Operation:
        request = operations_pb2.WaitOperationRequest(name=name, timeout={"seconds": seconds})
        return self._stub("WaitOperation")(request, timeout=deadline)

    def page(
        self, parent: str, filter_: str, size: int, token: str
    ) -> operations_pb2.ListOperationsResponse:
        request = operations_pb2.ListOperationsRequest(
            name=parent, filter=filter_, page_size=size, page_token=token
        )
        return self._stub("ListOperations")(request, timeout=CALL_SECONDS)

    def retry_after(self, name: str) -> str | None:
        request = operations_pb2.GetOperationRequest(name=name)
        stub = self.operations.operations_stub
        _, call = stub.GetOperation.with_call(request, timeout=CALL_SECONDS)
        return dict(call.initial_metadata()).get("retry-after")

    def _stub(self, rpc: str) -> Any:
        return grpc_helpers.wrap_errors(getattr(self.operations.operations_stub, rpc))


class Rest(Door):
    """HTTP/1.1 and JSON."""

    @cached_property
    def session(self) -> AuthorizedSession:
        return AuthorizedSession(self.credentials)

    @cached_property
    def operations(self) -> operations_v1.AbstractOperationsClient:
        # It drops its own url_scheme, so the host brings it.
        transport = operations_v1.OperationsRestTransport(
            host=f"http://{self.address}", credentials=self.credentials
        )
        return operations_v1.AbstractOperationsClient(transport=transport)

    @cached_property
    def subscriptions(self) -> events.SubscriptionsServiceClient:
        transport = events.SubscriptionsServiceClient.get_transport_class("rest")(
            host=self.address, credentials=self.credentials, url_scheme="http"
        )
        return events.SubscriptionsServiceClient(transport=transport)

    def wait(self, name: str, seconds: int) -> operations_pb2.Operation:
        answer = self.session.post(
            self.url(f"{name}:wait"), json={"timeout": f"{seconds}s"}, timeout=2 * CALL_SECONDS
        )
        if answer.status_code != 200:
            raise exceptions.from_http_response(answer)
        return json_format.Parse(answer.content, operations_pb2.Operation())

    def page(
        self, parent: str, filter_: str, size: int, token: str
    ) -> operations_pb2.ListOperationsResponse:
        pager = self.operations.list_operations(parent, filter_, page_size=size, page_token=token)
        return next(iter(pager.pages))

    def retry_after(self, name: str) -> str | None:
        answer = self.session.get(self.url(name), timeout=CALL_SECONDS)
        answer.raise_for_status()
        return answer.headers.get("Retry-After")

    def url(self, path: str) -> str:
        return f"http://{self.address}/v1/{path}"


DOORS: dict[str, type[Door]] = {"grpc": Grpc, "rest": Rest}
