"""What looks like a card number in a text, and what does not. Whether a check digit fits, a library says."""

import re
import time
import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError
from pydantic_extra_types.payment import PaymentCardNumber

from functions.cards import holds_card_number

CARD = "4111111111111111"
BETWEEN = [" ", "-", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2009", "\u2011", "\u2013", "\u2014", "\u200b", " - "]


def fits(digits: str) -> bool:
    try:
        PaymentCardNumber.validate_luhn_check_digit(digits)
    except PydanticCustomError:
        return False
    return True


def is_digit(char: str) -> bool:
    return char.isdecimal()


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    """Of any issuer and length; the check digit is the one that fits."""
    digits = draw(st.text("0123456789", min_size=12, max_size=18))
    return next(f"{digits}{last}" for last in range(10) if fits(f"{digits}{last}"))


@st.composite
def grouped(draw: st.DrawFn) -> str:
    """A card number as anybody may write it."""
    digits = draw(card_numbers())
    gaps = draw(st.lists(st.sampled_from(["", "", "", *BETWEEN]), min_size=len(digits), max_size=len(digits)))
    return "".join(digit + gap for digit, gap in zip(digits, [*gaps[1:], ""], strict=True))


around = st.text(max_size=40) | st.text("0123456789 -./x", max_size=40)


@given(before=around, card=grouped(), after=around)
def test_a_card_number_is_found_whatever_stands_beside_it_but_a_digit(before: str, card: str, after: str) -> None:
    assume(not (before and is_digit(before[-1])))
    assume(not (after and is_digit(after[0])))

    assert holds_card_number(before + card + after)


@given(st.text("0123456789 -x", max_size=80) | st.lists(st.text("0123456789", min_size=1, max_size=7)).map(" ".join))
def test_what_is_found_is_a_stretch_of_whole_groups_whose_check_digit_fits(text: str) -> None:
    stretches = {
        "".join(groups[start:end])
        for run in re.findall(r"\d+(?:[ -]{1,3}\d+)*", text)
        for groups in [re.findall(r"\d+", run)]
        for start in range(len(groups))
        for end in range(start + 1, len(groups) + 1)
    }

    assert holds_card_number(text) == any(13 <= len(digits) <= 19 and fits(digits) for digits in stretches)


@pytest.mark.parametrize(
    "text",
    [
        f"{CARD} 737",
        f"{CARD} 123",
        "4111 1111 1111 1111 12/29",
        "4111 1111 1111 1111 1229 737",
        "Order 17 4111 1111 1111 1111",
        f"2026-11-30 {CARD}",
        f"x{CARD}x",
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111_1111_1111_1111 12/29",
        "17.4111.1111.1111.1111",
        "4111.1111.1111.1111.12345678",
        "3782.822463.10005",
        "6930/4566/8621/0079/254",
        "4087/0384/1358/2",
        "".join(chr(ord("\uff10") + int(digit)) for digit in CARD),
        "".join(chr(ord("\u0660") + int(digit)) for digit in CARD),
    ],
)
def test_it_is_found_with_other_digits_beside_it_in_the_ways_in_which_people_write_it(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        f"9{CARD}9999",
        "2026-11-22-000123",
        "30.11.2026 17:05 12.50 7.99 1.250.00",
        "192.168.100.200 10.20.30.40",
        "2026.11.30.17.05.37",
        "2026/11/30/171204",
        "20261130_171204",
        "1.250.000.000.000",
        "+49 30 12 34 56, +49 30 65 43 21",
        "4111, 1111, 1111, 1111",
        "DE89370400440532013000",
    ],
)
def test_numbers_that_are_written_otherwise_are_none(text: str) -> None:
    assert not holds_card_number(text)


@pytest.mark.parametrize("name", ["41bbe15a-90e5-4906-8732-2774b438f361", "5d3f0a6c-4111-1111-1111-1111cafecafe"])
def test_a_uuid_is_none_and_hides_none_beside_it(name: str) -> None:
    assert holds_card_number(name.replace("-", " ")), "it is in there"

    assert not holds_card_number(name)
    assert not holds_card_number(name.upper())
    assert not holds_card_number(f"order-{name} {uuid.UUID(int=1)}")
    assert holds_card_number(f"{name} {CARD}")


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "12 ", "1   ", "4112-", "1.", "4112.", "411211/", "aaaaaaaa-1111-1111-1111-", "x"],
)
@pytest.mark.timeout(30)
def test_looking_takes_no_longer_than_the_longest_body_may_take(piece: str) -> None:
    text = (piece * 65_536)[:65_536]
    began_s = time.process_time()

    assert not holds_card_number(text)

    assert time.process_time() - began_s < 1, "measured: 0.06 s at most"
