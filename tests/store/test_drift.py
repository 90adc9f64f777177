"""What drift tests read, and the looks they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from spanledger_store.columns import CONTENT_COLUMNS, SPAN_COLUMNS, columnar
from spanledger_store.engine import Engine
from spanledger_store.quality import drift
from spanledger_store.quality.drift import Look
from spanledger_store.reports import drift_calls, drift_columns, drift_held
from spanledger_store.scope import Dimension, Scope
from tests.store.rows import content_row, span_row

BEGIN = datetime(2026, 4, 1, tzinfo=UTC)
SCOPE = Scope("default", BEGIN, BEGIN + timedelta(days=2))
NS = int(BEGIN.timestamp()) * 10**9


def fill(engine: Engine, calls: Sequence[dict[str, Any]]) -> None:
    rows = [
        span_row(**{"span_id": f"{n:016x}", "trace_id": f"{n:032x}", "start_time": NS + n * 10**9, **each})
        for n, each in enumerate(calls)
    ]
    engine.insert("span_rows", columnar(SPAN_COLUMNS, rows), f"drift-{len(calls)}-{calls[0]}")


def vectors(engine: Engine, numbers: Sequence[int], model: str = "m", size: int = 4) -> None:
    engine.insert(
        "embedding_rows",
        {
            "project_id": ["default"] * len(numbers),
            "trace_id": [f"{n:032x}" for n in numbers],
            "span_id": [f"{n:016x}" for n in numbers],
            "start_time": [NS + n * 10**9 for n in numbers],
            "model": [model] * len(numbers),
            "vector": [[float(n + 1)] * size for n in numbers],
            "ingested_at": [NS] * len(numbers),
        },
        f"vectors-{numbers}-{model}",
    )


def test_calls_come_with_their_sessions_and_vectors(engine: Engine) -> None:
    fill(
        engine,
        [
            {"session": "s1", "user": "ann"},
            {"session": "s1", "user": "bob", "input_tokens": None, "output_tokens": None, "cache_read_tokens": None},
            {"session": "", "user": "ann"},
            {"session": "", "user": "ann", "start_time": NS + 86_400 * 10**9 + 1},
            {"session": "", "user": ""},
            {"session": "s9", "kind": "embedding"},
            {"session": "s9", "is_billable": False},
        ],
    )
    vectors(engine, [0, 2, 4])
    vectors(engine, [1], model="another")
    found = drift_calls.window(engine, SCOPE, "m", 4)
    assert found.calls == len(found.frame) == 5
    block = dict(zip(found.frame["span_id"].str.slice(-1), found.frame["block"], strict=True))
    assert block["0"] == block["1"]
    assert len(set(block.values())) == 4
    at = {span: n for n, span in enumerate(found.frame["span_id"].str.slice(-1))}
    assert found.embedded.tolist() == [n in {at["0"], at["2"], at["4"]} for n in range(5)]
    spans = found.frame["span_id"].to_numpy()[found.embedded]
    assert found.vectors[:, 0].tolist() == [int(span, 16) + 1 for span in spans]
    row = found.frame.row(at["1"], named=True)
    assert row["prompt_tokens"] is None
    assert row["completion_tokens"] is None
    none = drift_calls.window(engine, SCOPE)
    assert none.vectors.shape == (0, 0)
    assert not none.embedded.any()


def test_a_sample_is_of_whole_sessions(engine: Engine) -> None:
    fill(engine, [{"session": f"s{n // 5}", "feature": "chat" if n < 300 else "search"} for n in range(400)])
    whole, some = drift_calls.window(engine, SCOPE), drift_calls.window(engine, SCOPE, most=100)
    assert (whole.calls, some.calls, some.among) == (400, 400, 4)
    assert 0 < len(some.frame) < 250
    assert set(some.frame.group_by("block").len()["len"]) == {5}
    same = drift_calls.window(engine, replace(SCOPE, filters={Dimension.FEATURE: ("chat",)}), among=4)
    assert same.frame["span_id"].to_list() == some.frame.filter(feature="chat")["span_id"].to_list()
    assert drift_calls.slices(engine, SCOPE, Dimension.FEATURE, 20, 5) == ["chat", "search"]
    assert drift_calls.slices(engine, SCOPE, Dimension.FEATURE, 21, 5) == ["chat"]


def test_a_calls_cluster_is_that_of_the_codebook(engine: Engine) -> None:
    fill(engine, [{"session": f"s{n}"} for n in range(3)])
    count = 2
    engine.insert(
        "assignment_rows",
        {
            "project_id": ["default"] * count, "trace_id": [f"{n:032x}" for n in range(count)],
            "span_id": [f"{n:016x}" for n in range(count)], "start_time": [NS + n * 10**9 for n in range(count)],
            "codebook": ["c1"] * count, "cluster": [7, 0], "distance": [0.1, 0.9], "weight": [1.0, 1.0],
            "x": [0.0, 0.0], "y": [0.0, 0.0], "exemplar": [0, 0], "ingested_at": [NS] * count,
        },
        "assigned",
    )  # fmt: skip
    read = drift_calls.window(engine, SCOPE)
    assert drift_calls.clusters(engine, SCOPE, read, "c1").tolist() == [7, 0, -1]
    assert drift_calls.clusters(engine, SCOPE, read, "c2").tolist() == [-1, -1, -1]


def test_lengths_tools_scores_and_answers_stand_beside_their_calls(engine: Engine) -> None:
    tool = {"kind": "tool", "is_billable": False}
    fill(
        engine,
        [
            {"session": "s1"}, {"session": "s1"}, {"trace_id": f"{0:032x}", "name": "search", **tool},
            {"trace_id": f"{0:032x}", "name": "pay", **tool},
        ],
    )  # fmt: skip
    key = {"trace_id": f"{0:032x}", "span_id": f"{0:016x}", "start_time": NS}
    content = content_row(**key, output="so be it", input_length=12, output_length=8)
    engine.insert("span_content_rows", columnar(CONTENT_COLUMNS, [content]), "beside")
    scored = [(0, f"{0:016x}", 0.25), (0, "", 0.75), (1, "", 1.0)]
    engine.insert(
        "score_rows",
        {
            "project_id": ["default"] * 3, "trace_id": [f"{n:032x}" for n, _, _ in scored],
            "span_id": [span for _, span, _ in scored], "session": [""] * 3, "name": ["good"] * 3, "time": [NS + 1] * 3,
            "value": [value for _, _, value in scored], "label": [""] * 3, "explanation": [""] * 3,
            "source": ["test"] * 3, "ingested_at": [NS] * 3,
        },
        "scored",
    )  # fmt: skip
    read = drift_calls.window(engine, SCOPE)
    found = drift_columns.columns(engine, SCOPE, read)
    assert found["input_length"].to_list() == [12, None]
    assert found["tools"].to_list() == ["pay, search", ""]
    assert found["score good"].to_list() == [0.25, 1.0]
    assert drift_columns.outputs(engine, SCOPE, read) == ["so be it", ""]
    assert drift_calls.first_call(engine, "default", BEGIN) == BEGIN
    assert drift_calls.first_call(engine, "nobody", BEGIN) is None


def test_another_salt_is_another_sample(embedded: Engine) -> None:
    fill(embedded, [{"session": f"s{n // 5}"} for n in range(400)])
    one, other = (set(drift_calls.window(embedded, SCOPE, most=100, salt=salt).frame["block"]) for salt in "ab")
    again = set(drift_calls.window(embedded, SCOPE, most=100, salt="a").frame["block"])
    assert one == again
    assert one != other
    assert len(one & other) < len(one)


def look(day: int, **changes: Any) -> Look:
    start = BEGIN + timedelta(days=day)
    made = Look(
        {"feature": "chat", "customer": "a"}, "embedding", start, start + timedelta(days=1), BEGIN, start, "m", 10, 100,
        4, 40, 0.5, 0.01, "mean", 0.4, 1800.0, day, 1, False,
    )  # fmt: skip
    return replace(made, **changes)


def test_a_look_made_again_replaces_itself(engine: Engine) -> None:
    drift.write(engine, "default", [look(1), look(2), look(2, quantity="model", p_value=None, note="4 sessions")])
    drift.write(engine, "default", [look(2, evidence=3.0, slice={"customer": "a", "feature": "chat"})])
    drift.write(engine, "other", [look(3)])
    found = drift.listing(engine, "default", BEGIN, BEGIN + timedelta(days=9))
    assert [(each.start.day, each.quantity, each.evidence) for each in found] == [
        (2, "embedding", 0.4), (3, "embedding", 3.0), (3, "model", 0.4),
    ]  # fmt: skip
    assert found[0] == look(1)
    assert drift.listing(engine, "default", BEGIN, BEGIN + timedelta(days=9), ["model"]) == [found[2]]
    newest = drift.newest(engine, "default")
    assert newest[found[0].key] == found[1]
    assert len(newest) == 2
    drift.write(engine, "default", [])


def test_a_look_is_ready_for_json() -> None:
    assert look(1).as_json()["start"] == "2026-04-02T00:00:00+00:00"


@pytest.mark.parametrize("slice_", [{}, {"feature": "ü\"'", "customer": ""}])
def test_any_slice_is_kept_as_it_is(embedded: Engine, slice_: dict[str, str]) -> None:
    drift.write(embedded, "default", [look(1, slice=slice_)])
    assert next(iter(drift.newest(embedded, "default").values())).slice == slice_


@pytest.mark.parametrize("feature", [None, "chat"])
@pytest.mark.parametrize("days", [(0, 2), (1, 2)])
def test_a_window_of_calls_that_are_held_is_the_window_that_is_read(
    engine: Engine, days: tuple[int, int], feature: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_held, "MOST", 60)
    half = 12 * 3600 * 10**9
    calls: list[dict[str, Any]] = [
        {"session": f"s{n // 5}", "feature": "chat" if n % 3 else "search", "trace_id": f"{n // 2:032x}",
         "start_time": NS + n * half // 50}
        for n in range(200)
    ]  # fmt: skip
    tools = [
        {"kind": "tool", "is_billable": False, "name": name, "trace_id": f"{n:032x}", "span_id": f"{500 + at:016x}",
         "start_time": NS + day * 2 * half + 1}
        for at, (n, name, day) in enumerate([(0, "b", 0), (0, "a", 1), (0, "late", 3), (60, "c", 1), (60, "c", 1)])
    ]  # fmt: skip
    fill(engine, [*calls, *tools])
    vectors_of = range(0, 200, 2)
    engine.insert(
        "embedding_rows",
        {
            "project_id": ["default"] * 100, "trace_id": [f"{n // 2:032x}" for n in vectors_of],
            "span_id": [f"{n:016x}" for n in vectors_of], "start_time": [NS + n * half // 50 for n in vectors_of],
            "model": ["m"] * 100, "vector": [[n + 0.5, 1.0, 2.0] for n in vectors_of], "ingested_at": [NS] * 100,
        },
        "held-vectors",
    )  # fmt: skip
    scored = [(0, f"{0:016x}", 0.25, 1), (0, "", 0.75, 1), (1, "", 1.0, 2 * half), (61, "", 0.5, 5 * half)]
    engine.insert(
        "score_rows",
        {
            "project_id": ["default"] * 4, "trace_id": [f"{n:032x}" for n, *_ in scored],
            "span_id": [span for _, span, *_ in scored], "session": [""] * 4, "name": ["good"] * 4,
            "time": [NS + at for *_, at in scored], "value": [value for _, _, value, _ in scored], "label": [""] * 4,
            "explanation": [""] * 4, "source": ["test"] * 4, "ingested_at": [NS] * 4,
        },
        "held-scores",
    )  # fmt: skip
    filters = {Dimension.FEATURE: (feature,)} if feature else {}
    start, end = (BEGIN + timedelta(days=day) for day in days)
    scope = Scope("default", start, end, filters)
    held = drift_held.hold(engine, SCOPE, "m", 3)
    assert held is not None
    assert held.holds(scope)
    for salt in ("", "7", "another"):
        read = drift_calls.window(engine, scope, "m", 3, most=60, salt=salt)
        found = held.of(engine, scope, salt, vectors=True)
        assert (found.calls, found.among) == (read.calls, read.among)
        assert found.among > 1
        assert found.frame.select(read.frame.columns).equals(read.frame)
        assert found.vectors.tolist() == read.vectors.tolist()
        assert found.embedded.tolist() == read.embedded.tolist()
        whole = drift_columns.columns(engine, scope, read)
        assert held.columns(scope, found).select(whole.columns).equals(whole)
        assert not held.of(engine, scope, salt, vectors=False).embedded.any()


def test_only_what_lies_within_and_takes_little_room_is_held(embedded: Engine) -> None:
    assert drift_held.hold(embedded, SCOPE) is None
    fill(embedded, [{"session": f"s{n}"} for n in range(3)])
    held = drift_held.hold(embedded, SCOPE)
    assert held is not None
    assert not held.holds(replace(SCOPE, start=SCOPE.start - timedelta(days=1)))
    assert not held.holds(replace(SCOPE, filters={Dimension.USER: ("ann",)}))
    assert not held.holds(replace(SCOPE, project="another"))
    assert drift_held.hold(embedded, SCOPE, room=2_000) is None


def test_looks_against_an_earlier_baseline_of_a_name_are_forgotten(engine: Engine) -> None:
    ours = [look(1, quantity="measured@b 1"), look(1, quantity="embedding@b 1", slice={}), look(2, quantity="mix@b 1")]
    others = [look(1), look(1, quantity="measured@b"), look(1, quantity="measured@xb 1")]
    drift.write(engine, "default", [*ours, *others])
    drift.write(engine, "other", ours[:1])
    assert drift.forget(engine, "default", "b 1", BEGIN) == 0
    assert drift.forget(engine, "default", "b 1", datetime.now(UTC) + timedelta(seconds=1)) == len(ours)
    assert {each.quantity for each in drift.newest(engine, "default").values()} == {each.quantity for each in others}
    assert len(drift.newest(engine, "other")) == 1
