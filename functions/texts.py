"""The texts that people write into a request, as annotations of its fields. Knows no request."""

import re
from typing import Annotated, Any

from pydantic import Field, StrictStr
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# What the validators below ask for, as far as JSON Schema has words for it. Tests hold the two together.
PLAIN: dict[str, Any] = {"pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"}
_LINE = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_REASON: dict[str, Any] = {"pattern": rf"^[^{_LINE}]*[^{_LINE}\s][^{_LINE}]+[^{_LINE}\s][^{_LINE}]*$"}
_REASON_AT_LEAST = 3


def plain(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "Control characters and lone surrogates are not accepted.")
    return text


def text(*, at_most: int, at_least: int = 1, as_said: dict[str, Any] = PLAIN) -> Any:  # noqa: ANN401 - an annotation
    limits = Field(min_length=at_least, max_length=at_most, json_schema_extra=as_said)
    return Annotated[StrictStr, limits, AfterValidator(plain)]


def _one_line(reason: str) -> str:
    """It is shown in lists and on terminals, where a line break would be a line of its own."""
    if _NO_LINE.search(reason):
        raise PydanticCustomError("control_character", "Control characters and line breaks are not accepted.")
    return reason


def _says_something(reason: str) -> str:
    if len(reason.strip()) < _REASON_AT_LEAST:
        raise PydanticCustomError("string_too_short", "Too short.", {"min_length": _REASON_AT_LEAST})
    return reason


type Reason = Annotated[
    StrictStr,
    Field(min_length=_REASON_AT_LEAST, max_length=500, json_schema_extra=_REASON),
    AfterValidator(_one_line),
    AfterValidator(_says_something),
]
"""Why an operator does something that cannot be undone. It is kept for good."""
