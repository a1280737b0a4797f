"""What the provider's steps share: send, ask before a repeat, record the yes or the no. Knows no particular step."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from shared.domain.events import Event, PaymentFailed
from shared.domain.payment import Payment, Step, Task
from shared.ports.provider import Answer, AskAnswer, Call, Declined, Done, OurFault, Provider


@dataclass(frozen=True, slots=True)
class AskingStep:
    """A step whose repeated call could move money twice.

    make: the call. done: the event of a yes, by the provider's reference. declined: the event of a no, by its code; the
    payment's failure, if nothing else is named. may_decline: whether a no ends anything. If it must not, a no becomes
    OurFault, so that a person looks at it.
    """

    task: Task
    provider: Provider
    make: Callable[[Payment, Call], Awaitable[Answer]]
    done: Callable[[str, datetime], Event]
    may_decline: bool = True
    asks: bool = True
    declined: Callable[[str, datetime], Event] | None = None

    @property
    def step(self) -> Step:
        return self.task.step

    async def send(self, payment: Payment, call: Call) -> AskAnswer:
        return self._taken(await self.make(payment, call))

    async def ask(self, payment: Payment, call: Call) -> AskAnswer:
        return self._taken(await self.provider.ask(payment, self.task.asked_as, call=call))

    async def find(self, payment: Payment, call: Call) -> AskAnswer:
        return self._taken(await self.provider.find(payment, self.task.asked_as, call=call))

    def fact(self, answer: Done | Declined, *, at: datetime) -> Event:
        if isinstance(answer, Declined) and self.declined:
            return self.declined(answer.code, at)
        if isinstance(answer, Declined):
            return PaymentFailed(occurred_at=at, reason="declined", code=answer.code, failed_step=self.step.value)
        return self.done(answer.reference, at)

    @property
    def attempts(self) -> tuple[()]:
        return ()

    def given_up(self, *, at: datetime) -> None:  # noqa: ARG002 - the shape of every step
        return None

    def _taken(self, answer: AskAnswer) -> AskAnswer:
        if isinstance(answer, Declined) and not self.may_decline:
            return OurFault(answer.code)
        return answer
