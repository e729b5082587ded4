"""A worker in a thread of its own."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import Event, Thread
from typing import Self

from backend import Backend, Json


class Worker(ABC):
    """Leases operations of some methods, and finishes each with what `carry_out` makes of it."""

    def __init__(self, backend: Backend, methods: Sequence[str]) -> None:
        self.backend = backend
        self._methods = list(methods)
        self._stopped = Event()
        self._thread = Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopped.is_set():
            for leased in self.backend.wait_for_work(self._methods, seconds=1):
                request = dict(leased["request"])
                del request["@type"]
                method = leased["method"].rpartition("/")[2]
                self.backend.succeed(leased, self.carry_out(method, request, leased))

    @abstractmethod
    def carry_out(self, method: str, request: Json, leased: Json) -> Json:
        """The response, an Any, to the request of a method, which is named without its service."""
