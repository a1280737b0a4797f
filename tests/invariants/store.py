"""The event store in memory: the conditional append of the adapter, documents as JSON, and the change feed."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from shared.codec.documents import from_document, to_document
from shared.codec.erasure import erased
from shared.domain.erasure import Erasure
from shared.domain.sameness import same_fact
from shared.domain.stream import StoredEvent
from shared.errors import AppendUnknown, StoreBusy, StreamMoved
from shared.ports.event_store import Appended
from tests.invariants.luck import Luck
from tests.invariants.stage import Stage

LIMIT_S = 20.0
"""For one call, as in the adapter."""


@lru_cache(maxsize=4096)
def parsed(text: str) -> dict[str, Any]:
    """What stands in a document. Nobody changes it: a run reads each many times."""
    document: dict[str, Any] = json.loads(text)
    return document


@lru_cache(maxsize=4096)
def read(text: str) -> StoredEvent:
    """A document as the product reads it. Raises Unreadable."""
    return from_document(parsed(text))


class Store:
    """What is stored, whatever the workers believe."""

    def __init__(self) -> None:
        self.streams: dict[str, dict[int, str]] = {}
        self.feed: list[str] = []
        """All documents in the order in which they were stored."""
        self.is_down = False
        self.newest: int | None = None
        """Versions above it are unreadable: the release that runs is older than the one that wrote them."""
        self.was_rolled_back = False

    def texts(self, payment_id: str) -> list[str]:
        """The documents of a payment, in order of version."""
        return [text for _, text in sorted(self.streams.get(payment_id, {}).items())]

    def read(self, payment_id: str) -> tuple[StoredEvent, ...]:
        """Raises Unreadable."""
        return tuple(map(read, self.texts(payment_id)))

    def as_seen(self, text: str) -> dict[str, Any]:
        """A document as the release that runs gets to see it."""
        document = parsed(text)
        if self.newest is not None and document["version"] > self.newest:
            return {**document, "schemaVersion": 99}
        return document

    def check_readable(self, texts: Sequence[str]) -> None:
        """Raises Unreadable."""
        if self.newest is not None:
            for text in texts:
                from_document(self.as_seen(text))

    def write(self, documents: Sequence[Mapping[str, Any]]) -> bool:
        """All or none; False when one of the ids is taken."""
        stream = self.streams.setdefault(documents[0]["paymentId"], {})
        if any(document["version"] in stream for document in documents):
            return False
        for document in documents:
            text = json.dumps(document)
            stream[document["version"]] = text
            self.feed.append(text)
        return True

    def erase(self, payment_id: str, erasure: Erasure) -> None:
        """What is changed stands in the feed once more, behind all else. Raises Unreadable, and then changes nothing.

        What a worker has read it has read: the old texts stay in its hands.
        """
        stream = self.streams.get(payment_id, {})
        self.check_readable(list(stream.values()))
        blank = {version: erased(parsed(text), erasure) for version, text in stream.items()}
        for version, document in blank.items():
            if document is not None:
                stream[version] = json.dumps(document)
                self.feed.append(stream[version])


class StorePort:
    """EventStore."""

    def __init__(self, store: Store, stage: Stage) -> None:
        self._store, self._stage = store, stage

    async def append(self, events: Sequence[StoredEvent]) -> Appended:
        documents = [to_document(stored) for stored in events]
        what = ", ".join(f"{document['type']} {document['version']}" for document in documents)

        def effect(luck: Luck) -> Appended:
            return self._append(events, documents, luck=luck)

        return await self._stage.call(f"append {what}", effect, limit_s=LIMIT_S)

    def _append(self, events: Sequence[StoredEvent], documents: list[dict[str, Any]], *, luck: Luck) -> Appended:
        if self._store.is_down and not luck.silent:
            raise StoreBusy("the store is down")
        if luck.silent or luck.meets(luck.rates.store):
            if luck.happens(0.5):
                self._store.write(documents)
                raise AppendUnknown("no answer")
            raise AppendUnknown("no answer") if luck.happens(0.5) else StoreBusy("nothing was written")
        if self._store.write(documents):
            return Appended(tuple(events), is_new=True)
        return Appended(tuple(self._what_stands(stored) for stored in events), is_new=False)

    def _what_stands(self, ours: StoredEvent) -> StoredEvent:
        text = self._store.streams[ours.payment.payment_id].get(ours.payment.version)
        if text is None:
            raise StoreBusy(f"{ours.event_id} is taken and cannot be read")
        self._store.check_readable([text])
        there = read(text)
        if not same_fact(there.event, ours.event):
            raise StreamMoved(f"{ours.event_id} is another event")
        return there

    async def load(self, payment_id: str) -> tuple[StoredEvent, ...]:
        def effect(luck: Luck) -> tuple[StoredEvent, ...]:
            self._readable(luck)
            job.has_read = self._store.texts(payment_id)
            self._store.check_readable(job.has_read)
            return tuple(map(read, job.has_read))

        job = self._stage.at_work()
        return await self._stage.call("load", effect, limit_s=LIMIT_S)

    async def load_document(self, event_id: str) -> Mapping[str, Any] | None:
        def effect(luck: Luck) -> Mapping[str, Any] | None:
            self._readable(luck)
            payment_id, _, version = event_id.rpartition(":")
            text = self._store.streams.get(payment_id, {}).get(int(version))
            return self._store.as_seen(text) if text is not None else None

        return await self._stage.call(f"load document {event_id[-3:]}", effect, limit_s=LIMIT_S)

    async def erase(self, payment_id: str, *, erasure: Erasure) -> None:
        def effect(luck: Luck) -> None:
            if self._store.is_down and not luck.silent:
                raise StoreBusy("the store is down")
            if luck.silent or luck.meets(luck.rates.store):
                if luck.happens(0.5):
                    self._store.erase(payment_id, erasure)
                raise AppendUnknown("no answer")
            self._store.erase(payment_id, erasure)

        await self._stage.call("erase", effect, limit_s=LIMIT_S)

    async def ping(self) -> None:
        self._readable(self._stage.luck)

    def _readable(self, luck: Luck) -> None:
        if self._store.is_down or luck.silent or luck.meets(luck.rates.store):
            raise StoreBusy("the store does not answer")
