"""The payment provider, and what it may answer. Raises nothing: answers are values.

Whoever implements it believes the provider only in its own words: what a gateway, a proxy or a stranger answers in its
place is Unknown after a call and Busy after a question.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.dispute import DisputeStatus
from shared.domain.payment import Payment, RefundTask, Task


@dataclass(frozen=True, slots=True)
class Done:
    """It is done, now or by an earlier call of ours. `reference` is the other side's id of what was done."""

    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider's definite business no, with its own code."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and no answer came, or none in the provider's own words: money may have moved.

    Not to be looked into before `retry_after_s` seconds, if somebody said so.
    """

    why: str
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Busy:
    """Nothing was done: no connection, or the provider says so. Try later, not before `retry_after_s` seconds.

    To a question: nothing was learned, whatever the reason. It changes nothing.
    """

    why: str
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OurFault:
    """The other side refuses the call as wrong, with its own code; no repeat will change that."""

    code: str


@dataclass(frozen=True, slots=True)
class Unprovable:
    """The provider's own books cannot be brought together with the payment, and asking again will not change that.

    Money may have moved. A person must look into the books. why: what they show.
    """

    why: str


@dataclass(frozen=True, slots=True)
class CapturedInstead:
    """A reservation cannot be released: its money was taken, under this reference. Only of a void."""

    reference: str


@dataclass(frozen=True, slots=True)
class NeverSeen:
    """Asked: the other side says itself that it knows nothing of it. It may still learn of it: a call can be late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """A dispute as the provider's books have it. decided_at: None as long as it is open. Times are the provider's.

    capture_id: of the money that it is about, if the provider says so.
    """

    amount_minor: int
    code: str
    opened_at: datetime
    status: DisputeStatus
    decided_at: datetime | None
    capture_id: str | None = None


@dataclass(frozen=True, slots=True)
class Misfit:
    """The provider answers about the dispute, and `field` of it fits neither the payment nor what was agreed on."""

    field: str


type Answer = Done | Declined | Unknown | Busy | OurFault | Unprovable | CapturedInstead


type AskAnswer = Answer | NeverSeen


type DisputeAnswer = Disputed | Misfit | NeverSeen | Busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What goes with every call: the id that makes a repeat harmless, and our trace. attempt: its number, from 1."""

    request_id: str
    traceparent: str | None
    attempt: int = 1


class Provider(Protocol):
    """The payment provider. Answers are values; nothing is raised for what the provider or the network does."""

    async def create(self, payment: Payment, call: Call) -> Answer:
        """Authorise. Done.reference is the provider's payment id."""

    async def settle(self, payment: Payment, call: Call) -> Answer:
        """Capture what was authorised. Done.reference is the capture id."""

    async def void(self, payment: Payment, call: Call) -> Answer:
        """Release what was authorised. Done.reference is the void id."""

    async def refund(self, payment: Payment, task: RefundTask, *, call: Call) -> Answer:
        """Give back the money of one refund. Done.reference is the provider's id of it."""

    async def ask(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        """What became of a request, by its request id. Changes nothing. Never Unknown.

        A remembered answer is judged as a fresh one is.
        """

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        """What became of a step, by our payment id, and of a refund by our id of it too. Never Unknown.

        For requests older than the provider remembers ids. What succeeded goes before what was declined. Create and
        refund can be Declined, and settle where the reservation is gone.
        """

    async def dispute(self, payment: Payment, dispute_id: str, *, call: Call) -> DisputeAnswer:
        """What has become of a dispute about money of this payment. NeverSeen also when it is about another's."""
