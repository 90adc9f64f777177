"""The page of query clusters: map, list, card of what is chosen, downloads, and the way to traces."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
import pytest

from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.exports_clusters import calls_csv, list_csv, points_json
from spanledger_dashboard.figures.cluster_map import TINTS, spread, tint
from spanledger_dashboard.pages import clusters as page
from spanledger_dashboard.pages import traces
from spanledger_dashboard.pages.cluster_choice import area_of, chosen, cluster_of, part_of
from spanledger_dashboard.pages.traces_asked import searched
from spanledger_dashboard.periods import clock
from spanledger_dashboard.settings import DashboardSettings
from spanledger_dashboard.view import View
from spanledger_store.control import Control
from spanledger_store.control import clusters as words
from spanledger_store.engine import Engine
from spanledger_store.reports.clusters_page import inside
from tests.dashboard.cluster_rows import CALLS, clustered
from tests.dashboard.conftest import NOW, run, view
from tests.dashboard.test_pages import text

RANGE = "?range=14d"


@pytest.fixture
def fresh(pages_engine: Engine, pages_control: Control) -> Iterator[Data]:
    """A service layer that remembers nothing yet."""
    found = Data(pages_engine, pages_control, DashboardSettings())
    yield found
    found.close()


@pytest.fixture
def asked(pages_engine: Engine, pages_control: Control, fresh: Data) -> Iterator[Data]:
    """The same, over a store with clusters."""
    with clustered(pages_engine, pages_control, NOW):
        yield fresh


def numbers(body: dict[str, str], name: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(body[name]), dtype=kind)


def test_without_a_codebook_it_says_what_it_takes(fresh: Data) -> None:
    *_, table, state = run(page.render(fresh, view("/clusters")))
    assert table is None
    assert "Not enough calls have a vector yet" in text(state)
    assert "spanledger embeddings status" in text(state)
    assert run(points_json(fresh, view("/clusters"))) is None


def test_the_list_adds_up_and_is_searched_grouped_and_sorted(asked: Data) -> None:
    sub, _, news, _, table, state = run(page.render(asked, view("/clusters", RANGE)))
    assert state is None
    lines = run(asked.cluster_list(view("/clusters", RANGE).scope))
    assert sum(each.calls for each in lines) == CALLS
    assert f"{CALLS:,} calls in 3 clusters" in text(sub)
    assert "stability 0.97" in text(sub)
    shown = text(table)
    assert "late parcel, depot" in shown
    assert "helpfulness" in shown
    # The topic that began two days ago, and nothing else.
    assert shown.count('"new"') == 1
    assert "New topic: password." in text(news)
    assert "cluster=3" in text(news)
    table = run(page.render(asked, view("/clusters", f"{RANGE}&q=REFUND")))[4]
    assert "refund, card" in text(table)
    assert "late parcel" not in text(table)
    table = run(page.render(asked, view("/clusters", f"{RANGE}&q=nothing+like+it")))[4]
    assert "No cluster's name, terms or topic contain" in text(table)
    table = run(page.render(asked, view("/clusters", f"{RANGE}&group=topic")))[4]
    assert "2 clusters" in text(table)
    assert '"orders"' in text(table)
    fewest = run(page.render(asked, view("/clusters", f"{RANGE}&sort=first")))[4]
    assert text(fewest).index("login") < text(fewest).index("refund, card")


def test_a_cluster_is_shown_with_its_calls_and_what_can_be_done(asked: Data) -> None:
    _, panel = run(page.render_choice(asked, view("/clusters", f"{RANGE}&cluster=1")))
    said = text(panel)
    for wanted in (
        "late parcel, depot", "Where is my order?", "helpfulness", "split: 1 → 1, 2", "Northwind Health",
        "spanledger clusters rename 1", "/traces?range=14d&cluster=1", "/export/cluster_calls.csv",
    ):  # fmt: skip
        assert wanted in said, wanted
    # Nobody stands behind it for its examples to be shown.
    assert "Where is my order?" not in text(run(page.render_choice(asked, view("/clusters", f"{RANGE}&cluster=3"))))
    assert "There is no cluster 99" in text(run(page.render_choice(asked, view("/clusters", f"{RANGE}&cluster=99"))))
    assert "Drag on the map" in text(run(page.render_choice(asked, view("/clusters", RANGE))))


def test_what_is_merged_is_shown_and_found_under_the_other(asked: Data, pages_control: Control) -> None:
    words.say(pages_control, "default", 2, merged_into=1)
    merged = next(x for x in run(asked.cluster_list(view("/clusters", RANGE).scope)) if x.cluster == 1)
    said = text(run(page.render_choice(asked, view("/clusters", f"{RANGE}&cluster=2"))))
    assert f'"{merged.calls:,}"' in said
    assert "late parcel, depot" in said
    search = searched(view("/traces", f"{RANGE}&cluster=2"))
    assert asked._shown(search).clusters == (1, 2)  # pyright: ignore[reportPrivateUsage]


def test_traces_are_found_by_the_clusters_of_their_calls(asked: Data) -> None:
    seen = view("/clusters", RANGE)
    frame = run(asked.cluster_points(seen.scope))
    for wanted in ((1,), (1, 3)):
        there = view("/traces", f"{RANGE}&cluster={','.join(map(str, wanted))}")
        rows, _ = run(traces.block(asked, there, 0, {}))
        expected = set(frame.filter(pl.col("cluster").is_in(wanted))["trace_id"])
        histogram = run(asked.trace_histogram(searched(there), clock(there).buckets))
        assert histogram["traces"].sum() == len(expected)
        assert {row["id"] for row in rows["rowData"]} <= expected
    with pytest.raises(BadView, match="cluster=x"):
        searched(view("/traces", "?cluster=x"))


def test_the_map_holds_every_call_and_no_text_but_examples(asked: Data) -> None:
    raw = run(points_json(asked, view("/clusters", f"{RANGE}&colour=score")))
    assert raw is not None
    body = json.loads(raw)
    assert body["n"] == body["of"] == CALLS
    codes = numbers(body, "cluster", "<u2")
    lines = {each.cluster: each.calls for each in run(asked.cluster_list(view("/clusters", RANGE).scope))}
    counted = dict(zip([each["id"] for each in body["clusters"]], np.bincount(codes).tolist(), strict=True))
    assert counted == lines
    assert body["score"]["name"] == "helpfulness"
    assert np.isfinite(numbers(body["score"], "values", "<f4")).sum() > CALLS / 5
    assert {each["id"]: bool(each["example"]) for each in body["clusters"]} == {0: False, 1: True, 2: True, 3: False}
    assert [each["id"] for each in body["clusters"] if each["fresh"]] == [3]
    assert "Northwind Health" in body["customer"]["values"]
    when = numbers(body, "t", "<u2") / 65_535 * (body["end"] - body["start"]) + body["start"]
    frame = run(asked.cluster_points(view("/clusters", RANGE).scope))
    assert np.allclose(when, frame["start"].to_numpy() / 1e9, atol=20)


def test_what_lies_in_an_area_is_told_and_downloaded_exactly(asked: Data) -> None:
    # Around cluster 2, whose calls lie at (2, 0).
    seen = view("/clusters", f"{RANGE}&area=1.5,-1,2.5,-1,2.5,1,1.5,1")
    frame = chosen(seen, run(asked.cluster_points(seen.scope)))
    assert set(frame["cluster"]) == {2}
    _, panel = run(page.render_choice(asked, seen))
    assert f"{len(frame):,} calls" in text(panel)
    assert "cluster=2" in text(panel)
    rows = list(csv.DictReader(io.StringIO(calls_csv(frame))))
    assert {(row["trace_id"], row["span_id"]) for row in rows} == set(frame.select("trace_id", "span_id").rows())
    half = seen.now.timestamp() - 4 * 86_400
    part = view("/clusters", f"{RANGE}&area=1.5,-1,2.5,-1,2.5,1,1.5,1&seen={int(half)}_{int(seen.now.timestamp())}")
    fewer = chosen(part, run(asked.cluster_points(seen.scope)))
    assert 0 < len(fewer) < len(frame)
    _, empty = run(page.render_choice(asked, view("/clusters", f"{RANGE}&area=90,90,91,90,91,91")))
    assert "No calls lie there" in text(empty)


def test_every_digit_of_the_list_is_downloaded(asked: Data) -> None:
    lines = run(asked.cluster_list(view("/clusters", RANGE).scope))
    rows = list(csv.DictReader(io.StringIO(list_csv(lines))))
    assert [row["cost_usd"] for row in rows] == [f"{each.cost_usd:f}" for each in lines]


@pytest.mark.parametrize(("read", "search"), [
    (area_of, "?area=1,2,3"), (area_of, "?area=1,2,3,4,nan,6"), (cluster_of, "?cluster=-1"),
    (part_of, "?seen=yesterday_"),
])  # fmt: skip
def test_what_the_address_cannot_mean_is_named(read: Callable[[View], object], search: str) -> None:
    with pytest.raises(BadView, match=search[1:8]):
        read(view("/clusters", search))


def test_a_polygon_holds_what_lies_inside_by_the_even_odd_rule() -> None:
    rng = np.random.default_rng(7)
    frame = pl.DataFrame({"x": rng.uniform(-1, 2, 500), "y": rng.uniform(-1, 2, 500)})
    # A square with a square hole, drawn in one line.
    ring = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0.3, 0.3), (0.3, 0.6), (0.6, 0.6), (0.6, 0.3), (0.3, 0.3)]
    x, y = pl.col("x"), pl.col("y")
    hole = x.is_between(0.3, 0.6) & y.is_between(0.3, 0.6)
    expected = frame.filter(x.is_between(0, 1) & y.is_between(0, 1) & ~hole)
    assert inside(frame, ring).equals(expected)
    assert inside(frame, ring[:2]).is_empty()


def test_calls_with_one_text_have_room_and_their_middle_stays() -> None:
    frame = pl.DataFrame(
        {
            "x": [0.0] * 400 + [10.0] * 4, "y": [0.0] * 400 + [10.0] * 4, "cluster": [1] * 400 + [2] * 4,
            "distance": np.linspace(0, 1, 404), "trace_id": [f"{n:03}" for n in range(404)], "span_id": ["s"] * 404,
        }
    )  # fmt: skip
    out = spread(frame)
    assert out.select("x", "y").n_unique() > 398
    large, small = (out.filter(pl.col("cluster") == n) for n in (1, 2))
    assert np.ptp(large["x"].to_numpy()) > 5 * np.ptp(small["x"].to_numpy())
    assert abs(large["x"].mean()) < 0.1  # pyright: ignore[reportArgumentType,reportOperatorIssue]
    first = frame.sample(fraction=1.0, shuffle=True, seed=3)
    assert spread(first).sort("trace_id").equals(out.sort("trace_id"))
    assert spread(frame.clear()).is_empty()


def test_a_cluster_keeps_its_colour() -> None:
    assert tint(0) not in TINTS
    assert [tint(number) for number in range(1, 11)] == list(TINTS)
