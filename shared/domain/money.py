"""Money: an integer of minor units and its currency. Knows no exchange rates and no formatting."""

import re
from dataclasses import dataclass

MAX_AMOUNT_MINOR = 999_999_999_999
_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount to charge, in the currency's minor unit (1250 EUR is 12.50 euro).

    Raises ValueError for anything but a whole number from 1 to MAX_AMOUNT_MINOR and a three-letter code. Whether such a
    currency exists is checked where requests come in.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:  # bool is an int to isinstance, and True is not an amount
            raise ValueError("amount_minor must be a whole number of minor units")
        if not 1 <= self.amount_minor <= MAX_AMOUNT_MINOR:
            raise ValueError(f"amount_minor must lie between 1 and {MAX_AMOUNT_MINOR}")
        if not _CODE.fullmatch(self.currency):
            raise ValueError("currency must be a three-letter ISO 4217 code in capitals")
