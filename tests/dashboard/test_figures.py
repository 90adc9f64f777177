"""Figures are plain dicts made of plain values."""

from __future__ import annotations

import base64
import json
from datetime import datetime

from spanledger_dashboard.figures.base import CONFIG, OTHER, PALETTE, PRIOR, colour
from spanledger_dashboard.figures.histogram import outcomes
from spanledger_dashboard.figures.latency import percentiles
from spanledger_dashboard.figures.spark import MAX_POINTS, spark, thin
from spanledger_dashboard.figures.spend import Band, stack

STARTS = [datetime(2026, 11, 1, hour) for hour in range(3)]  # noqa: DTZ001  (wall-clock times, as Plotly takes them)
BANDS = [Band("a", [1.0, 2.0, 3.0]), Band("b", [0.0, 1.0, 0.0])]


def test_areas_stack_under_the_previous_period() -> None:
    figure = stack(STARTS, BANDS, prior=[2.0, 2.0, 2.0])
    assert [trace["name"] for trace in figure["data"]] == ["a", "b", "Previous period"]
    assert figure["data"][0]["x"][0] == "2026-11-01T00:00:00"
    assert figure["data"][2]["line"]["color"] == PRIOR
    assert json.loads(json.dumps(figure)) == figure


def test_shares_have_no_previous_period_and_cumulated_bars_become_areas() -> None:
    share = stack(STARTS, BANDS, prior=[1.0] * 3, bars=True, share=True)
    assert len(share["data"]) == 2
    assert share["layout"]["barnorm"] == "percent"
    added = stack(STARTS, BANDS, prior=[1.0] * 3, bars=True, cumulative=True)
    assert added["data"][0]["y"] == [1.0, 3.0, 6.0]
    assert added["data"][2]["y"] == [1.0, 2.0, 3.0]
    assert added["data"][0]["type"] == "scatter"


def test_unknown_percentiles_are_bridged_not_drawn_as_zero() -> None:
    figure = percentiles(STARTS, {"p50": [1.0, None, 2.0]})
    assert figure["data"][0]["y"] == [1.0, None, 2.0]
    assert figure["data"][0]["connectgaps"] is True


def test_few_traces_get_whole_ticks() -> None:
    assert outcomes(STARTS, [1, 0, 2], [0, 1, 0])["layout"]["yaxis"]["dtick"] == 1
    assert "dtick" not in outcomes(STARTS, [100, 0, 2], [0, 1, 0])["layout"]["yaxis"]


def test_colours_beyond_the_palette_are_grey() -> None:
    assert [colour(rank) for rank in range(len(PALETTE))] == list(PALETTE)
    assert colour(len(PALETTE)) == OTHER


def test_charts_offer_no_upload() -> None:
    assert CONFIG["showSendToCloud"] is False


def test_sparklines_are_images_of_means() -> None:
    source = spark([1.0, None, 3.0], "#4c78f0", prior=[2.0, 2.0])
    svg = base64.b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode()
    assert svg.count("<polyline") == 2
    assert "nan" not in svg
    assert thin([float(n) for n in range(MAX_POINTS * 2)])[0] == 0.5
    assert "<polyline" not in base64.b64decode(spark([None], "#fff").split(",")[1]).decode()
