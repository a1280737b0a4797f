"""Queries through the real SDK: the subset, paging under writes, what is refused and how."""

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos.exceptions import CosmosHttpResponseError

from tests.local.cosmos_support import Account, account, event, gathered, ids, pages

ITEMS: list[dict[str, Any]] = [
    {"id": "a", "n": 1, "kind": "x", "deep": {"er": "one"}},
    {"id": "b", "n": 2, "kind": "y", "deep": {"er": "two"}},
    {"id": "c", "n": 3, "kind": "x", "flag": True},
    {"id": "d", "n": None, "kind": "z", "flag": False},
    {"id": "e", "kind": "it's", "n": "2"},
]


async def fill(at: Account) -> None:
    """Five items in one logical partition of a container whose every path is indexed."""
    for item in ITEMS:
        await at.indexed.upsert_item(item)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("c.n = 2", "b"),
        ("c.n != 2", "ac"),
        ("c.n <> 2", "ac"),
        ("c.n > 1", "bc"),
        ("c.n >= 1 AND c.n < 3", "ab"),
        ("c.n <= 1", "a"),
        ("c.kind = 'x' OR c.kind = \"y\"", "abc"),
        ("NOT c.flag", "d"),
        ("NOT (c.kind = 'x')", "bde"),
        ("c.kind IN ('x', 'z')", "acd"),
        ("c.kind NOT IN ('x', 'z')", "be"),
        ("IS_DEFINED(c.flag)", "cd"),
        ("NOT IS_DEFINED(c.n) OR c.n = null", "d"),
        ("c.deep.er = 'two'", "b"),
        ('c["deep"]["er"] = "one"', "a"),
        ("c.kind = 'it\\'s'", "e"),
        ("c.flag", "c"),
        ("true", "abcde"),
        ("c.n > -1 AND c.n < 2.5", "ab"),
        ("c.missing = c.missing", ""),
        ("c.n = '2'", "e"),
        ("STARTSWITH(c.kind, 'it')", "e"),
        ("startswith(c.kind, '')", "abcde"),
        ("STARTSWITH(c.kind, 'IT')", ""),
        ("STARTSWITH(c.kind, 't')", ""),
        ("STARTSWITH(c.deep.er, 'o')", "a"),
        ("STARTSWITH(c.kind, 'IT', true)", "e"),
        ("STARTSWITH(c.n, '2')", "e"),
        ("NOT STARTSWITH(c.n, 'x')", "e"),
        ("STARTSWITH(c.missing, 'x') OR c.n = 1", "a"),
        ('CONTAINS(c.kind, "t\'s")', "e"),
        ('CONTAINS(c.kind, "T\'S")', ""),
        ('CONTAINS(c.kind, "T\'S", true)', "e"),
        ("CONTAINS(c.kind, '')", "abcde"),
        ("CONTAINS(c.n, '2')", "e"),
        ("NOT CONTAINS(c.n, 'x')", "e"),
        ("CONTAINS(c.missing, 'x') OR c.n = 1", "a"),
    ],
)
async def test_a_where_clause_selects_what_it_says(tmp_path: Path, where: str, expected: str) -> None:
    async with account(tmp_path) as at:
        await fill(at)

        found = await ids(at.indexed.query_items("SELECT * FROM c WHERE " + where))  # noqa: S608 - constants of this test

        assert sorted(found) == list(expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE c.id FROM c WHERE c.n = 1", ["a"]),
        ("SELECT c.id, c.deep.er FROM c WHERE c.n = 1", [{"id": "a", "er": "one"}]),
        ("SELECT c.id AS name, c.n number FROM c WHERE c.n = 1", [{"name": "a", "number": 1}]),
        ("SELECT c.id, c.flag FROM c WHERE c.n = 1", [{"id": "a"}]),
        ("SELECT VALUE c.flag FROM c WHERE c.n = 1", []),
        ("SELECT VALUE p.id FROM payments p WHERE p.n = 1", ["a"]),
        ("SELECT VALUE p.id FROM payments AS p WHERE p.n = 1", ["a"]),
        ("select value c.id from c where c.n = 1", ["a"]),
        ("SELECT VALUE COUNT(1) FROM c", [5]),
        ("SELECT VALUE COUNT(c.flag) FROM c", [2]),
        ("SELECT VALUE SUM(c.n) FROM c WHERE c.kind = 'x'", [4]),
        ("SELECT VALUE MIN(c.n) FROM c WHERE c.n > 0", [1]),
        ("SELECT VALUE MAX(c.n) FROM c WHERE c.n > 0", [3]),
        ("SELECT VALUE COUNT(1) FROM c WHERE c.n > 100", [0]),
        ("SELECT VALUE SUM(c.n) FROM c", []),
        ("SELECT VALUE c.id FROM c ORDER BY c.id DESC", ["e", "d", "c", "b", "a"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.n ASC", ["d", "a", "b", "c", "e"]),
        ("SELECT TOP 2 VALUE c.id FROM c ORDER BY c.id", ["a", "b"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 1 LIMIT 2", ["b", "c"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 4 LIMIT 9", ["e"]),
    ],
)
async def test_a_query_projects_orders_and_folds_across_partitions(
    tmp_path: Path, query: str, expected: list[Any]
) -> None:
    async with account(tmp_path) as at:
        await fill(at)

        found = await gathered(at.indexed.query_items(query))

        assert found == expected


async def test_several_aggregates_at_once_work_in_one_logical_partition_only(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        for version in (1, 2, 3):
            await at.events.create_item(event("p1", version))
        query = "SELECT COUNT(1) AS many, MAX(c.version) AS last FROM c"

        found = await gathered(at.events.query_items(query, partition_key="p1"))

        assert found == [{"many": 3, "last": 3}]
        with pytest.raises(CosmosHttpResponseError, match="Cross partition query only supports"):
            await gathered(at.events.query_items(query))


async def test_parameters_stand_for_values(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await fill(at)
        parameters: list[dict[str, object]] = [{"name": "@kind", "value": "it's"}, {"name": "@top", "value": 1}]

        found = await ids(
            at.indexed.query_items("SELECT TOP @top * FROM c WHERE c.kind = @kind", parameters=parameters)
        )

        assert found == ["e"]


async def test_a_query_with_a_partition_key_sees_that_logical_partition_only(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        for payment in ("p1", "p2"):
            for version in (1, 2, 3):
                await at.events.create_item(event(payment, version))

        found = await ids(at.events.query_items("SELECT * FROM c", partition_key="p2"))

        assert found == ["p2:1", "p2:2", "p2:3"]


async def test_read_all_items_gives_every_item(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await fill(at)

        assert sorted(await ids(at.indexed.read_all_items(max_item_count=2))) == list("abcde")


async def test_a_thousand_items_are_read_at_once_by_id_and_key(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await fill(at)

        found = await at.indexed.read_items([("a", "a"), ("c", "c"), *((f"x{n}", f"x{n}") for n in range(1000))])

        assert sorted(item["id"] for item in found) == ["a", "c"]


async def test_a_query_by_feed_range_sees_that_part_only(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        for number in range(12):
            await at.indexed.create_item({"id": f"p{number}"})
        ranges = [each async for each in at.indexed.read_feed_ranges()]

        parts = [await ids(at.indexed.query_items("SELECT * FROM c", feed_range=each)) for each in ranges]

        assert all(parts)
        assert sorted(parts[0] + parts[1]) == sorted(f"p{number}" for number in range(12))


async def test_pages_have_the_wanted_size_and_together_hold_every_item_once(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        for version in range(1, 8):
            await at.events.create_item(event("p1", version))

        found = await pages(at.events.query_items("SELECT * FROM c", partition_key="p1", max_item_count=3))

        assert [len(page) for page in found] == [3, 3, 1]
        assert list(chain(*found)) == [f"p1:{version}" for version in range(1, 8)]


@pytest.mark.parametrize("order", ["", " ORDER BY c.rank", " ORDER BY c.rank DESC", " ORDER BY c.id"])
async def test_writes_between_two_pages_neither_hide_nor_double_what_stays(tmp_path: Path, order: str) -> None:
    async with account(tmp_path) as at:
        for number in range(10, 30):
            await at.indexed.create_item({"id": f"p{number}", "rank": number % 3})
        query = "SELECT * FROM c" + order  # noqa: S608 - constants of this test

        seen: list[str] = []
        paged = at.indexed.query_items(query, max_item_count=4).by_page()
        async for page in paged:
            names = [item["id"] async for item in page]
            seen += names
            await at.indexed.create_item({"id": f"n{len(seen)}", "rank": 1})
            await at.indexed.upsert_item({"id": "p12", "rank": 12 % 3, "touched": len(seen)})
            if names[0].startswith("p") and names[0] != "p12":
                await at.indexed.delete_item(names[0], partition_key=names[0])

        assert len(seen) == len(set(seen))
        assert {name for name in seen if name.startswith("p")} == {f"p{number}" for number in range(10, 30)}


async def test_a_limit_holds_across_pages(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        for version in range(1, 9):
            await at.events.create_item(event("p1", version))
        query = "SELECT * FROM c OFFSET 1 LIMIT 5"

        found = await pages(at.events.query_items(query, partition_key="p1", max_item_count=2))

        assert found == [["p1:2", "p1:3"], ["p1:4", "p1:5"], ["p1:6"]]


async def test_a_continuation_of_another_query_is_refused(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        await fill(at)
        paged = at.indexed.query_items("SELECT * FROM c", max_item_count=2).by_page()
        await anext(paged)
        token = paged.continuation_token  # type: ignore[attr-defined]  # there on the object, not in its type

        other = at.indexed.query_items("SELECT VALUE c.id FROM c", max_item_count=2).by_page(token)
        with pytest.raises(CosmosHttpResponseError, match="Invalid Continuation Token"):
            await anext(other)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("SELECT DISTINCT c.kind FROM c", "DISTINCT"),
        ("SELECT * FROM c JOIN t IN c.tags", "JOIN"),
        ("SELECT * FROM t IN c.tags", "FROM anything but the container"),
        ("SELECT * FROM c WHERE c.n BETWEEN 1 AND 2", "BETWEEN"),
        ("SELECT * FROM c WHERE c.id LIKE 'a%'", "LIKE"),
        ("SELECT * FROM c WHERE ENDSWITH(c.id, 'a')", "the function ENDSWITH"),
        ("SELECT VALUE AVG(c.n) FROM c", "the function AVG"),
        ("SELECT * FROM c WHERE c.n + 1 = 2", r"\+"),
        ("SELECT * FROM c WHERE (c.n ?? 0) = 2", r"\?\?"),
        ("SELECT * FROM c WHERE c.tags[0] = 1", "array elements"),
        ("SELECT c.kind FROM c GROUP BY c.kind", "GROUP"),
        ("SELECT VALUE {'a': c.n} FROM c", "{"),
        ("SELECT c.id, COUNT(1) FROM c", "aggregates beside other columns"),
        ("SELECT 1", "SELECT without FROM"),
        ("SELECT TOP 3 * FROM c OFFSET 0 LIMIT 7", "TOP beside OFFSET LIMIT"),
    ],
)
async def test_what_the_subset_lacks_is_refused_by_name(tmp_path: Path, query: str, named: str) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(
            CosmosHttpResponseError, match=f"not implemented in the local Cosmos DB: {named}"
        ) as refused:
            await gathered(at.indexed.query_items(query))

        assert refused.value.status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "SELECT",
        "SELECT * FROM",
        "SELECT * FRM c",
        "SELECT * FROM c WHERE",
        "SELECT * FROM c WHERE c.n =",
        "SELECT * FROM c WHERE (c.n = 1",
        "SELECT * FROM c WHERE c.n = 1 1",
        "SELECT TOP x * FROM c",
        "SELECT * FROM c WHERE d.n = 1",
        "SELECT * FROM c OFFSET 1",
        "SELECT * FROM c WHERE c.n = 'open",
        "SELECT * FROM c WHERE c.n = @missing",
        "SELECT * FROM c WHERE STARTSWITH(c.id)",
        "SELECT * FROM c WHERE STARTSWITH(c.id, 'a', true, 1)",
        "SELECT * FROM c WHERE IS_DEFINED(c.id, c.n)",
        pytest.param("SELECT * FROM c WHERE " + "(" * 2000 + "true" + ")" * 2000, id="nested too deep"),
    ],
)
async def test_a_mistake_in_a_query_is_a_bad_request(tmp_path: Path, query: str) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError) as refused:
            await gathered(at.indexed.query_items(query))

        assert refused.value.status_code == 400


async def test_ordering_by_a_path_without_index_is_refused_as_in_the_service(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        query = "SELECT * FROM c ORDER BY c.version"

        with pytest.raises(CosmosHttpResponseError, match="corresponding to the specified order-by item is excluded"):
            await gathered(at.events.query_items(query, partition_key="p1"))


async def test_ordering_by_two_paths_wants_a_composite_index_as_in_the_service(tmp_path: Path) -> None:
    async with account(tmp_path) as at:
        with pytest.raises(CosmosHttpResponseError, match="composite index"):
            await gathered(at.indexed.query_items("SELECT * FROM c ORDER BY c.n, c.kind"))
