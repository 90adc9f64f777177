"""The API's routes about clusters and embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from pydantic import SecretStr

from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, projects
from spanledger_store.control import clusters as words
from spanledger_store.control.clusters import Event
from spanledger_store.engine import Engine
from spanledger_store.quality import clusters
from spanledger_store.quality.clusters import Cluster
from spanledger_store.writer import write
from tests.collector.conftest import Line, open_line
from tests.store.rows import embedding_row, span_row
from tests.store.test_clusters import START, codebook, identity

LOCAL = {"authorization": "Bearer local"}
LIST = "/api/v1/clusters"
WEEK = "from=2026-03-02T00:00:00Z&to=2026-03-09T00:00:00Z"


@pytest.fixture
def line(embedded: Engine, control: Control) -> Iterator[Line]:
    """A collector whose local token is `local`, with twelve calls in three clusters."""
    for table in ("cluster_rows", "assignment_rows"):
        embedded.command(f"TRUNCATE TABLE {table}")
    projects.ensure(control, "default")
    spans = [span_row(**identity(at), customer=("acme", "globex")[at % 2]) for at in range(12)]
    vectors = [embedding_row(**identity(at), model="m", vector=[1.0, float(at)]) for at in range(12)]
    write(embedded, control, SpanBatch("api", spans, [], vectors))
    made = codebook()
    words.keep(control, made, [Event("default", START, "birth", made.id, (), (3,), 0.2)])
    clusters.write(
        embedded, made,
        [Cluster(at, 1, "shop", f"label {at}", ["a"], 4, 4.0, 0.2, [1.0, 0.0], 0.0, 0.0) for at in (1, 2, 3)],
    )  # fmt: skip
    (page,) = clusters.unassigned(embedded, made, 2, START, START + timedelta(days=7))
    places = np.ones((12, 2), np.float32)
    clusters.assign(embedded, made, page, np.arange(12) % 3 + 1, np.zeros(12, np.float32), places)
    yield from open_line(embedded, control, local_token=SecretStr("local"))


def test_clusters_are_listed_narrowed_and_shown(line: Line) -> None:
    found = line.client.get(f"{LIST}?{WEEK}").json()
    assert [(each["cluster"], each["calls"], each["name"]) for each in found] == [
        (at, 4, f"label {at}") for at in (1, 2, 3)
    ]
    assert found[0]["cost_usd"] == "0.003000000000"
    assert [each["calls"] for each in line.client.get(f"{LIST}?{WEEK}&customer=acme").json()] == [2, 2, 2]
    assert [each["cluster"] for each in line.client.get(f"{LIST}?{WEEK}&search=label%202").json()] == [2]
    assert line.client.get(f"{LIST}/2?{WEEK}").json()["typical"][0]["trace_id"] == identity(1)["trace_id"]
    assert line.client.get(f"{LIST}/77?{WEEK}").status_code == 404
    assert line.client.get(f"{LIST}?from=2026-03-09&to=2026-03-02").status_code == 400
    assert line.client.get(f"{LIST}?project=nobody&{WEEK}").status_code == 400


def test_time_map_codebook_and_events(line: Line) -> None:
    series = line.client.get(f"{LIST}/series?{WEEK}").json()
    assert sum(each["calls"] for each in series) == 12
    points = line.client.get(f"{LIST}/points?{WEEK}&limit=5").json()
    assert len(points) == 5
    assert points == line.client.get(f"{LIST}/points?{WEEK}&limit=5").json()
    assert line.client.get(f"{LIST}/codebook").json()["clusters"] == 3
    assert [each["kind"] for each in line.client.get(f"{LIST}/events").json()] == ["birth"]


def test_words_need_the_local_token_and_hold(line: Line) -> None:
    body = {"name": "Late parcels", "who": "Jo"}
    assert line.client.put(f"{LIST}/2", json=body).status_code == 403
    assert line.client.put(f"{LIST}/2", json=body, headers=LOCAL).json()["name"] == "Late parcels"
    assert line.client.put(f"{LIST}/9", json=body, headers=LOCAL).status_code == 404
    assert line.client.put(f"{LIST}/3", json={"merged_into": 2}, headers=LOCAL).status_code == 200
    assert line.client.put(f"{LIST}/2", json={"merged_into": 3}, headers=LOCAL).status_code == 400
    found = line.client.get(f"{LIST}?{WEEK}").json()
    assert [(each["name"], each["calls"], each["parts"]) for each in found] == [
        ("Late parcels", 8, [3]), ("label 1", 4, []),
    ]  # fmt: skip
    assert line.client.post(f"{LIST}/refit", json={}).status_code == 403
    assert line.client.post(f"{LIST}/refit", json={"who": "Jo"}, headers=LOCAL).json()["kind"] == "asked"


def test_embeddings_are_told_and_set(line: Line) -> None:
    found = line.client.get("/api/v1/embeddings").json()
    assert found["settings"]["embedder"] == "lexical"
    assert line.client.put("/api/v1/embeddings", json={"rate": 0.5}).status_code == 403
    kept = line.client.put("/api/v1/embeddings", json={"rate": 0.5}, headers=LOCAL).json()
    assert (kept["rate"], kept["embedder"]) == (0.5, "lexical")
    refused = line.client.put("/api/v1/embeddings", json={"rate": 5}, headers=LOCAL)
    assert (refused.status_code, "rate 5" in refused.json()["detail"]) == (400, True)


def test_texts_are_those_of_examples_alone_and_nobody_is_named(line: Line) -> None:
    for number in (0, 2):
        found = line.client.get(f"{LIST}/{number}?{WEEK}")
        if number == 0:
            assert found.status_code == 404
            continue
        typical = found.json()["typical"]
        assert [each["text"] for each in typical] == [None] * 4
        assert not {"user", "customer", "session"} & set(typical[0])
        assert "enough people" in found.json()["typical_note"]


def test_an_unknown_project_and_impossible_times_are_told(line: Line) -> None:
    for path in ("", "/codebook", "/events", "/series", "/points", "/1"):
        found = line.client.get(f"{LIST}{path}?project=nobody")
        assert (found.status_code, "no project 'nobody'" in found.json()["detail"]) == (400, True), path
        for year in () if path == "/codebook" else ("0001", "9999"):
            found = line.client.get(f"{LIST}{path}?from={year}-01-01T00:00:00Z")
            assert (found.status_code, "2000 and 2100" in found.json()["detail"]) == (400, True), path


def test_words_that_cannot_be_are_refused(line: Line) -> None:
    for change in ({"merged_into": 2}, {"name": "two\nlines"}, {"name": "a\tb"}, {"who": "x" * 5000}):
        assert line.client.put(f"{LIST}/2", json=change, headers=LOCAL).status_code == 400, change
    assert "clusters or drift" in line.client.put(f"{LIST}/2", json={"name": "x"}).json()["detail"]
