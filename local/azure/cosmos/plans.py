"""Query plans: what a client must do itself when a query goes to several physical partitions, one after another.

Most languages' clients ask for a plan before any query that is not tied to one partition key, and merge the answers
as it says. A plan that leaves something out would make them merge wrongly without noticing. So a query that needs more
than joining the answers in order, or cutting them off, is refused by name. Knows no protocol, reads no item.
"""

from collections.abc import Mapping

from local.azure.cosmos.errors import query_not_implemented
from local.azure.cosmos.keys import PartitionKey
from local.azure.cosmos.sql import Query, parse
from local.azure.cosmos.values import Document, Json

PLAN_VERSION = 2


def plan(text: str, parameters: Mapping[str, Json], *, key: PartitionKey | None, partitions: int) -> Document:
    """The plan of one query; raises what parsing it raises, and a 400 when it cannot be merged by this plan.

    key: the partition key that the request names. With it, or with one physical partition, the answer comes from one
    place and is the whole answer: the query is left to the server as it is.
    """
    query = parse(text, parameters)
    is_one_place = key is not None or partitions == 1
    if not is_one_place:
        _check_mergeable(query)
    return {
        "partitionedQueryExecutionInfoVersion": PLAN_VERSION,
        "queryInfo": _info(query) | {"top": None} if is_one_place else _info(query),
        "queryRanges": [_whole() if key is None else _point(key)],
        "hybridSearchQueryInfo": None,
    }


def _check_mergeable(query: Query) -> None:
    if query.ordering:
        raise query_not_implemented("ORDER BY over several physical partitions (its query plan)")
    if query.aggregates:
        named = next(column.aggregate for column in query.columns if column.aggregate)
        raise query_not_implemented(f"{named} over several physical partitions (its query plan)")
    if query.offset:
        raise query_not_implemented("OFFSET over several physical partitions (its query plan)")


def _info(query: Query) -> Document:
    return {
        "distinctType": "None",
        "top": query.limit,
        "offset": None,
        "limit": None,
        "orderBy": [],
        "orderByExpressions": [],
        "groupByExpressions": [],
        "groupByAliases": [],
        "aggregates": [],
        "groupByAliasToAggregateType": {},
        "rewrittenQuery": "",
        "hasSelectValue": query.bare,
        "dCountInfo": None,
        "hasNonStreamingOrderBy": False,
    }


def _whole() -> Document:
    return {"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}


def _point(key: PartitionKey) -> Document:
    return {"min": key.effective, "max": key.effective, "isMinInclusive": True, "isMaxInclusive": True}
