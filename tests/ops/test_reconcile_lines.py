"""One payment's lines of a settlement file against its stream: by reference, in a period, whatever the order."""

import itertools
from datetime import datetime

import pytest

from ops.reconciling.differences import Difference, Kind, Of, Type
from ops.reconciling.lines import line_differences
from ops.reconciling.movements import Moved, told_by
from ops.reconciling.settlement import Line, Period
from tests.ops.told import Told, at, created


def minutes(since: float, until: float) -> Period:
    return Period(since=datetime.fromisoformat(at(since)), until=datetime.fromisoformat(at(until)))


HOUR = minutes(0, 60)

OPEN = created()
PAID = created().settled("cap_1")
FAILED = created().failed()
LATE = FAILED.captured_late("cap_1")
REFUNDED = PAID.refund_requested("r1", amount_minor=500).refunded("re_1", refund_id="r1")


def line(moved: Moved, reference: str, amount_minor: int = 1250, *, minute: float = 30, currency: str = "EUR") -> Line:
    return Line(
        moved=moved,
        reference=reference,
        payment_reference="p",
        amount_minor=amount_minor,
        currency=currency,
        at=datetime.fromisoformat(at(minute)),
        where="f.csv:2",
    )


CAPTURE, SECOND = line(Moved.CAPTURE, "cap_1"), line(Moved.CAPTURE, "cap_2", minute=31)
REFUND, REFUND_AGAIN = line(Moved.REFUND, "re_1", 500), line(Moved.REFUND, "re_2", 500)
DISPUTE, WON = line(Moved.DISPUTE, "dp_1"), line(Moved.DISPUTE_WON, "dp_1", minute=40)
LOST_AFTER_ALL = line(Moved.DISPUTE, "dp_1", minute=50)


def compared(told: Told, *lines: Line, period: Period = HOUR) -> list[Difference]:
    return list(line_differences("p", lines=lines, story=told_by(told.events), period=period))


@pytest.mark.parametrize(
    ("told", "lines", "kinds"),
    [
        (PAID, [CAPTURE], []),
        (REFUNDED, [CAPTURE, REFUND], []),
        (OPEN, [], []),
        # the provider has it, and we do not
        (Told(), [CAPTURE], [Kind.NOT_RECORDED]),
        (OPEN, [CAPTURE], [Kind.NOT_RECORDED]),
        (FAILED, [CAPTURE], [Kind.CHARGED_BUT_FAILED]),
        (PAID, [CAPTURE, SECOND], [Kind.CHARGED_TWICE]),
        (OPEN, [CAPTURE, SECOND], [Kind.NOT_RECORDED, Kind.CHARGED_TWICE]),
        (PAID, [CAPTURE, REFUND], [Kind.REFUNDED_NOT_RECORDED]),
        (PAID, [CAPTURE, DISPUTE], [Kind.DISPUTED_NOT_RECORDED]),
        (PAID.disputed(), [CAPTURE, DISPUTE, WON], [Kind.WON_NOT_RECORDED]),
        # we have it, and the provider does not
        (PAID, [], [Kind.NOT_CHARGED]),
        (PAID, [SECOND], [Kind.NOT_RECORDED, Kind.NOT_CHARGED]),
        (REFUNDED, [CAPTURE], [Kind.NOT_REFUNDED]),
        (REFUNDED, [CAPTURE, REFUND_AGAIN], [Kind.REFUNDED_NOT_RECORDED, Kind.NOT_REFUNDED]),
        (PAID.disputed(), [CAPTURE], [Kind.NOT_DISPUTED]),
        (PAID.disputed().won(), [CAPTURE, DISPUTE], [Kind.NOT_WON]),
        # another amount
        (PAID, [line(Moved.CAPTURE, "cap_1", 1251)], [Kind.AMOUNT]),
        (PAID, [line(Moved.CAPTURE, "cap_1", currency="USD")], [Kind.AMOUNT]),
        (REFUNDED, [CAPTURE, line(Moved.REFUND, "re_1", 400)], [Kind.AMOUNT]),
        (PAID.disputed(amount_minor=700), [CAPTURE, DISPUTE], [Kind.AMOUNT]),
        # a line that repeats another one
        (PAID, [CAPTURE, CAPTURE], [Kind.LISTED_TWICE]),
        (PAID, [CAPTURE, CAPTURE, CAPTURE], [Kind.LISTED_TWICE, Kind.LISTED_TWICE]),
        (Told(), [CAPTURE, CAPTURE], [Kind.LISTED_TWICE, Kind.NOT_RECORDED]),
        (PAID.disputed(), [CAPTURE, DISPUTE, DISPUTE], [Kind.LISTED_TWICE]),
        # both have it, and somebody has to put it right
        (LATE, [CAPTURE], [Kind.CAPTURED_LATE]),
        (LATE.seen_to("cap_1"), [CAPTURE], []),
        (PAID.charged_twice("settle", "cap_2"), [CAPTURE, SECOND], [Kind.CHARGED_TWICE]),
        (PAID.charged_twice("settle", "cap_2").seen_to("cap_2"), [CAPTURE, SECOND], []),
        (REFUNDED.charged_twice("refund:r1", "re_2"), [CAPTURE, REFUND, REFUND_AGAIN], [Kind.REFUNDED_TWICE]),
        (REFUNDED.charged_twice("refund:r1", "re_2").seen_to("re_2"), [CAPTURE, REFUND, REFUND_AGAIN], []),
        # reservations move no money
        (PAID.charged_twice("create", "pp_2"), [CAPTURE], []),
        (PAID.charged_twice("void", "vo_2"), [CAPTURE], []),
        # a dispute goes back and forth
        (PAID.disputed().lost(), [CAPTURE, DISPUTE], []),
        (PAID.disputed().won(), [CAPTURE, DISPUTE, WON], []),
        (PAID.disputed().won().lost(), [CAPTURE, DISPUTE, WON, LOST_AFTER_ALL], []),
        (PAID.disputed().won().lost(), [CAPTURE, DISPUTE, WON], [Kind.NOT_DISPUTED]),
    ],
)
def test_what_a_line_says_and_the_stream_does_not(told: Told, lines: list[Line], kinds: list[Kind]) -> None:
    assert [each.kind for each in compared(told, *lines)] == kinds


