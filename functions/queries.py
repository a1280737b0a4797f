"""What the models of query strings share. Knows no verb."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from functions.faults import checked

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_A_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
_KEY = "code"
"""The query parameter in which the host may be given a function's key."""


class Strict(BaseModel):
    """Refuses what it does not know, since it may be a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class Nothing(Strict):
    """There is nothing to say in this place."""


def query_of(req: func.HttpRequest) -> Mapping[str, str]:
    """The parameters that are meant for us.

    The host leaves out what has no value. `?dry_run=` would be no dry run then: it is read from the address.
    """
    sent = dict(parse_qsl(urlsplit(req.url).query, keep_blank_values=True))
    empty = {name: "" for name, value in sent.items() if not value}
    return {name: value for name, value in {**empty, **req.params}.items() if name.casefold() != _KEY}


def asked_in[M: BaseModel](req: func.HttpRequest, model: type[M]) -> M:
    """What the query string says. Raises RequestInvalid."""
    return checked(query_of(req), model)


def nothing_in(req: func.HttpRequest) -> None:
    """For what changes something and is told how in its body: `?dry_run=true` may be a wish, and is none that is
    read. Raises RequestInvalid.
    """
    asked_in(req, Nothing)


def _written_out(moment: object) -> object:
    """A number would be read as seconds since 1970, and `0.5` is hardly meant so."""
    if not isinstance(moment, str) or not _A_DATE.match(moment):
        raise PydanticCustomError("datetime_parsing", "Must be a time.")
    return moment


def _in_utc(moment: datetime) -> datetime:
    """At the edge of the calendar an offset leads beyond it; there the edge itself is as early, or as late, as any."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == _FIRST.year else _LAST


type Moment = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_in_utc), BeforeValidator(_written_out)]
"""A time with its offset, in UTC. It is a text, also in JSON."""
