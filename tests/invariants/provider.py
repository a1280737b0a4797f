"""A payment provider and a merchant's web server in memory, and the provider's own book of all that it did.

The provider either remembers request ids and gives the same answer again, or forgets them and does again what it is
told. What it has taken up may be invisible to questions for a while.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from shared.domain.payment import NoticeTask, Payment, RefundTask, Step, Task
from shared.ports.provider import (
    Answer,
    AskAnswer,
    Busy,
    Call,
    CapturedInstead,
    Declined,
    Disputed,
    Done,
    NeverSeen,
    OurFault,
    Unknown,
)
from tests.invariants.disputes import Disputes
from tests.invariants.luck import Luck
from tests.invariants.stage import Stage

LIMIT_S = 10.0
"""For one call, as in the product's settings."""


@dataclass(frozen=True, slots=True)
class Word:
    """What the merchant has been told, whether he has answered or not."""

    request_id: str
    body: str


@dataclass(slots=True)
class Deed:
    """Something that the provider did or definitely refused. visible_s: from when on questions find it."""

    payment_id: str
    task: Task
    request_id: str
    reference: str | None
    amount_minor: int
    at_s: float
    visible_s: float
    heard: bool = False
    """Whether a yes with this reference reached a worker."""
    handed_on: bool = False
    """Whether that worker wrote it down or sent it on, before it died or the bus refused."""

    def hand_on(self) -> None:
        self.handed_on = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that a job began. sends: whether it is more than a question. documents: what the job had read of it."""

    job: int
    at_s: float
    step: Task
    sends: bool
    documents: Sequence[str] | None


@dataclass(slots=True, kw_only=True)
class Habits:
    """What a provider is like. settles_within_s: how long a deed may be invisible to questions."""

    remembers: bool
    settles_within_s: float
    remembers_for_s: float
    declines: float = 0.0
    finds_fault: float = 0.0
    lags: float = 0.0


@dataclass(slots=True)
class Provider:
    """The other side, whatever the workers believe."""

    stage: Stage
    habits: Habits
    book: list[Deed] = field(default_factory=list)
    log: list[Asked] = field(default_factory=list)
    """Calls of any kind, by anybody, the merchant's too."""
    is_down: bool = False
    told: list[Word] = field(default_factory=list)
    """Request ids that the merchant has answered with yes."""
    merchant_is_down: bool = False
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    disputes: Disputes = field(init=False)

    def __post_init__(self) -> None:
        self.disputes = Disputes(self.stage, self._lags)

    def deeds(self, payment_id: str, task: Task) -> list[Deed]:
        return [deed for deed in self.book if deed.reference and (deed.payment_id, deed.task) == (payment_id, task)]

    def refunds_of(self, payment_id: str) -> list[Deed]:
        deeds = [deed for deed in self.book if deed.reference and deed.payment_id == payment_id]
        return [deed for deed in deeds if deed.task.step is Step.REFUND]

    def captured_minor(self, payment_id: str) -> int:
        return sum(deed.amount_minor for deed in self.deeds(payment_id, Step.SETTLE))

    def refunded_minor(self, payment_id: str) -> int:
        return sum(deed.amount_minor for deed in self.refunds_of(payment_id))

    def left_to_dispute_minor(self, payment_id: str) -> int:
        """What no bank has taken back. What was given back is in it: a bank may not know."""
        return self.captured_minor(payment_id) - self.disputes.withdrawn_minor(payment_id)

    def heard(self, answer: object) -> list[Callable[[], None]]:
        """An answer has reached a worker that lives; whom to tell when it is handed on."""
        reference = answer.reference if isinstance(answer, Done | CapturedInstead) else None
        told = [deed for deed in self.book if reference is not None and deed.reference == reference]
        for deed in told:
            deed.heard = True
        return [deed.hand_on for deed in told]

    def forgets_that_it_was_handed_on(self, message: str) -> None:
        """What carried a yes is lost."""
        for deed in self.book:
            if deed.reference and deed.reference in message:
                deed.handed_on = False

    def note(self, step: Task, *, sends: bool) -> None:
        """A call begins."""
        job = self.stage.at_work()
        self.log.append(Asked(job.number, self.stage.now_s, step, sends, job.has_read))

    # -- doing

    def send(self, step: Task, payment: Payment, call: Call, *, luck: Luck) -> Answer:
        trouble = self._trouble(luck)
        if trouble is not None:
            return trouble
        answer = self._remembered(call) or self._done_anew(step, payment, call, luck=luck)
        if luck.silent or luck.meets(luck.rates.provider):
            return Unknown("it was done, and no answer came")
        return answer

    def _trouble(self, luck: Luck) -> Answer | None:
        if self.is_down:
            return Busy("the provider is down")
        if luck.silent and luck.happens(0.5):
            return Unknown("nothing was done, and no answer came")
        if luck.meets(luck.rates.provider):
            return Unknown("nothing was done") if luck.happens(0.3) else Busy("it is busy", luck.one_of([0.0, 20.0]))
        if luck.meets(self.habits.finds_fault):
            return OurFault("422 nonsense")
        return None

    def _remembered(self, call: Call) -> Answer | None:
        """Two requests with one id are one, even while the first is not visible yet."""
        if not self.habits.remembers:
            return None
        for deed in self.book:
            if deed.request_id == call.request_id and not self._forgotten(deed):
                deed.visible_s = min(deed.visible_s, self.stage.now_s)
                return Done(deed.reference) if deed.reference else Declined("card_declined")
        return None

    def _forgotten(self, deed: Deed) -> bool:
        return self.stage.now_s - deed.at_s > self.habits.remembers_for_s

    def _done_anew(self, step: Task, payment: Payment, call: Call, *, luck: Luck) -> Answer:
        fault = self._against(step, payment)
        if fault is not None:
            return fault
        amount_minor = _amount_minor(step, payment)
        declined = step is not Step.VOID and luck.meets(self.habits.declines)
        if isinstance(step, RefundTask):
            declined |= amount_minor > self._left_to_refund_minor(payment.payment_id)
        reference = None if declined else f"{step.value}-{next(self.numbers)}"
        visible_s = self.stage.now_s + (luck.number() * self.habits.settles_within_s if self._lags(luck) else 0.0)
        deed = Deed(payment.payment_id, step, call.request_id, reference, amount_minor, self.stage.now_s, visible_s)
        self.book.append(deed)
        self.stage.tell(f"    the provider does {reference or 'nothing: declined'}, visible at {visible_s:.1f}")
        return Done(reference) if reference else Declined("card_declined")

    def _left_to_refund_minor(self, payment_id: str) -> int:
        return self.left_to_dispute_minor(payment_id) - self.refunded_minor(payment_id)

    def _lags(self, luck: Luck) -> bool:
        """Whether questions find only later what happens now."""
        return luck.meets(self.habits.lags)

    def _against(self, step: Task, payment: Payment) -> Answer | None:
        """What its own rules say against it. A provider that forgets does it again."""
        if step is Step.CREATE:
            return None
        if isinstance(step, RefundTask):
            made = self.deeds(payment.payment_id, step)
            return Done(str(made[0].reference)) if made and self.habits.remembers else None
        captured, voided = self.deeds(payment.payment_id, Step.SETTLE), self.deeds(payment.payment_id, Step.VOID)
        same, other = (captured, voided) if step is Step.SETTLE else (voided, captured)
        if other:
            return OurFault("409 already_voided") if step is Step.SETTLE else CapturedInstead(str(other[0].reference))
        if same and self.habits.remembers:
            return Done(str(same[0].reference))
        return None

    # -- asking

    def ask(self, step: Task, call: Call, *, luck: Luck) -> AskAnswer:
        del step
        if self.is_down or luck.silent or luck.meets(luck.rates.provider):
            return Busy("it does not answer questions")
        known = [
            deed
            for deed in self.book
            if deed.request_id == call.request_id and deed.visible_s <= self.stage.now_s and not self._forgotten(deed)
        ]
        if not known:
            return NeverSeen()
        return Done(known[-1].reference) if known[-1].reference else Declined("card_declined")

    def find(self, payment: Payment, step: Task, *, luck: Luck) -> AskAnswer:
        if self.is_down or luck.silent or luck.meets(luck.rates.provider):
            return Busy("it does not answer questions")
        of_the_step = [deed for deed in self.book if (deed.payment_id, deed.task) == (payment.payment_id, step)]
        known = [deed for deed in of_the_step if deed.visible_s <= self.stage.now_s]
        done = [deed.reference for deed in known if deed.reference]
        if done:
            return Done(done[0])
        captured = self.deeds(payment.payment_id, Step.SETTLE) if step is Step.VOID else []
        if captured and captured[0].visible_s <= self.stage.now_s:
            return CapturedInstead(str(captured[0].reference))
        return Declined("card_declined") if known else NeverSeen()

    def ask_dispute(self, payment_id: str, dispute_id: str, *, luck: Luck) -> Disputed | NeverSeen | Busy:
        if self.is_down or luck.silent or luck.meets(luck.rates.provider):
            return Busy("it does not answer questions", luck.one_of([0.0, 20.0]))
        return self.disputes.answer(payment_id, dispute_id)


