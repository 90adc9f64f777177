"""The Anomalies page: the dearest first, with its money, its course, its culprits and a way to its calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from spanledger_dashboard.data import Data
from spanledger_dashboard.figures.deviation import deviation
from spanledger_dashboard.pages import anomalies as page
from spanledger_store import findings
from spanledger_store.control import Control
from spanledger_store.control import findings as words
from spanledger_store.control.findings import Feedback, Verdict
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from tests.dashboard.conftest import NOW, run, view
from tests.dashboard.test_pages import text

START = NOW - timedelta(hours=30)
HOURS = [START + timedelta(hours=hour) for hour in range(12)]
LARGE = Finding(
    project_id="default", id="aaaabbbbccccdddd", kind="anomaly", method="scan", slice={"customer": "Acme Robotics"},
    start=START + timedelta(hours=6), end=START + timedelta(hours=12), grain="hour", first_detected_at=NOW,
    detected_at=NOW, severity="high", actual=92.0, expected=30.0, lower=20.0, upper=41.0, unit="USD",
    impact_usd=Decimal("62.000000000001"), score=9.1, p_value=1e-9, confidence=0.999,
    evidence={
        "sentence": "Acme Robotics sends three times the tokens per call.",
        "culprits": [{"dimension": "prompt_version", "value": "v8", "share": 0.97, "new": True}],
        "example_traces": [],
        "series": [[hour.isoformat(), 5.0, None if n < 6 else 4.0] for n, hour in enumerate(HOURS)],
    },
)  # fmt: skip
SMALL = replace(
    LARGE, id="0123456789abcdef", slice={"customer": "Initech"}, severity="low", state="ended",
    impact_usd=Decimal("-3.5"), evidence={"sentence": "Initech calls less."},
)  # fmt: skip


@pytest.fixture
def two(pages_engine: Engine, pages_control: Control) -> Iterator[None]:
    """A dear one that lasts, and a small one that is over and known to have been expected."""
    findings.write(pages_engine, [SMALL, LARGE])
    words.say(pages_control, Feedback("default", SMALL.id, Verdict.EXPECTED, "holidays", "Jo"))
    yield
    pages_engine.command(f"TRUNCATE TABLE {findings.TABLE}")


def test_without_any_it_says_how_to_look(data: Data) -> None:
    _, body = run(page.render(data, view("/anomalies")))
    assert "spanledger jobs run anomalies" in text(body)


@pytest.mark.usefixtures("two")
def test_the_dearest_comes_first_with_what_it_rests_on(data: Data) -> None:
    _, body = run(page.render(data, view("/anomalies")))
    first, second = body[2:]
    said = text(first)
    for wanted in (
        "Acme Robotics",
        "three times the tokens",
        "$62.00 more than usual",
        "$20.00 to $41.00",
        "97%",
        "v8",
    ):
        assert wanted in said
    assert f"customer=Acme+Robotics&from={LARGE.start:%Y-%m-%dT%H}" in said
    assert f"spanledger anomalies feedback {LARGE.id}" in said
    assert "prompt_version=v8" in said
    assert "$3.50 saved" in text(second)
    assert "Said to be expected by Jo: holidays" in text(second)


@pytest.mark.usefixtures("two")
def test_filters_and_states_choose(data: Data) -> None:
    _, only = run(page.render(data, view("/anomalies", "?state=open")))
    assert "Initech" not in text(only)
    _, other = run(page.render(data, view("/anomalies", "?customer=Initech")))
    assert "Acme" not in text(other)
    _, earlier = run(page.render(data, view("/anomalies", "?from=2020-01-01T00:00&to=2020-01-02T00:00")))
    assert "Nothing out of the ordinary" in text(earlier)


def test_hours_that_are_judged_stand_out() -> None:
    figure = deviation(HOURS, [5.0] * 12, [None] * 6 + [4.0] * 6)
    bars, line = figure["data"]
    assert len(set(bars["marker"]["color"][:6])) == 1
    assert bars["marker"]["color"][5] != bars["marker"]["color"][6]
    assert line["y"][:6] == [None] * 6
