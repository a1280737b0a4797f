"""The attempts before a message, as a property of it and in the record of its death. Knows no broker.

Whoever may send to a topic may write one. What makes no sense is left out, and what is kept has a size.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.codec.properties import TRIES
from shared.codec.values import NOT_OURS, as_text, shown, time_from_json, time_to_json
from shared.domain.letters import Try

FIRST, LAST = 5, 20
"""So many are kept of a long series: how it began, and how it ended."""
_LONGEST_CODE, _LONGEST_ANSWER = 40, 120
MOST_CHARACTERS: Final = (FIRST + LAST) * (_LONGEST_CODE + 6 * _LONGEST_ANSWER + 60)
"""Of the property; a character may be written as six."""


def with_try(properties: Mapping[str, object], latest: Try) -> tuple[Try, ...]:
    """Those that a message tells of, and one more."""
    return _fewer((*tries_in(properties), latest))


def tries_in(properties: Mapping[str, object]) -> tuple[Try, ...]:
    """Those that a message tells of."""
    try:
        listed = json.loads(as_text(properties.get(TRIES, "[]")))
        return _fewer(tuple(map(_try, listed)))
    except (*NOT_OURS, RecursionError):
        return ()


def property_of(tries: Sequence[Try]) -> dict[str, str]:
    """Nothing where there is nothing to tell."""
    listed = [[time_to_json(each.at), *_clipped(each)] for each in _fewer(tuple(tries))]
    return {TRIES: json.dumps(listed, separators=(",", ":"))} if listed else {}


def tries_to_json(tries: Sequence[Try]) -> list[dict[str, Any]]:
    """As stored, and as operators see it."""
    return [
        {"at": time_to_json(each.at), "code": code, "answer": answer}
        for each, (code, answer) in ((each, _clipped(each)) for each in tries)
    ]


def tries_from_json(listed: Sequence[Mapping[str, Any]]) -> tuple[Try, ...]:
    return tuple(_try((each["at"], each["code"], each["answer"])) for each in listed)


def _try(told: Sequence[object]) -> Try:
    at, code, answer = told
    return Try(time_from_json(as_text(at)), as_text(code), as_text(answer))


def _clipped(each: Try) -> tuple[str, str]:
    return shown(each.code, at_most=_LONGEST_CODE), shown(each.answer, at_most=_LONGEST_ANSWER)


def _fewer(tries: tuple[Try, ...]) -> tuple[Try, ...]:
    return tries if len(tries) <= FIRST + LAST else (*tries[:FIRST], *tries[-LAST:])
