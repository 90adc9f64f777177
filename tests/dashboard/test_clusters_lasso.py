"""From an area of the map of clusters to the traces of exactly its calls, and what the cards say beside."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from spanledger_dashboard import exports_clusters
from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.fmt import DASH
from spanledger_dashboard.pages import cluster_area, cluster_cards, clusters, traces, traces_asked
from spanledger_dashboard.pages.cluster_choice import chosen, frame_of, traces_of
from spanledger_dashboard.pages.cluster_table import MOST, Row, table
from spanledger_dashboard.pages.traces_asked import asked
from spanledger_dashboard.periods import clock
from spanledger_dashboard.settings import DashboardSettings
from spanledger_dashboard.view import View
from spanledger_store.control import Control
from spanledger_store.control import clusters as words
from spanledger_store.engine import Engine
from spanledger_store.quality.drift_request import Comparison, ComparisonInvalid
from spanledger_store.reports.clusters_page import Courses
from spanledger_store.scope import Dimension
from tests.dashboard.cluster_rows import clustered
from tests.dashboard.conftest import NOW, run, view
from tests.dashboard.test_pages import text

RANGE = "?range=14d"
AREA = "&area=1.95,-1,2.5,-1,2.5,1,1.95,1"


@pytest.fixture
def data(pages_engine: Engine, pages_control: Control) -> Iterator[Data]:
    """A service layer over a store with clusters."""
    with clustered(pages_engine, pages_control, NOW):
        found = Data(pages_engine, pages_control, DashboardSettings())
        yield found
        found.close()


def linked(seen: View, frame: pl.DataFrame) -> View:
    """The view that the area's card leads to."""
    card = text(cluster_area.area_card(seen, frame))
    href = next(part for part in card.split('"') if part.startswith("/traces?") and "area=" in part)
    assert "cluster" not in parse_qs(urlsplit(href).query)
    return view("/traces", f"?{urlsplit(href).query}")


