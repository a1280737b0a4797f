"""LetterBox on Azure Cosmos DB: one document per dead letter. Knows no rule of replay."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from shared.adapters.cosmos.faults import Taken, reading, writing
from shared.adapters.cosmos.pages import page_of
from shared.codec.letters import letter_from_json, letter_to_json, words_of
from shared.codec.values import time_from_json, time_to_json
from shared.domain.letters import LetterRecord, LetterStatus
from shared.domain.money import Money
from shared.errors import LetterMoved
from shared.ports.letter_box import Glance, LetterFilter, LetterKind, LetterPage


class CosmosLetterBox:
    """The container whose partition key is the letter's id."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def add(self, record: LetterRecord) -> bool:
        try:
            async with writing(f"record dead letter {record.letter_id}"):
                await self._container.create_item(letter_to_json(record), no_response=True)
        except Taken:
            return False
        return True

    async def get(self, letter_id: str) -> LetterRecord | None:
        async with reading(f"read dead letter {letter_id}"):
            try:
                return letter_from_json(await self._container.read_item(letter_id, partition_key=letter_id))
            except CosmosResourceNotFoundError:
                return None

    async def save(self, record: LetterRecord) -> LetterRecord:
        try:
            async with writing(f"save dead letter {record.letter_id}"):
                saved = await self._container.replace_item(
                    record.letter_id,
                    letter_to_json(record),
                    etag=record.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
        except Taken as exc:
            raise LetterMoved(f"dead letter {record.letter_id} was changed by another action: look again") from exc
        return letter_from_json(saved)

    async def find(self, wanted: LetterFilter, *, limit: int, page: str | None = None) -> LetterPage:
        where, parameters = _where(wanted)
        async with reading("find dead letters"):
            query = f"SELECT * FROM c{where}"  # noqa: S608 - built of constants; values travel as parameters
            documents, next_page = await page_of(self._container, query, parameters=parameters, limit=limit, page=page)
        return LetterPage(tuple(map(letter_from_json, documents)), next_page)

    async def open_by_kind(self) -> Counter[LetterKind]:
        query = "SELECT c.step, c.reason, c.severity FROM c WHERE c.status = @status"
        async with reading("count dead letters"):
            rows = self._container.query_items(
                query, parameters=[{"name": "@status", "value": LetterStatus.OPEN.value}]
            )
            return Counter([LetterKind(row["step"], row["reason"], row["severity"]) async for row in rows])

    async def glances(self, wanted: LetterFilter) -> Sequence[Glance]:
        where, parameters = _where(wanted)
        fields = "c.step, c.reason, c.severity, c.recorded_at, c.payment_id, c.amount_minor, c.currency"
        async with reading("summarize dead letters"):
            query = f"SELECT {fields} FROM c{where}"  # noqa: S608 - built of constants; values travel as parameters
            found = self._container.query_items(query, parameters=parameters)
            return [_glance(each) async for each in found]


def _glance(fields: Mapping[str, Any]) -> Glance:
    amount = Money(fields["amount_minor"], fields["currency"]) if "currency" in fields else None
    return Glance(
        kind=LetterKind(fields["step"], fields["reason"], fields["severity"]),
        recorded_at=time_from_json(fields["recorded_at"]),
        payment_id=fields["payment_id"],
        amount=amount,
    )


_SEARCHED = ("c.reference", "c.payment_id", "c.reason", "c.description", "c.message.body")


def _where(wanted: LetterFilter) -> tuple[str, list[dict[str, Any]]]:
    """Only what is asked for; values travel as parameters."""
    since = time_to_json(wanted.recorded_from) if wanted.recorded_from else None
    before = time_to_json(wanted.recorded_before) if wanted.recorded_before else None
    conditions = {
        "c.step =": wanted.step,
        "c.reason =": wanted.reason,
        "c.payment_id =": wanted.payment_id,
        "c.severity =": wanted.severity,
        "c.recorded_at >=": since,
        "c.recorded_at <": before,
    }
    given = [(condition, value) for condition, value in conditions.items() if value is not None]
    texts = [f"{condition} @p{number}" for number, (condition, _) in enumerate(given)]
    parameters = [{"name": f"@p{number}", "value": value} for number, (_, value) in enumerate(given)]
    words = words_of(wanted.status) if wanted.status is not None else ()
    for place, many in (("status", words), ("payment_id", wanted.payments)):
        if many:
            names = [f"@{place}{number}" for number, _ in enumerate(many)]
            texts.append(f"c.{place} IN ({', '.join(names)})")
            parameters += [{"name": name, "value": value} for name, value in zip(names, many, strict=True)]
    if wanted.like is not None:
        texts.append(f"({' OR '.join(f'CONTAINS({place}, @like, true)' for place in _SEARCHED)})")
        parameters.append({"name": "@like", "value": wanted.like})
    return (f" WHERE {' AND '.join(texts)}" if texts else ""), parameters
