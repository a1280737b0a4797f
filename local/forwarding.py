"""Posts to an address what a merchant was sent, byte for byte. Decides nothing; knows no payment."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

LIMIT_S = 10.0
_TYPE = "application/cloudevents+json"
_PREFIX = "webhook-"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: a status code, or why there was none."""

    duration_ms: int
    status_code: int | None = None
    failure: str | None = None

    def __str__(self) -> str:
        return f"{self.status_code or self.failure} in {self.duration_ms} ms"


async def forward(http: aiohttp.ClientSession, url: str, *, headers: Mapping[str, str], body: str) -> Answered:
    """Redirects are not followed, and what is answered is not read: the platform does neither."""
    began = time.monotonic()
    sent = {name: value for name, value in headers.items() if name.startswith(_PREFIX)} | {"Content-Type": _TYPE}
    status_code, failure = None, None
    try:
        async with http.post(
            url,
            data=body.encode(),
            headers=sent,
            timeout=aiohttp.ClientTimeout(total=LIMIT_S),
            allow_redirects=False,
        ) as response:
            status_code = response.status
    except TimeoutError:
        failure = f"no answer within {LIMIT_S:g} s"
    except aiohttp.ClientConnectorError as exc:
        failure = f"nothing listens there ({exc.os_error.strerror or type(exc.os_error).__name__})"
    except (aiohttp.ClientError, ValueError) as exc:
        failure = f"no answer ({type(exc).__name__})"
    return Answered(round((time.monotonic() - began) * 1000), status_code, failure)
