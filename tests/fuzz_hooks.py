"""What a document cannot tell schemathesis of this API. It loads this file by the variable SCHEMATHESIS_HOOKS.

Most of it is about what was there before the request, and so about no single request: whether a key was used, which
page a listing named. All else is left to chance.
"""

import hashlib
from typing import Any

import schemathesis
from hypothesis import strategies as st
from pydantic_extra_types.currency_code import Currency
from schemathesis import Case, HookContext

from contracts.words import REQUEST_HEADERS

KEY = "Idempotency-Key"
_LONGEST = 255

schemathesis.openapi.format("iso-4217", st.sampled_from(sorted(Currency.allowed_currencies)))
schemathesis.openapi.format("idempotency-key", st.from_regex(REQUEST_HEADERS[KEY]["schema"]["pattern"], fullmatch=True))


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """A key is used for one request only, and a page is one that the listing has named: nobody can make it up."""
    key = case.headers[KEY] if case.headers and KEY in case.headers else None
    if isinstance(key, str) and 0 < len(key) <= _LONGEST:
        mark = hashlib.sha256(repr(case.body).encode()).hexdigest()[:16]
        case.headers[KEY] = key[: _LONGEST - len(mark)] + mark
    if isinstance(case.query, dict):
        case.query.pop("page", None)
    if isinstance(case.body, dict):
        case.body = {name: _written(value) for name, value in case.body.items() if name != "page"}


def _written(value: Any) -> Any:
    """To JSON Schema 12.0 is an integer. An amount is written without a point, or it is refused."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