def test_a_difference_is_of_the_money_that_its_line_is_of() -> None:
    refund, capture = line(Moved.REFUND, "re_1", 1), line(Moved.CAPTURE, "cap_1")

    found = compared(REFUNDED, capture, capture, refund, refund)

    assert [(each.kind, each.about, each.type) for each in found] == [
        (Kind.AMOUNT, Of.REFUND, Type.AMOUNT),
        (Kind.LISTED_TWICE, Of.CAPTURE, Type.TWICE),
        (Kind.LISTED_TWICE, Of.REFUND, Type.TWICE),
    ]


def test_a_difference_is_as_old_as_the_line_or_else_the_event() -> None:
    here, there = compared(PAID, SECOND)

    assert (here.since, there.since) == (datetime.fromisoformat(at(31)), datetime.fromisoformat(at(2)))
    assert (here.provider, here.stream, there.provider) == (SECOND, None, None)


def test_what_was_recorded_outside_of_the_period_is_not_missed() -> None:
    late = REFUNDED.after(120).disputed()

    assert compared(late, CAPTURE, REFUND) == []
    assert [each.kind for each in compared(late)] == [Kind.NOT_CHARGED, Kind.NOT_REFUNDED]


def test_a_payment_that_was_taken_in_an_earlier_period_is_taken_twice_by_another_capture() -> None:
    period = Period(since=datetime.fromisoformat(at(10)), until=datetime.fromisoformat(at(60)))

    assert [each.kind for each in compared(PAID, SECOND, period=period)] == [Kind.CHARGED_TWICE]


def test_what_may_have_happened_before_the_period_is_at_its_edge() -> None:
    """Authorised at minute 1 and taken by minute 2: a period that begins between them may or may not have it."""
    between = Period(since=datetime.fromisoformat(at(1.5)), until=datetime.fromisoformat(at(60)))
    before = Period(since=datetime.fromisoformat(at(1)), until=datetime.fromisoformat(at(60)))

    assert [each.is_at_edge for each in compared(PAID, period=between)] == [True]
    assert [each.is_at_edge for each in compared(PAID, period=before)] == [False]


