"""What becomes of findings of drift later: those of a baseline that was pinned anew, those that are over, and notes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spanledger_analytics import drift_comparing, drift_detail, drift_merging, drift_standing, drifting
from spanledger_analytics.drifting import Side
from spanledger_analytics.jobs import drift as job
from spanledger_analytics.methods.drift import categories
from spanledger_store import findings
from spanledger_store.control import Control, baselines, projects
from spanledger_store.control.baselines import Baseline
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.quality import drift
from spanledger_store.quality.drift import Look
from spanledger_store.quality.drift_request import comparison
from spanledger_store.reports.drift_calls import Window
from spanledger_store.scope import Scope

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
# The job looks at a day an hour after it is over.
NOW = TODAY + timedelta(hours=2)


@pytest.fixture(autouse=True)
def _project(control: Control) -> None:
    projects.ensure(control, "default")


def found(at: datetime, name: str = "", pinned: str = "", *, of: str = "measured", **where: str) -> Finding:
    told = {"name": name, "id": pinned, "from": (at - 9 * DAY).isoformat(), "to": at.isoformat()}
    return Finding(
        project_id="default", id=f"{where} {name} {pinned} {at}", kind="drift", method="m", slice=where, start=at,
        end=at + DAY, grain="day", first_detected_at=at, detected_at=at, severity="medium", actual=None, expected=None,
        lower=None, upper=None, unit="", impact_usd=None, score=0.2, p_value=1e-4, confidence=0.9,
        evidence={"quantity": of, "baseline": told, "sentence": "Duration changed."},
    )  # fmt: skip


def looked(at: datetime, quantity: str, baseline: tuple[datetime, datetime], *, alarmed: bool, **where: str) -> Look:
    return Look(
        where, quantity, at, at + DAY, *baseline, "", 300, 900, 90, 300, 1e-6, 0.3, "duration_ns", 1e6, 1e4, 3, 1,
        alarmed,
    )  # fmt: skip


def test_what_was_found_against_an_earlier_baseline_of_the_name_is_taken_back(
    embedded: Engine, control: Control
) -> None:
    begin, end = TODAY - 20 * DAY, TODAY - 10 * DAY
    first = baselines.pin(control, Baseline("default", "b1", begin, end, versions={"prompt_version": "v6"}))
    other = baselines.pin(control, Baseline("default", "b2", begin, end))
    at = TODAY - 9 * DAY
    stretch = (begin, end)
    drift.write(
        embedded,
        "default",
        [
            looked(at, "measured@b1", stretch, alarmed=True),
            looked(at, "measured@b1", stretch, alarmed=True, feature="chat"),
            looked(at, "measured@b2", stretch, alarmed=True),
            looked(at, "measured", stretch, alarmed=False),
        ],
    )
    findings.write(embedded, [found(at, "b1", first.id), found(at, "b2", other.id), found(at)])
    # Nothing but the version differs.
    second = baselines.pin(control, Baseline("default", "b1", begin, end, versions={"prompt_version": "v5"}))
    assert job.look(embedded, control, "default", NOW) == 14
    looks = drift.listing(embedded, "default", begin, TODAY, ["measured@b1"])
    # The week before it was pinned is looked at anew, and nothing else stands as its own.
    assert [each.start for each in looks] == [TODAY - DAY * days for days in range(7, 0, -1)]
    assert not any(each.alarmed for each in looks)
    kept = drift.listing(embedded, "default", at, at + DAY)
    assert {each.quantity for each in kept} == {"measured@b2", "measured"}
    by_name = {each.evidence["baseline"]["name"]: each for each in findings.listing(embedded, "default")}
    assert by_name["b1"].state == "withdrawn"
    assert by_name["b1"].evidence[drift_standing.PINNED_ANEW] == second.id
    assert {by_name["b2"].state, by_name[""].state} == {"ended", "open"}
    # What alarms against the new one is no going on of what was taken back.
    assert drift_merging.standing([by_name["b1"]]) == []
    assert job.look(embedded, control, "default", NOW) == 0
    # Without an id, as earlier releases wrote them, what was found before the pin is of another one.
    known = found(at, "b1")
    unknown = replace(known, evidence={**known.evidence, "baseline": {"name": "b1"}})
    assert [each.id for each in drift_standing.taken_back([unknown], second)] == [unknown.id]
    assert drift_standing.taken_back([replace(unknown, detected_at=datetime.now(UTC))], second) == []


def test_a_finding_is_over_once_the_days_after_it_have_been_looked_at(embedded: Engine, control: Control) -> None:
    stretch = (TODAY - 30 * DAY, TODAY - 10 * DAY)
    drift.write(
        embedded,
        "default",
        [
            looked(TODAY - DAY, "mix", stretch, alarmed=False),
            looked(TODAY - 6 * DAY, "measured@gone", stretch, alarmed=True),
            looked(TODAY - 9 * DAY, "embedding", stretch, alarmed=True),
        ],
    )
    standing = {
        "long ago": found(TODAY - 4 * DAY, of="mix"),
        "of late": found(TODAY - 3 * DAY, of="mix", feature="b"),
        "no longer watched": found(TODAY - 5 * DAY, of="mix", feature="a"),
        "unpinned": found(TODAY - 6 * DAY, "gone", "x"),
        # Days that nobody has looked at say nothing.
        "not looked at": found(TODAY - 9 * DAY, of="embedding"),
    }
    findings.write(embedded, list(standing.values()))
    assert job.look(embedded, control, "default", NOW) == 0
    states = {name: findings.get(embedded, "default", each.id).state for name, each in standing.items()}
    over = ("long ago", "no longer watched", "unpinned")
    assert states == {name: "ended" if name in over else "open" for name in standing}
    ended = findings.get(embedded, "default", standing["long ago"].id)
    assert ended.end == standing["long ago"].end
    # An alarm whose change began before goes on with it: it is open again.
    again = looked(TODAY - DAY, "mix", stretch, alarmed=True)
    assert drift_merging.merged(ended, again, found(TODAY - 2 * DAY, of="mix")).state == "open"


def side(sessions: int, *, embedded: bool = False, model: str = "m") -> Side:
    frame = pl.DataFrame(
        {"block": [f"s{n}" for n in range(sessions)], "stratum": ["a"] * sessions, "duration_ns": [1] * sessions},
        schema={"block": pl.String, "stratum": pl.String, "duration_ns": pl.Int64},
    )
    there = np.full(sessions, embedded)
    vectors = np.ones((sessions if embedded else 0, 4), np.float32)
    return Side(
        scope=Scope("default", TODAY - DAY, TODAY), window=Window(frame, vectors, there, sessions, sessions),
        frame=frame, vectors=vectors, embedded=there, model=model, codebook=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        (side(0), side(9), "there are no calls to compare with: the reference is empty"),
        (side(9), side(0), "there are no calls to compare: only the reference has some"),
        (side(0), side(0), "there are no calls, neither to compare nor to compare with"),
        (side(9), side(9), "no embedding by m of the reference and of the calls that are compared"),
        (side(9, embedded=True), side(9), "no embedding by m of the calls that are compared"),
        (side(9), side(9, model=""), "no call has an embedding"),
        (side(3, embedded=True), side(9, embedded=True), "3 sessions of the reference window can be compared"),
    ],
)
def test_what_is_missing_is_told_in_plain_words(before: Side, now: Side, wanted: str) -> None:
    note = drifting.asked(before, now).note
    assert note.startswith(wanted)
    assert "shape" not in note
    if not len(before.frame) * len(now.frame):
        assert drifting.mix(before, now).note == note


def test_a_comparison_without_calls_says_so_once(embedded: Engine, control: Control) -> None:
    for of in ("inputs", "outputs"):
        asked = comparison(control, project="default", start="2026-05-02", end="2026-05-03", of=of)
        told: dict[str, Any] = drift_comparing.answer(embedded, control, asked)
        notes = {told[name]["note"] for name in ("embeddings", "measured", "mix")}
        assert notes == {"there are no calls, neither to compare nor to compare with"}


@pytest.mark.parametrize("news", [0.0, 0.5])
def test_shares_are_told_where_they_changed_surely_and_else_one_alone(news: float) -> None:
    dice = np.random.default_rng(3)
    before = dice.integers(0, 9, 400)
    after = np.where(dice.random(400) < news, 9, dice.integers(0, 9, 400))
    blocks = {"reference_blocks": np.arange(400), "current_blocks": 1000 + np.arange(400)}
    shares = categories.compare(before, after, **blocks)
    told = drift_detail.sure(shares)
    if news:
        assert told[0].name == 9
        assert all(each.p <= 0.05 for each in told)
        assert any(each.p > 0.05 for each in shares.shares)
    else:
        (only,) = told
        assert only.p > 0.05
        assert only == shares.shares[0]
