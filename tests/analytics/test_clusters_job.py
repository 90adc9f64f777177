"""The jobs of clusters: made of vectors, described, assigned, refitted without losing numbers or people's words."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from spanledger_analytics import topics
from spanledger_analytics.jobs import assignment, emergence
from spanledger_analytics.jobs import clusters as job
from spanledger_store import findings
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, cluster_progress, projects
from spanledger_store.control import clusters as words
from spanledger_store.engine import Engine
from spanledger_store.quality import clusters as store_clusters
from spanledger_store.reports import clusters as reports
from spanledger_store.scope import Scope
from spanledger_store.writer import write
from tests.analytics.test_labelling import Model
from tests.store.rows import content_row, embedding_row, span_row

NOW = datetime(2026, 3, 28, 15, 20, tzinfo=UTC)
TOPICS = {
    "refund": ("refund of the card payment", "money back for the payment", "card refund never arrived"),
    "parcel": ("parcel is at the depot", "courier lost the parcel", "delivery of the parcel is late"),
    "login": ("reset the password", "password link expired", "sign in with the new password"),
    "invoice": ("copy of the invoice", "invoice has the wrong address", "tax on the invoice"),
    "cancel": ("cancel the subscription", "subscription was renewed", "pause the subscription plan"),
    "warranty": ("warranty of the kettle", "kettle is broken", "repair the kettle under warranty"),
    "battery": ("battery recall serial number", "swollen battery got hot", "replacement battery of the recall"),
}
DIMENSIONS = 24


def fill(
    engine: Engine,
    control: Control,
    names: Sequence[str],
    calls: int,
    *,
    first: int,
    at: datetime,
    days: float,
    customers: int = 8,
    of: str = "c",
) -> None:
    """Calls about these topics in turn, two a session, over the days before `at`; customers' names begin with `of`."""
    dice = np.random.default_rng(first + 5)
    middles = np.random.default_rng(1).normal(size=(len(TOPICS), DIMENSIONS))
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    order = list(TOPICS)
    spans, contents, vectors = [], [], []
    for number in range(first, first + calls):
        topic = names[(number // 2) % len(names)]
        start = at - timedelta(days=days) * (1 - (number - first + 0.5) / calls)
        same: dict[str, Any] = {
            "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "start_time": int(start.timestamp() * 1e9),
            "ingested_at": 1 + first,
        }  # fmt: skip
        text = f"hello where is the {dice.choice(TOPICS[topic])} please"
        vector = middles[order.index(topic)] + dice.normal(size=DIMENSIONS) * 0.08
        spans.append(
            span_row(
                **same,
                session=f"s{number // 2}",
                customer=f"{of}{number // 2 % customers}",
                user=f"u{number // 2 % 50}",
            )
        )
        contents.append(
            content_row(**same, input=json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}]))
        )
        vectors.append(embedding_row(**same, model="m", vector=(vector / np.linalg.norm(vector)).tolist()))
    write(engine, control, SpanBatch(f"topics-{first}", spans, contents, vectors))


@pytest.fixture(autouse=True)
def _empty(request: pytest.FixtureRequest) -> None:
    for name in {"engine", "embedded"} & set(request.fixturenames):
        for table in ("cluster_rows", "assignment_rows"):
            request.getfixturevalue(name).command(f"TRUNCATE TABLE {table}")


def truth(engine: Engine) -> dict[int, set[str]]:
    """Which topics each cluster's texts are about."""
    found: dict[int, set[str]] = {}
    for cluster, text in engine.rows(
        "SELECT a.cluster, c.input FROM assignments AS a INNER JOIN span_content AS c ON a.span_id = c.span_id"
    ):
        about = {name for name, said in TOPICS.items() if any(each in text for each in said)}
        found.setdefault(cluster, set()).update(about)
    return found


