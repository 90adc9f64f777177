"""How many calls a second are priced: by the price list, with an empty book, and by own prices.

    python -m benchmarks.pricing [--rounds 15] [--calls 20000]

The ways alternate within each round of one process, so that a busy machine slows all alike; compared are the medians
over the rounds, and the median of each round's own quotient. Prints one JSON object:

- `list`: `pricing.price`, which is what a span's price costs where there is no book
- `collector, no book`: the same through the collector's `cost_of`, as every span takes it
- `own prices, N entries`: `Book.price` with that many entries, of which some are about a tenth of the calls' customers
- `book, nothing falls under it`: as many entries, none of which is about these calls
- `opening`: seconds to open a sealed book of 1,000 entries in another process, once per change
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from spanledger.pricebook import Book, Kind, Price, Sealed, Slice
from spanledger.pricing import price
from spanledger.usage import Usage
from spanledger_collector.normalise.money import cost_of
from spanledger_collector.normalise.reading import Reading

AT = datetime(2026, 11, 1, tzinfo=UTC)
START = int(AT.timestamp()) * 10**9
MODELS = (
    ("openai", "gpt-4o"), ("openai", "gpt-4.1-mini"), ("openai", "gpt-5"), ("anthropic", "claude-haiku-4-5"),
    ("anthropic", "claude-sonnet-4-5"), ("google", "gemini-2.5-flash"),
)  # fmt: skip
Call = tuple[Usage, Slice]


def calls(count: int) -> list[Call]:
    """Calls of 2,000 customers and six models."""
    r = random.Random(7)
    made: list[Call] = []
    for _ in range(count):
        provider, model = r.choice(MODELS)
        usage = Usage(r.randrange(50, 20_000), r.choice([None, r.randrange(1, 5000)]), None, r.randrange(1, 2000))
        made.append((usage, Slice("default", provider, model, f"customer {r.randrange(2000)}", r.choice("abcd"))))
    return made


def entries(count: int, prefix: str = "customer") -> list[Price]:
    """Own prices of models and customers, each with two dates, and discounts of others."""
    r = random.Random(8)
    made: list[Price] = []
    for number in range(count):
        provider, model = r.choice(MODELS)
        entry = Price(
            f"entry {number}",
            provider=provider if prefix == "customer" else "elsewhere",
            model=r.choice([model, f"{model}*"]),
            customer=f"{prefix} {r.randrange(200)}" if number % 4 else "",
            start=datetime(2025 + number % 2, 1, 1, tzinfo=UTC),
            rates={"input": Decimal(r.randrange(1, 900)) / 100, "output": Decimal(r.randrange(1, 3000)) / 100},
            version=1,
        )
        if number % 5 == 4:
            entry = replace(entry, kind=Kind.DISCOUNT, rates={}, percent=Decimal(r.randrange(1, 50)))
        made.append(entry)
    return made


def ways(work: list[Call]) -> dict[str, Callable[[], None]]:
    def listed() -> None:
        for usage, of in work:
            price(usage, provider=of.provider, model=of.model, at=AT)

    def collected() -> None:
        for usage, of in work:
            cost_of(usage, Reading({}, {}, {}, {}, []), of.provider, of.model, START, False)

    def by(book: Book) -> Callable[[], None]:
        def run() -> None:
            for usage, of in work:
                book.price(usage, of, AT)

        return run

    return {
        "list": listed,
        "collector, no book": collected,
        "own prices, 10 entries": by(Book(entries(10))),
        "own prices, 1000 entries": by(Book(entries(1000))),
        "book, nothing falls under it": by(Book(entries(1000, "nobody"))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=20_000)
    chosen = parser.parse_args()
    work = calls(chosen.calls)
    found = ways(work)
    for run in found.values():
        run()  # what a name resolves to is remembered
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for number in range(chosen.rounds):
        # Whoever goes first has the cooler machine.
        names = list(found)[number % len(found) :] + list(found)[: number % len(found)]
        for name in names:
            before = time.process_time()
            found[name]()
            seconds[name].append(time.process_time() - before)
    sealed = Sealed.of(Book(entries(1000), 1))
    before = time.process_time()
    sealed.open()
    opening = time.process_time() - before
    report = {
        "python": platform.python_version(),
        "calls": chosen.calls,
        "rounds": chosen.rounds,
        "prices_per_second": {name: round(chosen.calls / statistics.median(taken)) for name, taken in seconds.items()},
        "time_against_list": {
            name: round(statistics.median(a / b for a, b in zip(taken, seconds["list"], strict=True)), 3)
            for name, taken in seconds.items()
        },
        "opening": {"seconds": round(opening, 4), "bytes": len(sealed.packed)},
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
