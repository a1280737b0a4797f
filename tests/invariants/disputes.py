"""Disputes in the provider's own books, and its news of them, which it tells until it was heard.

Banks open disputes, decide them, and decide anew. Who is asked may not know of an opening, or of the first decision,
for a while. A decision that overrules another is in the books before it is told: of two decisions, the news does not
say which one is the newer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.dispute import DisputeStatus
from shared.ports.provider import Disputed, NeverSeen
from shared.ports.provider_news import DisputeNews
from tests.invariants.luck import Luck
from tests.invariants.stage import Stage

RETRY_S = 60.0
"""When news is told again that was not heard."""
BOOKS_LATE_S = 900.0
"""How long a question may not find what happened."""
CODE = "fraudulent"


@dataclass(frozen=True, slots=True)
class Word:
    """How a dispute stood from a moment on. visible_s: from when on questions find it."""

    status: DisputeStatus
    at: datetime
    visible_s: float


@dataclass(slots=True, eq=False)
class Case:
    """A dispute, with all that was ever said of it, the opening first."""

    payment_id: str
    dispute_id: str
    amount_minor: int
    words: list[Word]

    @property
    def status(self) -> DisputeStatus:
        return self.words[-1].status

    @property
    def withdrawn_minor(self) -> int:
        """What the bank has of the money."""
        return 0 if self.status == "won" else self.amount_minor


@dataclass(slots=True, eq=False)
class Telling:
    """News to tell. due_s: when it is told next, if nothing else has it told before."""

    news: DisputeNews
    due_s: float


@dataclass(slots=True)
class Disputes:
    """lags: whether questions find only later what happens now."""

    stage: Stage
    lags: Callable[[Luck], bool]
    cases: list[Case] = field(default_factory=list)
    to_tell: list[Telling] = field(default_factory=list)
    """What was not heard yet, in the order of what happened."""
    heard: list[Telling] = field(default_factory=list)

    def of(self, payment_id: str) -> list[Case]:
        return [case for case in self.cases if case.payment_id == payment_id]

    def withdrawn_minor(self, payment_id: str) -> int:
        """What banks have taken back of a payment, and not given up."""
        return sum(case.withdrawn_minor for case in self.of(payment_id))

    # -- what banks do

    def open(self, payment_id: str, *, amount_minor: int, luck: Luck) -> None:
        case = Case(payment_id, f"dp-{len(self.cases) + 1}", amount_minor, [])
        self.cases.append(case)
        self._say(case, "open", visible_s=self._visible_s(luck), luck=luck)

    def decide(self, case: Case, status: DisputeStatus, *, luck: Luck) -> None:
        self._say(case, status, visible_s=self._visible_s(luck), luck=luck)

    def _visible_s(self, luck: Luck) -> float:
        return self.stage.now_s + (luck.number() * BOOKS_LATE_S if self.lags(luck) else 0.0)

    def _say(self, case: Case, status: DisputeStatus, *, visible_s: float, luck: Luck) -> None:
        """At another second than all others of the dispute. The news may be under way for some minutes."""
        now = self.stage.now()
        at = max(now, case.words[-1].at + timedelta(seconds=1)) if case.words else now
        case.words.append(Word(status, at, visible_s))
        news = DisputeNews(payment_id=case.payment_id, dispute_id=case.dispute_id, status=status, told_at=at)
        late_s = luck.one_of([0.0, 0.0, 30.0, 300.0, 4000.0])
        self.to_tell.append(Telling(news, self.stage.now_s + late_s))
        self.stage.tell(f"    {case.dispute_id} over {case.amount_minor} is {status}, visible at {visible_s:.1f}")

    # -- what is asked

    def answer(self, payment_id: str, dispute_id: str) -> Disputed | NeverSeen:
        """The newest of what can be seen by now."""
        case = next((case for case in self.of(payment_id) if case.dispute_id == dispute_id), None)
        seen = [word for word in case.words if word.visible_s <= self.stage.now_s] if case else []
        if case is None or not seen:
            return NeverSeen()
        return Disputed(
            amount_minor=case.amount_minor,
            code=CODE,
            opened_at=case.words[0].at,
            status=seen[-1].status,
            decided_at=None if seen[-1].status == "open" else seen[-1].at,
        )

    # -- what is told

    def due(self) -> list[Telling]:
        return [telling for telling in self.to_tell if telling.due_s <= self.stage.now_s]

    def next_due_s(self) -> float | None:
        return min((telling.due_s for telling in self.to_tell), default=None)

    def tries(self, telling: Telling) -> None:
        """It is being told: if that comes to nothing, it is told again."""
        telling.due_s = self.stage.now_s + RETRY_S

    def was_heard(self, telling: Telling) -> None:
        if telling in self.to_tell:
            self.to_tell.remove(telling)
            self.heard.append(telling)
