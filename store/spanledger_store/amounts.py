"""Amounts of US dollars as people read them; the exact ones stay beside them wherever they matter."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

_CENT: Final = Decimal("0.01")


def dollars(amount: Decimal) -> str:
    """`$1,234.57`: to the cent, half to even; below a cent to two digits that are not 0, so that little is not nothing.

    >>> dollars(Decimal("1234.565")), dollars(Decimal("-0.5")), dollars(Decimal("0.000412")), dollars(Decimal(0))
    ('$1,234.56', '-$0.50', '$0.00041', '$0.00')
    """
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    step = _CENT if not size or size >= _CENT else Decimal(1).scaleb(size.adjusted() - 1)
    return f"{sign}${size.quantize(step, ROUND_HALF_EVEN):,f}"


def change(amount: Decimal) -> str:
    """`+$12.00` or `-$3.50`."""
    return f"+{dollars(amount)}" if amount >= 0 else dollars(amount)
