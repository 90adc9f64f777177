"""The waterfall of a change is a plain dict in which every bar begins where the last one ended."""

from __future__ import annotations

import json

from spanledger_dashboard.figures.base import PALETTE
from spanledger_dashboard.figures.waterfall_change import FELL, ROSE, Step, waterfall

START, END = Step("Before", 100.0), Step("After", 131.0)
STEPS = [Step("Calls", 41.0, "/traces?a"), Step("Prices", -10.0)]


def test_bars_are_labelled_in_order_and_carry_their_links() -> None:
    figure = waterfall(START, STEPS, END)
    (trace,) = figure["data"]
    assert trace["measure"] == ["absolute", "relative", "relative", "absolute"]
    assert trace["y"] == [100.0, 41.0, -10.0, 131.0]
    assert trace["customdata"] == [None, "/traces?a", None, None]
    assert figure["layout"]["xaxis"]["ticktext"] == ["Before", "Calls", "Prices", "After"]
    assert trace["text"] == ["$100", "+$41.00", "−$10.00", "$131"]
    assert json.loads(json.dumps(figure)) == figure


def test_the_theme_is_the_pages_and_rise_and_fall_do_not_depend_on_it() -> None:
    figure = waterfall(START, STEPS, END)
    (trace,) = figure["data"]
    assert trace["totals"]["marker"]["color"] == PALETTE[0]
    assert (trace["increasing"]["marker"]["color"], trace["decreasing"]["marker"]["color"]) == (ROSE, FELL)
    assert figure["layout"]["paper_bgcolor"] == figure["layout"]["plot_bgcolor"] == "rgba(0,0,0,0)"


def test_small_steps_on_large_sums_can_be_seen() -> None:
    near = waterfall(Step("Before", 1000.0), [Step("Calls", 4.0)], Step("After", 1004.0))
    low, high = near["layout"]["yaxis"]["range"]
    assert 990 < low < 1000 < 1004 < high < 1010
    far = waterfall(START, STEPS, END)
    assert far["layout"]["yaxis"]["range"][0] == 0.0


def test_nothing_at_all_has_an_axis_too() -> None:
    low, high = waterfall(Step("Before", 0.0), [], Step("After", 0.0))["layout"]["yaxis"]["range"]
    assert low < high
