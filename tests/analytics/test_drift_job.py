"""Days looked at one after another: what has changed is found, told with what it was, and not told again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from spanledger_analytics.jobs import drift as job
from spanledger_store import drift, findings
from spanledger_store.columns import CONTENT_COLUMNS, SPAN_COLUMNS, columnar
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from tests.store.rows import content_row, span_row

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
DAYS, SESSIONS, CALLS, SIZE = 12, 40, 2, 12
CHANGED = 9


def fill(engine: Engine, changed: int | None, seed: int = 5) -> None:
    """Sessions about one of three topics; from `changed` on a third of one feature's are about a fourth."""
    dice = np.random.default_rng(seed)
    topics = np.linalg.qr(dice.normal(size=(SIZE, SIZE)))[0][:4]
    spans, contents, vectors = [], [], []
    for day in range(DAYS):
        for session in range(SESSIONS):
            feature = "chat" if session % 2 else "search"
            is_new = changed is not None and day >= changed and feature == "chat" and session % 3 == 0
            topic = 3 if is_new else int(dice.integers(0, 3))
            for call in range(CALLS):
                number = (day * SESSIONS + session) * CALLS + call
                at = BEGIN + timedelta(days=day, minutes=30 * session, seconds=call)
                key = {
                    "trace_id": f"{number:032x}", "span_id": f"{number:016x}",
                    "start_time": int(at.timestamp()) * 10**9,
                }  # fmt: skip
                spans.append(span_row(**key, session=f"s{day}-{session}", feature=feature, customer="acme"))
                contents.append(content_row(**key, input=f"about topic {topic}"))
                vectors.append((key, (topics[topic] + 0.2 * dice.normal(size=SIZE)).tolist()))
    engine.insert("span_rows", columnar(SPAN_COLUMNS, spans), f"drift-job-spans-{seed}-{changed}")
    engine.insert("span_content_rows", columnar(CONTENT_COLUMNS, contents), f"drift-job-content-{seed}-{changed}")
    engine.insert(
        "embedding_rows",
        {
            "project_id": ["default"] * len(vectors),
            **{name: [key[name] for key, _ in vectors] for name in ("trace_id", "span_id", "start_time")},
            "model": ["m"] * len(vectors),
            "vector": [vector for _, vector in vectors],
            "ingested_at": [key["start_time"] for key, _ in vectors],
        },
        f"drift-job-vectors-{seed}-{changed}",
    )


def test_a_new_topic_is_one_finding_of_the_day_it_began(embedded: Engine, control: Control) -> None:
    fill(embedded, CHANGED)
    made = job.look(embedded, control, "default", BEGIN + timedelta(days=DAYS, hours=2))
    looks = drift.listing(embedded, "default", BEGIN, BEGIN + timedelta(days=DAYS))
    assert made == len(looks) == 3 * (DAYS - 7)
    whole = [each for each in looks if not each.slice]
    assert [each.start for each in whole] == [BEGIN + timedelta(days=day) for day in range(7, DAYS)]
    assert not any(each.alarmed for each in looks if each.start < BEGIN + timedelta(days=CHANGED))
    found = findings.listing(embedded, "default", kinds=("drift",))
    chat = [each for each in found if dict(each.slice) == {"feature": "chat"}]
    assert len(chat) == 1
    assert chat[0].start == BEGIN + timedelta(days=CHANGED)
    shown = chat[0].evidence["examples"]
    assert {each["asked"] for each in shown["new"]} == {"about topic 3"}
    assert "about topic 3" not in {each["asked"] for name in ("usual", "gone") for each in shown[name]}
    assert chat[0].evidence["topics"] == []
    assert "feature chat has changed since 10 May" in chat[0].evidence["sentence"]
    assert all(dict(each.slice) != {"feature": "search"} for each in found)
    # Afterwards the new topic is what is usual.
    later = [each for each in looks if each.slice == {"feature": "chat"} and each.start > chat[0].end]
    assert not any(each.alarmed for each in later)


def test_days_are_looked_at_once_and_the_same_days_give_the_same_looks(embedded: Engine, control: Control) -> None:
    fill(embedded, None)
    end = BEGIN + timedelta(days=DAYS, hours=2)
    assert job.look(embedded, control, "default", end - timedelta(days=3)) == 3 * (DAYS - 10)
    assert job.look(embedded, control, "default", end - timedelta(days=3)) == 0
    assert job.look(embedded, control, "default", end) == 9
    stepped = drift.listing(embedded, "default", BEGIN, end)
    embedded.command("TRUNCATE TABLE drift_rows")
    job.look(embedded, control, "default", end)
    assert drift.listing(embedded, "default", BEGIN, end) == stepped
    assert not any(each.alarmed for each in stepped)
    assert findings.listing(embedded, "default", kinds=("drift",)) == []


@pytest.mark.parametrize("hours", [0, 0.5])
def test_a_day_is_looked_at_when_its_calls_have_had_time_to_come(
    embedded: Engine, control: Control, hours: float
) -> None:
    fill(embedded, None)
    assert job.look(embedded, control, "default", BEGIN + timedelta(days=8, hours=hours)) == 0


def test_without_vectors_there_is_nothing_to_look_at(embedded: Engine, control: Control) -> None:
    assert job.look(embedded, control, "default", BEGIN) == 0
