"""Where the app answers operators. Knows no HTTP."""

from urllib.parse import quote

FLOW = "/api/ops/flow"
PAYMENTS = "/api/ops/payments"
LETTERS = "/api/ops/dead-letters"


def payment_path(payment_id: str) -> str:
    """The path of one payment, whosever it is."""
    return f"{PAYMENTS}/{quote(payment_id, safe='')}"


def letter_path(letter_id: str) -> str:
    """The path of one dead letter."""
    return f"{LETTERS}/{quote(letter_id, safe='')}"
