"""What people may make of clusters and baselines, whose texts are shown, and searches that name their traces."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from spanledger_store import extras
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, baselines, jobs, projects, quality_models
from spanledger_store.control import clusters as words
from spanledger_store.control.baselines import Baseline, BaselineInvalid
from spanledger_store.control.clusters import ClusterInvalid, ClusterUnknown, Event
from spanledger_store.engine import Engine
from spanledger_store.quality import clusters
from spanledger_store.reports import clusters as reports
from spanledger_store.reports import traces
from spanledger_store.reports.traces import MAX_TRACES, Order, TraceSearch
from spanledger_store.writer import write
from tests.store.rows import embedding_row, span_row
from tests.store.test_clusters import SCOPE, START, codebook, identity


def event(kind: str, day: int, before: tuple[int, ...], after: tuple[int, ...]) -> Event:
    return Event("default", START + timedelta(days=day), kind, f"cb{day}", before, after)


def test_nothing_is_merged_into_a_cluster_that_is_gone_or_into_itself(control: Control) -> None:
    projects.ensure(control, "default")
    words.keep(control, codebook(next_cluster=9))
    for told in (
        event("death", 1, (1,), ()), event("merge", 2, (2, 3), (3,)), event("death", 3, (4,), ()),
        event("split", 4, (5,), (4, 5)),
    ):  # fmt: skip
        words.tell(control, told)
    assert sorted(words.gone(words.events(control, "default"))) == [1, 2]
    for into in (1, 2):
        with pytest.raises(ClusterInvalid, match=f"cluster {into} is gone since 2026-03-"):
            words.say(control, "default", 6, merged_into=into)
    assert words.say(control, "default", 6, merged_into=4).merged_into == 4
    with pytest.raises(ClusterInvalid, match="cannot be a part of itself"):
        words.say(control, "default", 7, merged_into=7)
    assert [words.fate(control, "default", number) for number in (0, 6, 9, 99_999)] == [
        "kept", "kept", "unknown", "unknown",
    ]  # fmt: skip
    words.say(control, "default", 4, is_hidden=True)
    assert words.fate(control, "default", 6) == "hidden"


def test_a_name_stands_in_one_line(control: Control) -> None:
    projects.ensure(control, "default")
    words.keep(control, codebook())
    for name in ("two\nlines", "a\tb", " a", "x" * 201, "a\u2028b"):
        with pytest.raises(ClusterInvalid, match="cannot be"):
            words.say(control, "default", 1, name=name)
        with pytest.raises(ClusterInvalid, match="cannot be who says so"):
            words.say(control, "default", 1, who=name)
    assert words.say(control, "default", 1, name="遅い 荷物 – 👩‍🔧").name.startswith("遅")


@pytest.mark.parametrize("name", ["same", "week", "a/b", ".", "..", "a@b", "", " a", "a\nb"])
def test_a_baseline_that_could_not_be_reached_is_refused(name: str) -> None:
    with pytest.raises(BaselineInvalid, match="cannot be a baseline's"):
        Baseline("default", name, START, START + timedelta(days=1))


def test_one_that_was_pinned_before_the_word_was_taken_can_be_unpinned(control: Control) -> None:
    projects.ensure(control, "default")
    kept = baselines.pin(control, Baseline("default", "fine", START, START + timedelta(days=1)))
    with control.write() as connection:
        connection.execute(quality_models.drift_baselines.update().values(name="same"))
    assert [each.name for each in baselines.listing(control, "default")] == ["same"]
    assert baselines.unpin(control, "default", "same").id == kept.id


def test_only_examples_of_the_codebook_in_use_have_a_text(engine: Engine, control: Control) -> None:
    for table in ("cluster_rows", "assignment_rows"):
        engine.command(f"TRUNCATE TABLE {table}")
    projects.ensure(control, "default")
    spans = [span_row(**identity(at), user=f"u{at}", input_preview=f"question {at}") for at in range(8)]
    vectors = [embedding_row(**identity(at), model="m", vector=[1.0, float(at)]) for at in range(8)]
    write(engine, control, SpanBatch("shown", spans, [], vectors))
    made = codebook()
    words.keep(control, made)
    (page,) = clusters.unassigned(engine, made, 2, START, START + timedelta(days=7))
    # Enough people are behind cluster 1: its second call stands for it. Behind 2 there are not.
    numbers, ranks = np.arange(8) % 2 + 1, np.array([0, 0, 1, 0, 0, 0, 0, 0])
    clusters.assign(engine, made, page, numbers, np.zeros(8, np.float32), np.ones((8, 2), np.float32), ranks)
    first, second = (reports.show(engine, control, SCOPE, number) for number in (1, 2))
    assert [each["text"] for each in first["typical"]] == ["question 2", None, None, None]
    assert (first["typical_note"], first["typical"][0]["exemplar"]) == ("", 1)
    assert [each["text"] for each in second["typical"]] == [None] * 4
    assert "enough people" in second["typical_note"]
    assert "u2" not in str(first["typical"])
    # Examples of an earlier codebook stand for nothing any more.
    words.keep(control, codebook("cb2", START + timedelta(days=1)))
    assert [each["text"] for each in reports.show(engine, control, SCOPE, 1)["typical"]] == [None] * 4
    with pytest.raises(ClusterUnknown, match="no cluster 77; its numbers are 1 to 3"):
        reports.show(engine, control, SCOPE, 77)


def test_a_search_may_name_as_many_traces_as_are_promised(engine: Engine, control: Control) -> None:
    write(engine, control, SpanBatch("named", [span_row(**identity(at)) for at in range(6)], []))
    filling = [f"f{at:031x}" for at in range(MAX_TRACES - 2)]
    named = (*filling[:2000], identity(1)["trace_id"], *filling[2000:], identity(4)["trace_id"])
    search = TraceSearch(SCOPE, traces=named)
    found = traces.page(engine, search, Order.NEWEST, 10)
    assert found["trace_id"].to_list() == [identity(4)["trace_id"], identity(1)["trace_id"]]
    assert traces.page(engine, TraceSearch(SCOPE, traces=()), Order.NEWEST, 10).is_empty()
    with pytest.raises(ValueError, match="name 5,000 at most"):
        TraceSearch(SCOPE, traces=(*named, "x"))


def test_a_job_that_lacks_a_library_says_which_extra_brings_it(control: Control) -> None:
    assert "[analytics]" in str(extras.missing(ModuleNotFoundError("No module named 'umap'", name="umap")))
    assert extras.missing(ModuleNotFoundError("No module named 'else'", name="else")) is None
    assert extras.remedy("division by zero") is None
    jobs.announce(control, {"clusters": 60.0})
    jobs.hold(control, "w", ["clusters"])
    jobs.failed(control, "w", "clusters", error="No module named 'numba'", seconds=0.1, retry_seconds=1.0)
    (state,) = [each for each in jobs.states(control) if each.name == "clusters"]
    assert "pip install 'spanledger[analytics]'" in state.error
