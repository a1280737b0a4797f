"""publish: stored events to integration events on their topics. The change feed is the outbox. Knows no broker."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared import flow, signals
from shared.codec.documents import from_document
from shared.codec.messages import Message, outgoing
from shared.codec.stubs import stub_of
from shared.domain.letters import DeadLetter
from shared.domain.reasons import Reason
from shared.errors import Unreadable
from shared.ports.topics import Rejected
from shared.services import Services


async def publish(documents: Sequence[Mapping[str, Any]], *, services: Services) -> None:
    """Send every document's event where it belongs; raises BusUnavailable when a topic could not be reached.

    Then the whole batch comes again. The topics drop what was sent before: its message id is its event id. One bad
    thing never stops the others. What cannot be mapped, what the broker refuses for good, and what belongs to a topic
    that goes on refusing while others take, is parked as a stub that names the document. Replaying that letter reads
    the document again. Money that has to be given back is a letter as well; what only notes something is sent to
    nobody.
    """
    messages: list[Message] = []
    letters: list[DeadLetter] = []
    for document in documents:
        try:
            for each in _outgoing(document, services=services):
                if isinstance(each, Message):
                    messages.append(each)
                else:
                    letters.append(each)
        except Exception as exc:  # noqa: BLE001 - the feed must not stop for one odd document
            why = str(exc) if isinstance(exc, Unreadable) else f"{type(exc).__name__}: {exc}"
            letters.append(stub_of(document, reason=Reason.UNMAPPABLE, description=why))
    rejected = await _sent(messages, services)
    for letter in [*letters, *map(_unsent, rejected)]:
        await services.dead_letters.park(letter)
        services.telemetry.count(signals.MESSAGES_PARKED, step=flow.PUBLISH, reason=letter.reason)
    unsent = {(each.message.topic, each.message.message_id) for each in rejected}
    sent = {each.message_id for each in messages if (each.topic, each.message_id) not in unsent}
    services.telemetry.count(signals.EVENTS_PUBLISHED, len(sent))


async def _sent(messages: Sequence[Message], services: Services) -> Sequence[Rejected]:
    """What was not sent, and is not to be waited for."""
    if not messages:
        return ()
    rejected = await services.publisher.publish(messages, patience=services.limits.topic_patience)
    for each in rejected:
        if not each.for_good:
            services.telemetry.count(signals.TOPIC_REFUSALS, topic=each.message.topic)
    return rejected


def _outgoing(document: Mapping[str, Any], *, services: Services) -> Sequence[Message | DeadLetter]:
    """Raises Unreadable for a document that is not an event of ours. The message carries on the event's own trace."""
    stored = from_document(document)
    if flow.SENT[type(stored.event)] is flow.Sent.NOT:
        return ()
    with services.telemetry.span("publish", traceparent=stored.traceparent, event_id=stored.event_id) as span:
        return outgoing(replace(stored, traceparent=span.traceparent))


def _unsent(rejected: Rejected) -> DeadLetter:
    message = rejected.message
    names = {"id": message.message_id, "paymentId": message.message_id.rpartition(":")[0], "type": message.subject}
    reason = Reason.REFUSED_BY_BROKER if rejected.for_good else Reason.TOPIC_REFUSES
    return stub_of(names, reason=reason, description=rejected.reason)
