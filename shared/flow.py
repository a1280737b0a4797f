"""The map: which event goes to which topic, which step reacts on which subscription. Pure tables.

The same names stand in infra/topology.json; tests/unit/test_agreement.py holds the two together.
"""

from dataclasses import dataclass

from shared.domain.events import (
    Event,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentInitiated,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.payment import Step

DATABASE = "regis-pay"
EVENTS = "events"
LEASES = "leases"
DEAD_LETTERS = "dead-letters"
PAYMENTS = "payments"
PUBLISH_LEASE_PREFIX = "publish"
PROJECT_LEASE_PREFIX = "project"

DEAD_LETTER_TOPIC = "payment-dead-letters"
RECORD_SUBSCRIPTION = "record"

TOPIC_OF: dict[type[Event], str] = {
    PaymentInitiated: "payment-initiated",
    PaymentCreated: "payment-created",
    PaymentSettled: "payment-settled",
    PaymentCompleted: "payment-completed",
    PaymentFailed: "payment-failed",
    PaymentVoided: "payment-voided",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A step's own subscription."""

    topic: str
    subscription: str

    def __str__(self) -> str:
        return f"{self.topic}/{self.subscription}"


CREATE = Place(TOPIC_OF[PaymentInitiated], "create")
SETTLE = Place(TOPIC_OF[PaymentCreated], "settle")
NOTIFY = Place(TOPIC_OF[PaymentSettled], "notify")
VOID = Place(TOPIC_OF[PaymentFailed], "void")
NOTIFY_FAILURE = Place(TOPIC_OF[PaymentFailed], "notify")

PLACE_OF: dict[Step, Place] = {
    Step.CREATE: CREATE,
    Step.SETTLE: SETTLE,
    Step.NOTIFY: NOTIFY,
    Step.VOID: VOID,
    Step.NOTIFY_FAILURE: NOTIFY_FAILURE,
}
