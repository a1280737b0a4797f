"""How an attempt ended, and what becomes of its message: completed, scheduled again, parked. Knows no provider."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared import flow, signals
from shared.codec.deliveries import Delivery, heard
from shared.codec.messages import tried_again
from shared.codec.tries import with_try
from shared.domain.letters import DeadLetter, Try, Yes
from shared.domain.payment import Step
from shared.domain.reasons import Reason
from shared.domain.standing import Stands, standing
from shared.domain.stream import StoredEvent
from shared.errors import Unreadable
from shared.ports.provider import Done
from shared.services import Services
from shared.steps.recording import load_stream, note, record
from shared.steps.turn import RECORDED_WITHIN_S, Turn


@dataclass(frozen=True, slots=True)
class Finished:
    """The step needs nothing more. `word` says in what way."""

    word: str

    @property
    def fields(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class Again:
    """Try later.

    yes: what the other side has said, and the store could not record. must_be_quiet: something may be under way, so the
    next attempt comes only when that can no longer be.
    """

    code: str
    description: str
    retry_after_s: float = 0.0
    yes: Yes | None = None
    must_be_quiet: bool = False
    word: str = "again"

    @property
    def fields(self) -> dict[str, str]:
        return {"reason": self.code, "description": self.description}


@dataclass(frozen=True, slots=True)
class Parked:
    """A person must look at it."""

    reason: Reason
    description: str
    yes: Yes | None = None
    word: str = "parked"

    @property
    def fields(self) -> dict[str, str]:
        return {"reason": self.reason, "description": self.description}


type Outcome = Finished | Again | Parked


async def carry_out(outcome: Outcome, *, turn: Turn) -> None:
    """Raises BusUnavailable when the broker takes neither the copy nor the dead letter."""
    match outcome:
        case Finished():
            return
        case Again() if turn.attempt + 1 < turn.policy.attempts:
            await _schedule(outcome, turn=turn)
        case Again():
            await _give_up(outcome, turn=turn)
        case Parked(Reason.OUR_FAULT, description) if turn.step.step.tells_the_merchant:
            await _give_up(Again("our_fault", description), turn=turn)  # a paid payment must not hang on an address
        case Parked(reason, description, yes):
            await _park(turn, reason=reason, description=description, yes=yes)


async def _schedule(again: Again, *, turn: Turn) -> None:
    """Hand the broker a copy for later, addressed to this subscription only; then the original is completed.

    This order loses nothing in a crash. The original comes again and finds what was done. If it schedules again, the id
    is the same, and the topic drops it.
    """
    attempt = turn.attempt + 1
    delay_s = turn.policy.delay_s(attempt, jitter=turn.services.jitter(), retry_after_s=again.retry_after_s)
    if again.must_be_quiet:
        delay_s = max(delay_s, turn.services.limits.quiet.total_seconds())
    copy = tried_again(
        turn.delivery,
        place=turn.place,
        cause=turn.cause,
        attempt=attempt,
        is_quiet=again.must_be_quiet or turn.is_quiet,
        yes=again.yes or turn.yes,
        tries=with_try(turn.delivery.properties, Try(turn.now, again.code, again.description)),
    )
    await turn.services.scheduler.schedule(copy, due_at=turn.now + timedelta(seconds=delay_s))
    turn.services.telemetry.count(signals.STEP_RETRIES, step=turn.step.step.value, reason=again.code)


async def _give_up(again: Again, *, turn: Turn) -> None:
    description = f"{again.code} after {turn.attempt + 1} attempts: {again.description}"
    if turn.step.step.tells_the_merchant:
        await _give_up_telling(again, description, turn=turn)
    else:
        await _park(turn, reason=Reason.RETRIES_EXHAUSTED, description=description, yes=again.yes)


async def _give_up_telling(again: Again, description: str, *, turn: Turn) -> None:
    """Complete the payment, then leave a quiet letter; while the store is away, try again later.

    In that order, because a paid payment must not hang. A crash in between repeats both, with the same end. If the
    merchant was told and only the record failed, it is recorded as told, and no letter is left.
    """
    yes = again.yes or turn.yes
    try:
        async with asyncio.timeout(RECORDED_WITHIN_S):
            stream = await load_stream(turn.payment_id, services=turn.services)
            is_owed = await (_told(yes, stream, turn=turn) if yes else _untold(stream, turn=turn))
    except Exception:  # noqa: BLE001 - whatever the store says, the payment must not hang on it
        await _schedule(again, turn=turn)
        return
    if is_owed:
        await _park(turn, reason=Reason.NOTIFICATION_UNDELIVERED, description=description)


async def _told(yes: Yes, stream: Sequence[StoredEvent], *, turn: Turn) -> bool:
    fact = turn.step.fact(Done(yes.reference or "delivered"), at=yes.heard_at or turn.now)
    await record(
        stream[-1].payment,
        fact,
        caused_by=turn.delivery.message_id,
        traceparent=turn.traceparent,
        services=turn.services,
    )
    return False


async def _untold(stream: Sequence[StoredEvent], *, turn: Turn) -> bool:
    """Whether a letter is owed. To give up is a wish: only for the newest cause, and right after what was looked at."""
    now, fact = standing(stream, turn.step.task), turn.step.given_up(at=turn.now)
    if now.cause != turn.cause:
        return False
    if now.stands is Stands.RUNNING and fact is not None and now.payment.completed is None:
        await note(
            now.payment,
            fact,
            caused_by=turn.delivery.message_id,
            traceparent=turn.traceparent,
            services=turn.services,
        )
        return True
    return now.may_be_parked


async def _park(turn: Turn, *, reason: Reason, description: str, yes: Yes | None = None) -> None:
    yes = yes or turn.yes
    if yes and turn.step.step.moves_money:
        reason = Reason.CHARGED_NOT_RECORDED
    letter = DeadLetter(
        message_id=turn.delivery.message_id,
        body=turn.delivery.body,
        subject=turn.delivery.subject,
        reason=reason,
        description=description,
        source=str(turn.place),
        attempt=turn.attempt,
        delivery_count=turn.delivery.delivery_count,
        yes=yes,
        tries=with_try(turn.delivery.properties, Try(turn.now, reason, description)),
    )
    await turn.services.dead_letters.park(letter)
    turn.services.telemetry.count(signals.MESSAGES_PARKED, step=turn.step.step.value, reason=reason)


async def park_unread(delivery: Delivery, *, fault: Unreadable, step: Step, services: Services) -> None:
    """Park a message whose body or properties make no sense. What it says of a yes is kept."""
    yes = heard(delivery.properties)
    reason = Reason.CHARGED_NOT_RECORDED if yes and step.moves_money else Reason.UNREADABLE
    letter = DeadLetter(
        message_id=delivery.message_id,
        body=delivery.body,
        subject=delivery.subject,
        reason=reason,
        description=str(fault),
        source=str(flow.PLACE_OF[step]),
        delivery_count=delivery.delivery_count,
        yes=yes,
    )
    await services.dead_letters.park(letter)
    services.telemetry.count(signals.MESSAGES_PARKED, step=step.value, reason=reason)
