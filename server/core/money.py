"""Money is integer nano-dollars: exact, summable in every database, written as decimal text.

A price per million tokens is a price in nano-dollars per thousand tokens, so no rounding is needed
until the very end, and then half goes to even.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

NANO_PER_DOLLAR = 1_000_000_000


def to_decimal_text(nano: int, places: int = 9) -> str:
    """`1_500_000` -> `"0.001500000"`; fewer places are rounded half to even."""
    quantum = Decimal(1).scaleb(-places)
    amount = Decimal(nano).scaleb(-9).quantize(quantum, rounding=ROUND_HALF_EVEN)
    return f"{amount:f}"


def from_decimal(amount: Decimal | str | int) -> int:
    """Dollars to nano-dollars. A float is refused by type: it is not the number one reads."""
    return round_half_even(Decimal(amount) * NANO_PER_DOLLAR)


def token_cost(tokens: int, dollars_per_million: Decimal) -> Decimal:
    """Cost in nano-dollars, not yet rounded: add up the parts first, then `round_half_even`."""
    return tokens * dollars_per_million * 1000


def round_half_even(nano: Decimal) -> int:
    return int(nano.to_integral_value(rounding=ROUND_HALF_EVEN))
