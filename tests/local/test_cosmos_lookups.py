"""What a query looks for by an equality is found by an index, in the time that the few take that match."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.azure.cosmos import queries
from local.azure.cosmos.expressions import Lookup
from local.azure.cosmos.store import Row, Scope, Store
from tests.local.cosmos_support import INDEXED, Account, account, ids, pages

SOUGHT = ["x", "y", "1", "true", "null", "", '{"er":"x"}', '["x"]', "ä", "a\u0000b", "a'b", 'a"b', "\\u0078", "x\n"]
ODD: list[Any] = [*SOUGHT, 1, 1.5, True, False, None, {"er": "x"}, ["x"], {"er": {"er": "x"}}]


async def found(at: Account, where: str, **values: Any) -> list[str]:
    parameters = [{"name": f"@{name}", "value": value} for name, value in values.items()]
    query = f"SELECT * FROM c WHERE {where}"  # noqa: S608 - constants of this file; values travel as parameters
    return sorted(await ids(at.indexed.query_items(query, parameters=parameters)))


async def test_an_index_finds_what_reading_everything_finds_whatever_is_stored(tmp_path: Path) -> None:
    documents = [{"id": f"{number}", "kind": value, "a": {"b": value}} for number, value in enumerate(ODD)]
    async with account(tmp_path) as at:
        at.fill(INDEXED, documents)

        for text in SOUGHT:
            own = sorted(each["id"] for each in documents if each["kind"] == text)
            nested = sorted({*own, *(each["id"] for each in documents if each["kind"] == "x")})
            assert await found(at, "c.kind = @text", text=text) == own
            assert await found(at, "c.a.b = @text", text=text) == own
            assert await found(at, "c.kind IN (@text, 'x')", text=text) == nested
            assert await found(at, "c.kind = @text OR c.kind = 'x'", text=text) == nested
            assert await found(at, "c.kind = @text AND c.a.b IN ('x', 'y', @text)", text=text) == own
            assert await found(at, "c.a.b = @text AND c.kind = 'x'", text=text) == (own if text == "x" else [])


async def test_an_index_follows_what_is_written_after_it_was_made(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        at.fill(INDEXED, [{"id": name, "kind": "x"} for name in "abc"])
        assert await found(at, "c.kind = 'x'") == ["a", "b", "c"]

        await at.indexed.upsert_item({"id": "a", "kind": "y"})
        await at.indexed.delete_item("b", partition_key="b")
        await at.indexed.create_item({"id": "d", "kind": "x"})

        assert await found(at, "c.kind = 'x'") == ["c", "d"]
    async with account(tmp_path) as again:
        assert await found(again, "c.kind = 'x'") == ["c", "d"]
        assert await found(again, "c.kind = 'y'") == ["a"]


@pytest.mark.parametrize("where", ["c.kind = 'x'", "c.kind IN ('x', 'y')"])
async def test_pages_of_what_an_index_finds_go_on_where_the_last_one_ended(tmp_path: Path, where: str) -> None:
    async with account(tmp_path) as at:
        at.fill(INDEXED, [{"id": f"{number}", "kind": "xyz"[number % 3]} for number in range(60)])
        everything = await ids(at.indexed.query_items("SELECT * FROM c"))
        wanted = [each for each in everything if "xyz"[int(each) % 3] in where.partition("kind")[2]]

        query = f"SELECT * FROM c WHERE {where}"  # noqa: S608 - constants of this test
        found_pages = await pages(at.indexed.query_items(query, max_item_count=7))

        assert [each for page in found_pages for each in page] == wanted
        assert {len(page) for page in found_pages[:-1]} == {7}


@dataclass(slots=True)
class Scan:
    """What was looked up, and how many items were handed over for it."""

    lookup: Lookup | None
    items: int = 0


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[Scan]:
    scans: list[Scan] = []
    scan = Store.scan

    def counting(self: Store, scope: Scope, **more: Any) -> Iterator[Row]:
        scans.append(Scan(scope.lookup))
        for row in scan(self, scope, **more):
            scans[-1].items += 1
            yield row

    monkeypatch.setattr(Store, "scan", counting)
    return scans


@pytest.mark.parametrize(
    "where", ["c.own = 'a7'", "c.own = 'a7' AND c.kind = 'x'", "c.kind = 'x' AND c.own IN ('a7', 'b')"]
)
async def test_the_condition_that_finds_the_fewest_decides_what_is_read(
    tmp_path: Path, scanned: list[Scan], where: str
) -> None:
    async with account(tmp_path) as at:
        at.fill(INDEXED, [{"id": f"{each}", "kind": "x", "own": f"a{each}"} for each in range(40)])

        assert await found(at, where) == ["7"]

    assert [(scan.lookup and scan.lookup.path, scan.items) for scan in scanned] == [(("own",), 1)]


async def test_what_finds_many_is_read_in_order_and_not_sorted_for_each_page(
    tmp_path: Path, scanned: list[Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "FEW", 20)
    async with account(tmp_path, partitions=1) as at:
        at.fill(INDEXED, [{"id": f"{each}", "kind": "xy"[each % 2]} for each in range(60)])
        query = "SELECT * FROM c WHERE c.kind IN ('x', 'y')"

        assert len(await pages(at.indexed.query_items(query, max_item_count=10))) == 6

    assert {scan.lookup for scan in scanned} == {None}
    assert sum(scan.items for scan in scanned) <= 60 + 6, "each page reads one more, to know that there is one"


async def test_a_path_that_the_policy_leaves_out_gets_no_index(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        at.fill("leases", [{"id": "a", "owner": "x"}])
        query = "SELECT * FROM c WHERE c.owner = 'x'"

        assert await ids(at.leases.query_items(query)) == ["a"]

        schema = at.running.cosmos._store.database.connection.execute("SELECT name FROM sqlite_schema").fetchall()
        assert not [name for (name,) in schema if name.startswith("lookup_")]


@pytest.mark.parametrize(
    ("container", "where", "is_served"),
    [
        (INDEXED, "c.kind = 'none'", True),
        (INDEXED, "c.n > 5000", True),
        ("leases", "c.id = 'none'", True),
        ("leases", "c.owner = 'none'", False),
        ("leases", "IS_DEFINED(c.nothing) AND c.owner != 'x'", False),
        ("leases", "c.owner = 'none' AND STARTSWITH(c.id, 'z')", True),
        ("leases", "true", True),
    ],
)
async def test_what_a_query_costs_grows_with_what_is_stored_only_where_no_index_serves_it(
    tmp_path: Path, container: str, where: str, *, is_served: bool
) -> None:
    async def cost() -> float:
        await at.local("DELETE", "requests")
        query = f"SELECT TOP 1 c.id FROM c WHERE {where}"  # noqa: S608 - constants of this test
        await ids(at.container(container).query_items(query))
        return float((await at.local("GET", "requests"))["requests"][container]["query"]["ru"])

    async with account(tmp_path) as at:
        at.fill(container, [{"id": "first", "owner": "x"}])
        of_one = await cost()
        at.fill(container, [{"id": f"{each}", "owner": "x", "n": each} for each in range(99)])

        assert (await cost() < 1.5 * of_one) is is_served


async def test_what_can_be_written_can_be_written_beside_an_index(tmp_path: Path) -> None:
    """SQLite reads JSON a thousand levels deep."""
    async with account(tmp_path) as at:
        assert await found(at, "c.kind = 'x'") == []
        deep: Any = "x"
        for depth in range(2000):
            deep = [deep]
            if depth % 50 == 0:
                status = await _status(at, {"id": f"{depth}", "kind": "x", "deep": deep})
                if status != 201:
                    assert status == 400
                    break
        else:
            pytest.fail("it is refused at some depth")

        assert len(await found(at, "c.kind = 'x'")) == (depth + 49) // 50


async def _status(at: Account, document: dict[str, Any]) -> int:
    try:
        at.fill(INDEXED, [document])
    except RecursionError:  # the edge answers 400
        return 400
    return 201
