"""The Cosmos DB core without a socket: requests that no SDK would send, session tokens, names that look like ids."""

import base64
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from local.azure.cosmos.api import Cosmos
from local.azure.cosmos.auth import EMULATOR_KEY
from local.azure.cosmos.keys import from_header, is_database_id, range_of, resource_id, split
from local.azure.cosmos.store import Store
from local.azure.cosmos.values import dumps
from local.azure.cosmos.wire import Request, Response
from tests.clock import IN_2030
from tests.local.cosmos_support import store_in_memory

KEY_HEADER = "x-ms-documentdb-partitionkey"
RANGE_HEADER = "x-ms-documentdb-partitionkeyrangeid"
DOCS = "dbs/shop/colls/box/docs"
QUERY = {"x-ms-documentdb-isquery": "True", "x-ms-documentdb-query-enablecrosspartition": "True"}
PLAN = {"x-ms-cosmos-is-query-plan-request": "True"}
BATCH = {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-atomic": "True"}
FEED = {"a-im": "Incremental Feed", RANGE_HEADER: "0"}
LONG = "9" * 5000
READ_B = [{"operationType": "Read", "id": "b"}]
DEEP = "[" * 100_000


@dataclass(frozen=True)
class Core:
    """An account with the container `box` in the database `shop`, asked as a client that signs by hand."""

    cosmos: Cosmos
    store: Store

    def ask(self, method: str, path: str, body: Any = None, *, resource: str | None = None, **options: Any) -> Response:
        """`resource`: what is signed instead of the path. `headers`: beside those of every request."""
        parts = tuple(path.split("/")) if path else ()
        owners = parts[: len(parts) // 2 * 2]
        kind = parts[len(parts) - 1 - (len(parts) % 2 == 0)] if parts else ""
        payload = f"{method.lower()}\n{kind}\n{'/'.join(owners) if resource is None else resource}\n\n\n"
        digest = base64.b64encode(hmac.digest(base64.b64decode(EMULATOR_KEY), payload.encode(), "sha256")).decode()
        headers = {"host": "here", "authorization": quote(f"type=master&ver=1.0&sig={digest}")}
        headers |= options.get("headers", {})
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.cosmos.answer(
            Request(method, parts, {name: value for name, value in headers.items() if value is not None}, raw)
        )

    def item(self, key: str, item: str) -> Response:
        return self.ask("POST", DOCS, {"id": item, "pk": key}, headers={KEY_HEADER: json.dumps([key])})

    def make(self, database: str, container: str = "box") -> str:
        """A database and a container in it; the path of the container by resource ids."""
        self.ask("POST", "dbs", {"id": database})
        made = self.ask("POST", f"dbs/{database}/colls", {"id": container, "partitionKey": {"paths": ["/pk"]}})
        return str(json.loads(made.body)["_self"]).strip("/")

    def written(self) -> list[int]:
        tables = ("databases", "containers", "items")
        run = self.store.database.connection.execute
        return [run(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables]  # noqa: S608 - constants


def core_of(partitions: int) -> Core:
    store = store_in_memory()
    core = Core(Cosmos(store, clock=IN_2030.timestamp, partitions=partitions, consistency="Session"), store)
    core.make("shop")
    return core


@pytest.fixture
def core() -> Core:
    return core_of(2)


def key_in(number: int) -> str:
    """A partition key that lives in that one of two physical partitions."""
    names = (f"k{count}" for count in range(99))
    return next(name for name in names if range_of(from_header(json.dumps([name])), split(2)).id == number)


def token_of(response: Response) -> str:
    return response.headers["x-ms-session-token"]


def asked(text: str) -> dict[str, str]:
    return {"query": text}


ALL = asked("SELECT * FROM c")
IN_FIRST = {KEY_HEADER: json.dumps([key_in(0)])}
IN_SECOND = {KEY_HEADER: json.dumps([key_in(1)])}


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        pytest.param("POST", DOCS, QUERY, {**ALL, "parameters": [{"value": 5}]}, id="no name"),
        pytest.param("POST", DOCS, QUERY, {**ALL, "parameters": [5]}, id="no object"),
        pytest.param("POST", DOCS, PLAN, {**ALL, "parameters": [{"value": 5}]}, id="plan"),
        pytest.param("POST", DOCS, QUERY, asked(f"{ALL['query']} OFFSET 0 LIMIT {LONG}"), id="limit"),
        pytest.param("POST", DOCS, QUERY, asked(f"{ALL['query']} WHERE c.a = {LONG}"), id="constant"),
        pytest.param("POST", DOCS, QUERY, asked("SELECT VALUE 1e999 FROM c"), id="infinite constant"),
        pytest.param("POST", DOCS, QUERY, asked("SELECT VALUE -1e999 FROM c"), id="infinite negative constant"),
        pytest.param("POST", DOCS, QUERY, asked("SELECT * FROM c WHERE c.a = '\ud800'"), id="query half a pair"),
        pytest.param("GET", DOCS, {**FEED, "if-none-match": '"99999999999999999999999"'}, b"", id="continuation"),
        pytest.param("GET", DOCS, {**FEED, "if-none-match": LONG}, b"", id="long continuation"),
        pytest.param("GET", DOCS, {**FEED, RANGE_HEADER: "²"}, b"", id="range"),
        pytest.param("GET", DOCS, {**FEED, RANGE_HEADER: LONG}, b"", id="long range"),
        pytest.param("POST", DOCS, {KEY_HEADER: '["\\ud800"]'}, {"id": "a", "pk": "\ud800"}, id="key half a pair"),
        pytest.param("POST", DOCS, {KEY_HEADER: '["\\uD800"]'}, b'{"id":"a","pk":"p"}', id="key in capitals"),
        pytest.param("POST", DOCS, {KEY_HEADER: '["p"]'}, {"id": "\ud800", "pk": "p"}, id="item id half a pair"),
        pytest.param("POST", DOCS, {KEY_HEADER: '["p"]'}, b'{"id":"\xed\xa0\x80","pk":"p"}', id="item id no utf-8"),
        pytest.param("POST", "dbs", {}, {"id": "\ud800"}, id="database id half a pair"),
        pytest.param("POST", DOCS, {KEY_HEADER: f"[{'9' * 400}]"}, {"id": "a", "pk": 1}, id="key of 400 digits"),
        pytest.param("POST", DOCS, {KEY_HEADER: '["p"]'}, {"id": "a", "pk": "p", "v": int("9" * 400)}, id="400 digits"),
        pytest.param("POST", DOCS, {KEY_HEADER: '["p"]'}, b'{"id":"a","pk":"p","v":1e999}', id="infinite"),
        pytest.param("POST", DOCS, {KEY_HEADER: '["p"]'}, DEEP.encode(), id="deep body"),
        pytest.param("POST", DOCS, {KEY_HEADER: DEEP}, {"id": "a", "pk": "p"}, id="deep key"),
        pytest.param("POST", DOCS, {KEY_HEADER: '["p"]', **BATCH}, DEEP.encode(), id="deep batch"),
    ],
)
def test_an_odd_request_is_a_bad_request_and_writes_nothing(
    core: Core, method: str, path: str, headers: dict[str, str], body: Any
) -> None:
    before = core.written()

    answer = core.ask(method, path, body, headers=headers)

    assert (answer.status, json.loads(answer.body)["code"]) == (400, "BadRequest")
    assert core.written() == before


def test_a_request_nested_too_deep_is_told_so(core: Core) -> None:
    answer = core.ask("POST", DOCS, DEEP.encode(), headers={KEY_HEADER: '["p"]'})

    assert b"nested too deep" in answer.body


@pytest.mark.parametrize("signature", ["é", "%C3%A9", "%ED%A0%80"])
def test_a_signature_in_another_script_is_a_wrong_one(core: Core, signature: str) -> None:
    answer = core.ask("GET", "dbs", headers={"authorization": f"type=master&ver=1.0&sig={signature}"})

    assert answer.status == 401


def test_the_account_asked_without_a_host_is_a_bad_request(core: Core) -> None:
    answer = core.ask("GET", "", headers={"host": None})

    assert core.ask("GET", "").status == 200
    assert answer.status == 400
    assert b"Host is missing" in answer.body


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_is_no_number_of_json_is_never_written_as_one(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"v": [value]})


