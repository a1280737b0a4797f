"""The merchant's web server. Raises nothing: answers are values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from shared.ports.provider import Busy, Call, Done, OurFault


class Failure(StrEnum):
    """Why a try brought no answer of the merchant's server. Public, and never renamed."""

    NO_SECRET = "no_secret"  # noqa: S105 - nothing was sent: the merchant has no usable secret
    REFUSED_URL = "refused_url"  # nothing was sent, and never will be to this address
    REFUSED_ADDRESS = "refused_address"  # nothing was sent: the name leads where we do not call
    CROWDED = "crowded"  # nothing was sent: too many calls of this merchant are under way
    DNS = "dns"
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"  # what came is no HTTP, or too much of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a try to tell the merchant went. answer: what the steps make of it.

    status_code: of the merchant's server, whatever it means. failure: why there is none. headers: by which the merchant
    knows us; empty when nothing was signed.
    """

    answer: Done | Busy | OurFault
    duration_ms: int
    status_code: int | None = None
    failure: Failure | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Notifier(Protocol):
    """The merchant's web server."""

    async def notify(self, url: str, body: str, *, merchant_id: str, call: Call) -> Reply:
        """Tell the merchant; the body is a CloudEvent whose id is the call's request id.

        It is signed with the merchant's secrets, and never sent without.
        """
