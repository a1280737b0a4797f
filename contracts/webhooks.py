"""What merchants are sent at their notification_url, as webhooks of the OpenAPI document. Writes nothing."""

from openapi_pydantic import MediaType, Operation, Parameter, PathItem, RequestBody, Response
from openapi_pydantic.util import PydanticSchema
from pydantic import BaseModel

from contracts import samples
from contracts.events import PaymentFailedNotice, PaymentSettledNotice, notices
from contracts.words import WEBHOOKS
from shared.codec.cloud_events import CONTENT_TYPE

_SUMMARY = {
    "voided": "The reservation of a payment is released",
    "refunded": "A refund is made",
    "refund_failed": "A refund is not made",
    "dispute_opened": "The cardholder's bank has taken money back",
    "dispute_won": "A dispute is won: the money comes again",
    "dispute_lost": "A dispute is lost",
}
_SENT: dict[str, tuple[type[BaseModel], str]] = {
    "payment_settled": (PaymentSettledNotice, "The money of a payment is taken"),
    "payment_failed": (PaymentFailedNotice, "A payment has failed"),
    **{name.replace(".", "_"): (model, _SUMMARY[name.removeprefix("payment.")]) for name, model in notices().items()},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The `id` of the body: the same in a repeat.",
    "schema": {"type": "string"},
}


def webhooks() -> dict[str, PathItem]:
    """By name: a POST to the `notification_url` of the payment."""
    return {name: PathItem(post=_sent(name)) for name in _SENT}


def _sent(name: str) -> Operation:
    model, summary = _SENT[name]
    content = MediaType(schema=PydanticSchema(schema_class=model), example=samples.notices()[name])
    return Operation(
        operationId=f"tell_{name}",
        tags=[WEBHOOKS],
        summary=summary,
        description="Sent to the payment's `notification_url`, at least once. Redirects are not followed.",
        parameters=[Parameter.model_validate(_KEY)],
        requestBody=RequestBody(required=True, content={CONTENT_TYPE: content}),
        responses={
            "2XX": Response(description="You know."),
            "default": Response(description="Anything else is tried again, for hours."),
        },
        security=[],
    )
