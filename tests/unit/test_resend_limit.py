"""How soon a notification may be resent."""

from datetime import timedelta

from shared.domain.notifications import RESENT_AGAIN_AFTER, RESENT_AT_MOST, RESENT_WITHIN, resend_waits_s
from tests.builders import NOON


def test_a_notification_may_be_resent_when_the_newest_resend_and_the_day_allow_it() -> None:
    day = [NOON - timedelta(hours=1, minutes=number) for number in range(RESENT_AT_MOST)]

    assert resend_waits_s([], now=NOON) == 0
    assert resend_waits_s([NOON - timedelta(seconds=4)], now=NOON) == 6
    assert resend_waits_s([NOON - RESENT_AGAIN_AFTER], now=NOON) == 0
    assert resend_waits_s(day[:-1], now=NOON) == 0
    assert resend_waits_s(day, now=NOON) == (day[-1] + RESENT_WITHIN - NOON).total_seconds()
    assert resend_waits_s(day, now=day[-1] + RESENT_WITHIN) == 0
