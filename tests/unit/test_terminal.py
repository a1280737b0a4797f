"""What others have sent is shown without power over the terminal, and amounts as people write them."""

import json
import sys
import unicodedata

import pytest

from functions.requests import parse
from terminal import money as module
from terminal.money import money
from terminal.text import printable

TURNS_THE_WRITING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u200e\u200f\u061c"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("order-1", "order-1"),
        ("Größe 3, 注文 ☕", "Größe 3, 注文 ☕"),
        ("x\nrow", r"x\nrow"),
        ("a\rb\tc", r"a\rb\tc"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J\x7f", r"\x9b2J\x7f"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2028\x85", r"\u2028\x85"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("C:\\new", "C:\\new"),
        ("", ""),
    ],
)
def test_what_is_none_to_look_at_is_an_escape_and_all_else_is_as_it_was_sent(sent: str, shown: str) -> None:
    assert printable(sent) == shown


def test_nothing_that_steers_a_terminal_or_turns_the_writing_is_left() -> None:
    every = [chr(number) for number in range(sys.maxunicode + 1)]
    controls = [each for each in every if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    turning = [each for each in every if unicodedata.bidirectional(each) in TURNS_THE_WRITING]

    assert {*MARKS} <= {*controls}
    assert [each for each in (*controls, *turning) if each in printable(each)] == []


@pytest.mark.parametrize(
    ("amount_minor", "currency", "said"),
    [
        (1250, "EUR", "12.50 EUR"),
        (5, "USD", "0.05 USD"),
        (100, "GBP", "1.00 GBP"),
        (1250, "JPY", "1250 JPY"),
        (1, "KRW", "1 KRW"),
        (1250, "KWD", "1.250 KWD"),
        (7, "TND", "0.007 TND"),
        (12_500, "CLF", "1.2500 CLF"),
        (999_999_999_999, "EUR", "9999999999.99 EUR"),
        (None, "EUR", ""),
        (0, "", ""),
    ],
)
def test_an_amount_is_in_the_units_of_its_currency(amount_minor: int | None, currency: str, said: str) -> None:
    assert money({"amount_minor": amount_minor, "currency": currency}) == said


def test_every_currency_with_other_digits_is_one_that_a_payment_may_have() -> None:
    for currency in module._DIGITS:
        body = {"amount_minor": 1, "currency": currency, "payment_method": "pm_ok", "reference": "r"}
        assert parse(json.dumps(body).encode()).amount.currency == currency
