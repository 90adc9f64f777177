"""Days looked at one after another: what has changed is found, told with what it was, and not told again."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import cast

import numpy as np
import pytest
from sqlalchemy import update

from spanledger_analytics import drift_comparing, drift_merging
from spanledger_analytics.drift_streams import LEVELS
from spanledger_analytics.jobs import drift as job
from spanledger_store import findings
from spanledger_store.columns import CONTENT_COLUMNS, SPAN_COLUMNS, columnar
from spanledger_store.control import Control, baselines, projects
from spanledger_store.control.baselines import Baseline
from spanledger_store.control.quality_models import drift_baselines
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.quality import drift
from spanledger_store.quality.drift_request import comparison
from spanledger_store.reports.findings import report
from tests.store.rows import content_row, span_row

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
DAYS, SESSIONS, CALLS, SIZE = 10, 40, 2, 12
CHANGED = 8


def fill(engine: Engine, changed: int | None, seed: int = 5, slow: int | None = None) -> None:
    """Sessions about one of three topics; from `changed` on a third of one feature's are about a fourth.

    From the day `slow` on search takes four times as long, by another release.
    """
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
                seconds = float(dice.lognormal(0.0, 0.5)) if slow is not None else 1.0
                is_slow = slow is not None and day >= slow and feature == "search"
                more = {
                    "duration_ns": int(seconds * 1e9) * (4 if is_slow else 1), "release": "2" if is_slow else "1",
                    "input_preview": f"about topic {topic}",
                }  # fmt: skip
                spans.append(span_row(**key, session=f"s{day}-{session}", feature=feature, customer="acme", **more))
                contents.append(content_row(**key, input=f"about topic {topic}"))
                vectors.append((key, (topics[topic] + 0.2 * dice.normal(size=SIZE)).tolist()))
    engine.insert("span_rows", columnar(SPAN_COLUMNS, spans), f"drift-job-spans-{seed}-{changed}-{slow}")
    engine.insert(
        "span_content_rows", columnar(CONTENT_COLUMNS, contents), f"drift-job-content-{seed}-{changed}-{slow}"
    )
    engine.insert(
        "embedding_rows",
        {
            "project_id": ["default"] * len(vectors),
            **{name: [key[name] for key, _ in vectors] for name in ("trace_id", "span_id", "start_time")},
            "model": ["m"] * len(vectors),
            "vector": [vector for _, vector in vectors],
            "ingested_at": [key["start_time"] for key, _ in vectors],
        },
        f"drift-job-vectors-{seed}-{changed}-{slow}",
    )


@pytest.fixture(autouse=True)
def _project(control: Control) -> None:
    projects.ensure(control, "default")


def test_a_new_topic_is_one_finding_of_the_day_it_began(embedded: Engine, control: Control) -> None:
    fill(embedded, CHANGED)
    made = job.look(embedded, control, "default", BEGIN + timedelta(days=DAYS, hours=2))
    listed = drift.listing(embedded, "default", BEGIN, BEGIN + timedelta(days=DAYS))
    assert made == len(listed) == (3 + 3 + 1) * (DAYS - 7)
    looks = [each for each in listed if each.family == "embedding"]
    assert len(looks) == 3 * (DAYS - 7)
    whole = [each for each in looks if not each.slice]
    assert [each.start for each in whole] == [BEGIN + timedelta(days=day) for day in range(7, DAYS)]
    assert not any(each.alarmed for each in looks if each.start < BEGIN + timedelta(days=CHANGED))
    found = findings.listing(embedded, "default", kinds=("drift",))
    # All calls alarm too, by nothing but what is new in chat: that is no finding of its own.
    assert any(each.alarmed for each in whole)
    chat = found
    assert [dict(each.slice) for each in chat] == [{"feature": "chat"}]
    assert chat[0].start == BEGIN + timedelta(days=CHANGED)
    # What was asked is kept by reference alone, and read when it is shown.
    assert not any("asked" in each for listed in chat[0].evidence["examples"].values() for each in listed)
    (read,) = report(embedded, control, "default", kinds=("drift",))
    shown = read["evidence"]["examples"]
    assert {each["asked"] for each in shown["new"]} == {"about topic 3"}
    assert "about topic 3" not in {each["asked"] for name in ("usual", "gone") for each in shown[name]}
    assert chat[0].evidence["topics"] == []
    assert "feature chat has changed since 9 May" in chat[0].evidence["sentence"]
    # Afterwards the new topic is what is usual.
    later = [each for each in looks if each.slice == {"feature": "chat"} and each.start > chat[0].end]
    assert not any(each.alarmed for each in later)


def test_days_are_looked_at_once_and_the_same_days_give_the_same_looks(embedded: Engine, control: Control) -> None:
    fill(embedded, None)
    end = BEGIN + timedelta(days=DAYS - 1, hours=2)
    assert job.look(embedded, control, "default", end - timedelta(days=1)) == 7
    assert job.look(embedded, control, "default", end - timedelta(days=1)) == 0
    assert job.look(embedded, control, "default", end) == 7
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


def test_what_is_measured_is_told_once_and_against_a_pinned_baseline_every_day(
    embedded: Engine, control: Control
) -> None:
    fill(embedded, None, slow=CHANGED)
    week, now = BEGIN + timedelta(days=7), BEGIN + timedelta(days=DAYS, hours=2)
    baselines.pin(control, Baseline("default", "v1", BEGIN, week, {"feature": "search"}, {"release": "1"}))
    # It was pinned today, long after what is stored here.
    with control.write() as connection:
        connection.execute(update(drift_baselines).values(created_at=now))
    job.look(embedded, control, "default", now)
    assert job.look(embedded, control, "default", now) == 0
    listed = findings.listing(embedded, "default", kinds=("drift",))
    found = {(*each.slice.values(), each.evidence["baseline"]["name"]): each for each in listed}
    told = found["search", ""]
    # A little chance evidence of the day before is taken along.
    assert BEGIN + timedelta(days=CHANGED - 1) <= told.start <= BEGIN + timedelta(days=CHANGED)
    sentence = told.evidence["sentence"]
    assert "Duration of feature search changed since" in sentence
    assert re.search(r": median \d+ ms → \d\.\d s, 95th percentile \d\.\d s → \d+\.\d s; seen in", sentence)
    (change,) = told.evidence["changes"]
    assert (change["name"], change["changed"]) == ("duration_ns", True)
    middle = change["quantiles"][0]
    assert middle["after"] / middle["before"] == pytest.approx(4, rel=0.3)
    beside = told.evidence["measured"]["duration_s"]
    assert beside["current"] > 3 * beside["reference"]
    assert beside["by_mix"] == pytest.approx(0, abs=1e-9)
    assert ("chat", "") not in found
    assert not any(each.alarmed for each in drift.listing(embedded, "default", BEGIN, now, ["mix"]))
    looks = drift.listing(embedded, "default", BEGIN, now, ["measured@v1"])
    assert [each.start for each in looks] == [BEGIN + timedelta(days=day) for day in range(7, DAYS)]
    assert {(each.baseline_start, each.baseline_end) for each in looks} == {(BEGIN, week)}
    # What came in never becomes usual: every day since alarms, in one finding.
    assert [each.alarmed for each in looks] == [day >= CHANGED for day in range(7, DAYS)]
    assert looks[-1].as_json()["baseline"] == "v1"
    pinned = found["search", "v1"]
    assert (pinned.start, pinned.end) == (BEGIN + timedelta(days=CHANGED), looks[-1].end)
    assert "of the baseline v1" in pinned.evidence["sentence"]


def test_a_comparison_tells_versions_apart_and_says_what_is_missing(embedded: Engine, control: Control) -> None:
    fill(embedded, CHANGED, slow=CHANGED)
    first, last = BEGIN + timedelta(days=CHANGED), BEGIN + timedelta(days=DAYS)
    words = {"project": "default", "start": first.isoformat(), "end": last.isoformat()}
    asked = comparison(control, **words, against=f"{BEGIN:%Y-%m-%d}..{first:%Y-%m-%d}")
    found = drift_comparing.answer(embedded, control, asked)
    assert found["changed"]
    assert found["embeddings"]["changed"]
    assert {each["asked"] for each in found["examples"]["new"]} == {"about topic 3"}
    assert found["classifier"]["accuracy"] > 0.5
    (slow,) = [each for each in found["measured"]["quantities"] if each["changed"]]
    assert slow["name"] == "duration_ns"
    assert not found["mix"]["changed"]
    assert found["current"]["sessions"] == SESSIONS * (DAYS - CHANGED)
    assert json.loads(json.dumps(found)) == found
    # Of four different texts no embedder can be made: the rest is compared all the same.
    versions = {"filters": {"release": ["2"], "feature": ["search"]}, "other": {"release": "1"}}
    asked = comparison(control, **words, **versions, of="outputs", against="2026-05-01..2026-05-09")
    found = drift_comparing.answer(embedded, control, asked)
    assert found["embeddings"]["p"] is None
    assert "SPANLEDGER_CAPTURE_CONTENT" in found["embeddings"]["note"]
    assert found["measured"]["changed"]
    # A stretch without calls is too little.
    asked = comparison(control, **words, against="2020-01-01..2020-01-08")
    found = drift_comparing.answer(embedded, control, asked)
    assert not found["changed"]
    assert "too little" in found["sentence"]


def test_answers_are_compared_by_an_embedder_of_both_sides(embedded: Engine, control: Control) -> None:
    dice = np.random.default_rng(3)
    words = ["refund", "parcel", "invoice", "password", "meeting", "colour", "engine", "garden", "window", "paper"]
    spans, contents = [], []
    for number in range(600):
        day, session = divmod(number // 2, 150)
        of = dice.choice(words[:6] if day == 0 else words[4:], 5)
        key = {
            "trace_id": f"{number:032x}", "span_id": f"{number:016x}",
            "start_time": int((BEGIN + timedelta(days=day, seconds=session)).timestamp()) * 10**9,
        }  # fmt: skip
        spans.append(span_row(**key, session=f"{day}-{session}"))
        contents.append(content_row(**key, output=" ".join([*of, str(number)])))
    embedded.insert("span_rows", columnar(SPAN_COLUMNS, spans), "answers-spans")
    embedded.insert("span_content_rows", columnar(CONTENT_COLUMNS, contents), "answers-contents")
    days = {"start": "2026-05-02", "end": "2026-05-03"}
    found = drift_comparing.answer(embedded, control, comparison(control, project="default", of="outputs", **days))
    assert found["embeddings"]["changed"]
    assert "What is answered differs" in found["sentence"]
    new = " ".join(each["asked"] for each in found["examples"]["new"])
    assert any(word in new for word in words[6:])


@pytest.mark.parametrize("is_explained", [True, False])
def test_a_narrower_finding_takes_the_place_of_the_wider_one_that_it_explains(
    embedded: Engine, control: Control, monkeypatch: pytest.MonkeyPatch, is_explained: bool
) -> None:
    fill(embedded, CHANGED)
    # One family, told from fewer permutations: what is tested is what becomes of findings.
    levels = cast("dict[str, tuple[float, float]]", LEVELS)
    monkeypatch.setitem(levels, "embedding", (0.1, 0.1))
    monkeypatch.delitem(levels, "measured")
    monkeypatch.delitem(levels, "mix")
    if not is_explained:
        monkeypatch.setattr(drift_merging, "EXPLAINED", 1.0)
    began, told_at = BEGIN + timedelta(days=CHANGED), BEGIN + timedelta(days=CHANGED, hours=25)
    evidence = {
        "quantity": "embedding", "model": "m", "sentence": "What is asked in all calls has changed.",
        "baseline": {"name": "", "from": BEGIN.isoformat(), "to": began.isoformat()},
    }  # fmt: skip
    # All calls were told first, as where little of each feature had changed until then.
    wider = Finding(
        project_id="default", id="wider", kind="drift", method="m", slice={}, start=began,
        end=began + timedelta(days=1), grain="day", first_detected_at=told_at, detected_at=told_at, severity="high",
        actual=None, expected=None, lower=None, upper=None, unit="", impact_usd=None, score=0.2, p_value=1e-4,
        confidence=0.9, evidence=evidence,
    )  # fmt: skip
    findings.write(embedded, [wider])
    for _ in range(2):
        job.look(embedded, control, "default", BEGIN + timedelta(days=DAYS, hours=2))
        # Days that are looked at again change nothing.
        embedded.command("TRUNCATE TABLE drift_rows")
        shown = {tuple(each["slice"].values()): each for each in report(embedded, control, "default", kinds=("drift",))}
        narrow = shown["chat",]
        stood = findings.get(embedded, "default", "wider")
        if not is_explained:
            assert set(shown) == {("chat",), ()}
            assert stood.state == "open"
            assert "explains" not in narrow["evidence"]
            continue
        assert set(shown) == {("chat",)}
        assert (stood.state, stood.evidence["explained_by"]) == ("withdrawn", narrow["id"])
        assert [each["id"] for each in narrow["evidence"]["explains"]] == ["wider"]
        # Whoever was told of the wider one has been told of this change.
        assert datetime.fromisoformat(narrow["first_detected_at"]) == told_at
