"""JSON values as the service sees them: one value more than JSON has, undefined. Knows nothing of items or requests."""

import json
import math
from enum import Enum
from typing import Final, NoReturn

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type Document = dict[str, Json]


class Undefined(Enum):
    """The value of a property that is not there. Not the same as null."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
type Value = Json | Undefined


def dumps(value: Json) -> str:
    """Compact JSON. ValueError for a number that JSON does not have."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def loads(text: str) -> Json:
    """JSON from outside. ValueError for what others could not read again: NaN, 1e999, half a surrogate pair."""
    value: Json = json.loads(text, parse_constant=_refused, parse_float=number, parse_int=number)
    if "\\ud" in text.lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value


def number(text: str) -> int | float:
    """A number as JSON writes it. ValueError when it is beyond what a double holds."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.20} is beyond a double")
    return int(text) if text.lstrip("-").isdigit() else value


def _refused(constant: str) -> NoReturn:
    """Python writes NaN and Infinity into what it calls JSON, and would read them."""
    raise ValueError(f"{constant} is not JSON")


def at_path(document: Json, path: tuple[str, ...]) -> Value:
    """The value under a path of property names, undefined where a name leads nowhere."""
    value: Json = document
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return UNDEFINED
        value = value[name]
    return value