def test_what_is_recorded_when_the_period_ends_belongs_to_the_next_one() -> None:
    ends = Period(since=datetime.fromisoformat(at(0)), until=datetime.fromisoformat(at(2)))

    assert compared(PAID, period=ends) == []


def test_a_dispute_that_was_lost_again_is_matched_by_time() -> None:
    told = PAID.disputed().after(100).won().after(100).lost()
    july = Period(since=datetime.fromisoformat(at(190)), until=datetime.fromisoformat(at(300)))
    may = Period(since=datetime.fromisoformat(at(0)), until=datetime.fromisoformat(at(60)))

    assert compared(told, line(Moved.DISPUTE, "dp_1", minute=204), period=july) == []
    assert compared(told, CAPTURE, line(Moved.DISPUTE, "dp_1", minute=3), period=may) == []


GIVEN_BACK = PAID.charged_twice("settle", "cap_2").after(50).seen_to("cap_2")
LATE_GIVEN_BACK = LATE.after(50).seen_to("cap_1")


@pytest.mark.parametrize(
    ("told", "lines", "kinds"),
    [
        (GIVEN_BACK, [CAPTURE, SECOND, line(Moved.REFUND, "re_9")], []),
        (GIVEN_BACK, [CAPTURE, SECOND, line(Moved.REFUND, "re_9", 500)], []),
        (LATE_GIVEN_BACK, [CAPTURE, line(Moved.REFUND, "re_9")], []),
        (LATE_GIVEN_BACK, [CAPTURE, line(Moved.REFUND, "re_9", minute=54)], []),
        (GIVEN_BACK, [CAPTURE, SECOND, line(Moved.REFUND, "re_9", 1251)], [Kind.REFUNDED_NOT_RECORDED]),
        (GIVEN_BACK, [CAPTURE, SECOND, line(Moved.REFUND, "re_9", currency="USD")], [Kind.REFUNDED_NOT_RECORDED]),
        (GIVEN_BACK, [CAPTURE, SECOND, line(Moved.REFUND, "re_9", minute=59)], [Kind.REFUNDED_NOT_RECORDED]),
        (
            PAID.charged_twice("settle", "cap_2"),
            [CAPTURE, SECOND, REFUND],
            [Kind.CHARGED_TWICE, Kind.REFUNDED_NOT_RECORDED],
        ),
        (
            PAID.charged_twice("create", "pp_2").after(50).seen_to("pp_2"),
            [CAPTURE, REFUND],
            [Kind.REFUNDED_NOT_RECORDED],
        ),
        (GIVEN_BACK, [CAPTURE, SECOND, line(Moved.DISPUTE, "dp_9")], [Kind.DISPUTED_NOT_RECORDED]),
    ],
)
def test_what_a_person_has_given_back_at_the_provider_is_one_refund_that_is_not_recorded(
    told: Told, lines: list[Line], kinds: list[Kind]
) -> None:
    assert [each.kind for each in compared(told, *lines)] == kinds


def test_of_two_refunds_that_are_not_recorded_a_person_has_made_the_one_that_is_most_of_the_charge() -> None:
    part, whole = line(Moved.REFUND, "re_8", 1000), line(Moved.REFUND, "re_9")

    for lines in ([part, whole], [whole, part]):
        assert [each.provider for each in compared(GIVEN_BACK, CAPTURE, SECOND, *lines)] == [part]


def test_two_charges_that_were_given_back_are_two_refunds_whichever_was_seen_to_first() -> None:
    thrice = PAID.charged_twice("settle", "cap_2").charged_twice("settle", "cap_3")
    told = thrice.after(30).seen_to("cap_3").after(10).seen_to("cap_2")
    first, second = line(Moved.REFUND, "re_8", minute=32), line(Moved.REFUND, "re_9", minute=40)

    assert compared(told, CAPTURE, SECOND, line(Moved.CAPTURE, "cap_3"), first, second) == []


