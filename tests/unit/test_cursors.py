"""A cursor goes on where the list was cut, for the same question and for no other."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codec.cursors import position_in, to_cursor
from shared.errors import PageUnknown
from tests.builders import PAYMENT_ID

ASKED = {"merchant": "merchant-1", "status": "settled", "reference": None}
PLACE = f"2026-01-02T12:00:00.123456Z {PAYMENT_ID}"


def forged(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def owner() -> str:
    _, found, _ = json.loads(base64.urlsafe_b64decode(to_cursor(PLACE, asked=ASKED) + "=="))
    return str(found)


@pytest.mark.parametrize("position", [PLACE, "2025-12", f"{PLACE[:28]}a.b_c-9", f"{PLACE[:28]}{'x' * 64}"])
def test_a_cursor_leads_back_to_its_place(position: str) -> None:
    cursor = to_cursor(position, asked=ASKED)

    assert position_in(cursor, asked=ASKED) == position
    assert len(cursor) <= 512, "the longest that a query string may hold here"


@pytest.mark.parametrize("name", ASKED)
def test_a_cursor_of_another_question_is_unknown(name: str) -> None:
    cursor = to_cursor(PLACE, asked=ASKED)

    with pytest.raises(PageUnknown):
        position_in(cursor, asked={**ASKED, name: "other"})


@pytest.mark.parametrize(
    "position", ["", "2026", "2026-01-02", PLACE[:27], f"{PLACE} ", f"~{PLACE}", f"{PLACE[:28]}a/b", 5, None, [PLACE]]
)
def test_what_is_no_place_of_a_row_is_unknown(position: object) -> None:
    with pytest.raises(PageUnknown):
        position_in(forged(1, owner(), position), asked=ASKED)


def test_a_cursor_of_a_later_form_is_unknown() -> None:
    assert position_in(forged(1, owner(), PLACE), asked=ASKED) == PLACE

    with pytest.raises(PageUnknown):
        position_in(forged(2, owner(), PLACE), asked=ASKED)


@given(st.text() | st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_unknown(text: str) -> None:
    with pytest.raises(PageUnknown):
        position_in(text, asked=ASKED)


@pytest.mark.parametrize("text", ["[" * 400, forged(), forged(1, 2), forged(1, "x", PLACE, 4), "é", "a"])
def test_a_text_of_another_shape_is_unknown(text: str) -> None:
    with pytest.raises(PageUnknown):
        position_in(text, asked=ASKED)
