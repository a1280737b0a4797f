"""For tests only: counts of requests, and faults on demand. The application never comes here.

    GET    /_local/requests   {"requests": {container: {operation: {"count", "ru", "status": {"201": n}}}}}
    DELETE /_local/requests   start counting again
    POST   /_local/faults     {"status", "operation"?, "container"?, "substatus"?, "retry_after_ms"?, "count"?,
                               "after"?}
    GET    /_local/faults     what is still to come
    DELETE /_local/faults     forget them

A fault without operation or container matches any. `after` true = the request is carried out, then answered with the
fault. Status 0 = the connection is cut. Operations are named as in wire.py; one without a container counts as
`account`. Knows nothing of items.
"""

import json
from dataclasses import dataclass
from typing import Final, Self

from local.azure.cosmos.errors import CosmosError
from local.azure.cosmos.values import Document
from local.azure.cosmos.wire import Call, Request, Response, refusal

PREFIX: Final = "_local"
_LARGE_RATE: Final = (
    "Request rate is large. More Request Units may be needed, so no changes were made. Please retry this request "
    "later. Learn more: http://aka.ms/cosmosdb-error-429"
)
_CODES: Final = {
    429: ("429", 3200, _LARGE_RATE),
    408: ("RequestTimeout", 0, "Request timed out. More info: https://aka.ms/cosmosdb-tsg-request-timeout"),
    449: ("RetryWith", 0, "Conflicting request to resource has been attempted. Retry to avoid conflicts."),
    503: ("ServiceUnavailable", 0, "Service is currently unavailable."),
}


@dataclass(slots=True)
class Fault:
    """A fault that is still to come, `count` times."""

    status: int
    operation: str | None = None
    container: str | None = None
    substatus: int | None = None
    retry_after_ms: int | None = None
    count: int = 1
    after: bool = False

    @classmethod
    def parse(cls, wanted: Document) -> Self:
        """Raises TypeError for a name or a type that no fault has."""
        fault = cls(**wanted)  # type: ignore[arg-type]  # JSON from a test; checked just below
        if not isinstance(fault.status, int) or not isinstance(fault.count, int):
            raise TypeError("status and count are numbers")
        return fault

    def matches(self, call: Call) -> bool:
        return self.operation in (None, call.operation) and self.container in (None, call.container)

    @property
    def cuts(self) -> bool:
        return self.status == 0

    def response(self, request: Request) -> Response:
        code, substatus, message = _CODES.get(self.status, ("Injected", 0, "A fault that a test asked for."))
        substatus = substatus if self.substatus is None else self.substatus
        error = CosmosError(self.status, code, message=message, substatus=substatus, retry_after_ms=self.retry_after_ms)
        return refusal(request, error)


@dataclass(slots=True)
class Tally:
    """How often one operation was asked for, what it cost and how it ended. Status 0 = the connection was cut."""

    count: int = 0
    ru: float = 0.0
    status: dict[str, int] | None = None

    def add(self, status: int, charge: float) -> None:
        self.count += 1
        self.ru = round(self.ru + charge, 2)
        self.status = self.status or {}
        self.status[str(status)] = self.status.get(str(status), 0) + 1


class Diagnostics:
    """Counts and faults of one service, since its start."""

    def __init__(self) -> None:
        self._tallies: dict[str, dict[str, Tally]] = {}
        self._faults: list[Fault] = []

    def take(self, call: Call) -> Fault | None:
        """The fault that this request meets, used up by one."""
        fault = next((fault for fault in self._faults if fault.matches(call)), None)
        if fault is not None:
            fault.count -= 1
            self._faults = [pending for pending in self._faults if pending.count > 0]
        return fault

    def record(self, call: Call, *, status: int, charge: float) -> None:
        operations = self._tallies.setdefault(call.container or "account", {})
        operations.setdefault(call.operation, Tally()).add(status, charge)

    def answer(self, request: Request) -> Response:
        """Answer a request under /_local."""
        steps = {
            ("GET", "requests"): self._counts,
            ("DELETE", "requests"): self._tallies.clear,
            ("GET", "faults"): self._pending,
            ("POST", "faults"): lambda: self._faults.append(Fault.parse(request.document())),
            ("DELETE", "faults"): self._faults.clear,
        }
        step = steps.get((request.method, request.path[-1]))
        if step is None:
            return _json(404, {"error": "there is /_local/requests and /_local/faults"})
        try:
            return _json(200, step() or {})
        except (TypeError, CosmosError) as wrong:
            return _json(400, {"error": str(wrong)})

    def _counts(self) -> dict[str, object]:
        shown = {
            container: {
                name: {"count": tally.count, "ru": tally.ru, "status": tally.status}
                for name, tally in operations.items()
            }
            for container, operations in self._tallies.items()
        }
        return {"requests": shown}

    def _pending(self) -> dict[str, object]:
        return {
            "faults": [
                {
                    "operation": fault.operation,
                    "container": fault.container,
                    "status": fault.status,
                    "count": fault.count,
                }
                for fault in self._faults
            ]
        }


def _json(status: int, body: dict[str, object]) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())