def test_a_refund_stands_in_the_file_of_its_own_period_however_old_its_capture_is() -> None:
    assert compared(GIVEN_BACK, line(Moved.REFUND, "re_9"), period=minutes(20, 60)) == []


def dispute(minute: float) -> Line:
    return line(Moved.DISPUTE, "dp_1", minute=minute)


def won(minute: float) -> Line:
    return line(Moved.DISPUTE_WON, "dp_1", minute=minute)


def test_a_bank_that_takes_the_money_anew_in_the_period_has_not_taken_it_before() -> None:
    told = PAID.disputed().won()

    found = compared(told, dispute(20), period=minutes(10, 60))

    assert [(each.kind, each.since) for each in found] == [
        (Kind.DISPUTED_NOT_RECORDED, datetime.fromisoformat(at(20))),
    ]


def test_a_second_win_in_the_period_is_not_the_first_one() -> None:
    told = PAID.disputed().won().lost()

    found = compared(told, won(20), period=minutes(10, 60))

    assert [(each.kind, each.since) for each in found] == [(Kind.WON_NOT_RECORDED, datetime.fromisoformat(at(20)))]


def test_a_line_before_the_period_does_not_hide_what_was_recorded_in_it() -> None:
    told = PAID.disputed(opened=2.5).won(decided=2.75).after(10).lost()

    found = compared(told, CAPTURE, dispute(2.5), won(2.75), dispute(2.9), period=minutes(10, 60))

    assert [each.kind for each in found] == [Kind.DISPUTED_NOT_RECORDED, Kind.NOT_DISPUTED]


def test_a_line_has_the_movement_of_its_own_time_and_not_one_that_is_near() -> None:
    """Else the bank's second taking would have the movement of the third, and of that another amount be said."""
    told = PAID.disputed(opened=3).won(decided=4).after(20).lost(decided=25)
    other = line(Moved.DISPUTE, "dp_1", 99, minute=20)

    found = compared(told, CAPTURE, dispute(3), won(4), other, won(21), dispute(25))

    assert [(each.kind, each.provider) for each in found] == [
        (Kind.DISPUTED_NOT_RECORDED, other),
        (Kind.WON_NOT_RECORDED, won(21)),
    ]


HEARD_AT_BOTH_ENDS = PAID.disputed(opened=3).after(20).lost(decided=25)
OTHER_WIN = line(Moved.DISPUTE_WON, "dp_1", 99, minute=10)


@pytest.mark.parametrize(
    ("told", "lines", "left"),
    [
        (HEARD_AT_BOTH_ENDS, [dispute(3), won(10), dispute(25)], []),
        (HEARD_AT_BOTH_ENDS, [dispute(3), won(10), dispute(11), won(12), dispute(25)], []),
        (PAID.disputed(opened=3).won(decided=30), [dispute(3), won(10), dispute(11), won(30)], []),
        (PAID.disputed(opened=3).won(decided=10), [dispute(3), won(10), dispute(11), won(12)], []),
        # decided as before: it was decided otherwise in between
        (HEARD_AT_BOTH_ENDS.lost(decided=40), [dispute(3), won(10), dispute(25), won(30), dispute(40)], []),
        (PAID.disputed(opened=3).won(decided=10).won(decided=30), [dispute(3), won(10), dispute(20), won(30)], []),
        (PAID.disputed(opened=3).won(decided=10).won(decided=30), [dispute(3), won(10), won(30)], [won(30)]),
        (PAID.disputed(opened=3).won(decided=10).won(decided=30), [dispute(3), won(10)], []),
        # as it stands in the end, it was not heard
        (HEARD_AT_BOTH_ENDS, [dispute(3), won(10), dispute(25), won(30)], [won(30)]),
        (
            PAID.disputed(opened=3).won(decided=10),
            [dispute(3), won(10), dispute(11), won(12), dispute(13)],
            [dispute(13)],
        ),
        # nor anything of it
        (PAID, [dispute(3), won(10)], [dispute(3), won(10)]),
        # not the same money
        (HEARD_AT_BOTH_ENDS, [dispute(3), OTHER_WIN, dispute(25)], [OTHER_WIN, dispute(25)]),
        # of another dispute
        (
            HEARD_AT_BOTH_ENDS,
            [dispute(3), line(Moved.DISPUTE, "dp_2", minute=5), won(10)],
            [line(Moved.DISPUTE, "dp_2", minute=5), won(10)],
        ),
        # another file has the other half
        (HEARD_AT_BOTH_ENDS, [dispute(3), won(10)], [won(10)]),
    ],
)
def test_what_a_dispute_came_to_and_was_undone_before_it_was_heard_is_no_difference(
    told: Told, lines: list[Line], left: list[Line]
) -> None:
    assert [each.provider for each in compared(told, CAPTURE, *lines)] == left


