"""A row of the read model claims only what was read."""

from dataclasses import replace

import pytest

from shared.codec.rows import UNREAD, partition_of
from shared.domain.rows import UNKNOWN, row_of, unread_row
from tests.builders import NOON, PAYMENT_ID, a_payment


def test_of_an_event_that_cannot_be_read_nothing_is_claimed() -> None:
    row = unread_row(PAYMENT_ID, version=3, moved_at=NOON)

    assert (row.payment_id, row.version, row.status, row.moved_at) == (PAYMENT_ID, 3, UNKNOWN, NOON)
    assert (row.settled, row.charged_twice, row.captured_late, row.broken) == (False, False, False, ())


@pytest.mark.parametrize("merchant_id", [None, "", "m" * 257, "m" * 100_000])
def test_what_no_merchant_of_ours_is_called_has_no_place_among_merchants(merchant_id: str | None) -> None:
    """The store refuses long partition keys, and the projector would try for ever."""
    row = row_of(a_payment().stored[-1])

    assert partition_of(replace(row, merchant_id=merchant_id)) == UNREAD
    assert partition_of(replace(row, merchant_id="m" * 64)) == f"2026-01:{'m' * 64}"
