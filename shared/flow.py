"""The map: event, topic, subscription, step, function, each row one arrow of the picture. Pure tables.

The same names stand in infra/topology.json; tests/unit/test_agreement.py holds the two together.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.events import (
    BusinessEvent,
    Event,
    PaymentCancelRequested,
    PaymentCapturedLate,
    PaymentChargedTwice,
    PaymentCompleted,
    PaymentCreated,
    PaymentDisputeLost,
    PaymentDisputeOpened,
    PaymentDisputeWon,
    PaymentFailed,
    PaymentFailureTold,
    PaymentInitiated,
    PaymentMerchantTold,
    PaymentParked,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentResumed,
    PaymentSeenTo,
    PaymentSettled,
    PaymentVoided,
)
from shared.domain.payment import Step

DATABASE = "regis-pay"
EVENTS = "events"
LEASES = "leases"
DEAD_LETTERS = "dead-letters"
PAYMENTS = "payments-by-month"
NOTIFICATIONS = "notifications"
PUBLISH_LEASE_PREFIX = "publish"
PROJECT_LEASE_PREFIX = "rows"
"""Another one than the container had that these rows replace, so that they were filled from the first event on."""

DEAD_LETTER_TOPIC = "payment-dead-letters"
RECORD_SUBSCRIPTION = "record"

UNKNOWN_STEP = "unknown"
"""Of a letter from a place that is none of ours."""

PUBLISH = "publish"
"""Stands for a step in a dead letter of the feed: a document that reached no topic."""


@dataclass(frozen=True, slots=True)
class Place:
    """A step's own subscription."""

    topic: str
    subscription: str

    def __str__(self) -> str:
        return f"{self.topic}/{self.subscription}"


@dataclass(frozen=True, slots=True)
class Reaction:
    """One step that an event starts: on its own subscription, in a function of its own, so that each scales alone."""

    step: Step
    subscription: str
    function: str


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of one type of event. Other components may subscribe to every topic."""

    event: type[BusinessEvent]
    topic: str
    reactions: tuple[Reaction, ...] = ()


MAP = (
    Route(PaymentInitiated, "payment-initiated", (Reaction(Step.CREATE, "create", "create_payment"),)),
    Route(PaymentCreated, "payment-created", (Reaction(Step.SETTLE, "settle", "settle_payment"),)),
    Route(PaymentSettled, "payment-settled", (Reaction(Step.NOTIFY, "notify", "notify_merchant"),)),
    Route(
        PaymentFailed,
        "payment-failed",
        (
            Reaction(Step.VOID, "void", "void_payment"),
            Reaction(Step.NOTIFY_FAILURE, "notify", "notify_merchant_of_failure"),
        ),
    ),
    Route(PaymentCompleted, "payment-completed"),
    Route(PaymentCancelRequested, "payment-cancel-requested", (Reaction(Step.CANCEL, "cancel", "cancel_payment"),)),
    Route(PaymentVoided, "payment-voided"),
    Route(PaymentRefundRequested, "payment-refund-requested", (Reaction(Step.REFUND, "refund", "refund_payment"),)),
    Route(PaymentRefunded, "payment-refunded"),
    Route(PaymentRefundFailed, "payment-refund-failed"),
    Route(PaymentDisputeOpened, "payment-dispute-opened"),
    Route(PaymentDisputeWon, "payment-dispute-won"),
    Route(PaymentDisputeLost, "payment-dispute-lost"),
)

NOTICES = "payment-notices"
"""Beside its own topic, an event of which the merchant is to be told by itself (NOTICE_EVENTS) goes here: to one step,
whatever its type. It is no topic for other components.
"""
NOTICE = Reaction(Step.NOTICE, "notify", "notify_merchant_of_event")

_REACTIONS = [*((route.topic, reaction) for route in MAP for reaction in route.reactions), (NOTICES, NOTICE)]

TOPIC_OF: dict[type[Event], str] = {route.event: route.topic for route in MAP}


class Sent(StrEnum):
    """What the feed makes of a stored event."""

    TO_ALL = "to all"  # an integration event on its topic
    TO_STEP = "to step"  # a message for one subscription
    AS_LETTER = "as letter"  # a dead letter, for a person
    NOT = "not"


SENT: dict[type[Event], Sent] = {
    **dict.fromkeys(TOPIC_OF, Sent.TO_ALL),
    PaymentResumed: Sent.TO_STEP,
    PaymentCapturedLate: Sent.AS_LETTER,
    PaymentChargedTwice: Sent.AS_LETTER,
    PaymentParked: Sent.NOT,
    PaymentSeenTo: Sent.NOT,
    PaymentFailureTold: Sent.NOT,
    PaymentMerchantTold: Sent.NOT,
}
APPENDS: dict[Step, tuple[type[Event], ...]] = {
    Step.CREATE: (PaymentCreated, PaymentFailed),
    Step.SETTLE: (PaymentSettled, PaymentFailed),
    Step.NOTIFY: (PaymentCompleted,),
    Step.CANCEL: (PaymentVoided, PaymentFailed, PaymentSettled),
    Step.VOID: (PaymentVoided,),
    Step.NOTIFY_FAILURE: (PaymentFailureTold,),
    Step.REFUND: (PaymentRefunded, PaymentRefundFailed),
    Step.NOTICE: (PaymentMerchantTold,),
}
"""What each step adds to the stream, in the order of the map. What is added where something broke stands beside it."""

PLACE_OF: dict[Step, Place] = {each.step: Place(topic, each.subscription) for topic, each in _REACTIONS}
FUNCTION_OF: dict[Step, str] = {each.step: each.function for _, each in _REACTIONS}


def step_at(place: str) -> str:
    """The step of a `topic/subscription` (upper or lower case); PUBLISH for `events`, the feed; else `unknown`."""
    if place == EVENTS:
        return PUBLISH
    steps = [step.value for step, own in PLACE_OF.items() if str(own).lower() == place.lower()]
    return steps[0] if steps else UNKNOWN_STEP