def test_a_sum_beyond_a_double_is_a_bad_request(core: Core) -> None:
    for item in ("a", "b"):
        core.ask("POST", DOCS, {"id": item, "pk": "p", "v": 1.7e308}, headers={KEY_HEADER: '["p"]'})

    answer = core.ask("POST", DOCS, asked("SELECT VALUE SUM(c.v) FROM c"), headers=QUERY)

    assert answer.status == 400


def test_a_character_outside_the_basic_plane_is_stored_however_it_is_written(core: Core) -> None:
    answer = core.ask("POST", DOCS, {"id": "a\U0001f600", "pk": "p"}, headers={KEY_HEADER: '["p"]'})

    assert (answer.status, json.loads(answer.body)["id"]) == (201, "a\U0001f600")


# session tokens


def test_the_token_after_a_write_is_that_of_its_partition_and_as_far_as_the_write(core: Core) -> None:
    first, second = key_in(0), key_in(1)

    tokens = [token_of(core.item(key, item)) for key, item in ((first, "a"), (second, "b"), (second, "c"))]

    assert tokens == ["0:-1#1", "1:-1#1", "1:-1#2"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "token"),
    [
        pytest.param("GET", f"{DOCS}/a", IN_FIRST, b"", "0:-1#1", id="read"),
        pytest.param("GET", f"{DOCS}/b", IN_SECOND, b"", "1:-1#2", id="read of the second"),
        pytest.param("POST", DOCS, BATCH | IN_SECOND, READ_B, "1:-1#2", id="batch"),
        pytest.param("POST", DOCS, QUERY, ALL, "0:-1#1", id="query of all"),
        pytest.param("POST", DOCS, {**QUERY, RANGE_HEADER: "1"}, ALL, "1:-1#2", id="query of a range"),
        pytest.param("POST", DOCS, QUERY | IN_SECOND, ALL, "1:-1#2", id="query of a key"),
        pytest.param("POST", DOCS, PLAN | IN_SECOND, ALL, "1:-1#2", id="plan of a key"),
        pytest.param("POST", DOCS, PLAN, ALL, "0:-1#1", id="plan"),
        pytest.param("GET", DOCS, {**FEED, RANGE_HEADER: "1"}, b"", "1:-1#2", id="feed"),
        pytest.param("GET", "dbs/shop/colls/box", {}, b"", "0:-1#1", id="container"),
        pytest.param("GET", "dbs/shop/colls/box/pkranges", {}, b"", "0:-1#0", id="ranges"),
        pytest.param("GET", "dbs/shop", {}, b"", "0:-1#0", id="database"),
        pytest.param("GET", "dbs/shop/colls", {}, b"", "0:-1#0", id="containers"),
    ],
)
def test_every_answer_has_the_token_of_the_partition_it_is_about(
    core: Core, method: str, path: str, headers: dict[str, str], body: Any, token: str
) -> None:
    for key, item in ((key_in(0), "a"), (key_in(1), "b"), (key_in(1), "c")):
        core.item(key, item)

    answer = core.ask(method, path, body, headers=headers)

    assert (answer.status, token_of(answer)) == (200, token)


