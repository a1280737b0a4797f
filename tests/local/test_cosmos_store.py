"""How the statements find their rows: the work grows with what is asked for, not with what is stored."""

from collections.abc import Callable

import pytest

from local.azure.cosmos.store import Scope, Store
from tests.local.cosmos_support import store_in_memory

ONE_STREAM = Scope(1, 0, pk='"p1"', range=0)


def plan_of(store: Store, step: Callable[[], object]) -> str:
    """SQLite's plan of the one statement that the step runs."""
    statements: list[str] = []
    store.database.connection.set_trace_callback(statements.append)
    step()
    store.database.connection.set_trace_callback(None)
    (statement,) = statements
    return " ".join(row[3] for row in store.database.connection.execute(f"EXPLAIN QUERY PLAN {statement}"))


@pytest.mark.parametrize("after", [None, (0, 5)])
def test_reading_one_logical_partition_touches_no_other(after: tuple[int, int] | None) -> None:
    store = store_in_memory()

    plan = plan_of(store, lambda: list(store.scan(ONE_STREAM, after=after)))

    assert "USING INDEX item_key (container=? AND pk=?)" in plan


def test_reading_the_feed_starts_behind_what_was_read() -> None:
    store = store_in_memory()

    plan = plan_of(store, lambda: list(store.changes(Scope(1, 0, range=0), after=5, since=0)))

    assert "USING INDEX item_feed (container=? AND range=? AND lsn>?)" in plan
    assert "TEMP B-TREE" not in plan


def test_paging_through_a_container_starts_behind_the_last_page() -> None:
    store = store_in_memory()

    plan = plan_of(store, lambda: list(store.scan(Scope(1, 0), after=(0, 5))))

    assert "USING INDEX item_order (container=? AND (range,number)>(?,?))" in plan
