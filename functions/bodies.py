"""A body of JSON, read in one way whoever has sent it: what is no JSON, and what may not be kept. Knows no model."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from functions.cards import FEWEST_DIGITS, holds_card_number
from functions.faults import LONGEST_NAME, RequestInvalid, checked
from functions.problems import FieldFault


class BodyNotJson(ValueError):
    """The body is not a JSON object. The message says why, without the body."""


def read[M: BaseModel](body: bytes, model: type[M], *, context: object = None) -> M:
    """Looks for card numbers first, so that nothing repeats or stores one. Raises BodyNotJson or RequestInvalid."""
    fields = _json_object(body)
    if cards := [path for path, text in _texts(fields) if holds_card_number(text)]:
        message = "Looks like a card number. Send a token of the provider instead; card numbers are never accepted."
        raise RequestInvalid([FieldFault(path, "card_number", message) for path in cards])
    return checked(fields, model, context=context)


def _json_object(body: bytes) -> dict[str, Any]:
    if not body:
        raise BodyNotJson("The body is empty. Send it with a Content-Length: a chunked body does not get here.")
    try:
        fields = json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise BodyNotJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as exc:
        raise BodyNotJson(f"{exc.msg} at line {exc.lineno}, column {exc.colno}.") from None
    except BodyNotJson:
        raise
    except ValueError:
        raise BodyNotJson("A number has too many digits.") from None
    if not isinstance(fields, dict):
        raise BodyNotJson("The body must be a JSON object.")
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two fields with one name: nobody can know which is meant, so nothing is charged."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BodyNotJson("A field occurs twice.")
    return fields


def _no_constant(name: str) -> None:
    raise BodyNotJson(f"{name} is not JSON.")


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    """Every text in the body with its place. A field name is reported under its parent, so that it is not repeated."""
    match value:
        case str():
            yield path, value
        case bool() | None:
            return
        case int():
            yield path, str(value)
        case list():
            for number, item in enumerate(value):
                yield from _texts(item, f"{path}.{number}")
        case dict():
            for name, item in value.items():
                yield path or "body", name
                clipped = name[:LONGEST_NAME]
                yield from _texts(item, _safe(f"{path}.{clipped}" if path else clipped))


def _safe(path: str) -> str:
    """Not repeated where a card number could stand in it, be it in several names."""
    return "body" if sum(map(str.isdecimal, path)) >= FEWEST_DIGITS else path
