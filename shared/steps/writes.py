"""What has to be written into a stream: what was heard, or what is wanted. Knows no step."""

from dataclasses import dataclass

from shared.domain.decisions import Refused
from shared.domain.events import Event
from shared.domain.letters import Yes
from shared.domain.payment import Payment
from shared.services import Services
from shared.steps.recording import note, record


@dataclass(frozen=True, slots=True)
class Heard:
    """The other side's answer. It is recorded, whatever the payment has become. yes: to be carried on until it is."""

    payment: Payment
    fact: Event
    yes: Yes | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to stand right after this version of the payment, or not at all. yes: what it holds that was heard."""

    payment: Payment
    events: tuple[Event, ...]
    yes: Yes | None = None


async def written(what: Heard | Wanted, *, caused_by: str, traceparent: str | None, services: Services) -> str:
    """Why the stream refuses it; empty when it stands there.

    Raises StoreBusy, AppendUnknown, StreamMoved: it does not stand there yet, as far as is known.
    """
    done: object
    match what:
        case Heard(payment, fact):
            done = await record(payment, fact, caused_by=caused_by, traceparent=traceparent, services=services)
        case Wanted(payment, events):
            done = await note(payment, *events, caused_by=caused_by, traceparent=traceparent, services=services)
    return done.reason if isinstance(done, Refused) else ""
