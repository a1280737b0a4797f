"""What Microsoft's .NET client asks, recorded, and asked again: the Functions host's Cosmos DB trigger is built on it.

Signed as that client signs. Ids, etags and continuations are those of the answers given here.
"""

import base64
import hmac
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest_asyncio
from yarl import URL

from local.azure.cosmos.auth import EMULATOR_KEY
from local.azure.cosmos.server import start
from tests.clock import IN_2030, ManualClock

RECORDED = Path(__file__).parent / "recorded" / "dotnet_cosmos.jsonl"
ONE_PARTITION = re.compile(r"\d+:-1#\d+")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    def of(self, name: str) -> str:
        """A header, or a property of the document answered."""
        return self.headers[name] if name in self.headers else str(json.loads(self.text)[name])


@dataclass
class DotNetClient:
    """Speaks as the recorded client does, and remembers what it was told."""

    http: aiohttp.ClientSession
    url: str
    clock: ManualClock
    known: dict[str, str] = field(default_factory=dict)
    resource_ids: set[str] = field(default_factory=set)

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str], body: str | bytes = "", key: str = EMULATOR_KEY
    ) -> Answer:
        date = format_datetime(self.clock(), usegmt=True).lower()
        signed = {**headers, "x-ms-date": date, "authorization": self._signature(method, path, date=date, key=key)}
        url = URL(self.url + path, encoded=True)
        async with self.http.request(method, url, headers=signed, data=body or None) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.text())

    def _signature(self, method: str, path: str, *, date: str, key: str) -> str:
        """Over the path by names, or over the last resource id alone, in lower case."""
        parts = [part for part in path.split("/") if part]
        is_feed = len(parts) % 2 == 1
        kind = parts[-1] if is_feed else (parts[-2] if parts else "")
        owners = parts[:-1] if is_feed else parts
        by_id = bool(owners) and owners[-1] in self.resource_ids
        link = owners[-1].lower() if by_id else "/".join(owners)
        payload = f"{method.lower()}\n{kind}\n{link}\n{date}\n\n"
        digest = base64.b64encode(hmac.digest(base64.b64decode(key), payload.encode(), "sha256")).decode()
        return quote(f"type=master&ver=1.0&sig={digest}", safe="")

    def filled(self, text: str, *, number: int = 0, in_json: bool = False) -> str:
        for name, value in {**self.known, "n": str(number)}.items():
            text = text.replace(f"<<{name}>>", json.dumps(value)[1:-1] if in_json else value)
        return text

    async def replay(self, line: dict[str, Any], *, number: int) -> Answer:
        headers = {name: self.filled(value, number=number) for name, value in line["headers"].items()}
        if "added" not in line and line["path"] != "/":
            headers["x-ms-activity-id"] = str(uuid.uuid4())
        answer = await self.ask(
            line["method"],
            self.filled(line["path"]),
            headers=headers,
            body=self.filled(line["body"], number=number, in_json=True),
            key=base64.b64encode(b"another").decode() if "signed" in line else EMULATOR_KEY,
        )
        for name, source in line.get("keep", {}).items():
            self.known[name] = answer.of(source)
            if source == "_rid":
                self.resource_ids.add(answer.of(source))
        return answer


def recorded() -> Iterator[dict[str, Any]]:
    for line in RECORDED.read_text().splitlines():
        request: dict[str, Any] = json.loads(line)
        for number in range(request.get("repeat", 1)):
            yield {**request, "number": number}


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[DotNetClient]:
    clock = ManualClock(IN_2030)
    later = format_datetime(clock() + timedelta(minutes=1), usegmt=True)
    running = await start(data=tmp_path, partitions=2, clock=clock)
    try:
        async with aiohttp.ClientSession() as http:
            yield DotNetClient(http, running.url, clock, known={"a minute later": later})
    finally:
        await running.close()


async def test_each_recorded_request_gets_the_status_with_which_the_client_went_on(client: DotNetClient) -> None:
    told = []
    for line in recorded():
        answer = await client.replay(line, number=line["number"])
        told.append((line["method"], line["path"], line["body"], answer.status, line["status"], answer.text))

    assert len(told) > 150
    assert [each for each in told if each[3] != each[4]] == []


async def test_every_answer_carries_an_activity_id_and_a_session_token_of_one_partition_at_most(
    client: DotNetClient,
) -> None:
    for line in recorded():
        answer = await client.replay(line, number=line["number"])

        assert uuid.UUID(answer.headers["x-ms-activity-id"])
        assert ONE_PARTITION.fullmatch(answer.headers.get("x-ms-session-token", "0:-1#0")), line


async def test_the_account_states_what_its_query_engine_can_do(client: DotNetClient) -> None:
    answer = await client.ask("GET", "/", headers={"x-ms-cosmos-use-thinclient": "True"})

    stated = json.loads(json.loads(answer.text)["queryEngineConfiguration"])
    assert stated["maxSqlQueryInputLength"] > 0
    assert stated["sqlAllowTop"] is True