@pytest.mark.parametrize(("path", "status"), [("dbs/shop", 200), ("dbs/nowhere", 404)])
def test_an_answer_carries_the_clients_own_activity_id(core: Core, path: str, status: int) -> None:
    answer = core.ask("GET", path, headers={"x-ms-activity-id": "mine"})

    assert (answer.status, answer.headers["x-ms-activity-id"]) == (status, "mine")


def test_the_partitions_are_unchanged_only_for_who_knows_these(core: Core) -> None:
    known = core.ask("GET", "dbs/shop/colls/box/pkranges").headers["etag"]

    told = [
        core.ask("GET", "dbs/shop/colls/box/pkranges", headers={"if-none-match": etag}).status
        for etag in (known, '"another"')
    ]

    assert told == [304, 200]


# names and resource ids


def test_a_container_id_means_nothing_in_another_database(core: Core) -> None:
    there, here = core.make("there"), core.make("here")
    strange = f"{'/'.join(here.split('/')[:3])}/{there.split('/')[3]}"

    told = [core.ask("GET", path, resource=path.rpartition("/")[2].lower()).status for path in (there, here, strange)]

    assert told == [200, 200, 404]


@pytest.mark.parametrize(("number", "rid"), [(1, "AAAAAQ=="), (252, "AAAA-A=="), (62 << 2, "AAAA+A==")])
def test_a_resource_id_has_a_minus_where_base64_has_a_slash(number: int, rid: str) -> None:
    assert resource_id(number) == rid
    assert is_database_id(rid)


@pytest.mark.parametrize("name", ["", "shop", "AAAAAQ=", "AAAAAAA=", "sh.op1==", "AAAAAAAAAAA=", "AAA=AA=="])
def test_a_name_that_is_no_base64_of_four_bytes_is_no_resource_id(name: str) -> None:
    assert not is_database_id(name)


def test_a_name_like_a_resource_id_is_not_found_until_it_is_created(core: Core) -> None:
    name = "dGVzdC=="

    told = [
        core.ask("GET", f"dbs/{name}").status,
        core.ask("POST", "dbs", {"id": name}).status,
        core.ask("GET", f"dbs/{name}").status,
    ]

    assert told == [404, 201, 200]


def test_a_path_of_a_name_and_of_a_resource_id_alike_means_what_was_signed(core: Core) -> None:
    by_id = core.make("other").split("/")[1]
    core.ask("POST", "dbs", {"id": by_id})

    named = core.ask("GET", f"dbs/{by_id}")
    found = core.ask("GET", f"dbs/{by_id}", resource=by_id.lower())

    assert [json.loads(answer.body)["id"] for answer in (named, found)] == [by_id, "other"]
