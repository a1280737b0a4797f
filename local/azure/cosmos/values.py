"""JSON values as the service sees them: one value more than JSON has, undefined. Knows nothing of items or requests."""

import json
from enum import Enum
from typing import Final

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type Document = dict[str, Json]


class Undefined(Enum):
    """The value of a property that is not there. Not the same as null."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
type Value = Json | Undefined


def dumps(value: Json) -> str:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"))


def at_path(document: Json, path: tuple[str, ...]) -> Value:
    """The value under a path of property names, undefined where a name leads nowhere."""
    value: Json = document
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return UNDEFINED
        value = value[name]
    return value
