"""Money refuses what is not money."""

import pytest

from shared.domain.money import MAX_AMOUNT_MINOR, Money


@pytest.mark.parametrize("amount", [True, 12.0, "12", None, 0, -1, MAX_AMOUNT_MINOR + 1])
def test_an_amount_that_is_no_whole_number_in_range_is_refused(amount: object) -> None:
    with pytest.raises(ValueError, match="amount_minor"):
        Money(amount, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["eur", "EU", "EURO", "", "E1R", "ÄÖÜ"])
def test_a_currency_that_is_no_three_capitals_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="currency"):
        Money(1, currency)


def test_the_smallest_and_the_largest_amount_are_money() -> None:
    assert Money(1, "JPY").amount_minor == 1
    assert Money(MAX_AMOUNT_MINOR, "EUR").amount_minor == MAX_AMOUNT_MINOR
