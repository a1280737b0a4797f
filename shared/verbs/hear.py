"""hear: record what the provider tells by itself, as it says it when it is asked. Knows no HTTP and no signature.

News may be late, out of order, repeated or wrong. So it only says where to look, and what is recorded is the answer to
a question. Nothing is kept of news that cannot be confirmed: the provider goes on telling until it is heard.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared import signals
from shared.domain.decisions import Refused
from shared.domain.events import DisputeEvent, PaymentDisputeLost, PaymentDisputeOpened, PaymentDisputeWon
from shared.domain.payment import Payment
from shared.ports.provider import Busy, Call, Disputed, NeverSeen
from shared.ports.provider_news import DisputeNews
from shared.ports.telemetry import Level
from shared.services import Services
from shared.steps.recording import record

CAUSED_BY = "provider"


class Heard(StrEnum):
    """What came of news."""

    RECORDED = "recorded"
    KNOWN = "known"
    NO_PAYMENT = "payment_not_found"
    NOT_CONFIRMED = "dispute_not_confirmed"
    NO_ANSWER = "provider_silent"


_CALM = frozenset({Heard.RECORDED, Heard.KNOWN, Heard.NO_ANSWER})


@dataclass(frozen=True, slots=True)
class Outcome:
    """retry_after_s: not before then, if the provider said so."""

    heard: Heard
    retry_after_s: float = 0.0


async def hear(news: DisputeNews, *, traceparent: str | None, services: Services) -> Outcome:
    """Ask about the dispute, and record the answer. Safe to repeat.

    Raises StoreBusy, StreamMoved, Unreadable: the provider has to tell it again.
    """
    fields: dict[str, str | int | float] = {"payment_id": news.payment_id, "dispute_id": news.dispute_id}
    with services.telemetry.span("hear", traceparent=traceparent, payment_id=news.payment_id) as span:
        outcome = await _heard(news, traceparent=span.traceparent, services=services)
        span.note(outcome=outcome.heard.value)
    services.telemetry.count(signals.PROVIDER_NEWS, outcome=outcome.heard.value)
    level = Level.INFO if outcome.heard in _CALM else Level.ERROR
    services.telemetry.log(signals.LOG_NEWS, {**fields, "outcome": outcome.heard.value}, level=level)
    return outcome


async def _heard(news: DisputeNews, *, traceparent: str | None, services: Services) -> Outcome:
    stream = await services.store.load(news.payment_id)
    if not stream:
        return Outcome(Heard.NO_PAYMENT)
    payment = stream[-1].payment
    call = Call(request_id=f"{payment.payment_id}:dispute", traceparent=traceparent)
    answer = await services.provider.dispute(payment, news.dispute_id, call=call)
    match answer:
        case NeverSeen():
            return Outcome(Heard.NOT_CONFIRMED)
        case Busy():
            return Outcome(Heard.NO_ANSWER, answer.retry_after_s)
        case Disputed() if _is_behind(answer, news):
            return Outcome(Heard.NO_ANSWER)  # once heard, it would not be told again
        case Disputed():
            return await _recorded(
                payment, _facts(news, answer, now=services.clock.now()), traceparent=traceparent, services=services
            )


def _is_behind(found: Disputed, news: DisputeNews) -> bool:
    """Whether the books do not show yet what was told. What has changed since then they show with a later time."""
    if found.status == news.status:
        return False
    if news.told_at is None:
        return found.decided_at is None
    return (found.decided_at or found.opened_at) < news.told_at


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
    )
    if found.decided_at is None:
        return (opened,)
    decision = PaymentDisputeWon if found.status == "won" else PaymentDisputeLost
    return (opened, decision(occurred_at=now, dispute_id=news.dispute_id, decided_at=found.decided_at))
