"""What the provider sends, and what it is answered, as models. As in answers.py, they write nothing."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.values import Answer, grows
from functions.hear import IGNORED
from shared.verbs.hear import Heard

KINDS = ("dispute.opened", "dispute.won", "dispute.lost")

_Plain = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]


class NewsOf(BaseModel):
    """What it is about. More fields are ignored: what happened is asked for."""

    model_config = ConfigDict(frozen=True, extra="allow")

    payment_reference: Annotated[_Plain, Field(description="Our payment's id.")]
    dispute_id: Annotated[_Plain, Field(description="The provider's.")]


class ProviderEvent(BaseModel):
    """An event of the provider, signed as Standard Webhooks says. Of another type it is ignored."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Annotated[str, Field(json_schema_extra=grows(*KINDS))]
    timestamp: Annotated[datetime | None, Field(description="When it became so.")] = None
    data: NewsOf


class NewsHeard(Answer):
    """What came of it. All of them mean that it need not be sent again."""

    status: Annotated[
        str,
        Field(
            json_schema_extra=grows(Heard.RECORDED, Heard.KNOWN, IGNORED),
            description="`known`: it was recorded before. `ignored`: nothing here follows events of this type.",
        ),
    ]
