"""The forecast job: complete, coherent to the last digit, made once a day and again when the books have changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from spanledger_analytics.jobs import forecast as job
from spanledger_store.control import Control, dirty
from spanledger_store.control import forecasts as runs
from spanledger_store.engine import Engine
from spanledger_store.outlook.forecasts import DIMENSIONS
from spanledger_store.reports import forecasts as reports
from tests.store.spending import spend

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NOW = TODAY + timedelta(hours=10)
DAY = timedelta(days=1)


def history(days: int = 40) -> list[tuple[datetime, str, dict[str, Any]]]:
    rng = np.random.default_rng(4)
    calls: list[tuple[datetime, str, dict[str, Any]]] = []
    for day in range(1, days + 1):
        for customer, feature, model, dollars in (
            ("acme", "chat", "gpt-4o", 30), ("acme", "search", "gpt-4o-mini", 3), ("globex", "chat", "gpt-4o", 8),
            ("", "chat", "claude", 1),
        ):  # fmt: skip
            at = TODAY - day * DAY + timedelta(hours=int(rng.integers(8, 18)))
            spent = f"{dollars * rng.lognormal(0, 0.2):.9f}"
            calls.append((at, spent, {"customer": customer, "feature": feature, "model": model}))
    return calls


@pytest.fixture
def filled(engine: Engine, control: Control) -> Engine:
    engine.command("TRUNCATE TABLE forecast_rows")
    spend(engine, control, history())
    return engine


def test_every_dimension_adds_up_to_everything_exactly(filled: Engine, control: Control) -> None:
    told: list[str] = []
    assert job.run(filled, control, lambda doing, *_: told.append(doing), NOW) > 0
    assert any("forecasting default" in each for each in told)
    (whole,) = reports.made(filled, "default", TODAY)
    assert whole.horizon == job.HORIZON
    assert 20 < float(whole.mean[0]) < 70
    for dimension in DIMENSIONS:
        parts = reports.made(filled, "default", TODAY, dimension)
        for step in range(job.HORIZON):
            assert sum(each.mean[step] for each in parts) == whole.mean[step]
    assert {each.value for each in reports.made(filled, "default", TODAY, "customer")} == {"acme", "globex", ""}
    (hours,) = reports.made(filled, "default", TODAY, grain="hour")
    assert hours.horizon == job.HOURS_AHEAD
    shares = reports.clock(filled, "default", TODAY)
    assert sum(shares) == pytest.approx(1)
    assert sum(shares[8:18]) > 0.9


def test_one_run_a_day_unless_the_books_have_changed(filled: Engine, control: Control) -> None:
    assert job.run(filled, control, now=NOW) > 0
    first = runs.find(control, "default")
    assert first is not None
    assert first.begins == TODAY
    # Nothing has changed: looked at now and then, and not made anew.
    assert job.run(filled, control, now=NOW + job.CHECK_EVERY / 2) == 0
    assert job.run(filled, control, now=NOW + 2 * job.CHECK_EVERY) == 0
    checked = runs.find(control, "default")
    assert checked is not None
    assert (checked.made_at, checked.checked_at) == (first.made_at, NOW + 2 * job.CHECK_EVERY)
    # A late call of some weight.
    spend(filled, control, [(TODAY - 3 * DAY, "50", {"customer": "acme", "feature": "chat", "model": "gpt-4o"})])
    assert job.run(filled, control, now=NOW + 2.5 * job.CHECK_EVERY) == 0
    assert job.run(filled, control, now=NOW + 4 * job.CHECK_EVERY) > 0
    again = reports.newest(filled, "default", NOW + DAY)
    assert again == (TODAY, NOW + 4 * job.CHECK_EVERY)
    # The next day has forecasts of its own; today's stay, to be held against what comes.
    assert job.run(filled, control, now=NOW + DAY) > 0
    assert reports.newest(filled, "default", NOW + DAY) == (TODAY + DAY, NOW + DAY)
    assert reports.made(filled, "default", TODAY)


def test_books_that_are_about_to_change_are_waited_for(filled: Engine, control: Control) -> None:
    dirty.mark(control, [("default", TODAY - DAY)])
    assert job.run(filled, control, now=NOW) == 0
    assert reports.newest(filled, "default", NOW) is None
    dirty.clear(control, dirty.pending(control))
    assert job.run(filled, control, now=NOW) > 0


def test_a_project_without_books_has_no_forecast(engine: Engine, control: Control) -> None:
    engine.command("TRUNCATE TABLE forecast_rows")
    assert job.run(engine, control, now=NOW) == 0
    assert reports.newest(engine, "default", NOW) is None
    # And is asked again at once: its first calls may come any minute.
    assert runs.find(control, "default") is None


def test_histories_begin_with_the_first_spend(filled: Engine) -> None:
    found = job.histories(filled, "default", TODAY - 50 * DAY, TODAY, "day")
    assert found.slices[0] == ("", "")
    assert np.isnan(found.values[0, :10]).all()
    assert not np.isnan(found.values[0, 10:]).any()
    for way in found.ways:
        np.testing.assert_allclose(np.nansum(found.values[way], axis=0)[10:], found.values[0, 10:])
