"""Adapters that are wrong in one way each: what the suite must notice.

Knows the port only, so each fits any adapter.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared.domain.money import Money
from shared.domain.payment import Payment, RefundTask, Step, Task
from shared.ports.provider import (
    Answer,
    AskAnswer,
    Busy,
    Call,
    CapturedInstead,
    Declined,
    DisputeAnswer,
    Done,
    NeverSeen,
    OurFault,
    Provider,
    Unknown,
)
from tests.builders import a_payment
from tests.provider_conformance.bench import Bench, Moved


class Right:
    """Passes everything on, as a faultless adapter does."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def payment(self, payment: Payment) -> Payment:
        return payment

    def call(self, call: Call) -> Call:
        return call

    def answer(self, answer: Any) -> Any:
        return answer

    def told(self, answer: Any) -> Any:
        return answer

    async def create(self, payment: Payment, call: Call) -> Answer:
        return self._heard(await self.provider.create(self.payment(payment), self.call(call)))

    async def settle(self, payment: Payment, call: Call) -> Answer:
        return self._heard(await self.provider.settle(self.payment(payment), self.call(call)))

    async def void(self, payment: Payment, call: Call) -> Answer:
        return self._heard(await self.provider.void(self.payment(payment), self.call(call)))

    async def refund(self, payment: Payment, task: RefundTask, *, call: Call) -> Answer:
        return self._heard(await self.provider.refund(self.payment(payment), task, call=self.call(call)))

    async def ask(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        return self._told(await self.provider.ask(self.payment(payment), step, call=self.call(call)))

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        return self._told(await self.provider.find(self.payment(payment), step, call=self.call(call)))

    async def dispute(self, payment: Payment, dispute_id: str, *, call: Call) -> DisputeAnswer:
        return await self.provider.dispute(payment, dispute_id, call=call)

    def _heard(self, answer: Answer) -> Answer:
        heard: Answer = self.answer(answer)
        return heard

    def _told(self, answer: AskAnswer) -> AskAnswer:
        told: AskAnswer = self.told(answer)
        return told


class AmountIgnored(Right):
    def payment(self, payment: Payment) -> Payment:
        return replace(payment, amount=Money(990, payment.amount.currency))


class CurrencyMixed(Right):
    def payment(self, payment: Payment) -> Payment:
        return replace(payment, amount=Money(payment.amount.amount_minor, "USD"))


class YenHaveCents(Right):
    """Every currency is taken to have two decimals."""

    def payment(self, payment: Payment) -> Payment:
        if payment.amount.currency != "JPY":
            return payment
        return replace(payment, amount=Money(payment.amount.amount_minor * 100, "JPY"))


class AmountRounded(Right):
    def payment(self, payment: Payment) -> Payment:
        return replace(payment, amount=Money(payment.amount.amount_minor // 10 * 10, payment.amount.currency))


class PartialRefundBecomesFull(Right):
    def payment(self, payment: Payment) -> Payment:
        whole = payment.amount.amount_minor
        return replace(payment, refunds=tuple(replace(each, amount_minor=whole) for each in payment.refunds))


class KeyIgnored(Right):
    def call(self, call: Call) -> Call:
        return replace(call, request_id=str(uuid.uuid4()))


class KeyOfAnotherStep(Right):
    def call(self, call: Call) -> Call:
        return replace(call, request_id=call.request_id.partition(":")[0])


class NotFoundIsNeverSeen(Right):
    """What the books have is not looked for."""

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        answer = await super().find(payment, step, call=call)
        return answer if isinstance(answer, Busy) else NeverSeen()


class AnyNotFoundIsBelieved(Right):
    def told(self, answer: Any) -> Any:
        return NeverSeen() if isinstance(answer, Busy) else answer


class ErrorIsADecline(Right):
    def answer(self, answer: Any) -> Any:
        return Declined("error") if isinstance(answer, Busy) else answer


class DeclineIsBusy(Right):
    def answer(self, answer: Any) -> Any:
        return Busy(answer.code) if isinstance(answer, Declined) else answer


class TimeoutIsBusy(Right):
    def answer(self, answer: Any) -> Any:
        return Busy(answer.why) if isinstance(answer, Unknown) else answer


class AnyYesIsBelieved(Right):
    def answer(self, answer: Any) -> Any:
        return Done("whatever") if isinstance(answer, Unknown) else answer


class OurFaultIsBusy(Right):
    def answer(self, answer: Any) -> Any:
        return Busy(answer.code) if isinstance(answer, OurFault) else answer


class CapturedIsVoided(Right):
    def answer(self, answer: Any) -> Any:
        return Done(answer.reference) if isinstance(answer, CapturedInstead) else answer


class CapturedIsVoidedWhenAsked(Right):
    def told(self, answer: Any) -> Any:
        return Done(answer.reference) if isinstance(answer, CapturedInstead) else answer


class VoidedIsCapturedWhenAsked(Right):
    """A release is taken for the capture."""

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        released = await self.provider.find(payment, Step.VOID, call=call) if step is Step.SETTLE else None
        return released if isinstance(released, Done) else await super().find(payment, step, call=call)


class ReleasedWasNeverSeen(Right):
    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        is_asked_again = step is Step.CREATE and payment.created
        released = await self.provider.find(payment, Step.VOID, call=call) if is_asked_again else None
        return NeverSeen() if isinstance(released, Done) else await super().find(payment, step, call=call)


class AnyRefundIsFound(Right):
    """Each refund of a payment is taken for the first one."""

    first: Done | None = None

    async def refund(self, payment: Payment, task: RefundTask, *, call: Call) -> Answer:
        answer = await super().refund(payment, task, call=call)
        if isinstance(answer, Done) and self.first is None:
            self.first = answer
        return answer

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        is_refund = isinstance(step, RefundTask) and self.first is not None
        return self.first if is_refund and self.first else await super().find(payment, step, call=call)


class RefundIsForgotten(Right):
    """A refund is known by its request id only."""

    sent: frozenset[str] = frozenset()

    async def refund(self, payment: Payment, task: RefundTask, *, call: Call) -> Answer:
        self.sent |= {call.request_id}
        return await super().refund(payment, task, call=call)

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        answer = await super().find(payment, step, call=call)
        return NeverSeen() if isinstance(step, RefundTask) and call.request_id in self.sent else answer


class StrangerRefunds(Right):
    """Whatever answers a refund is believed."""

    async def refund(self, payment: Payment, task: RefundTask, *, call: Call) -> Answer:
        answer = await super().refund(payment, task, call=call)
        is_answered = isinstance(answer, Unknown) and "answered" in answer.why
        return Done("re_1") if is_answered else answer


class NoRefundIsFoundByAStranger(Right):
    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        answer = await super().find(payment, step, call=call)
        return NeverSeen() if isinstance(step, RefundTask) and isinstance(answer, Busy) else answer


class RefundDeclineIsBusyWhenAsked(Right):
    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        answer = await super().find(payment, step, call=call)
        is_a_no = isinstance(step, RefundTask) and isinstance(answer, Declined)
        return Busy("declined") if is_a_no else answer


class VoidIsPretended(Right):
    """Nothing is released."""

    async def void(self, payment: Payment, call: Call) -> Answer:
        answer = await self.provider.find(payment, Step.VOID, call=call)
        return Done("void_1") if isinstance(answer, NeverSeen) else answer


class VoidedBeforeIsAFault(Right):
    async def void(self, payment: Payment, call: Call) -> Answer:
        is_again = isinstance(await self.provider.find(payment, Step.VOID, call=call), Done)
        return OurFault("already_voided") if is_again else await super().void(payment, call)


class DoneBeforeIsAFault(Right):
    async def settle(self, payment: Payment, call: Call) -> Answer:
        is_again = isinstance(await self.provider.find(payment, Step.SETTLE, call=call), Done)
        answer = await super().settle(payment, call)
        is_ours = call.request_id == f"{payment.payment_id}:{Step.SETTLE}"
        return OurFault("already_captured") if is_again and not is_ours else answer


class AnotherPaymentIsFound(Right):
    """Looks for the newest payment and not for the one that it is asked for."""

    newest: Payment | None = None

    async def create(self, payment: Payment, call: Call) -> Answer:
        answer = await super().create(payment, call)
        if isinstance(answer, Done):
            self.newest = a_twin(payment, answer.reference)
        return answer

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        return await super().find(self.newest or payment, step, call=call)


def a_twin(payment: Payment, reference: str) -> Payment:
    return a_payment(payment_id=payment.payment_id).created(reference).payment


class DisputesAreErrors(Right):
    async def dispute(self, payment: Payment, dispute_id: str, *, call: Call) -> DisputeAnswer:
        answer = await super().dispute(payment, dispute_id, call=call)
        return Busy("not found") if isinstance(answer, NeverSeen) else answer


class Spoilt:
    """A bench whose adapter has a fault."""

    def __init__(self, bench: Bench, fault: Callable[[Provider], Provider]) -> None:
        self._bench = bench
        self._fault = fault

    def adapter(self, *, limit_s: float = 5.0) -> Provider:
        return self._fault(self._bench.adapter(limit_s=limit_s))

    def before_a_stranger(self, status: int, body: bytes) -> Provider:
        return self._fault(self._bench.before_a_stranger(status, body))

    def unreachable(self) -> Provider:
        return self._fault(self._bench.unreachable())

    def method(self, behaviour: str) -> str:
        return self._bench.method(behaviour)

    async def repair(self) -> None:
        await self._bench.repair()

    async def forget(self) -> None:
        await self._bench.forget()

    async def moved(self, payment_id: str) -> Moved:
        return await self._bench.moved(payment_id)


FAULTS: dict[str, Callable[[Provider], Provider]] = {fault.__name__: fault for fault in Right.__subclasses__()}