async def a_box(client: DotNetClient) -> str:
    """A database and a container in it; the container's address by resource ids."""
    for path, body in (("/dbs", '{"id":"shop"}'), ("/dbs/shop/colls", BOX)):
        answer = await client.ask("POST", path, headers={}, body=body)
        client.resource_ids.add(answer.of("_rid"))
    shown = json.loads(answer.text)
    return "/" + str(shown["_self"]).strip("/")


BOX = '{"id":"box","partitionKey":{"paths":["/pk"],"kind":"Hash"}}'


async def test_a_container_is_found_by_its_resource_id_like_by_its_name(client: DotNetClient) -> None:
    by_id = await a_box(client)

    for suffix in ("", "/pkranges"):
        named = await client.ask("GET", f"/dbs/shop/colls/box{suffix}", headers={})
        found = await client.ask("GET", f"{by_id}{suffix}", headers={})

        assert (found.status, found.text) == (200, named.text)


async def test_what_is_asked_for_by_resource_id_is_counted_under_its_name(client: DotNetClient) -> None:
    by_id = await a_box(client)

    await client.ask("GET", f"{by_id}/pkranges", headers={})

    async with client.http.get(f"{client.url}/_local/requests") as answer:
        counted = (await answer.json())["requests"]
    assert set(counted) == {"account", "box"}
    assert counted["box"]["ranges"]["count"] == 1


async def test_a_resource_id_that_means_nothing_any_more_is_not_found(client: DotNetClient) -> None:
    by_id = await a_box(client)
    await client.ask("DELETE", "/dbs/shop/colls/box", headers={})

    answer = await client.ask("GET", f"{by_id}/pkranges", headers={})

    assert (answer.status, answer.headers["x-ms-substatus"]) == (404, "1003")


async def test_a_database_whose_name_looks_like_a_resource_id_is_still_found_by_it(client: DotNetClient) -> None:
    await a_box(client)
    name = "AAAAAQ=="

    created = await client.ask("POST", "/dbs", headers={}, body=json.dumps({"id": name}))
    client.resource_ids.clear()  # so it signs the name
    found = await client.ask("GET", f"/dbs/{name}", headers={})

    assert (created.status, found.status) == (201, 200)
    assert json.loads(found.text)["id"] == name


async def test_an_item_by_resource_id_is_refused_by_name(client: DotNetClient) -> None:
    by_id = await a_box(client)
    client.resource_ids.add("AAAAAYAAAAEBAAAAAAAAAA==")

    answer = await client.ask("GET", f"{by_id}/docs/AAAAAYAAAAEBAAAAAAAAAA==", headers={})

    assert answer.status == 501
    assert "an item by its resource id" in answer.text


async def test_a_path_of_resource_ids_that_is_signed_like_names_is_about_names(client: DotNetClient) -> None:
    by_id = await a_box(client)
    client.resource_ids.clear()

    answer = await client.ask("GET", f"{by_id}/pkranges", headers={})

    assert (answer.status, answer.headers["x-ms-substatus"]) == (404, "1003")


async def test_a_batch_in_the_binary_format_is_refused_by_name(client: DotNetClient) -> None:
    await a_box(client)
    headers = {
        "x-ms-documentdb-partitionkey": '["q"]',
        "x-ms-cosmos-is-batch-request": "True",
        "x-ms-cosmos-batch-atomic": "True",
    }

    answer = await client.ask("POST", "/dbs/shop/colls/box/docs", headers=headers, body=b"\x81binary")

    assert answer.status == 501
    assert "HybridRow" in answer.text


async def test_the_recorded_query_for_leases_finds_those_that_start_so_and_no_other(client: DotNetClient) -> None:
    for line in takewhile(lambda line: line["method"] + line["path"] != "DELETE/dbs/shop", recorded()):
        await client.replay(line, number=line["number"])
    asking = next(line for line in recorded() if "isquery" in str(line["headers"]) and "'shop127" in line["body"])
    prefix = client.filled("shop127.0.0.1_<<shop>>_<<box>>..")
    for number in range(8):
        headers = {"x-ms-documentdb-partitionkey": json.dumps([f"{number}{prefix}"])}
        await client.ask("POST", "/dbs/shop/colls/leases/docs", headers=headers, body=f'{{"id":"{number}{prefix}"}}')

    found = []
    for place in ("0", "1"):
        headers = asking["headers"] | {"x-ms-documentdb-partitionkeyrangeid": place}
        answer = await client.replay(asking | {"headers": headers}, number=0)
        found += [item["id"] for item in json.loads(answer.text)["Documents"]]

    assert found == [f"{prefix}0"]
