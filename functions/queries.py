"""What the models of query strings share. Knows no verb."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import azure.functions as func
from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

_KEY = "code"
"""The query parameter in which the host may be given a function's key."""


class Strict(BaseModel):
    """Refuses what it does not know, since it may be a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def query_of(req: func.HttpRequest) -> Mapping[str, str]:
    """The parameters that are meant for us."""
    return {name: value for name, value in req.params.items() if name != _KEY}


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise PydanticCustomError("out_of_range", "Must be a time within the calendar.") from exc


type Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its offset, in UTC. Near the ends of the calendar that can be beyond it."""
