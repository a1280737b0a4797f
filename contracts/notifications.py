"""What is shown of notifications, as models. They write nothing: they say what is written elsewhere."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.values import Absent, Answer, grows
from shared.codec.facts import FORMS
from shared.domain.events import PaymentFailed, PaymentSettled
from shared.domain.notice import NOTICE_EVENTS
from shared.domain.notifications import By, NotificationState
from shared.ports.attempts import SHOWN_OF_EACH
from shared.ports.notifier import Failure

_Id = Annotated[str, Field(description="The same in every repeat: `webhook-id`, and the `id` of the body.")]
_Type = Annotated[
    str,
    Field(
        json_schema_extra=grows(
            *(f"regispay.{FORMS[kind].name}.v1" for kind in (PaymentSettled, PaymentFailed, *NOTICE_EVENTS))
        )
    ),
]
_State = Annotated[
    str,
    Field(
        json_schema_extra=grows(*NotificationState),
        description="`waiting`: it is tried. `undelivered`, `parked`: it is not tried any more by itself. "
        "`not_wanted`: the payment has no `notification_url`.",
    ),
]


class SentHeaders(Answer):
    """By which you know who sent it. None of them is there when nothing was sent."""

    webhook_id: Annotated[str | Absent, Field(alias="webhook-id", description="As `notification_id`.")] = None
    webhook_timestamp: Annotated[
        str | Absent, Field(alias="webhook-timestamp", description="Seconds since 1970, new in each try.")
    ] = None
    webhook_signature: Annotated[
        str | Absent, Field(alias="webhook-signature", description="One for each of your secrets.")
    ] = None


class Attempt(Answer):
    """One try. It has a `status_code` or a `failure`."""

    at: datetime
    attempt: Annotated[int, Field(ge=1, description="Its number in its series; a resend is a series of its own.")]
    by: Annotated[str, Field(json_schema_extra=grows(*By.__value__.__args__))]
    url: Annotated[str, Field(description="Where.")]
    status_code: Annotated[int | Absent, Field(description="Of your server's answer.")] = None
    failure: Annotated[str | Absent, Field(json_schema_extra=grows(*Failure), description="Why none came.")] = None
    duration_ms: Annotated[int, Field(ge=0)]
    headers: SentHeaders
    body: Annotated[str, Field(description="As it was sent, to the byte.")]


class Notification(Answer):
    """An event of which you are told."""

    notification_id: _Id
    type: _Type
    state: _State
    occurred_at: Annotated[datetime, Field(description="When the event was.")]
    told_at: Annotated[datetime | Absent, Field(description="Since when you know.")] = None
    attempts: Annotated[list[Attempt], Field(description=f"The newest {SHOWN_OF_EACH}, oldest first.")]


class Notifications(Answer):
    """What the merchant is told of a payment."""

    payment_id: UUID
    notifications: list[Notification]


class Resent(Answer):
    """The try that was made."""

    payment_id: UUID
    notification_id: _Id
    type: _Type
    state: _State
    attempt: Attempt
