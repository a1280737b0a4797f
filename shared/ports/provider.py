"""The payment provider, and what it may answer. Raises nothing: answers are values."""

from dataclasses import dataclass
from typing import Protocol

from shared.domain.payment import Payment, Step


@dataclass(frozen=True, slots=True)
class Done:
    """It is done, now or by an earlier call of ours. `reference` is the other side's id of what was done."""

    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite business no, with the provider's code."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and no answer came: money may have moved."""

    why: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Nothing was done; try later, not before `retry_after_s` seconds."""

    why: str
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OurFault:
    """The other side refuses the call as wrong; no repeat will change that."""

    code: str


@dataclass(frozen=True, slots=True)
class NeverSeen:
    """Asked: the other side knows nothing of it."""


type Answer = Done | Declined | Unknown | Busy | OurFault


type AskAnswer = Answer | NeverSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What goes with every call: the id that makes a repeat harmless, and our trace."""

    request_id: str
    traceparent: str | None


class Provider(Protocol):
    """The payment provider. Answers are values; nothing is raised for what the provider or the network does."""

    async def create(self, payment: Payment, call: Call) -> Answer:
        """Authorise. Done.reference is the provider's payment id."""

    async def settle(self, payment: Payment, call: Call) -> Answer:
        """Capture what was authorised. Done.reference is the capture id."""

    async def void(self, payment: Payment, call: Call) -> Answer:
        """Release what was authorised. Done.reference is the void id."""

    async def ask(self, step: Step, call: Call) -> AskAnswer:
        """What became of a request, by its request id. Changes nothing."""

    async def find(self, payment: Payment, step: Step, *, call: Call) -> AskAnswer:
        """What became of a step, by our payment id: for requests older than the provider remembers ids."""
