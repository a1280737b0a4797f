"""The shape that every step has. Knows no particular step."""

from datetime import datetime
from typing import Protocol

from shared.domain.events import Event
from shared.domain.payment import NoticeTask, Payment, Step, Task
from shared.ports.provider import AskAnswer, Call, Declined, Done


class PaymentStep(Protocol):
    """One move of a payment: its call, the question that goes before a repeated call, and the fact it records."""

    @property
    def task(self) -> Task: ...

    @property
    def step(self) -> Step:
        """What kind of task it is."""

    @property
    def asks(self) -> bool:
        """Whether a repeated call could do harm, so that it is asked about first."""

    async def send(self, payment: Payment, call: Call) -> AskAnswer:
        """Make the call."""

    async def ask(self, payment: Payment, call: Call) -> AskAnswer:
        """What became of the request, by its id."""

    async def find(self, payment: Payment, call: Call) -> AskAnswer:
        """What became of it, by our payment id."""

    def fact(self, answer: Done | Declined, *, at: datetime) -> Event:
        """The event that the answer amounts to."""

    def given_up(self, *, at: datetime) -> Event | None:
        """What is recorded when the last attempt has failed, or None. Asked only of steps that tell the merchant."""


def request_id(payment: Payment, step: Task) -> str:
    """The same for every attempt and every resumption, so that they are one request to the other side.

    Of a notice it is the event's id, under which other components know the event too.
    """
    if isinstance(step, NoticeTask):
        return step.event_id
    return f"{payment.payment_id}:{step.asked_as.value}"
