"""The user's own prices, above the dated price list of `spanledger.pricing`.

book = Book([Price("house", model="gpt-4o*", rates={"input": Decimal("2.25"), "output": Decimal(9)})])
book.price(usage, Slice("default", "openai", "gpt-4o-2024-08-06", customer="acme"), at)
"""

from __future__ import annotations

from spanledger._internal.pricing.book import Book, Sealed, Slice, Terms, matches
from spanledger._internal.pricing.entries import (
    ALWAYS,
    BUCKETS,
    EVERY_PROJECT,
    Kind,
    Price,
    PriceInvalid,
    Share,
    read_price,
)

__all__ = [
    "ALWAYS",
    "BUCKETS",
    "EVERY_PROJECT",
    "Book",
    "Kind",
    "Price",
    "PriceInvalid",
    "Sealed",
    "Share",
    "Slice",
    "Terms",
    "matches",
    "read_price",
]
