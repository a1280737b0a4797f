"""A row of the read model claims only what was read."""

from shared.domain.rows import UNKNOWN, unread_row
from tests.builders import NOON, PAYMENT_ID


def test_of_an_event_that_cannot_be_read_nothing_is_claimed() -> None:
    row = unread_row(PAYMENT_ID, version=3, moved_at=NOON)

    assert (row.payment_id, row.version, row.status, row.moved_at) == (PAYMENT_ID, 3, UNKNOWN, NOON)
    assert (row.settled, row.charged_twice, row.captured_late, row.broken) == (False, False, False, ())
