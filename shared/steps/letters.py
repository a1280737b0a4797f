"""What a dead letter and its stream have to do with each other, for whoever keeps or acts on letters. Knows no step."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from shared.domain.events import PaymentResumed
from shared.domain.letters import Entry, LetterRecord, LetterStatus, letter_status
from shared.domain.payment import Task
from shared.domain.standing import Standing, Stands, standing
from shared.domain.stream import StoredEvent
from shared.errors import LetterMoved, PaymentsError
from shared.services import Services
from shared.steps.catalogue import payment_step
from shared.steps.ending import heard
from shared.steps.recording import append_here
from shared.steps.writes import written

_ORDER = tuple(LetterStatus)
_RACES = 5


async def shown_as(letter: LetterRecord, stream: Sequence[StoredEvent], *, services: Services) -> LetterRecord:
    """The letter, with the status that lists show brought up to date. Raises StoreBusy, AppendUnknown, LetterMoved."""
    for _ in range(_RACES):
        status = letter_status(letter, stream)
        if _ORDER.index(status) <= _ORDER.index(letter.status):
            return letter
        as_of = stream[-1].payment.version if stream else 0
        try:
            return await services.letters.save(replace(letter, status=status, as_of=as_of))
        except LetterMoved:
            letter = await services.letters.get(letter.letter_id) or letter
    raise LetterMoved(f"dead letter {letter.letter_id} was changed by others {_RACES} times in a row")


def stands_still(now: Standing, *, step: Task, services: Services) -> bool:
    """Whether a step that is running cannot be in anybody's hands any more."""
    is_late = services.limits.is_beyond(step.step, since=now.since, now=services.clock.now())
    return now.stands is Stands.RUNNING and is_late


async def closed(letter: LetterRecord, *, action: str, by: str, note: str, services: Services) -> LetterRecord:
    """Close a letter that the stream says nothing of. Raises LetterMoved when another action was first; StoreBusy."""
    closing = Entry(at=services.clock.now(), action=action, by=by, note=note)
    return await services.letters.save(replace(letter, status=LetterStatus.CLOSED, closing=closing))


async def resume(
    resumed: PaymentResumed, *, stream: Sequence[StoredEvent], letter: LetterRecord, services: Services
) -> StoredEvent:
    """Start the step again, at this version of the stream. Raises StreamMoved, StoreBusy, AppendUnknown."""
    stored = await append_here(
        stream[-1].payment,
        resumed,
        caused_by=f"letter:{letter.letter_id}",
        traceparent=stream[-1].traceparent,
        services=services,
    )
    with suppress(PaymentsError):  # for lists only; the feed does it again
        await shown_as(letter, (*stream, stored), services=services)
    return stored


async def answer_recorded(letter: LetterRecord, stream: Sequence[StoredEvent], *, services: Services) -> bool:
    """Write down the yes that a letter holds; False when it holds none whose reference is known.

    It goes before anything else that is done about the letter. Raises StoreBusy, AppendUnknown, StreamMoved.
    """
    if not stream or letter.yes is None or letter.yes.reference is None or letter.task is None:
        return False
    step = payment_step(letter.task, services)
    now = standing(stream, step.task)
    what = heard(letter.yes, step=step, payment=now.payment, at=services.clock.now())
    await written(what, caused_by=f"letter:{letter.letter_id}", traceparent=stream[-1].traceparent, services=services)
    return True
