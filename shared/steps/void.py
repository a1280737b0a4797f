"""void: have the provider release what create reserved, for a payment that failed afterwards."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.events import Event, PaymentVoided
from shared.domain.payment import Payment, Step
from shared.ports import Answer, AskAnswer, Call, Declined, Done, OurFault, Provider


@dataclass(frozen=True, slots=True)
class Void:
    """Releases the money. A provider that declines to is a case for a person, so it is answered as a refusal."""

    provider: Provider
    step: Step = Step.VOID
    asks: bool = True

    async def send(self, payment: Payment, call: Call) -> Answer:
        return _no_decline(await self.provider.void(payment, call))

    async def ask(self, payment: Payment, call: Call) -> AskAnswer:  # noqa: ARG002 - the shape of every step
        return _no_decline(await self.provider.ask(self.step, call))

    async def find(self, payment: Payment, call: Call) -> AskAnswer:
        return _no_decline(await self.provider.find(payment, self.step, call))

    def fact(self, answer: Done | Declined, *, at: datetime) -> Event | None:
        return PaymentVoided(occurred_at=at, void_id=answer.reference) if isinstance(answer, Done) else None

    def given_up(self, *, at: datetime) -> None:  # noqa: ARG002 - the shape of every step
        return None


def _no_decline[A: AskAnswer](answer: A) -> A | OurFault:
    return OurFault(answer.code) if isinstance(answer, Declined) else answer
