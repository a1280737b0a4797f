"""publish: stored events to integration events on their topics. The change feed is the outbox. Knows no broker."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared import flow, signals
from shared.codec.documents import from_document
from shared.codec.messages import Message, outgoing
from shared.domain.letters import DeadLetter
from shared.domain.reasons import Reason
from shared.errors import Unreadable
from shared.services import Services


async def publish(documents: Sequence[Mapping[str, Any]], *, services: Services) -> None:
    """Send every document's event where it belongs; raises BusUnavailable when a topic could not be reached.

    Then the whole batch comes again. The topics drop what was sent before: its message id is its event id. One document
    never stops the others. What cannot be mapped, or what the broker refuses for good, is parked as a stub that names
    the document. Replaying that letter reads the document again. Money that has to be given back is a letter as well;
    what only notes something is sent to nobody.
    """
    messages: list[Message] = []
    letters: list[DeadLetter] = []
    for document in documents:
        try:
            match _outgoing(document, services=services):
                case Message() as message:
                    messages.append(message)
                case DeadLetter() as letter:
                    letters.append(letter)
        except Exception as exc:  # noqa: BLE001 - the feed must not stop for one odd document
            description = str(exc) if isinstance(exc, Unreadable) else f"{type(exc).__name__}: {exc}"[:500]
            letters.append(_stub(document, reason=Reason.UNMAPPABLE, description=description))
    rejected = await services.publisher.publish(messages) if messages else ()
    letters += [
        _stub(_naming(each.message), reason=Reason.REFUSED_BY_BROKER, description=each.reason) for each in rejected
    ]
    for letter in letters:
        await services.dead_letters.park(letter)
        services.telemetry.count(signals.MESSAGES_PARKED, step=flow.PUBLISH, reason=letter.reason)
    services.telemetry.count(signals.EVENTS_PUBLISHED, len(messages) - len(rejected))


def _outgoing(document: Mapping[str, Any], *, services: Services) -> Message | DeadLetter | None:
    """Raises Unreadable for a document that is not an event of ours. The message carries on the event's own trace."""
    stored = from_document(document)
    if flow.SENT[type(stored.event)] is flow.Sent.NOT:
        return None
    with services.telemetry.span("publish", traceparent=stored.traceparent, event_id=stored.event_id) as span:
        return outgoing(replace(stored, traceparent=span.traceparent))


def _naming(message: Message) -> dict[str, str]:
    payment_id, version = message.message_id.rsplit(":", maxsplit=1)
    return {"id": message.message_id, "paymentId": payment_id, "version": version}


def _stub(document: Mapping[str, Any], *, reason: Reason, description: str) -> DeadLetter:
    named = {"document_id": document.get("id"), "payment_id": document.get("paymentId")}
    return DeadLetter(
        message_id=str(document.get("id")),
        body=json.dumps(named),
        subject=str(document.get("type", "unknown")),
        reason=reason,
        description=description,
        source=flow.EVENTS,
    )
