"""Which stored fields hold a merchant's own words, and a document without them. Knows no SDK."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.codec.documents import from_document
from shared.codec.facts import FORMS, type_name
from shared.codec.values import Json, time_to_json
from shared.domain.erasure import Erasure, without_words
from shared.domain.stream import StoredEvent


@dataclass(frozen=True, slots=True)
class Words:
    """Where words stand, and not what they say: an event, its stored type, and fields of its data."""

    event_id: str
    type: str
    fields: tuple[str, ...]


def words_in(stream: Iterable[StoredEvent]) -> tuple[Words, ...]:
    """Of the events that hold any, in the order of the stream."""
    found = ((stored, tuple(_blanks(stored))) for stored in stream)
    return tuple(Words(stored.event_id, type_name(stored.event), fields) for stored, fields in found if fields)


def erased(document: Mapping[str, Any], erasure: Erasure) -> Json | None:
    """The document without its words, and with a note of who erased them; None when there are none.

    All else stays as it is stored, be it read by us or not. Raises Unreadable.
    """
    blanks = _blanks(from_document(document))
    if not blanks:
        return None
    note = {"erasedAt": time_to_json(erasure.at), "erasedBy": erasure.by, "erasedWhy": erasure.why}
    return {
        **document,
        "data": {**document["data"], **blanks},
        "metadata": {**document.get("metadata", {}), **note},
    }


def _blanks(stored: StoredEvent) -> Json:
    """The fields that hold words, each as it is written without them."""
    form = FORMS[type(stored.event)]
    said, blank = form.write(stored.event), form.write(without_words(stored.event))
    return {name: value for name, value in blank.items() if said[name] != value}
