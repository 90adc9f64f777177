"""Pinned baselines: kept, replaced, refused with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from spanledger_store.control import Control, baselines, dump, projects
from spanledger_store.control.baselines import Baseline, BaselineInvalid, BaselineUnknown
from spanledger_store.control.errors import ProjectUnknown

AT = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_a_baseline_is_kept_replaced_and_taken_away(control: Control) -> None:
    projects.ensure(control, "default")
    first = baselines.pin(
        control, Baseline("default", "v1", AT, AT + WEEK, {"feature": "chat"}, {"release": "1"}, "Jo")
    )
    assert baselines.listing(control, "default") == [first]
    assert first.as_json()["versions"] == {"release": "1"}
    again = baselines.pin(control, Baseline("default", "v1", AT, AT + 2 * WEEK))
    assert baselines.listing(control, "default") == [again]
    assert again.id != first.id
    assert not dump.is_fresh(control)
    assert baselines.unpin(control, "default", "v1") == again
    with pytest.raises(BaselineUnknown, match="has no baseline 'v1'; it has: none yet"):
        baselines.get(control, "default", "v1")


def test_a_project_has_five_at_most_of_its_own(control: Control) -> None:
    projects.ensure(control, "default")
    for number in range(baselines.MOST):
        baselines.pin(control, Baseline("default", f"b{number}", AT, AT + WEEK))
    with pytest.raises(BaselineInvalid, match="unpin one first, such as 'b0'"):
        baselines.pin(control, Baseline("default", "b9", AT, AT + WEEK))
    baselines.pin(control, Baseline("default", "b4", AT, AT + 2 * WEEK))
    with pytest.raises(ProjectUnknown):
        baselines.pin(control, Baseline("nobody", "b0", AT, AT + WEEK))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": "previous"}, "name 'previous' cannot"),
        ({"name": "a@b"}, "name 'a@b' cannot"),
        ({"name": "a..b"}, "cannot be a baseline's"),
        ({"end": AT}, "is no stretch of time"),
        ({"start": AT.replace(tzinfo=None)}, "is no stretch of time"),
        ({"slice": {"user": "ann"}}, "'user' is nothing a baseline can be of"),
        ({"versions": {"feature": "chat"}}, "'feature' is nothing a baseline can be of: use release"),
        ({"slice": {"model": ""}}, "value of model is empty"),
        ({"slice": {"model": "a"}, "versions": {"model": "b"}}, "model is named for both sides"),
        ({"who": "x" * 201}, "201 characters"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(values: dict[str, object], says: str) -> None:
    held: dict[str, object] = {"project": "default", "name": "b", "start": AT, "end": AT + WEEK}
    with pytest.raises(BaselineInvalid, match=says):
        Baseline(**held | values)  # type: ignore[arg-type]