def strings(part: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(part, str):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from strings(each)


def test_the_lasso_leads_to_exactly_the_traces_of_its_calls(data: Data) -> None:
    # A part of cluster 2 alone, where its calls have been given room.
    seen = view("/clusters", f"{RANGE}{AREA}")
    points = run(data.cluster_points(seen.scope))
    frame = chosen(seen, points)
    among = set(frame["trace_id"])
    assert 20 < len(frame) < len(points.filter(pl.col("cluster") == 2))
    there = linked(seen, frame)
    wanted = run(asked(data, there))
    assert (set(wanted.search.traces or ()), wanted.on_map) == (among, len(among))
    assert run(data.trace_histogram(wanted.search, clock(there).buckets))["traces"].sum() == len(among)
    rows, _ = run(traces.block(data, there, 0, {}))
    assert {row["id"] for row in rows["rowData"]} <= among
    assert len(rows["rowData"]) == min(len(among), traces.BLOCK)
    chip = text(run(traces.render(data, there))[4])
    assert "Area of the map" in chip
    assert "/traces?range=14d" in chip
    # A filter narrows the traces; the area stays where it was drawn.
    customer = str(frame["customer"].mode()[0])
    narrower = view("/traces", there.toggled(Dimension.CUSTOMER, customer).partition("?")[2])
    again = run(asked(data, narrower))
    assert set(again.search.traces or ()) == among
    assert 0 < run(data.trace_histogram(again.search, clock(there).buckets))["traces"].sum() < len(among)


def test_of_more_than_the_bound_the_newest_are_shown_and_it_is_said(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (traces, traces_asked, cluster_area):
        monkeypatch.setattr(module, "MAX_TRACES", 10)
    seen = view("/clusters", f"{RANGE}{AREA}")
    frame = chosen(seen, run(data.cluster_points(seen.scope)))
    many = frame["trace_id"].n_unique()
    assert f"Newest 10 of {many} traces" in text(cluster_area.area_card(seen, frame))
    there = linked(seen, frame)
    kept = run(asked(data, there)).search.traces
    assert kept == tuple(traces_of(frame)[:10])
    oldest = frame.filter(pl.col("trace_id").is_in(list(kept or ()))).group_by("trace_id").agg(pl.col("start").max())
    rest = frame.filter(~pl.col("trace_id").is_in(list(kept or ())))
    assert oldest["start"].min() >= rest["start"].max()  # pyright: ignore[reportOperatorIssue]
    assert f"the newest 10 of {many:,} traces" in text(run(traces.render(data, there))[4])


def test_an_empty_area_has_no_traces_and_a_wrong_map_is_named(data: Data) -> None:
    nowhere = view("/traces", f"{RANGE}&area=90,90,91,90,91,91")
    assert run(asked(data, nowhere)).search.traces == ()
    assert run(traces.block(data, nowhere, 0, {}))[0]["rowData"] == []
    assert frame_of(view("/clusters", f"{RANGE}&feature=chat").scope).endswith("&feature=chat")
    for wrong in ("x", "from=2026-03-01", "from=2026-03-08%26to%3D2026-03-01", "colour=1"):
        with pytest.raises(BadView, match="map="):
            run(asked(data, view("/traces", f"{RANGE}{AREA}&map={wrong}")))


def test_what_is_gone_says_why(data: Data, pages_control: Control) -> None:
    words.say(pages_control, "default", 3, is_hidden=True)
    hidden = text(run(clusters.render_choice(data, view("/clusters", f"{RANGE}&cluster=3"))))
    assert "spanledger clusters hide 3 --undo --project default" in hidden
    unknown = text(run(clusters.render_choice(data, view("/clusters", f"{RANGE}&cluster=99999"))))
    assert "There is no cluster 99999" in unknown
    old = view("/clusters", "?from=2020-01-01T00:00&to=2020-01-02T00:00&cluster=2")
    assert "no calls in this range" in text(run(clusters.render_choice(data, old)))


def test_commands_are_safe_to_paste_and_what_nobody_knows_is_no_nought(data: Data) -> None:
    seen = view("/clusters", f"{RANGE}&project=a%3Bb")
    line = run(data.cluster_list(view("/clusters", RANGE).scope))[0]
    name = 'x"; rm -rf ~ $(id) `id`'
    odd = replace(line, name=name, sessions=0, customers=0)
    copied = next(each for each in strings(json.loads(text(cluster_cards.actions(seen, odd)))) if "rename" in each)
    assert shlex.split(copied) == ["spanledger", "clusters", "rename", str(line.cluster), name, "--project", "a;b"]
    parts = json.loads(text(cluster_cards.facts(seen, odd, Courses({}, 0.0))))["props"]["children"]
    facts = [part["props"]["children"] for part in parts]
    known = dict(zip(facts[::2], facts[1::2], strict=True))
    assert (known["Sessions"], known["Customers"]) == (DASH, DASH)


def test_one_number_stands_over_the_list_and_on_its_button() -> None:
    def row(key: int) -> Row:
        return Row(key, f"n{key}", "", "", 1, 0.1, None, Decimal(0), None, None, 0.0, None, None, (), False)

    for many, button in ((MOST, False), (MOST + 1, True)):
        shown = text(table(view("/clusters"), [*map(row, range(1, many + 1)), row(0)], ""))
        assert f'"{many}"' in shown
        assert (f"Show all {many}" in shown) is button
        assert '"n0"' in shown


def test_the_download_of_the_list_keeps_to_the_search(data: Data) -> None:
    server = FastAPI()
    exports_clusters.register(server, data)
    found = TestClient(server).get(f"/export/clusters.csv{RANGE}&q=REFUND")
    assert [row["name"] for row in csv.DictReader(io.StringIO(found.text))] == ["refund, card"]
    acts = run(clusters.render(data, view("/clusters", f"{RANGE}&q=REFUND")))[1]
    assert "/export/clusters.csv?range=14d&q=REFUND" in text(acts)


def test_a_comparison_that_cannot_be_says_why(data: Data) -> None:
    def compare(wanted: Comparison) -> dict[str, Any]:
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy")

    data.compare_drift = compare
    with pytest.raises(ComparisonInvalid, match=r"pip install 'spanledger\[analytics\]'"):
        run(data.compared(project="default"))
    with pytest.raises(ComparisonInvalid, match="not between 2000 and 2100"):
        run(data.compared(project="default", start="0001-01-01", end="0001-02-01"))
