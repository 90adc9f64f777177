"""Which alarms are one finding: those of one slice that follow each other, and wider ones that a narrower explains."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spanledger_analytics import drift_merging, drifting
from spanledger_analytics.drifting import Side
from spanledger_store.findings import Finding
from spanledger_store.quality.drift import Look
from spanledger_store.reports.drift_calls import Window
from spanledger_store.scope import Scope

DAY = timedelta(days=1)
BEGAN = datetime(2026, 5, 9, tzinfo=UTC)
CHAT = {"feature": "chat"}


def finding(day: int, where: dict[str, str], family: str = "embedding", **more: Any) -> Finding:
    start = BEGAN + day * DAY
    evidence = {"quantity": family, "baseline": {"name": ""}, "sentence": f"since {start:%d}"}
    return Finding(
        project_id="default", id=f"{where} {day}", kind="drift", method="m", slice=where, start=start, end=start + DAY,
        grain="day", first_detected_at=start, detected_at=start, severity="medium", actual=None, expected=None,
        lower=None, upper=None, unit="", impact_usd=None, score=0.2, p_value=1e-4, confidence=0.9, evidence=evidence,
        **more,
    )  # fmt: skip


def look(day: int, where: dict[str, str], quantity: str = "embedding") -> Look:
    start = BEGAN + day * DAY
    return Look(
        where, quantity, start, start + DAY, BEGAN - 9 * DAY, start, "m", 9, 9, 9, 9, 1e-4, 0.2, "mean", 99.0, 9.0, 1,
        1, alarmed=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "where", "quantity", "same"),
    [
        (1, CHAT, "embedding", True),
        (4, CHAT, "embedding", True),
        (5, CHAT, "embedding", False),
        (1, {"feature": "search"}, "embedding", False),
        (1, {}, "embedding", False),
        (1, CHAT, "measured", False),
        (1, CHAT, "embedding@v1", False),
    ],
)
def test_an_alarm_goes_on_with_a_finding_of_its_slice_that_ended_lately(
    day: int, where: dict[str, str], quantity: str, same: bool
) -> None:
    alarm = look(day, where, quantity)
    older = finding(-9, CHAT)
    found = drift_merging.goes_on([finding(0, CHAT), older], alarm, alarm.start)
    assert (found is not None and found.id == finding(0, CHAT).id) is same


def test_what_goes_on_keeps_its_beginning_and_says_when_it_alarmed_again() -> None:
    first = finding(0, CHAT)
    second = drift_merging.merged(first, look(1, CHAT), replace(finding(1, CHAT), severity="high"))
    third = drift_merging.merged(second, look(3, CHAT), finding(3, CHAT))
    assert (third.id, third.start, third.end) == (first.id, first.start, BEGAN + 4 * DAY)
    assert third.severity == "high"
    assert third.first_detected_at == first.first_detected_at
    assert third.detected_at == BEGAN + 3 * DAY
    assert third.evidence["again"] == [(BEGAN + day * DAY).isoformat() for day in (1, 3)]
    assert third.evidence["sentence"] == "since 09"
    # What is told of one beginning, as against a baseline that stays, is told anew.
    longer = replace(first, end=BEGAN + 2 * DAY, detected_at=BEGAN + 2 * DAY, evidence={"sentence": "longer"})
    renewed = drift_merging.merged(first, look(1, CHAT), longer)
    assert (renewed.end, renewed.evidence, renewed.first_detected_at) == (
        longer.end, {"sentence": "longer"}, first.first_detected_at,
    )  # fmt: skip


def test_narrower_findings_are_of_the_same_quantity_within_the_slice() -> None:
    standing = [
        finding(0, CHAT), finding(0, {"feature": "search"}, "measured"), finding(0, {}), finding(-9, {"feature": "x"}),
    ]  # fmt: skip
    assert drift_merging.narrower(standing, {}, "embedding", BEGAN + DAY) == [standing[0]]
    assert drift_merging.narrower(standing, CHAT, "embedding", BEGAN + DAY) == []
    within = finding(0, {"feature": "chat", "customer": "acme"})
    assert drift_merging.narrower([within], CHAT, "embedding", BEGAN + DAY) == [within]
    assert drift_merging.narrower([within], {"feature": "search"}, "embedding", BEGAN + DAY) == []


def side(changed: dict[str, bool], seed: int) -> Side:
    """150 sessions, about one of two topics; in the features that changed a third is about another."""
    dice = np.random.default_rng(seed)
    features = [["chat", "search", None][at % 3] for at in range(150)]
    about = [2 if changed.get(each or "") and at % 9 < 3 else int(dice.integers(2)) for at, each in enumerate(features)]
    vectors = (np.eye(6)[about] + 0.1 * dice.normal(size=(150, 6))).astype(np.float32)
    frame = pl.DataFrame(
        {"block": np.arange(150) + 1000 * seed, "customer": "acme", "feature": features, "stratum": "s"},
        schema_overrides={"feature": pl.String},
    )
    # Every tenth call has no vector.
    embedded = np.arange(150) % 10 != 9
    scope = Scope("default", BEGAN, BEGAN + DAY)
    return Side(scope, Window(frame, vectors, embedded, 150, 1), frame, vectors[embedded], embedded, "m", None)


def asked(sides: tuple[Side, Side]) -> drifting.Tested:
    return drifting.asked(*sides, seed=1)


def test_a_wider_alarm_is_explained_where_nothing_is_left_without_the_narrower() -> None:
    only_chat = side({}, 1), side({"chat": True}, 2)
    both = side({}, 1), side({"chat": True, "search": True}, 2)
    told = [finding(0, CHAT)]
    for sides in (only_chat, both):
        p = asked(sides).p
        assert p is not None
        assert p <= drift_merging.EXPLAINED
    assert drift_merging.explained(only_chat, told, asked)
    assert not drift_merging.explained(both, told, asked)
    assert not drift_merging.explained(only_chat, [], asked)
    assert drift_merging.explained(both, [*told, finding(0, {"feature": "search"})], asked)


def test_a_wider_finding_that_ended_lately_is_withdrawn_and_each_names_the_other() -> None:
    found = [finding(0, {}), finding(0, CHAT), finding(-9, {}), finding(0, {}, "measured")]
    assert drift_merging.wider(found, look(1, CHAT), BEGAN + DAY) == []
    alike = [replace(each, evidence={**each.evidence, "model": "m"}) for each in found]
    (outer,) = drift_merging.wider(alike, look(1, CHAT), BEGAN + DAY)
    assert outer.id == found[0].id
    told, gone = drift_merging.taken_over(finding(1, CHAT), [outer])
    assert (gone.state, gone.evidence["explained_by"]) == ("withdrawn", told.id)
    assert told.evidence["explains"] == [{"id": outer.id, "slice": {}, "start": outer.start.isoformat()}]
    assert told.first_detected_at == outer.first_detected_at
    assert drift_merging.standing([told, gone]) == [told]
    # What is told anew of the same beginning keeps it.
    again = drift_merging.merged(told, look(2, CHAT), finding(1, CHAT))
    assert again.evidence["explains"] == told.evidence["explains"]
    assert again.first_detected_at == told.first_detected_at
    assert drift_merging.taken_over(told, []) == [told]