def test_clusters_are_made_named_assigned_and_keep_their_numbers(engine: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    old = [name for name in TOPICS if name != "battery"]
    fill(engine, control, old, 720, first=0, at=NOW, days=8)
    told: list[tuple[str, int, int]] = []
    assert job.run(engine, control, lambda *each: told.append(each), NOW) == 1
    kept = words.newest(control, "default")
    assert kept is not None
    assert (kept.model, kept.calls, kept.next_cluster) == ("m", 720, kept.clusters + 1)
    assert told[0][0] == "reading default"
    assert words.events(control, "default") == []
    # The fit's own sample is assigned already; what comes then is by the job.
    assert assignment.look(engine, control, "default", NOW) == 0
    fill(engine, control, old, 60, first=1000, at=NOW, days=0.2)
    assert assignment.look(engine, control, "default", NOW) == 60
    assert assignment.look(engine, control, "default", NOW) == 0
    about = truth(engine)
    about.pop(0, None)
    assert sorted(name for names in about.values() for name in names) == sorted(old)
    scope = Scope("default", NOW - timedelta(days=10), NOW)
    found = {each.cluster: each for each in reports.listing(engine, control, scope)}
    for number, names in about.items():
        (name,) = names
        telling = {"refund": "card", "login": "password", "cancel": "subscription", "warranty": "kettle"}.get(
            name, name
        )
        assert telling in found[number].name
    parcel = next(number for number, names in about.items() if names == {"parcel"})
    typical = reports.members(engine, control, scope, parcel)
    assert [each["exemplar"] for each in typical[:4]] == [1, 2, 3, 0]
    words.say(control, "default", parcel, name="Late parcels", who="Jo")
    # A week later: the same topics and a new one.
    later = NOW + timedelta(days=7)
    assert job.run(engine, control, now=later - timedelta(hours=1)) == 0
    fill(engine, control, [*old, "battery"], 840, first=5000, at=later, days=6)
    assert job.run(engine, control, now=later) == 1
    assert assignment.look(engine, control, "default", later) == 0
    again = truth(engine)
    again.pop(0, None)
    (battery,) = (number for number, names in again.items() if names == {"battery"})
    assert {number: names for number, names in again.items() if number != battery} == about
    assert battery == kept.next_cluster
    (event,) = words.events(control, "default")
    assert (event.kind, event.after) == ("birth", (battery,))
    assert "battery" in event.details["labels"][str(battery)]
    assert event.share == pytest.approx(120 / 1620, rel=0.2)
    scope = Scope("default", NOW - timedelta(days=10), later)
    listed = {each.cluster: each.name for each in reports.listing(engine, control, scope)}
    assert listed[parcel] == "Late parcels"
    # Names and topics of topics stay too.
    assert {number: listed[number] for number in about if number != parcel} == {
        number: found[number].name for number in about if number != parcel
    }
    newest = words.newest(control, "default")
    assert newest is not None
    before, after = store_clusters.called(engine, kept), store_clusters.called(engine, newest)
    kept_topics = [number for number in about if after[number].topic == before[number].topic]
    assert len(kept_topics) > len(about) / 2
    points = reports.points(engine, control, scope)
    assert len(points) == 1620


def test_what_is_in_no_cluster_brings_an_early_refit(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    old = [name for name in TOPICS if name != "battery"]
    fill(embedded, control, old, 600, first=0, at=NOW, days=8)
    assert job.run(embedded, control, now=NOW) == 1
    later = NOW + timedelta(days=2)
    fill(embedded, control, ["battery"], 700, first=1000, at=later, days=1.5)
    assert assignment.look(embedded, control, "default", later) == 700
    kept = words.newest(control, "default")
    assert kept is not None
    calls, outside = cluster_progress.outside(control, kept.id, later - timedelta(days=2))
    assert calls == 700
    assert outside > 650
    assert job.run(embedded, control, now=NOW + timedelta(hours=20)) == 0
    assert job.run(embedded, control, now=later) == 1


def test_a_codebook_made_while_its_calls_still_came_is_made_anew_and_nothing_is_told_of_it(
    embedded: Engine, control: Control
) -> None:
    projects.ensure(control, "default")
    old = list(TOPICS)[:3]
    fill(embedded, control, old, 400, first=0, at=NOW - timedelta(days=6), days=8)
    assert job.run(embedded, control, now=NOW) == 1
    # Less than as much again is no reason.
    fill(embedded, control, old, 300, first=1000, at=NOW - timedelta(hours=3), days=4)
    assert job.run(embedded, control, now=NOW + timedelta(minutes=2)) == 0
    fill(embedded, control, list(TOPICS), 700, first=2000, at=NOW - timedelta(hours=3), days=10)
    assert job.run(embedded, control, now=NOW + timedelta(minutes=5)) == 1
    assert words.events(control, "default") == []
    assert job.run(embedded, control, now=NOW + timedelta(minutes=10)) == 0


def test_a_refit_can_be_asked_for(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    fill(embedded, control, list(TOPICS)[:4], 400, first=0, at=NOW, days=8)
    assert job.run(embedded, control, now=NOW) == 1
    assert job.run(embedded, control, now=NOW + timedelta(minutes=5)) == 0
    words.ask(control, "default", NOW + timedelta(minutes=6), "Jo")
    assert job.run(embedded, control, now=NOW + timedelta(minutes=7)) == 1
    assert job.run(embedded, control, now=NOW + timedelta(minutes=8)) == 0


def test_an_endpoint_names_clusters_where_one_is_set(
    embedded: Engine, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(embedded, control, list(TOPICS)[:3], 360, first=0, at=NOW, days=10)
    server = Model()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SPANLEDGER_LABELLER_URL", server.url)
    monkeypatch.setenv("SPANLEDGER_LABELLER_MODEL", "m")
    assert job.refit(embedded, control, "default", NOW) is not None
    server.shutdown()
    server.server_close()
    labels = {row[0] for row in embedded.rows("SELECT DISTINCT label FROM clusters")}
    assert labels == {"Account balance"}
    assert len(server.asked) >= 3


def test_of_a_sample_small_customers_are_whole_and_weights_are_of_all_calls(
    embedded: Engine, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "MOST", 500)
    fill(embedded, control, ["refund", "parcel", "login"], 1600, first=0, at=NOW, days=9, customers=1)
    fill(embedded, control, ["battery"], 60, first=3000, at=NOW, days=9, customers=1, of="small")
    kept = job.refit(embedded, control, "default", NOW)
    assert kept is not None
    assert 400 < kept.calls < 600
    weights = {tuple(words): (calls, weight) for words, calls, weight in embedded.rows(
        "SELECT words, calls, weight FROM clusters"
    )}  # fmt: skip
    (battery,) = (held for words, held in weights.items() if "battery" in " ".join(words))
    assert battery == (pytest.approx(60, abs=3), pytest.approx(60, abs=3))
    # 220 sessions of 800 are drawn of the large customer: four deviations.
    assert sum(weight for _, weight in weights.values()) == pytest.approx(1660, rel=0.25)
    assert kept.outside < 0.1
    # What a call was assigned says how it came to its vector, not to the sample.
    assert embedded.rows("SELECT DISTINCT weight FROM assignments") == [(1.0,)]


def test_too_few_vectors_make_no_clusters(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    assert job.run(embedded, control, now=NOW) == 0
    fill(embedded, control, ["refund"], 40, first=0, at=NOW, days=1)
    assert job.run(embedded, control, now=NOW) == 0
    assert assignment.run(embedded, control, now=NOW) == 0


def test_a_new_topic_is_told_once_and_nothing_else_is(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    old = [name for name in TOPICS if name != "battery"]
    fill(embedded, control, old, 1200, first=0, at=NOW - timedelta(days=7), days=20)
    fill(embedded, control, old, 500, first=3000, at=NOW - timedelta(hours=1), days=6.8)
    assert emergence.look(embedded, control, "default", NOW) == 0
    assert emergence.look(embedded, control, "default", NOW - timedelta(days=26)) is None
    fill(embedded, control, ["battery"], 60, first=5000, at=NOW - timedelta(hours=1), days=4)
    assert emergence.look(embedded, control, "default", NOW) == 1
    (event,) = words.events(control, "default")
    assert event.kind == "emergence"
    assert "battery" in event.details["labels"][""]
    assert event.share == pytest.approx(30 / 280, rel=0.2)
    (finding,) = findings.listing(embedded, "default", kinds=("topic",))
    assert finding.start >= NOW - timedelta(days=4, hours=2)
    assert "New topic: " in finding.evidence["sentence"]
    assert finding.evidence["example_traces"]
    assert emergence.look(embedded, control, "default", NOW + timedelta(hours=12)) == 0


def test_a_customer_that_asks_more_is_no_new_topic(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    old = [name for name in TOPICS if name != "battery"]
    fill(embedded, control, old, 1200, first=0, at=NOW - timedelta(days=7), days=20)
    fill(embedded, control, ["battery"], 40, first=2000, at=NOW - timedelta(days=7), days=20, customers=1, of="solo")
    fill(embedded, control, old, 500, first=3000, at=NOW - timedelta(hours=1), days=6.8)
    fill(embedded, control, ["battery"], 160, first=5000, at=NOW - timedelta(hours=1), days=6, customers=1, of="solo")
    assert emergence.look(embedded, control, "default", NOW) == 0


def test_what_began_weeks_ago_is_told_as_of_then_where_calls_come_late(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    old = [name for name in TOPICS if name != "battery"]
    # Too few to look: nothing is noted, so that nothing is missed once more are there.
    fill(embedded, control, old, 60, first=9000, at=NOW, days=1)
    assert emergence.run(embedded, control, now=NOW - timedelta(hours=1)) == 0
    assert cluster_progress.looks(control) == {}
    # The last look was six days ago; all that is looked at has come since.
    cluster_progress.looked(control, "default", NOW - timedelta(days=6))
    began = NOW - timedelta(days=5)
    fill(embedded, control, old, 900, first=0, at=NOW, days=19)
    fill(embedded, control, ["battery"], 100, first=5000, at=NOW, days=5)
    assert emergence.run(embedded, control, now=NOW) == 1
    (event,) = words.events(control, "default")
    assert began < event.at <= began + timedelta(days=3)
    (finding,) = findings.listing(embedded, "default", kinds=("topic",))
    assert abs(finding.start - began) < timedelta(days=1)
    assert cluster_progress.looks(control) == {"default": NOW}
    assert emergence.run(embedded, control, now=NOW + timedelta(hours=11)) == 0
    assert cluster_progress.looks(control) == {"default": NOW}
    assert emergence.run(embedded, control, now=NOW + timedelta(hours=12)) == 0
    assert cluster_progress.looks(control) == {"default": NOW + timedelta(hours=12)}


def test_a_topic_of_few_people_is_named_once_more_of_them_ask(embedded: Engine, control: Control) -> None:
    projects.ensure(control, "default")
    old = [name for name in TOPICS if name != "battery"]
    fill(embedded, control, old, 800, first=0, at=NOW - timedelta(days=7), days=10, customers=12)
    fill(embedded, control, old, 300, first=3000, at=NOW + timedelta(days=1), days=7.5, customers=12)
    fill(embedded, control, ["battery"], 40, first=5000, at=NOW - timedelta(hours=1), days=4, customers=2)
    assert emergence.look(embedded, control, "default", NOW) == 1
    (event,) = words.events(control, "default")
    assert event.details["words"] == event.details["examples"] == []
    assert "too few people" in event.details["sentence"]
    fill(embedded, control, ["battery"], 60, first=7000, at=NOW + timedelta(hours=20), days=0.8, customers=12)
    assert emergence.look(embedded, control, "default", NOW + timedelta(days=1)) == 0
    (named,) = words.events(control, "default")
    assert (named.id, named.at, named.share) == (event.id, event.at, event.share)
    assert "battery" in named.details["labels"][""]
    (finding,) = findings.listing(embedded, "default", kinds=("topic",))
    assert finding.first_detected_at == NOW
    for told in (named.details, finding.evidence):
        assert "battery" in told["sentence"]
        assert told["example_traces"]


def test_looks_that_were_missed_are_made_up_for_by_the_day() -> None:
    day = timedelta(days=1)
    assert list(emergence.moments(NOW - timedelta(hours=11), NOW)) == []
    assert list(emergence.moments(NOW - timedelta(hours=12), NOW)) == [NOW]
    assert list(emergence.moments(NOW - timedelta(hours=30), NOW)) == [NOW]
    assert list(emergence.moments(NOW - timedelta(hours=61), NOW)) == [NOW - 2 * day, NOW - day, NOW]
    late = list(emergence.moments(None, NOW))
    assert late == list(emergence.moments(NOW - 90 * day, NOW))
    assert (late[0], late[-1], len(late)) == (NOW - 29 * day, NOW, 30)


class Calls:
    def __init__(self, texts: Sequence[str], behind: Sequence[str]) -> None:
        self.texts = texts
        self.customers = self.users = self.sessions = behind
        self.vectors = np.eye(len(texts), dtype=np.float32)


def test_words_of_too_few_people_are_not_shown() -> None:
    texts = ["refund secretword"] * 9 + ["refund card"] * 3 + ["parcel depot"] * 6
    behind = ["a"] * 8 + ["b"] + ["a", "b", "c"] + list("abcabc")
    calls = Calls(texts, behind)
    positions = np.array([0] * 12 + [1] * 6)
    found = topics.describe(calls, positions, behind, least=3)
    assert "secretword" not in " ".join(found[0].words)
    assert "refund" in found[0].label
    assert sorted(texts[row] for row in found[0].exemplars) == ["refund card", "refund secretword"]
    nobody = topics.describe(calls, positions, ["a", "b"] * 9, least=3)
    assert all((each.label, each.words, each.exemplars) == ("", (), ()) for each in nobody.values())


def test_who_stands_behind_calls() -> None:
    many = [f"x{at}" for at in range(30)]
    calls = Calls(["t"] * 30, many)
    assert topics.owners(calls)[0] == "customer"
    calls.customers = ["acme"] * 30
    assert topics.owners(calls)[0] == "user"
    calls.users = [""] * 30
    assert topics.owners(calls) == ("session", many)


def test_topics_are_named_by_their_clusters() -> None:
    told = {0: topics.Described("", ("card refund", "card"), ()), 1: topics.Described("", ("invoice",), ())}
    assert topics.joined(told, [0, 0, 1], [10, 6, 3]) == {0: "card refund, invoice"}
