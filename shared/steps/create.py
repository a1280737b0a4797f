"""create: have the provider authorise the payment. Declined means PaymentFailed."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.events import Event, PaymentCreated, PaymentFailed
from shared.domain.payment import Payment, Step
from shared.ports import Answer, AskAnswer, Call, Declined, Done, Provider


@dataclass(frozen=True, slots=True)
class Create:
    """Reserves the money."""

    provider: Provider
    step: Step = Step.CREATE
    asks: bool = True

    async def send(self, payment: Payment, call: Call) -> Answer:
        return await self.provider.create(payment, call)

    async def ask(self, payment: Payment, call: Call) -> AskAnswer:  # noqa: ARG002 - the shape of every step
        return await self.provider.ask(self.step, call)

    async def find(self, payment: Payment, call: Call) -> AskAnswer:
        return await self.provider.find(payment, self.step, call)

    def fact(self, answer: Done | Declined, *, at: datetime) -> Event:
        if isinstance(answer, Declined):
            return PaymentFailed(occurred_at=at, reason="declined", code=answer.code, failed_step=self.step.value)
        return PaymentCreated(occurred_at=at, provider_payment_id=answer.reference)

    def given_up(self, *, at: datetime) -> None:  # noqa: ARG002 - the shape of every step
        return None
