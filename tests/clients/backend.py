"""The service's own side of its operations: plain REST calls to `longrun.v1.Backend`."""

from typing import Any
from urllib.parse import urlencode

import requests

Json = dict[str, Any]

ANY = "type.googleapis.com/"
CALL_SECONDS = 30


class Backend:
    """Creates, leases and finishes the records of one service."""

    def __init__(self, address: str, service: str, token: str) -> None:
        self._root = f"http://{address}/longrun/v1"
        self._parent = f"services/{service}"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def create(self, record: Json, parent: str = "", operation_id: str = "") -> Json:
        """A record whose operation is named `{parent}/operations/{id}`."""
        query = urlencode({"operationParent": parent, "operationId": operation_id})
        return self._call("POST", f"{self._parent}/operations?{query}", record)

    def get(self, record: Json) -> Json:
        """The record as it is now."""
        return self._call("GET", record["name"])

    def lease(self, record: Json) -> Json:
        """Leases a record, along with whatever else of its method waits before it."""
        ask = {"methods": [record["method"]], "workerId": "worker-1", "maxOperations": 100}
        leased = self._call("POST", f"{self._parent}/operations:lease", ask)["records"]
        return next(found for found in leased if found["name"] == record["name"])

    def wait_for_work(self, methods: list[str], seconds: int) -> list[Json]:
        """Leases records of these methods, as soon as there are any."""
        ask = {"methods": methods, "workerId": "worker-1", "waitTimeout": f"{seconds}s"}
        answer = self._call("POST", f"{self._parent}/operations:lease", ask)
        leased: list[Json] = answer.get("records", [])
        return leased

    def renew(self, leased: Json, metadata: Json | None = None) -> Json:
        """Keeps a lease, and reports progress."""
        return self._held(leased, "renewLease", {"metadata": metadata} if metadata else {})

    def succeed(self, leased: Json, response: Json) -> Json:
        """Finishes with a response, an Any."""
        return self._held(leased, "finish", {"response": response})

    def fail(self, leased: Json, error: Json) -> Json:
        """Finishes with an error, a google.rpc.Status."""
        return self._held(leased, "finish", {"error": error})

    def cancel(self, record: Json) -> Json:
        """Cancels as a client would."""
        return self._call("POST", f"{record['name']}:cancel", {})

    def _held(self, leased: Json, verb: str, body: Json) -> Json:
        body = {"leaseToken": leased["lease"]["token"], **body}
        return self._call("POST", f"{leased['name']}:{verb}", body)

    def _call(self, verb: str, path: str, body: Json | None = None) -> Json:
        url = f"{self._root}/{path}"
        answer = self._session.request(verb, url, json=body, timeout=CALL_SECONDS)
        if answer.status_code != 200:
            raise RuntimeError(f"{verb} {url}: {answer.status_code} {answer.text}")
        content: Json = answer.json()
        return content
