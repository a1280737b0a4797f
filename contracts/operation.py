"""What is said of an HTTP function, and what many of them have in common. Knows no function."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

type Tag = Literal["payments", "health", "contract", "operations", "provider"]

HTML = "text/html"

EVERYWHERE = ("unforeseen",)
"""Codes that any function may answer."""

OF_CALLERS = ("caller_unknown", "role_missing", "principal_forged", "host_refused")
"""Codes of whatever is not open to everybody; origin_refused as well, where something is changed."""
STORE = ("store_busy", "store_throttles", "store_refuses")
"""Codes of whatever asks the store."""
OF_BODIES = ("body_too_large", "body_too_deep", "unsupported_media_type")
"""Codes of whatever changes something, of the body that it is sent, wanted or not."""
APPENDS = ("append_unknown", "stream_moved", "stream_missing", "unreadable")
"""Codes of whatever a merchant has written into a payment."""
CHANGES = (
    *OF_BODIES,
    *STORE,
    "append_unknown",
    "stream_moved",
    "letter_moved",
    "bus_unavailable",
    "unreadable",
)
"""Codes of whatever an operator changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """An answer that is no problem. model: None without JSON. headers: beside those that all answers have."""

    says: str
    model: type[BaseModel] | None = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Another operation that goes on from a success. parameters: by name, from where in the answer."""

    to: str
    parameters: Mapping[str, str]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A function, for whoever calls it. says: what the summary leaves open. requires: headers that may not be absent.
    body_is_required: else it may be absent.
    """

    tag: Tag
    summary: str
    says: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    headers: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    body_is_required: bool = True
    answers: Mapping[int, Success]
    problems: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


_IS_TAGGED = ("ETag",)
_NOT_MODIFIED = Success(says="Nothing has changed since the ETag of If-None-Match.", headers=_IS_TAGGED)
OF_PAYMENT = {"payment_id": "The payment, a UUID."}
OF_NOTIFICATION = {**OF_PAYMENT, "notification_id": "The notification, as it is listed."}
OF_LETTER = {"letter_id": "The dead letter."}


def tagged(model: type[BaseModel] | None, says: str) -> dict[int, Success]:
    return {200: Success(says=says, model=model, headers=_IS_TAGGED), 304: _NOT_MODIFIED}


def links_to_payment(source: str) -> tuple[Link, ...]:
    parameters = {"payment_id": source}
    return (
        Link(to="get_payment", parameters=parameters, says="The payment as it now is."),
        Link(to="get_payment_events", parameters=parameters, says="Its events."),
    )


def links_to_letter(source: str, *names: str) -> tuple[Link, ...]:
    return tuple(Link(to=name, parameters={"letter_id": source}, says="The same dead letter.") for name in names)
