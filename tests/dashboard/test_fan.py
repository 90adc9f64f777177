"""The fan: what was spent, what is expected, and the bands around it."""

from __future__ import annotations

import json
from datetime import datetime

from spanledger_dashboard.figures.fan import fan

BEEN = [datetime(2026, 11, day) for day in (1, 2)]  # noqa: DTZ001  (wall-clock times, as Plotly takes them)
AHEAD = [datetime(2026, 11, day) for day in (3, 4)]  # noqa: DTZ001


def test_bands_open_where_the_spend_ends_the_widest_first() -> None:
    bands = {50: ([2.5, 2.0], [3.5, 4.5]), 90: ([1.0, 0.5], [5.0, 7.0])}
    figure = fan(BEEN, [1.0, 2.0], AHEAD, [3.0, 3.5], bands)
    assert [trace.get("name") for trace in figure["data"]] == [None, "90 %", None, "50 %", "Spent", "Expected"]
    low, high = figure["data"][:2]
    assert low["y"] == [2.0, 1.0, 0.5]
    assert high["y"] == [2.0, 5.0, 7.0]
    assert high["fill"] == "tonexty"
    assert high["customdata"] == low["y"]
    assert low["x"] == high["x"] == ["2026-11-02T00:00:00", "2026-11-03T00:00:00", "2026-11-04T00:00:00"]
    assert json.loads(json.dumps(figure)) == figure
    assert "shapes" not in figure["layout"]


def test_a_limit_is_a_level_and_a_scenario_a_second_course() -> None:
    figure = fan(BEEN, [1.0, 2.0], AHEAD, [3.0, 3.5], {}, limit=1234.5, scenario=[2.0, 2.5])
    assert figure["data"][-1]["y"] == [2.0, 2.0, 2.5]
    assert figure["layout"]["shapes"][0]["y0"] == 1234.5
    assert figure["layout"]["annotations"][0]["text"] == "Limit $1,234.50"


def test_nothing_spent_yet_is_no_error() -> None:
    figure = fan([], [], AHEAD, [3.0, 3.5], {90: ([1.0, 0.5], [5.0, 7.0])})
    assert figure["data"][-1]["x"] == ["2026-11-03T00:00:00", "2026-11-04T00:00:00"]
    assert figure["data"][-1]["y"] == [3.0, 3.5]
