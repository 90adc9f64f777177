"""Clusters of the seeded calls, written as the job writes them, without fitting anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import delete

from spanledger_store.control import Control, projects
from spanledger_store.control import clusters as words
from spanledger_store.control.clusters import Codebook, Event
from spanledger_store.control.quality_models import cluster_events, cluster_words, codebooks
from spanledger_store.engine import Engine
from spanledger_store.quality import clusters
from spanledger_store.quality.clusters import Cluster, Page

NAMES = {1: "late parcel, depot", 2: "refund, card", 3: "password, <b>login</b>"}
CALLS = 1500


@contextmanager
def clustered(engine: Engine, control: Control, now: datetime) -> Iterator[Codebook]:
    """The newest CALLS calls to models in three clusters and none; those of the third began two days ago."""
    projects.ensure(control, "default")
    rows = engine.rows(
        "SELECT toUnixTimestamp64Nano(start_time), trace_id, span_id FROM spans WHERE kind = 'llm' AND is_billable "
        "ORDER BY start_time DESC LIMIT {n:UInt32}",
        {"n": CALLS},
    )
    rows.reverse()
    # A moment that the store keeps as it is: whole milliseconds.
    made_at = (now - timedelta(hours=1)).replace(microsecond=0)
    book = Codebook(
        "cb-pages", "default", "m", made_at, now - timedelta(days=30), now, CALLS, 3, 4, 0.1, {"stability": 0.97}, b""
    )
    words.keep(control, book)
    listed = [
        Cluster(number, 1, "orders" if number < 3 else "", name, name.split(", "), 10, 10.0, 0.3, [1.0, 0.0],
                float(number), 0.0)
        for number, name in NAMES.items()
    ]  # fmt: skip
    clusters.write(engine, book, listed)
    begun = int((now - timedelta(days=2)).timestamp() * 1e9)
    numbers = np.array([at % 3 if row[0] < begun else (at % 4) for at, row in enumerate(rows)])
    page = Page(
        [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows],
        np.zeros((len(rows), 2), np.float32), np.ones(len(rows), np.float32),
    )  # fmt: skip
    angle = np.arange(len(rows)) * 0.1
    places = np.stack([numbers + 0.1 * np.cos(angle), 0.1 * np.sin(angle)], axis=1).astype(np.float32)
    ranks = np.array([1 if at in {int(np.argmax(numbers == n)) for n in (1, 2)} else 0 for at in range(len(rows))])
    clusters.assign(engine, book, page, numbers, np.full(len(rows), 0.1, np.float32), places, ranks)
    example = int(np.argmax(numbers == 3))
    words.tell(
        control,
        Event("default", now - timedelta(minutes=30), "emergence", book.id, share=0.1, details={
            "sentence": "New topic: password.", "examples": [[page.traces[example], page.spans[example]]],
            "example_traces": [page.traces[example]], "key": "seeded",
        }),
    )  # fmt: skip
    words.tell(control, Event("default", made_at, "split", book.id, (1,), (1, 2), 0.4))
    yield book
    for table in ("cluster_rows", "assignment_rows"):
        engine.command(f"TRUNCATE TABLE {table}")
    with control.write() as connection:
        for table in (codebooks, cluster_events, cluster_words):
            connection.execute(delete(table))
