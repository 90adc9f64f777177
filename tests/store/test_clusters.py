"""Clusters in the store: what is shown of them, how calls count, what people make of them, and what is gone."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from spanledger_store import ledger
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, projects, quality_models
from spanledger_store.control import clusters as words
from spanledger_store.control.clusters import ClusterInvalid, ClusterUnknown, Codebook, Event
from spanledger_store.engine import Engine
from spanledger_store.lifecycle import deletion
from spanledger_store.lifecycle.deletion import Subject
from spanledger_store.quality import clusters, sampling
from spanledger_store.quality.clusters import Cluster, Page
from spanledger_store.reports import clusters as reports
from spanledger_store.reports.buckets import Bucketing, Calendar
from spanledger_store.scope import Dimension, Scope
from spanledger_store.writer import write
from tests.store.rows import content_row, embedding_row, span_row

START = datetime(2026, 3, 2, tzinfo=UTC)
SCOPE = Scope("default", START, START + timedelta(days=7))
LABELS = {1: "refund, card", 2: "parcel, depot", 3: "password, login"}


def codebook(name: str = "cb1", made_at: datetime = START, next_cluster: int = 4) -> Codebook:
    return Codebook(
        name, "default", "m", made_at, START, START + timedelta(days=7), 60, 3, next_cluster, 0.1, {"k": 3}, b"body"
    )


def identity(number: int) -> dict[str, Any]:
    at = START + timedelta(hours=2 * number)
    return {
        "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "start_time": int(at.timestamp() * 1e9),
        "ingested_at": 5,
    }  # fmt: skip


@pytest.fixture
def filled(engine: Engine, control: Control) -> Engine:
    """Sixty calls, every fourth in no cluster; those of cluster 2 stand for two each and of 1 the first has a place."""
    for table in ("cluster_rows", "assignment_rows"):
        engine.command(f"TRUNCATE TABLE {table}")
    projects.ensure(control, "default")
    spans, contents, vectors = [], [], []
    for number in range(60):
        same = identity(number)
        spans.append(
            span_row(
                **same, customer=("acme", "globex")[number % 2], user=f"u{number % 7}", session=f"s{number // 3}",
                cost_usd=Decimal("0.01") * (1 + number % 4), duration_ns=10**9 * (1 + number % 4),
                status="error" if number % 12 == 1 else "ok", input_preview=f"question {number}",
            )
        )  # fmt: skip
        contents.append(content_row(**same, input="[]"))
        vectors.append(embedding_row(**same, model="m", vector=[1.0, float(number)]))
    write(engine, control, SpanBatch("clusters", spans, contents, vectors))
    made = codebook()
    words.keep(control, made)
    clusters.write(
        engine, made,
        [
            Cluster(number, 0, "shop", label, label.split(", "), 15, 15.0, 0.3, [1.0, 0.0], float(number), 0.0)
            for number, label in LABELS.items()
        ],
    )  # fmt: skip
    (page,) = clusters.unassigned(engine, made, 2, START, START + timedelta(days=7))
    page = Page(
        page.starts, page.traces, page.spans, page.vectors,
        np.array([0.5 if at % 4 == 2 else 1.0 for at in range(60)], np.float32),
    )  # fmt: skip
    clusters.assign(engine, made, page, np.arange(60) % 4, np.linspace(0, 1, 60, dtype=np.float32))
    first = clusters.part(page, np.array([1, 5]))
    places = np.array([[0.5, 1.5], [2.5, 3.5]], np.float32)
    clusters.assign(engine, made, first, np.array([1, 1]), np.array([0.2, 0.1], np.float32), places, np.array([0, 1]))
    return engine


def test_the_list_adds_up_and_weighs_what_was_chosen_by_chance(filled: Engine, control: Control) -> None:
    found = reports.listing(filled, control, SCOPE)
    assert [each.cluster for each in found] == [2, 1, 3, 0]
    two, one, _, none = found
    assert (two.name, two.words, two.topic) == ("parcel, depot", ("parcel", "depot"), "shop")
    assert (two.calls, two.weight, two.share) == (15, 30.0, pytest.approx(30 / 75))
    assert two.cost_usd == Decimal("0.03") * 15
    assert two.estimated_cost_usd == pytest.approx(0.9)
    assert (one.errors, two.errors) == (5, 0)
    assert (one.p50_ns, one.customers, two.customers) == (2 * 10**9, 1, 1)
    assert none.name == "(no cluster)"
    whole = filled.rows("SELECT sum(cost_usd) FROM spans")[0][0]
    assert sum(each.cost_usd for each in found) == whole
    assert sum(each.share for each in found) == pytest.approx(1.0)
    assert one.first_call == START + timedelta(hours=2)
    assert [each.cluster for each in reports.listing(filled, control, SCOPE, search="depot")] == [2]


def test_filters_keep_to_their_calls(filled: Engine, control: Control) -> None:
    scope = Scope("default", SCOPE.start, SCOPE.end, {Dimension.CUSTOMER: ("acme",)})
    found = {each.cluster: each.calls for each in reports.listing(filled, control, scope)}
    assert found == {0: 15, 2: 15}


def test_over_time_every_call_is_in_one_bucket(filled: Engine, control: Control) -> None:
    frame = reports.series(filled, control, SCOPE, Bucketing(ZoneInfo("UTC"), calendar=Calendar.DAY))
    assert frame["calls"].sum() == 60
    assert frame.filter(frame["cluster"] == 2)["weight"].sum() == 30.0
    by_day = frame.group_by("bucket").agg(pl.col("share").sum())
    assert np.allclose(by_day["share"].to_numpy(), 1.0)
    assert frame["bucket"][0] == START


def test_what_people_say_holds_for_numbers(filled: Engine, control: Control) -> None:
    words.say(control, "default", 2, name="Late parcels", who="Jo")
    words.say(control, "default", 3, merged_into=2)
    words.say(control, "default", 1, is_hidden=True)
    found = reports.listing(filled, control, SCOPE)
    assert [(each.cluster, each.name, each.calls, each.parts) for each in found] == [
        (2, "Late parcels", 30, (3,)), (0, "(no cluster)", 15, ()),
    ]  # fmt: skip
    # A share is of everything, hidden or not.
    assert found[0].share == pytest.approx(45 / 75)
    assert {each.cluster for each in reports.listing(filled, control, SCOPE, hidden=True)} == {0, 1, 2}
    assert not reports.points(filled, control, SCOPE)["cluster"].to_list()
    words.keep(control, codebook("cb2", START + timedelta(days=1), 9))
    assert words.said(control, "default")[2].who == "Jo"
    # 3 is shown as part of 2: 2 cannot become part of 3, nor of anything that is.
    with pytest.raises(ClusterInvalid, match="merge the other way round"):
        words.say(control, "default", 2, merged_into=3)
    with pytest.raises(ClusterUnknown, match="no cluster 9; its numbers are 1 to 8"):
        words.say(control, "default", 9, name="x")
    words.say(control, "default", 3, merged_into=0)
    assert {each.cluster for each in reports.listing(filled, control, SCOPE)} == {0, 2, 3}


def test_a_cluster_is_shown_with_its_calls(filled: Engine, control: Control) -> None:
    found = reports.show(filled, control, SCOPE, 1)
    assert [each["text"] for each in found["typical"]][:2] == ["question 5", None]
    assert [each["value"] for each in found["customers"]] == ["globex"]
    assert found["models"][0]["calls"] == 15
    newest = reports.members(filled, control, SCOPE, 1, order="newest", limit=1)
    assert newest[0]["trace_id"] == identity(57)["trace_id"]
    with pytest.raises(ClusterUnknown, match="no cluster 77; its numbers are 1 to 3"):
        reports.show(filled, control, SCOPE, 77)


def test_scores_of_calls_and_of_their_traces_are_a_cluster_s(filled: Engine, control: Control) -> None:
    rows = [(1, True, 1.0), (5, False, 0.0), (2, True, 0.5)]
    for number, of_span, value in rows:
        who = identity(number)
        span = f"'{who['span_id']}'" if of_span else "''"
        filled.command(
            "INSERT INTO score_rows (project_id, trace_id, span_id, name, time, value, source) "
            f"VALUES ('default', '{who['trace_id']}', {span}, 'helpful', now64(9), {value}, 'test')"
        )
    assert reports.scores(filled, control, SCOPE, 1) == [{"name": "helpful", "scores": 2, "mean": 0.5}]


def test_the_map_has_what_has_a_place_in_the_codebook_in_use(filled: Engine, control: Control) -> None:
    found = reports.points(filled, control, SCOPE).sort("x")
    assert found.select("cluster", "x", "y", "name").rows() == [(1, 0.5, 1.5, LABELS[1]), (1, 2.5, 3.5, LABELS[1])]
    words.keep(control, codebook("cb2", START + timedelta(days=1)))
    assert not len(reports.points(filled, control, SCOPE))


def test_a_newer_codebook_wins_whichever_is_written_last(filled: Engine, control: Control) -> None:
    newer = codebook("cb2", START + timedelta(days=1))
    (page,) = clusters.unassigned(filled, newer, 2, START, START + timedelta(days=7))
    assert len(page) == 60
    clusters.assign(filled, newer, page, np.full(60, 3), np.zeros(60, np.float32))
    clusters.assign(filled, codebook(), clusters.part(page, np.arange(9)), np.full(9, 1), np.ones(9, np.float32))
    assert filled.rows("SELECT cluster, count() FROM assignments GROUP BY cluster") == [(3, 60)]
    assert not list(clusters.unassigned(filled, newer, 2, START, START + timedelta(days=7)))


def test_pages_come_to_every_vector_once(filled: Engine) -> None:
    fresh = codebook("cb9")
    pages = list(clusters.unassigned(filled, fresh, 2, START, START + timedelta(days=7), limit=7))
    assert [len(each) for each in pages] == [7] * 8 + [4]
    assert len({span for each in pages for span in each.spans}) == 60
    assert np.concatenate([each.vectors for each in pages])[:, 1].tolist() == [float(at) for at in range(60)]
    # Vectors of another length are of another model.
    assert not list(clusters.unassigned(filled, fresh, 3, START, START + timedelta(days=7)))


def test_a_sample_has_whole_sessions(filled: Engine) -> None:
    whole = sampling.sample(filled, "default", "m", 2, START, START + timedelta(days=7), 100)
    assert len(whole) == 60
    assert set(whole.customers) == {"acme", "globex"}
    some = sampling.sample(filled, "default", "m", 2, START, START + timedelta(days=7), 30)
    assert 0 < len(some) < 60
    for session in set(some.sessions):
        assert some.sessions.count(session) == whole.sessions.count(session)


def test_deleting_a_customer_takes_its_calls_out_of_clusters(filled: Engine, control: Control) -> None:
    filled.command("TRUNCATE TABLE ledger_rows")
    ledger.recompute(filled, [("default", START + timedelta(hours=2 * at)) for at in range(60)])
    proof = deletion.delete(filled, control, Subject("customer", "globex"), interface="test")
    assert proof.complete
    counted = {each.table: (each.before, each.after) for each in proof.tables}
    assert counted["embedding_rows"] == (30, 0)
    assert counted["assignment_rows"][1] == 0
    assert filled.rows("SELECT count() FROM assignment_rows")[0][0] == 30
    assert {each.cluster for each in reports.listing(filled, control, SCOPE)} == {0, 2}


def test_events_are_told_once(control: Control) -> None:
    projects.ensure(control, "default")
    told = Event("default", START, "birth", "cb1", (), (4,), 0.1, {"label": "battery, recall"})
    assert words.tell(control, told)
    assert not words.tell(control, told)
    assert words.events(control, "default") == [told]
    assert words.events(control, "default", START + timedelta(days=1)) == []


def test_old_codebooks_are_forgotten_and_numbers_never_given_again(control: Control) -> None:
    projects.ensure(control, "default")
    for number in range(6):
        words.keep(control, codebook(f"cb{number}", START + timedelta(days=number), 4 + number))
    found = words.newest(control, "default")
    assert found is not None
    assert (found.id, found.body, found.details) == ("cb5", b"body", {"k": 3})
    assert words.next_cluster(control, "default") == 9
    with control.read() as connection:
        assert len(connection.execute(quality_models.codebooks.select()).all()) == 3


def test_a_project_without_a_codebook_has_no_clusters(embedded: Engine, control: Control) -> None:
    embedded.command("TRUNCATE TABLE assignment_rows")
    projects.ensure(control, "default")
    assert reports.listing(embedded, control, SCOPE) == []
    assert len(reports.points(embedded, control, SCOPE)) == 0
    assert reports.series(embedded, control, SCOPE, Bucketing(ZoneInfo("UTC"), calendar=Calendar.DAY)).is_empty()
    assert not math.isnan(words.next_cluster(control, "default"))
