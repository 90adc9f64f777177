"""Comparisons in words become two scopes, or are refused with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from spanledger_store.control import Control, baselines, projects
from spanledger_store.control.baselines import Baseline, BaselineUnknown
from spanledger_store.quality.drift_request import Comparison, ComparisonInvalid, Of, comparison
from spanledger_store.scope import Dimension

NOW = datetime(2026, 3, 20, 7, 31, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(control: Control, **words: Any) -> Comparison:
    projects.ensure(control, "default")
    return comparison(control, project="default", now=NOW, **words)


def test_without_words_a_week_stands_beside_the_week_before(control: Control) -> None:
    found = asked(control)
    end = NOW.replace(minute=0)
    assert (found.current.start, found.current.end) == (end - 7 * DAY, end)
    assert (found.reference.start, found.reference.end) == (end - 14 * DAY, end - 7 * DAY)
    assert (found.of, found.versions) == (Of.INPUTS, ())


def test_versions_stand_beside_each_other_at_the_same_time(control: Control) -> None:
    words = {"filters": {"prompt_version": ["2"], "feature": ["chat"]}, "other": {"prompt_version": "1"}}
    found = asked(control, start="2026-03-01", end="2026-03-08", of="outputs", **words)
    assert found.current.filters == {Dimension.PROMPT_VERSION: ("2",), Dimension.FEATURE: ("chat",)}
    assert found.reference.filters == {Dimension.PROMPT_VERSION: ("1",), Dimension.FEATURE: ("chat",)}
    assert (found.reference.start, found.reference.end) == (found.current.start, found.current.end)
    assert (found.versions, found.against) == (("prompt_version",), "same")


def test_a_pinned_baseline_brings_its_time_slice_and_version(control: Control) -> None:
    projects.ensure(control, "default")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    baselines.pin(control, Baseline("default", "old", start, start + 9 * DAY, {"feature": "chat"}, {"release": "1"}))
    found = asked(control, against="old")
    assert found.current.filters == {Dimension.FEATURE: ("chat",)}
    assert found.reference.filters == {Dimension.FEATURE: ("chat",), Dimension.RELEASE: ("1",)}
    assert (found.reference.start, found.reference.end) == (start, start + 9 * DAY)
    with pytest.raises(ComparisonInvalid, match="is of feature 'chat'"):
        asked(control, against="old", filters={"feature": ["search"]})
    with pytest.raises(BaselineUnknown, match="it has: old"):
        asked(control, against="new")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"start": "yesterday"}, "from 'yesterday' is no time"),
        ({"start": "2026-03-09", "end": "2026-03-02"}, "swap them"),
        ({"of": "thoughts"}, "'thoughts' cannot be compared"),
        ({"filters": {"user": ["ann"]}}, "narrowed by 'user'"),
        ({"other": {"customer": "acme"}}, "'customer' is no version"),
        ({"filters": {"model": ["a"]}, "other": {"model": "a"}}, "model 'a' stands on both sides"),
        ({"against": "same"}, "nothing differs"),
        ({"against": "2026-03-09..2026-03-02"}, "ends before it begins"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(control: Control, words: dict[str, Any], says: str) -> None:
    with pytest.raises(ComparisonInvalid, match=says):
        asked(control, **words)
