"""hear: record what the provider tells by itself, as it says it when it is asked. Knows no HTTP and no signature.

News may be late, out of order, repeated or wrong. So it only says where to look, and what is recorded is the answer to
a question. Nothing is kept of news that cannot be confirmed: the provider goes on telling until it is heard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared import signals
from shared.domain.decisions import Refused
from shared.domain.events import DisputeEvent, PaymentDisputeLost, PaymentDisputeOpened, PaymentDisputeWon
from shared.domain.evolution import fold
from shared.domain.payment import Payment
from shared.ports.provider import Busy, Call, Disputed, Misfit, NeverSeen
from shared.ports.provider_news import DisputeNews
from shared.ports.telemetry import Level
from shared.services import Services
from shared.steps.recording import record

CAUSED_BY = "provider"


class Heard(StrEnum):
    """What came of news. After all but the first two the provider has to tell it again."""

    RECORDED = "recorded"
    KNOWN = "known"
    BEHIND = "provider_behind"  # its books do not show yet what it tells
    NO_ANSWER = "provider_silent"
    NO_PAYMENT = "payment_not_found"
    NOT_CONFIRMED = "dispute_not_confirmed"
    MISFIT = "dispute_misfit"
    UNREADABLE = "news_unreadable"
    NOT_SIGNED = "signature_refused"
    NOT_KNOWN = "provider_not_known"  # no secret is set, or none that can be used


LASTING = frozenset({Heard.NO_PAYMENT, Heard.NOT_CONFIRMED, Heard.MISFIT, Heard.UNREADABLE, Heard.NOT_KNOWN})
"""What does not pass by itself: a person has to look."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """retry_after_s: not before then, if the provider said so. misfit: the field of its answer that fits not."""

    heard: Heard
    retry_after_s: float = 0.0
    misfit: str = ""


async def hear(news: DisputeNews, *, traceparent: str | None, services: Services) -> Outcome:
    """Ask about the dispute, and record the answer. Safe to repeat.

    Raises StoreBusy, StreamMoved, Unreadable: the provider has to tell it again.
    """
    with services.telemetry.span("hear", traceparent=traceparent, payment_id=news.payment_id) as span:
        outcome = await _heard(news, traceparent=span.traceparent, services=services)
        span.note(outcome=outcome.heard.value)
    named = {"payment_id": news.payment_id, "dispute_id": news.dispute_id}
    _tell(outcome, named, services=services)
    return outcome


def refuse(why: Heard, *, services: Services) -> None:
    """Tell operators of what cannot be heard at all. Disputes may be behind it that nobody learns of."""
    _tell(Outcome(why), {}, services=services)


def _tell(outcome: Outcome, named: Mapping[str, str], *, services: Services) -> None:
    misfit = {"misfit": outcome.misfit} if outcome.misfit else {}
    level = Level.ERROR if outcome.heard in LASTING else Level.INFO
    services.telemetry.count(signals.PROVIDER_NEWS, outcome=outcome.heard.value)
    services.telemetry.log(signals.LOG_NEWS, {**named, "outcome": outcome.heard.value, **misfit}, level=level)


async def _heard(news: DisputeNews, *, traceparent: str | None, services: Services) -> Outcome:
    stream = await services.store.load(news.payment_id)
    payment = fold(stored.event for stored in stream)
    if payment is None:
        return Outcome(Heard.NO_PAYMENT)
    call = Call(request_id=f"{payment.payment_id}:dispute", traceparent=traceparent)
    answer = await services.provider.dispute(payment, news.dispute_id, call=call)
    match answer:
        case NeverSeen():
            return Outcome(Heard.NOT_CONFIRMED)
        case Busy():
            return Outcome(Heard.NO_ANSWER, answer.retry_after_s)
        case Misfit(field):
            return Outcome(Heard.MISFIT, misfit=field)
        case Disputed():
            facts = _facts(news, answer, now=services.clock.now())
            recorded = await _recorded(payment, facts, traceparent=traceparent, services=services)
            return Outcome(Heard.BEHIND) if _is_behind(answer, news) else recorded


def _is_behind(found: Disputed, news: DisputeNews) -> bool:
    """Whether the books do not show yet what was told: once it was heard, it would not be told again.

    What they show is recorded all the same. It is true, and what is newer will count.
    """
    if news.told_at is None:
        return news.status != "open" and found.decided_at is None
    return _second(found.decided_at or found.opened_at) < _second(news.told_at)


def _second(moment: datetime) -> datetime:
    """A provider may write whole seconds in one place and more in another."""
    return moment.replace(microsecond=0)


async def _recorded(
    payment: Payment, facts: tuple[DisputeEvent, ...], *, traceparent: str | None, services: Services
) -> Outcome:
    recorded = await record(payment, *facts, caused_by=CAUSED_BY, traceparent=traceparent, services=services)
    if isinstance(recorded, Refused):
        raise TypeError(f"a dispute of payment {payment.payment_id} was refused: {recorded.reason}")
    return Outcome(Heard.KNOWN if recorded.version == payment.version else Heard.RECORDED)


def _facts(news: DisputeNews, found: Disputed, *, now: datetime) -> tuple[DisputeEvent, ...]:
    """The opening always, since its own news may come after the decision's."""
    opened = PaymentDisputeOpened(
        occurred_at=now,
        dispute_id=news.dispute_id,
        amount_minor=found.amount_minor,
        code=found.code,
        opened_at=found.opened_at,
        capture_id=found.capture_id,
    )
    if found.decided_at is None:
        return (opened,)
    decision = PaymentDisputeWon if found.status == "won" else PaymentDisputeLost
    return (opened, decision(occurred_at=now, dispute_id=news.dispute_id, decided_at=found.decided_at))
