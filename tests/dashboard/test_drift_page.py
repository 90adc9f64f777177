"""The Drift page: evidence by day, what came in, and what it did to cost, speed and failures."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from spanledger_dashboard.data import Data
from spanledger_dashboard.figures.base import OTHER, PALETTE, translucent
from spanledger_dashboard.figures.evidence import LEAST, evidence
from spanledger_dashboard.pages import drift as page
from spanledger_dashboard.pages import drift_compare as compare_page
from spanledger_dashboard.pages.drift_cards import drift_card
from spanledger_store import findings
from spanledger_store.columns import SPAN_COLUMNS, columnar
from spanledger_store.control import baselines, projects
from spanledger_store.control.baselines import Baseline
from spanledger_store.engine import Engine
from spanledger_store.quality import drift
from spanledger_store.quality.drift import Look
from spanledger_store.quality.drift_request import Comparison
from spanledger_store.scope import Dimension
from tests.dashboard.conftest import NOW, run, view
from tests.dashboard.test_anomalies_page import LARGE
from tests.dashboard.test_pages import text
from tests.store.rows import span_row

DAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
FOUND = replace(
    LARGE, id="d1", kind="drift", method="session permutation", slice={"feature": "support"}, start=DAY,
    end=DAY + timedelta(days=1), grain="day", severity="medium", impact_usd=None, p_value=1e-5,
    evidence={
        "sentence": "What is asked in feature support has changed since then.",
        "statistics": [{"name": "mean", "p": 0.02, "effect": 0.11}, {"name": "novelty", "p": 1e-5, "effect": 0.31}],
        "sessions": {"reference": 900, "current": 120},
        "baseline": {"from": "2026-01-01T00:00:00+00:00", "to": "2026-02-01T00:00:00+00:00"},
        "model": "lexical", "evidence": 40_000.0, "threshold": 18_000.0,
        "again": [(DAY + timedelta(days=2)).isoformat()],
        "examples": {"new": [{"trace_id": "ab" * 16, "span_id": "cd" * 8}]},
        "explains": [{"id": "d0", "slice": {}, "start": (DAY - timedelta(days=1)).isoformat()}],
        "topics": [{"cluster": 7, "name": "wet parcels", "before": 0.0, "after": 0.125, "p": 0.02, "sure": True}],
        "classifier": {"accuracy": 0.713, "low": 0.66, "high": 0.759},
        "measured": {
            "cost_usd": {"reference": 0.0123, "current": 0.0246}, "error_share": {"reference": None, "current": 0.5},
        },
    },
)  # fmt: skip
LOOK = Look(
    {"feature": "support"}, "embedding", DAY, DAY + timedelta(days=1), DAY - timedelta(days=9), DAY, "lexical", 300,
    2500, 120, 900, 1e-5, 0.31, "novelty", 40_000.0, 18_000.0, 3, 1, True,
)  # fmt: skip


@pytest.fixture
def looked(pages_engine: Engine) -> Iterator[None]:
    """Two days of two slices, one of which changed."""
    before = {"start": DAY - timedelta(days=1), "end": DAY, "evidence": 0.2, "alarmed": False, "p_value": 0.4}
    rows = [LOOK, replace(LOOK, **before), replace(LOOK, **before, slice={}), replace(LOOK, slice={}, p_value=None)]
    drift.write(pages_engine, "default", rows)
    findings.write(pages_engine, [FOUND])
    asked = span_row(
        trace_id="ab" * 16, span_id="cd" * 8, input_preview="my parcel is <b>wet</b>", kind="other", is_billable=0,
        start_time=int(DAY.timestamp()) * 10**9,
    )  # fmt: skip
    pages_engine.insert("span_rows", columnar(SPAN_COLUMNS, [asked]), f"drift-page-example-{uuid.uuid4().hex}")
    yield
    pages_engine.command(f"ALTER TABLE span_rows DELETE WHERE trace_id = '{'ab' * 16}' SETTINGS mutations_sync = 1")
    for table in (findings.TABLE, drift.TABLE):
        pages_engine.command(f"TRUNCATE TABLE {table}")


def test_without_looks_it_says_what_it_takes(data: Data) -> None:
    _, _, body = run(page.render(data, view("/drift")))
    assert "spanledger jobs run drift" in text(body)


@pytest.mark.usefixtures("looked")
def test_a_change_is_told_with_what_came_in_and_what_it_rests_on(data: Data) -> None:
    _, cards, body = run(page.render(data, view("/drift")))
    said = text(cards[0])
    for wanted in (
        "has changed since then", "my parcel is <b>wet</b>", f"/trace/{'ab' * 16}", "$0.0123", "$0.0246", "+100.0%",
        "120 sessions beside 900 of the baseline, 2026-01-01 to 2026-02-01", "Calls unlike any before", "0.310",
        "feature=support", "wet parcels", "12.5%", "0.02", "open",
        "AUC 0.71 (95 %: 0.66 to 0.76)", f"again {DAY + timedelta(days=2):%-d %b}",
        f"first told as Everything, {DAY - timedelta(days=1):%-d %b}",
    ):  # fmt: skip
        assert wanted in said, wanted
    assert '"Everything"' in text(body[3])
    strip = text(body[0])
    assert "Too little to compare" in strip


@pytest.mark.usefixtures("looked")
def test_a_slice_without_a_change_says_so(data: Data) -> None:
    since = DAY - timedelta(days=1)
    quiet = f"?from={since:%Y-%m-%dT%H:%M}&to={DAY:%Y-%m-%dT%H:%M}"
    _, earlier, body = run(page.render(data, view("/drift", quiet)))
    assert "Nothing has changed" in text(earlier)
    assert f"the last of them {since:%-d %b}" in text(earlier)
    # What this range asks for has been looked at.
    assert "Looked at until" not in text(body)


@pytest.mark.usefixtures("looked")
def test_why_there_are_no_looks_is_told_apart(data: Data) -> None:
    _, _, body = run(page.render(data, view("/drift", "?feature=search")))
    for wanted in ("search is not watched", "eight features", "baselines pin usual --feature search"):
        assert wanted in text(body), wanted
    _, _, body = run(page.render(data, view("/drift", "?user=ann&feature=it%27s")))
    assert "spanledger drift looks" in text(body)
    _, _, body = run(page.render(data, view("/drift", "?range=1h")))
    assert "No day of this range has been compared" in text(body)
    assert f"The newest that has been is {DAY:%-d %b}." in text(body)
    assert "range=30d" in text(body)
    _, _, body = run(page.render(data, view("/drift", "?family=mix")))
    assert "No day has been compared in this way yet" in text(body)


@pytest.mark.usefixtures("looked")
def test_days_that_nobody_has_looked_at_are_not_called_quiet(data: Data, pages_engine: Engine) -> None:
    _, cards, body = run(page.render(data, view("/drift", "?family=embedding")))
    assert f"Looked at until {DAY:%-d %b}. The days since have not been compared yet" in text(body)
    pages_engine.command(f"TRUNCATE TABLE {findings.TABLE}")
    _, cards, _ = run(page.render(data, view("/drift")))
    assert "Nothing has changed in the days looked at" in text(cards)
    later = DAY + timedelta(days=2)
    drift.write(pages_engine, "default", [replace(LOOK, quantity="measured", start=later, end=later + timedelta(1))])
    _, _, body = run(page.render(data, view("/drift")))
    assert f"Looked at: what is asked until {DAY:%-d %b}, what is measured until {later:%-d %b}." in text(body)
    # A day that has only just ended is not behind.
    soon = view("/drift", "?family=embedding", now=DAY + timedelta(days=1, hours=23))
    _, _, body = run(page.render(data, soon))
    assert "have not been compared yet" not in text(body)


@pytest.mark.usefixtures("looked")
def test_each_slice_is_listed_by_its_newest_look_the_nearest_to_its_threshold_first(
    data: Data, pages_engine: Engine
) -> None:
    quiet = {"evidence": 1.8, "alarmed": False, "p_value": None, "note": "there are no calls to compare"}
    drift.write(pages_engine, "default", [replace(LOOK, slice={"feature": "billing"}, **quiet)])
    _, _, body = run(page.render(data, view("/drift")))
    table = body[-1]
    said = text(table)
    assert said.index("Everything") < said.index("support") < said.index("billing")
    for wanted in ("What is asked", "222.2%", "< 0.001", "120", "told", f"{DAY:%-d %b}", "< 0.1%", quiet["note"]):
        assert wanted in said, wanted
    # The day before is no line of its own.
    assert f"{DAY - timedelta(days=1):%-d %b}" not in said


def test_a_change_that_is_over_and_shares_that_are_not_sure_say_so(data: Data) -> None:
    told = {
        **FOUND.evidence, "examples": {},
        "topics": [{"cluster": 1, "name": "wet", "before": 0.1, "after": 0.2, "p": 0.35, "sure": False}],
        "mix": [{"slice": {"customer": "acme"}, "before": 0.1, "after": 0.4, "low": 0.1, "high": 0.3, "p": 0.003,
                 "sure": True}],
    }  # fmt: skip
    shown = replace(FOUND, state="ended", evidence=told).as_json()
    said = text(drift_card(view("/drift"), shown))
    for wanted in (f"ended {DAY:%-d %b}", "wet (not sure by itself)", "0.35", "0.003"):
        assert wanted in said, wanted
    assert said.count("not sure by itself") == 1


def test_evidence_is_drawn_against_its_threshold() -> None:
    figure = evidence({"a": [(DAY, 0.0, False), (NOW, 2.0, True)], "b": [(DAY, 0.5, False)]})
    first, second = figure["data"]
    assert first["y"] == [LEAST, 2.0]
    assert first["marker"]["size"][1] > first["marker"]["size"][0]
    assert second["name"] == "b"
    assert figure["layout"]["shapes"][0]["y0"] == 1
    assert evidence({})["data"] == []
    assert "marker" in evidence({"alone": [(DAY, 0.0, False)]})["data"][0]


def test_lines_near_the_threshold_have_a_colour_and_a_name_of_their_own_and_all_others_are_grey() -> None:
    # Nineteen lines, of which eight came near: two more than there are colours.
    lines = {f"s{n}": [(DAY, 0.01, False), (NOW, (n + 1) / 10 if n < 8 else 0.1, n == 7)] for n in range(19)}
    figure = evidence({"s0": lines.pop("s0"), **lines, "high": [(DAY, 900.0, True)]})
    coloured = [each for each in figure["data"] if "marker" in each]
    assert [each["name"] for each in coloured] == ["s3", "s4", "s5", "s6", "s7", "high"]
    assert len({each["line"]["color"] for each in coloured}) == len(PALETTE)
    quiet = [each for each in figure["data"] if "marker" not in each]
    assert len(quiet) == 14
    assert {each["line"]["color"] for each in quiet} == {translucent(OTHER, "66")}
    assert all(each["name"] and each["hovertemplate"] for each in quiet)
    # They lie beneath.
    assert figure["data"][-len(coloured) :] == coloured
    names = {each["text"].partition("</span> ")[2]: each for each in figure["layout"]["annotations"]}
    assert set(names) == {each["name"] for each in coloured}
    assert all(each["line"]["color"] in names[each["name"]]["text"] for each in coloured)
    # Those of one day and height are stacked; that of another day stands by itself.
    shifts = [names[f"s{n}"]["yshift"] for n in range(3, 8)]
    assert len(set(shifts)) == len(shifts)
    assert names["high"]["yshift"] == min(shifts)
    (hostile,) = evidence({"<b>x</b>": [(DAY, 1.0, True)]})["layout"]["annotations"]
    assert hostile["text"].endswith("&lt;b&gt;x&lt;/b&gt;")


MEASURED = {
    **FOUND.evidence,
    "quantity": "measured", "examples": {}, "topics": [],
    "sentence": "Duration of feature support changed since then.",
    "baseline": {**FOUND.evidence["baseline"], "name": "v1"},
    "changes": [
        {
            "name": "duration_ns", "p_corrected": 1e-5,
            "quantiles": [{"level": 0.5, "before": 1.0, "after": 4.0}, {"level": 0.95, "before": 2.0, "after": 8.0}],
        },
        {"name": "model", "p_corrected": 0.01, "shares": [{"name": "gpt-x", "before": 0.25, "after": 0.75}]},
    ],
}  # fmt: skip


@pytest.mark.usefixtures("looked")
def test_baseline_and_kind_are_picked_by_the_url(data: Data, pages_engine: Engine) -> None:
    control = data._control
    projects.ensure(control, "default")
    baselines.pin(control, Baseline("default", "v1", DAY - timedelta(days=9), DAY))
    findings.write(pages_engine, [replace(FOUND, id="d2", evidence=MEASURED)])
    drift.write(pages_engine, "default", [replace(LOOK, quantity="measured@v1")])
    try:
        _, cards, body = run(page.render(data, view("/drift", "?base=v1&family=measured")))
        said = text(cards)
        for wanted in ("Duration of feature support changed", "against v1", "95th percentile", "gpt-x", "75.0%"):
            assert wanted in said, wanted
        assert "has changed since then" not in said
        assert "support, measured" in text(body)
    finally:
        baselines.unpin(control, "default", "v1")


def test_a_comparison_is_asked_by_the_url_and_drawn(data: Data) -> None:
    asked: list[Comparison] = []
    told = {"p": 0.001, "p_corrected": 0.002, "changed": True, "effect": 0.3, "note": ""}
    side = {"from": DAY.isoformat(), "to": NOW.isoformat(), "calls": 900, "sessions": 90}
    answer = {
        "of": "inputs", "sentence": "Duration differs (90 sessions beside 90).", "embeddings": {**told, "p": None},
        "measured": {**told, "quantities": [{**MEASURED["changes"][0], "changed": True}]},
        "mix": {**told, "shares": [{"slice": {"customer": "acme"}, "before": 0.1, "after": 0.4}]},
        "beside": {"cost_usd": {"reference": 0.01, "current": 0.02, "by_mix": 0.0}}, "examples": {}, "topics": [],
        "current": side, "reference": side, "classifier": {"accuracy": 0.9, "low": 0.8, "high": 1.0},
    }  # fmt: skip

    def compare(wanted: Comparison) -> dict[str, Any]:
        asked.append(wanted)
        return answer

    projects.ensure(data._control, "default")
    data.compare_drift = compare
    try:
        (form,) = run(compare_page.render(data, view("/drift", "?range=7d")))
        assert not asked
        assert "a week earlier" in text(form)
        (drawn,) = run(compare_page.render(data, view("/drift", "?range=7d&vs=same&by=model&ours=b&theirs=a")))
        assert asked[0].reference.filters == {Dimension.MODEL: ("a",)}
        said = text(drawn)
        for wanted in (
            "Duration differs",
            "not tested",
            "differs",
            "95th percentile",
            "acme",
            "40.0%",
            "900 calls",
            "AUC 0.90",
        ):
            assert wanted in said, wanted
        (wrong,) = run(compare_page.render(data, view("/drift", "?range=7d&vs=same")))
        assert "nothing differs" in text(wrong)
    finally:
        data.compare_drift = None
    (nobody,) = run(compare_page.render(data, view("/drift", "?range=7d&vs=week")))
    assert "spanledger drift compare" in text(nobody)
