"""What is wrong with the fields of a request, in words of our own: the codes are the API's and not a library's.

Knows no field.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from functions.problems import FieldFault

type Words = tuple[str, str]
"""The code, which never changes, and what is said to a person; {names} are the limits that were passed."""

_A_TIME = ("malformed", "Must be a time with its offset, such as 2026-01-31T12:00:00Z.")
_A_NUMBER = ("wrong_type", "Must be a number.")

WORDS: dict[str, Words] = {
    "missing": ("required", "Must be given."),
    "extra_forbidden": ("unknown_field", "Is none of the fields that are read here."),
    "int_type": ("wrong_type", "Must be a whole number, written as a number."),
    "int_parsing": ("wrong_type", "Must be a whole number."),
    "int_parsing_size": ("out_of_range", "Must be a smaller number."),
    "int_from_float": ("wrong_type", "Must be a whole number."),
    "float_type": _A_NUMBER,
    "float_parsing": _A_NUMBER,
    "finite_number": _A_NUMBER,
    "bool_type": ("wrong_type", "Must be true or false."),
    "bool_parsing": ("wrong_type", "Must be true or false."),
    "string_type": ("wrong_type", "Must be a text."),
    "string_unicode": ("control_character", "Lone surrogates are not accepted."),
    "dict_type": ("wrong_type", "Must be an object."),
    "model_type": ("wrong_type", "Must be an object."),
    "greater_than_equal": ("out_of_range", "Must be {ge:.12g} or more."),
    "less_than_equal": ("out_of_range", "Must be {le:.12g} or less."),
    "string_too_short": ("too_short", "Must have {min_length} characters or more."),
    "string_too_long": ("too_long", "Must have {max_length} characters or fewer."),
    "too_long": ("too_long", "Must have {max_length} entries or fewer."),
    "string_pattern_mismatch": ("malformed", "Must look like {pattern}"),
    "enum": ("unknown_value", "Must be {expected}."),
    "literal_error": ("unknown_value", "Must be {expected}."),
    "datetime_type": _A_TIME,
    "datetime_parsing": _A_TIME,
    "datetime_from_date_parsing": _A_TIME,
    "timezone_aware": _A_TIME,
    "json_invalid": ("malformed", "Must be JSON."),
    "InvalidCurrency": ("currency_unknown", "Must be the ISO 4217 code of a currency that is traded, in capitals."),
}
"""By the library's word for the fault."""

OWN = frozenset(
    {"card_number", "control_character", "currency_unknown", "out_of_range", "reads_as_time", "web_address"}
)
"""The codes that models of ours raise."""

_THE_KEY_ITSELF = "[key]"
LONGEST_NAME = 64
"""Of a name that the sender has made up, as far as it is repeated."""

_UNNAMED = ("malformed", "Cannot be accepted.")


class RequestInvalid(ValueError):
    """Some fields cannot be accepted."""

    def __init__(self, errors: list[FieldFault]) -> None:
        super().__init__("request_invalid")
        self.errors = errors


def checked[M: BaseModel](fields: Mapping[str, Any], model: type[M], *, context: object = None) -> M:
    """Raises RequestInvalid, with every fault at once. context: for the model's own validators."""
    try:
        return model.model_validate(fields, context=context)
    except ValidationError as exc:
        raise RequestInvalid(_field_faults(exc)) from None


def _field_faults(invalid: ValidationError) -> list[FieldFault]:
    """Every fault with its field. No value is repeated."""
    return [_fault(error) for error in invalid.errors(include_url=False, include_input=False)]


def _place(loc: Sequence[str | int]) -> str:
    """A field by its path. A name that the sender has made up is not repeated where it is what is wrong, nor whole."""
    if loc and loc[-1] == _THE_KEY_ITSELF:
        loc = loc[:-2]
    return ".".join(str(name)[:LONGEST_NAME] for name in loc) or "body"


def _fault(error: Mapping[str, Any]) -> FieldFault:
    field = _place(error["loc"])
    if error["type"] in OWN:
        return FieldFault(field, error["type"], error["msg"])
    code, message = WORDS.get(error["type"], _UNNAMED)
    return FieldFault(field, code, message.format(**error.get("ctx", {})))
