"""The SDK's errors as ours; every call has a limit. Knows no container."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.core.exceptions import AzureError, HttpResponseError

from shared.errors import AppendUnknown, PaymentsError, StoreBusy, StoreRefuses, StoreThrottles

CALL_LIMIT_S = 20
"""For one call with the SDK's own retries in it; below the lock of a message (60 s)."""

_BUSY = {429, 449}
"""Refused for now: nothing was done."""

_RETRY_AFTER_MS = "x-ms-retry-after-ms"


class Taken(PaymentsError):
    """The document id is taken, or the document has changed. It never leaves the adapters."""

    code = "taken"


def _tells_nothing(status: int | None) -> bool:
    """Whether it may have been done: a fault on the other side, or a yes whose body was cut. None: nothing was sent."""
    return status == 408 or (status is not None and not 400 <= status < 500)


def _busy(message: str, *, answer: HttpResponseError) -> StoreBusy:
    if answer.status_code != 429:
        return StoreBusy(message)
    headers = getattr(answer, "headers", None) or {}  # the SDK's own errors have them
    said_ms = str(headers.get(_RETRY_AFTER_MS, ""))
    return StoreThrottles(message, retry_after_s=int(said_ms) / 1000 if said_ms.isdecimal() else 1.0)


@asynccontextmanager
async def writing(what: str) -> AsyncIterator[None]:
    """Raises Taken, StoreBusy and its kind StoreThrottles, StoreRefuses, AppendUnknown: maybe it was written.

    The last request wrote nothing where it is refused. The SDK may have sent an earlier one of its own that did.
    """
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            yield
    except HttpResponseError as exc:  # azure.core's: CosmosBatchOperationError is not a CosmosHttpResponseError
        if exc.status_code in (409, 412):
            raise Taken(f"{what}: somebody was first") from exc
        if exc.status_code in _BUSY:
            raise _busy(f"{what}: the store refused, nothing was written: retry", answer=exc) from exc
        if _tells_nothing(exc.status_code):
            raise AppendUnknown(f"{what}: the store answered {exc.status_code}: load to find out") from exc
        raise StoreRefuses(f"{what}: the store answered {exc.status_code}, nothing was written") from exc
    except (AzureError, TimeoutError) as exc:
        # azure-core says ServiceRequestError for a connection that was cut after sending too, so it may be written
        raise AppendUnknown(f"{what}: the store did not answer: load to find out") from exc


@asynccontextmanager
async def reading(what: str) -> AsyncIterator[None]:
    """Raises StoreBusy and its kind StoreThrottles, StoreRefuses."""
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            yield
    except HttpResponseError as exc:
        if exc.status_code in _BUSY or _tells_nothing(exc.status_code):
            raise _busy(f"{what}: the store answered {exc.status_code}: retry", answer=exc) from exc
        raise StoreRefuses(f"{what}: the store answered {exc.status_code}") from exc
    except (AzureError, TimeoutError) as exc:
        raise StoreBusy(f"{what}: the store did not answer: retry") from exc
