"""Query plans: what clients are told to do with the answers of several physical partitions, and of one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.azure.cosmos.keys import from_header
from local.azure.cosmos.wire import Response
from tests.local.cosmos_support import INDEXED, account, gathered
from tests.local.test_cosmos_core import DOCS, KEY_HEADER, PLAN, QUERY, RANGE_HEADER, Core, asked, core_of

WHOLE = {"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}


def answered(core: Core, query: str, **headers: str) -> Response:
    return core.ask("POST", DOCS, asked(query), headers=PLAN | headers)


def plan_of(core: Core, query: str, **headers: str) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(answered(core, query, **headers).body)
    return plan


def test_the_plan_of_a_plain_query_sends_it_to_every_partition_as_it_is() -> None:
    plan = plan_of(core_of(2), "SELECT VALUE c.n FROM c WHERE STARTSWITH(c.id, 'a')")

    assert plan["queryRanges"] == [WHOLE]
    info = plan["queryInfo"]
    assert (info["rewrittenQuery"], info["distinctType"]) == ("", "None")
    assert (info["top"], info["hasSelectValue"]) == (None, True)
    assert info["orderBy"] == info["aggregates"] == info["groupByExpressions"] == []


@pytest.mark.parametrize("query", ["SELECT TOP 3 * FROM c", "SELECT * FROM c OFFSET 0 LIMIT 3"])
def test_the_plan_of_a_limited_query_tells_the_client_to_stop_in_time(query: str) -> None:
    assert plan_of(core_of(2), query)["queryInfo"]["top"] == 3


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("SELECT * FROM c ORDER BY c.n", "ORDER BY over"),
        ("SELECT VALUE COUNT(1) FROM c", "COUNT over"),
        ("SELECT VALUE SUM(c.n) FROM c", "SUM over"),
        ("SELECT * FROM c OFFSET 2 LIMIT 3", "OFFSET over"),
        ("SELECT DISTINCT VALUE c.pk FROM c", "DISTINCT"),
        ("SELECT c.pk FROM c GROUP BY c.pk", "GROUP"),
        ("SELECT VALUE AVG(c.n) FROM c", "AVG"),
    ],
)
def test_a_plan_that_would_merge_wrongly_is_refused_by_name(query: str, named: str) -> None:
    answer = answered(core_of(2), query)

    assert answer.status == 400
    assert re.search(rf"not implemented in the local Cosmos DB: (the function )?{named}", answer.body.decode())


def test_the_plan_of_a_query_with_a_partition_key_is_one_place_and_leaves_the_query_to_it() -> None:
    plan = plan_of(core_of(2), "SELECT TOP 3 * FROM c ORDER BY c.n", **{KEY_HEADER: '["p"]'})

    effective = from_header('["p"]').effective
    assert plan["queryRanges"] == [{"min": effective, "max": effective, "isMinInclusive": True, "isMaxInclusive": True}]
    assert plan["queryInfo"]["top"] is None
    assert plan["partitionedQueryExecutionInfoVersion"] == 2


ON_ONE_PARTITION = pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE c.id FROM c ORDER BY c.id DESC", ["c", "b", "a"]),
        ("SELECT TOP 2 VALUE c.id FROM c ORDER BY c.id DESC", ["c", "b"]),
        ("SELECT VALUE COUNT(1) FROM c", [3]),
        ("SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 1 LIMIT 1", ["b"]),
    ],
)


@ON_ONE_PARTITION
def test_with_one_partition_the_plan_leaves_the_query_to_it_and_its_answer_is_the_whole(
    query: str, expected: list[Any]
) -> None:
    core = core_of(1)
    for key, item in (("p", "a"), ("q", "c"), ("r", "b")):
        core.item(key, item)

    plan = plan_of(core, query)
    answer = core.ask("POST", DOCS, asked(query), headers={**QUERY, RANGE_HEADER: "0"})

    info = plan["queryInfo"]
    assert (info["top"], info["offset"], info["limit"], info["rewrittenQuery"]) == (None, None, None, "")
    assert info["orderBy"] == info["aggregates"] == []
    assert plan["queryRanges"] == [WHOLE]
    assert json.loads(answer.body)["Documents"] == expected


@ON_ONE_PARTITION
async def test_a_client_that_follows_the_plan_for_one_partition_gets_the_right_answer(
    tmp_path: Path, query: str, expected: list[Any]
) -> None:
    async with account(tmp_path, partitions=1) as at:
        for item in ("a", "c", "b"):
            await at.indexed.create_item({"id": item})
        # Only when the service says that it cannot answer does this client ask for a plan.
        await at.local("POST", "faults", {"operation": "query", "status": 400, "substatus": 1004})

        found = await gathered(at.indexed.query_items(query, max_item_count=1))

        assert (await at.counts(INDEXED))["query_plan"] == 1
        assert found == expected
