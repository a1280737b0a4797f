"""How Stripe writes an amount of money. Ours are in the minor units of ISO 4217; Stripe's are not, for some currencies.

Source: docs.stripe.com/currencies, "Minor units in API amounts" and "Special cases". What it does not list has two
decimals there, or is refused by Stripe itself.
"""

_TIMES_HUNDRED = frozenset({"ISK", "UGX"})
"""ISO 4217 gives them no minor unit, and Stripe two decimals, which are always 00: 5 kr. is 500."""
_WHOLE = frozenset({"MGA"})
"""ISO 4217 gives it two decimals, and Stripe none."""
_LAST_DIGIT_IS_ZERO = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Three decimals on both sides, of which the card networks take two: 5.124 KWD cannot be charged."""
_UNIT_UNKNOWN = frozenset({"CLF", "IQD", "LYD", "UYI", "UYW"})
"""ISO 4217 does not give them two decimals, and Stripe does not list them."""

AMOUNT = "amount_not_representable"
CURRENCY = "currency_not_supported"


def at_stripe(amount_minor: int, currency: str) -> int | None:
    """The same money as Stripe writes it; None where it cannot be said exactly. Of two amounts none is the same."""
    if currency in _UNIT_UNKNOWN:
        return None
    if currency in _TIMES_HUNDRED:
        return amount_minor * 100
    if currency in _WHOLE:
        return None if amount_minor % 100 else amount_minor // 100
    if currency in _LAST_DIGIT_IS_ZERO and amount_minor % 10:
        return None
    return amount_minor


def unsaid(amount_minor: int, currency: str) -> str:
    """The code under which such money is refused before anything is sent; empty for what can be said."""
    if currency in _UNIT_UNKNOWN:
        return CURRENCY
    return AMOUNT if at_stripe(amount_minor, currency) is None else ""
