"""What became of a quantity, as on-call reads it."""

from __future__ import annotations

from typing import Any

import pytest

from spanledger_analytics import drift_words


def quantiles(name: str, *values: float) -> dict[str, Any]:
    middle, high = ({"before": a, "after": b} for a, b in (values[:2], values[2:]))
    return {"name": name, "quantiles": [{"level": 0.5, **middle}, {"level": 0.95, **high}]}


def shares(name: str, **moved: tuple[float, float]) -> dict[str, Any]:
    return {"name": name, "shares": [{"name": n, "before": a, "after": b} for n, (a, b) in moved.items()]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (quantiles("duration_ns", 7.8, 8.9, 19.0, 75.2), "median 7.8 s → 8.9 s, 95th percentile 19.0 s → 1 min 15 s"),
        (
            quantiles("duration_ns", 9, 59.97, 59.9, 119.9),
            "median 9.0 s → 1 min 0 s, 95th percentile 59.9 s → 2 min 0 s",
        ),
        (quantiles("ttft_ns", 0.25, 0.9996, 0.5, 2.0), "median 250 ms → 1.0 s, 95th percentile 500 ms → 2.0 s"),
        (quantiles("cost_usd", 0.0004, 0.5, 1.0, 2.5), "median $0.00040 → $0.50, 95th percentile $1.00 → $2.50"),
        (quantiles("prompt_tokens", 1200.4, 90, 1e6, 2), "median 1,200 → 90, 95th percentile 1,000,000 → 2"),
        (quantiles("score good", 0.91234, 0.5, 1, 1), "median 0.912 → 0.5, 95th percentile 1 → 1"),
        (shares("model", old=(1.0, 0.031), new=(0.0, 0.969), rare=(0.0, 0.001)), "old 100 % → 3.1 %, new 0 % → 97 %"),
        (shares("status", ok=(0.99, 0.58), error=(0.01, 0.42)), "1.0 % → 42 %"),
        ({"name": "tools", "shares": [{"name": "", "before": 0.5, "after": 0.25}]}, "none 50 % → 25 %"),
        (shares("topic", same=(0.5, 0.5)), ""),
        ({"name": "duration_ns"}, ""),
    ],
)  # fmt: skip
def test_a_change_is_told_in_its_own_unit(change: dict[str, Any], said: str) -> None:
    assert drift_words.became(change) == said


def test_a_quantity_has_a_name() -> None:
    assert drift_words.name("ttft_ns") == "time to first token"
    assert drift_words.name("score good") == "score good"