def _amount_minor(step: Task, payment: Payment) -> int:
    refund = payment.refund(step.refund_id) if isinstance(step, RefundTask) else None
    return refund.amount_minor if refund else payment.amount.amount_minor


class ProviderPort:
    """Provider."""

    def __init__(self, provider: Provider, stage: Stage) -> None:
        self._provider, self._stage = provider, stage

    async def create(self, payment: Payment, call: Call) -> Answer:
        return await self._send(Step.CREATE, payment, call)

    async def settle(self, payment: Payment, call: Call) -> Answer:
        return await self._send(Step.SETTLE, payment, call)

    async def void(self, payment: Payment, call: Call) -> Answer:
        return await self._send(Step.VOID, payment, call)

    async def refund(self, payment: Payment, task: RefundTask, *, call: Call) -> Answer:
        return await self._send(task, payment, call)

    async def _send(self, step: Task, payment: Payment, call: Call) -> Answer:
        def effect(luck: Luck) -> Answer:
            return self._provider.send(step, payment, call, luck=luck)

        self._provider.note(step, sends=True)
        return await self._stage.call(
            f"provider: {step.value}", effect, limit_s=LIMIT_S, heard=self._provider.heard, freezes=False
        )

    async def ask(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        del payment

        def effect(luck: Luck) -> AskAnswer:
            return self._provider.ask(step, call, luck=luck)

        self._provider.note(step, sends=False)
        return await self._stage.call(
            f"provider: ask {step.value}", effect, limit_s=LIMIT_S, heard=self._provider.heard
        )

    async def find(self, payment: Payment, step: Task, *, call: Call) -> AskAnswer:
        del call

        def effect(luck: Luck) -> AskAnswer:
            return self._provider.find(payment, step, luck=luck)

        self._provider.note(step, sends=False)
        return await self._stage.call(
            f"provider: find {step.value}", effect, limit_s=LIMIT_S, heard=self._provider.heard
        )

    async def dispute(self, payment: Payment, dispute_id: str, *, call: Call) -> Disputed | NeverSeen | Busy:
        del call

        def effect(luck: Luck) -> Disputed | NeverSeen | Busy:
            return self._provider.ask_dispute(payment.payment_id, dispute_id, luck=luck)

        return await self._stage.call(f"provider: ask about {dispute_id}", effect, limit_s=LIMIT_S)


class NotifierPort:
    """Notifier."""

    def __init__(self, provider: Provider, stage: Stage) -> None:
        self._provider, self._stage = provider, stage

    async def notify(self, url: str, body: str, *, call: Call) -> Answer:
        del url
        told = Word(call.request_id, body)

        def effect(luck: Luck) -> Answer:
            if self._provider.merchant_is_down:
                return Busy("the merchant's web server is down")
            if luck.silent or luck.meets(luck.rates.merchant):
                if luck.happens(0.5):
                    self._provider.told.append(told)
                return Busy("the merchant did not answer")
            self._provider.told.append(told)
            return Done("")

        name = call.request_id.partition(":")[2]
        step = Step(name) if name in set(Step) else NoticeTask(call.request_id)
        self._provider.note(step, sends=True)
        return await self._stage.call("notify the merchant", effect, limit_s=LIMIT_S, freezes=False)
