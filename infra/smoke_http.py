"""How the smoke test asks and waits: one HTTP call, and a question that is repeated until its answer comes.

Standard library only. Knows no payment.
"""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

CALL_LIMIT_S = 30
"""For one call; an instance that starts takes some seconds to answer its first."""

TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
"""What may pass by itself."""


class SmokeFailed(Exception):
    """What was expected and what came instead. do: what to do next, where the failure does not say it."""

    def __init__(self, what: str, *, do: str = "") -> None:
        super().__init__(what)
        self.do = do


class NotYet(Exception):
    """It may still come; says what was seen."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    text: str

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON
        """Raises NotYet for what is not JSON: the error page of a gateway while the app starts."""
        try:
            return json.loads(self.text)
        except ValueError:
            raise NotYet(f"{self} is not JSON") from None

    def __str__(self) -> str:
        return f"{self.status} {self.text[:500]}"


@dataclass(frozen=True, slots=True)
class Api:
    """One server. A connection per call: what is slow does not matter here, what is stale does."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, *, body: object = None, key: str | None = None) -> Answer:
        """`key` is the Idempotency-Key. Raises NotYet when nothing answers."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=CALL_LIMIT_S)
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {}), "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        try:
            connection.request(method, parts.path.rstrip("/") + path, body=sent, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as exc:
            raise NotYet(f"{method} {self.url}{path}: {type(exc).__name__} {exc}") from exc
        finally:
            connection.close()

    def until(
        self,
        method: str,
        path: str,
        *,
        is_it: Callable[[Answer], bool],
        limit_s: float,
        body: object = None,
        key: str | None = None,
    ) -> Answer:
        """Sends until the answer is one to go on with. Raises SmokeFailed."""

        def ask() -> Answer:
            answer = self.call(method, path, body=body, key=key)
            if not is_it(answer):
                raise NotYet(str(answer))
            return answer

        return eventually(ask, what=f"{method} {path}", limit_s=limit_s)


def eventually[T](ask: Callable[[], T], *, what: str, limit_s: float, pause_s: float = 0.05) -> T:
    """What `ask` returns once it no longer raises NotYet. Raises SmokeFailed with what was seen last."""
    until, longest_s = time.monotonic() + limit_s, max(2.0, pause_s)
    while True:
        try:
            return ask()
        except NotYet as seen:
            if time.monotonic() >= until:
                raise SmokeFailed(f"{what}: not within {limit_s:g} s; last seen: {seen}") from seen
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, longest_s)


def expect(holds: bool, what: str, *, came: object) -> None:  # noqa: FBT001 - it reads as the sentence it is
    """Raises SmokeFailed unless it holds."""
    if not holds:
        raise SmokeFailed(f"expected {what}; came {came}")
