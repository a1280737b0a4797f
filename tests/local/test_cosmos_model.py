"""The arithmetic below the service: hashes, physical partitions, index coverage, request charges."""

import json
from typing import Any

import pytest
from azure.cosmos import PartitionKey as SdkPartitionKey
from azure.cosmos.partition_key import _Undefined
from hypothesis import given
from hypothesis import strategies as st

from local.azure.cosmos.charges import READS, SIZES, WRITES, Charges
from local.azure.cosmos.indexing import parse_policy, policy_for
from local.azure.cosmos.keys import partition_key, range_of, split
from local.azure.cosmos.values import UNDEFINED

SESSION = Charges(strong=False)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


@given(scalars)
def test_a_key_hashes_as_the_sdk_hashes_it(value: Any) -> None:
    try:
        expected = SdkPartitionKey("/a")._get_effective_partition_key_string([value])
    except UnicodeEncodeError:
        return

    assert partition_key(value).effective == expected


def test_an_undefined_key_hashes_as_the_sdk_hashes_it() -> None:
    expected = SdkPartitionKey("/a")._get_effective_partition_key_string([_Undefined()])

    assert partition_key(UNDEFINED).effective == expected


@given(scalars, st.integers(1, 64))
def test_every_key_lies_in_exactly_one_physical_partition(value: Any, count: int) -> None:
    ranges = split(count)

    key = partition_key(value)

    assert sum(place.low <= key.effective < place.high for place in ranges) == 1
    assert range_of(key, ranges) in ranges


def test_physical_partitions_follow_each_other_without_a_gap() -> None:
    ranges = split(5)

    assert (ranges[0].low, ranges[-1].high) == ("", "FF")
    assert [place.high for place in ranges[:-1]] == [place.low for place in ranges[1:]]


@pytest.mark.parametrize(("size", "read", "write"), list(zip(SIZES, READS, WRITES, strict=True)))
def test_the_charges_of_the_published_sizes_are_the_published_ones(size: int, read: float, write: float) -> None:
    assert SESSION.read(size) == read
    assert SESSION.write(size, indexed_leaves=0) == write


def test_between_two_published_sizes_the_charge_lies_between_theirs() -> None:
    assert (
        SESSION.write(1024, indexed_leaves=0)
        < SESSION.write(1500, indexed_leaves=0)
        < SESSION.write(2048, indexed_leaves=0)
    )


def test_indexing_and_replacing_cost_more() -> None:
    plain = SESSION.write(500, indexed_leaves=0)

    assert SESSION.write(500, indexed_leaves=10) > plain
    assert SESSION.write(500, indexed_leaves=0, replaces=True) > plain


def test_a_query_that_no_index_serves_costs_more_the_more_there_is() -> None:
    costs = [SESSION.query(rows=1, size=500, items_read=items) for items in (0, 100, 200)]

    assert costs[0] == SESSION.query(rows=1, size=500)
    assert costs[2] - costs[1] == pytest.approx(costs[1] - costs[0])
    assert costs[1] > 2 * costs[0]


@pytest.mark.parametrize(
    ("indexed", "leaves"),
    [([], 1), (["/paymentId/?"], 2), (["/data/*"], 4), (["/data/amount/?"], 2), (["/tags/[]/?"], 3), (["/*"], 7)],
)
def test_a_policy_counts_the_scalars_that_it_covers(indexed: list[str], leaves: int) -> None:
    document = json.loads(
        '{"id": "a", "paymentId": "p", "data": {"amount": 1, "deep": {"x": 1, "y": 2}}, "tags": ["s", "t"]}'
    )

    assert parse_policy(policy_for(indexed)).indexed_leaves(document) == leaves


def test_the_more_specific_path_decides() -> None:
    policy = parse_policy({"includedPaths": [{"path": "/*"}, {"path": "/a/b/?"}], "excludedPaths": [{"path": "/a/*"}]})

    assert [policy.covers(path) for path in (("x",), ("a", "c"), ("a", "b"))] == [True, False, True]


def test_without_an_index_nothing_is_covered() -> None:
    assert not parse_policy({"indexingMode": "none"}).covers(("id",))
