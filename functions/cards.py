"""Whether a text holds what looks like a card number. Knows no field and no request.

13 to 19 digits whose check digit fits (ISO/IEC 7812), alone or in groups. Other digits may stand beside them, such as
an expiry date or a security code, so every stretch of whole groups is tested. A group is never cut: a longer number
that a card number could be cut out of is none.
"""

import re
from collections.abc import Sequence
from itertools import accumulate

_BETWEEN = r"[\s\u00ad\u200b-\u200d\u2010-\u2015\u2060\u2212\ufeff-]{1,3}"
"""Blanks and line breaks, hyphens and dashes of all kinds, and what is not seen at all."""

_RUNS = (
    re.compile(rf"\d++(?:{_BETWEEN}\d++)*+"),
    # Dates, times, versions and amounts have dots, slashes and underscores too, in shorter groups than cards.
    re.compile(r"(?<!\d)\d{4,6}(?:[._/]\d{4,6}(?!\d))++(?:[._/]\d{1,3}(?!\d))?"),
)
_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE)
_GROUP = re.compile(r"\d+")
FEWEST_DIGITS = 13
_LENGTHS = range(FEWEST_DIGITS, 20)
_TWICE = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""The digit sum of twice a digit."""


def holds_card_number(text: str) -> bool:
    """Digits are those of any script. A UUID is not looked into: one in 400 would look like a card number."""
    without_ids = _UUID.sub("x", text)
    return any(_some_stretch_fits(_GROUP.findall(run[0])) for runs in _RUNS for run in runs.finditer(without_ids))


def _some_stretch_fits(groups: Sequence[str]) -> bool:
    """Sums from the start make each stretch a subtraction: 64 KiB of digits have a quarter of a million of them."""
    edges = list(accumulate(map(len, groups), initial=0))
    if edges[-1] < FEWEST_DIGITS:
        return False
    digits = [int(digit) for group in groups for digit in group]
    sums = [_sums(digits, doubled=parity) for parity in (0, 1)]
    starts = frozenset(edges)
    return any(
        (sums[end % 2][end] - sums[end % 2][end - length]) % 10 == 0
        for end in edges
        for length in _LENGTHS
        if end - length in starts
    )


def _sums(digits: Sequence[int], *, doubled: int) -> list[int]:
    """Of the first so many digits, those at even (0) or odd (1) places doubled: by Luhn each second from the last."""
    return list(
        accumulate((_TWICE[digit] if at % 2 == doubled else digit for at, digit in enumerate(digits)), initial=0)
    )
