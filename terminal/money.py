"""Amounts as people write them. Knows no payment."""

from collections.abc import Mapping
from typing import Any

_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Decimal digits of ISO 4217's minor units where they are not two. pycountry has the codes and not these."""


def money(row: Mapping[str, Any]) -> str:
    """In the units that people write, `12.50 EUR`; empty where no amount is known."""
    if row.get("amount_minor") is None or not row.get("currency"):
        return ""
    digits, amount = _DIGITS.get(row["currency"], 2), int(row["amount_minor"])
    whole, rest = divmod(abs(amount), 10**digits)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{rest:0{digits}} {row['currency']}" if digits else f"{sign}{whole} {row['currency']}"