def test_what_was_decided_as_before_is_known_where_another_file_has_what_lay_between() -> None:
    won_again = PAID.disputed(opened=3).won(decided=4).won(decided=30)
    lost_again = HEARD_AT_BOTH_ENDS.lost(decided=40)

    assert compared(won_again, won(30), period=minutes(20, 60)) == []
    assert compared(lost_again, dispute(40), period=minutes(35, 60)) == []
    assert [each.provider for each in compared(lost_again, dispute(25), period=minutes(20, 35))] == [dispute(25)]
    assert [each.provider for each in compared(won_again, won(31), period=minutes(20, 60))] == [won(31)]


@pytest.mark.parametrize("turns", range(7))
def test_whichever_turns_of_a_dispute_were_heard_only_where_its_end_differs_is_listed(turns: int) -> None:
    """Each second turn gives the money back, and the next one takes it again."""
    lines = [(won if turn % 2 == 0 else dispute)(10 + turn) for turn in range(turns)]
    for heard in itertools.product([False, True], repeat=turns):
        told, has_it = PAID.disputed(opened=3), True
        for turn in itertools.compress(range(turns), heard):
            told = told.lost(decided=10 + turn) if turn % 2 else told.won(decided=10 + turn)
            has_it = bool(turn % 2)

        kinds = [each.kind for each in compared(told, CAPTURE, dispute(3), *lines)]

        missed = Kind.WON_NOT_RECORDED if has_it else Kind.DISPUTED_NOT_RECORDED
        assert kinds == ([] if has_it == (turns % 2 == 0) else [missed]), heard


def test_two_lines_of_the_same_moment_are_told_apart_from_their_repetition() -> None:
    once = [dispute(3), won(3), dispute(4)]
    told = PAID.disputed().won(decided=3).lost(decided=4)

    assert compared(told, CAPTURE, *once) == []
    assert [each.kind for each in compared(told, CAPTURE, *once[:2], *once)] == [Kind.LISTED_TWICE] * 2


def test_a_dispute_that_was_heard_of_in_the_period_and_opened_before_it_is_at_its_edge() -> None:
    told = PAID.after(30).disputed(opened=5)

    found = compared(told, period=minutes(10, 60))

    assert [(each.kind, each.is_at_edge) for each in found] == [(Kind.NOT_DISPUTED, True)]


def test_a_dispute_that_opened_in_the_period_is_missed_whenever_we_heard_of_it() -> None:
    told = PAID.after(120).disputed(opened=30)

    found = compared(told, period=minutes(10, 60))

    assert [(each.kind, each.is_at_edge, each.since) for each in found] == [
        (Kind.NOT_DISPUTED, False, datetime.fromisoformat(at(30))),
    ]


def test_a_dispute_that_opened_after_the_period_stands_in_the_next_file() -> None:
    """The provider's clock is ahead of ours."""
    told = PAID.after(50).disputed(opened=60)

    assert compared(told, period=minutes(10, 60)) == []
    assert [each.kind for each in compared(told, period=minutes(60, 90))] == [Kind.NOT_DISPUTED]


def test_times_of_a_dispute_are_the_providers_if_the_stream_has_them() -> None:
    opened = PAID.then("dispute_opened", dispute_id="dp_1", amount_minor=1, opened_at=at(2.5))
    decided = opened.then("dispute_won", dispute_id="dp_1", decided_at=at(2.75))

    found = compared(decided, CAPTURE)

    assert [each.since for each in found] == [datetime.fromisoformat(at(2.5)), datetime.fromisoformat(at(2.75))]
