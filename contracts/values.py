"""What the models of answers have in common: the base, and the fields that many have. Knows no answer."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.money import MAX_AMOUNT_MINOR
from shared.domain.payment import Status, Step

Absent = SkipJsonSchema[None]
"""Of a field that is left out when there is nothing to say."""


def grows(*values: str) -> dict[str, Any]:
    """Of a text whose values may become more. Whoever meets an unknown one goes on without it."""
    return {"x-extensible-enum": sorted(values)}


Currency = Annotated[str, Field(json_schema_extra={"format": "iso-4217", "pattern": "^[A-Z]{3}$"})]
Minor = Annotated[int, Field(json_schema_extra={"format": "int64"})]
"""Money in minor units. Without the format generated clients keep an integer in 32 bits, and an amount may have 40."""
Amount = Annotated[Minor, Field(ge=1, le=MAX_AMOUNT_MINOR, description="In minor units: 1250 in EUR is 12.50.")]
StepName = Annotated[str, Field(json_schema_extra=grows(*Step))]
TaskName = Annotated[
    str,
    Field(
        pattern="^[a-z_]+(:[0-9a-f-]{36}(:[1-9][0-9]*)?)?$",
        description="A step, `refund:` and the id of a refund, or `notify:` and the id of an event. More may come.",
    ),
]
StatusName = Annotated[str, Field(json_schema_extra=grows(*Status))]
Version = Annotated[int, Field(ge=1, description="The number of events so far, from 1.")]


class Answer(BaseModel):
    """Of all that is answered. Open, and it says so: some generated clients refuse what a schema is silent about."""

    model_config = ConfigDict(frozen=True, extra="allow")
