"""Where the app answers operators. Knows no HTTP."""

from urllib.parse import quote

from ops.client import Fault

PAYMENTS = "/api/ops/payments"
LETTERS = "/api/ops/dead-letters"


def payment_path(payment_id: str) -> str:
    """The path of one payment, whosever it is. Raises Fault for what is no id."""
    return f"{PAYMENTS}/{_segment(payment_id)}"


def letter_path(letter_id: str) -> str:
    """The path of one dead letter. Raises Fault for what is no id."""
    return f"{LETTERS}/{_segment(letter_id)}"


def can_be_id(text: str) -> bool:
    """Whether it can stand in a path. No quoting helps these: they would lead to another place, such as to all."""
    return text not in ("", ".", "..")


def _segment(text: str) -> str:
    if not can_be_id(text):
        raise Fault(f"'{text}' is no id")
    return quote(text, safe="")
