"""How the statements find their rows: the work grows with what is asked for, not with what is stored."""

import pytest

from local.azure.cosmos.expressions import Lookup
from local.azure.cosmos.store import Scope
from tests.local.cosmos_support import plan_of, store_in_memory

ONE_STREAM = Scope(1, 0, pk='"p1"', range=0)


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


@pytest.mark.parametrize(("texts", "is_in_order"), [(("x",), True), (("x", "y"), False)])
def test_what_a_lookup_finds_is_reached_by_its_index_and_no_other(texts: tuple[str, ...], *, is_in_order: bool) -> None:
    store = store_in_memory()
    scope = Scope(1, 0, lookup=Lookup(("kind",), texts))

    plan = plan_of(store, lambda: list(store.scan(scope, after=(0, 5))))
    counting = plan_of(store, lambda: store.count(scope, up_to=10))

    assert "USING INDEX lookup_1_" in plan
    assert "(<expr>=?" in plan
    assert "USING INDEX lookup_1_" in counting
    assert ("TEMP B-TREE" not in plan) is is_in_order


def test_a_container_that_is_dropped_leaves_no_index_behind() -> None:
    store = store_in_memory()
    for container in (1, 12):
        list(store.scan(Scope(container, 0, lookup=Lookup(("kind",), ("x",)))))

    store.drop_container(1)

    indexes = store.database.connection.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'lookup_*'").fetchall()
    assert [name for (name,) in indexes] == [f"lookup_12_{b'kind'.hex()}"]


def test_names_that_differ_in_case_are_two_properties() -> None:
    store = store_in_memory()

    for name in ("kind", "Kind"):
        assert store.count(Scope(1, 0, lookup=Lookup((name,), ("x",))), up_to=10) == 0
