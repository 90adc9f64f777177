"""A sample by customer x feature: small ones whole, sessions together, and weights that give back what there was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from spanledger_store import embedding
from spanledger_store.columns import SpanBatch
from spanledger_store.control import Control, projects
from spanledger_store.embedding import Asked
from spanledger_store.engine import Engine
from spanledger_store.quality import sampling
from spanledger_store.quality.sampling import ONE_RATE, STRATIFIED, Sample, level
from spanledger_store.writer import write
from tests.store.rows import content_row, span_row

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + timedelta(days=7)
Call = tuple[str, str, str, int]


def fill(engine: Engine, control: Control, project: str, calls: Sequence[Call], probability: float = 1.0) -> None:
    """Calls as (session, customer, feature, topic) in order of time; the topic is in the vector and in the text."""
    projects.ensure(control, project)
    spans, contents, asked = [], [], []
    for number, (session, customer, feature, topic) in enumerate(calls):
        start = int((START + number * (END - START) / len(calls)).timestamp() * 1e9)
        same: dict[str, Any] = {
            "project_id": project, "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "start_time": start,
        }  # fmt: skip
        spans.append(span_row(**same, session=session, customer=customer, feature=feature, user=f"{customer}'s"))
        contents.append(content_row(**same, input=f"about {topic}"))
        asked.append(Asked(start, same["trace_id"], same["span_id"], "", 1))
    write(engine, control, SpanBatch(f"sampling-{project}", spans, contents, []))
    vectors = np.array([[1.0, topic] for *_, topic in calls], np.float32)
    embedding.write(engine, project, "m", asked, vectors, probability)


def drawn(engine: Engine, project: str, most: int, power: float = STRATIFIED, **more: Any) -> Sample:
    return sampling.sample(engine, project, "m", 2, START, END, most, power, **more)


def lopsided(name: str, sessions: int) -> list[Call]:
    """Two calls a session, 95 % of them of one customer; every fifth session of it and all others ask about 1."""
    small = sessions // 200
    large = [(f"{name} {at}", "big", "chat", int(at % 5 == 0)) for at in range(sessions - 10 * small)]
    others = [(f"{name} {who}/{at}", f"small{who}", "chat", 1) for who in range(10) for at in range(small)]
    return [each for each in [*large, *others] for _ in range(2)]


def test_small_customers_are_whole_and_weights_give_back_all(engine: Engine, control: Control) -> None:
    calls = lopsided("s", 1000)
    fill(engine, control, "default", calls)
    whole, found = drawn(engine, "default", 10_000), drawn(engine, "default", 500)
    assert (len(whole), set(whole.chances.tolist())) == (2000, {1.0})
    held = Counter(found.customers)
    assert [held[f"small{each}"] for each in range(10)] == [10] * 10
    # 400 calls of the large one in 200 sessions: four deviations of their number.
    assert abs(held["big"] - 400) < 4 * 2 * (200 * 0.79) ** 0.5
    assert set(Counter(found.sessions).values()) == {2}
    assert found.starts == sorted(found.starts)
    assert all(text == f"about {int(vector[1])}" for text, vector in zip(found.texts, found.vectors, strict=True))
    of_big = np.array(found.customers) == "big"
    assert np.allclose(found.chances, np.where(of_big, 400 / 1900, 1.0), rtol=1e-6)
    assert found.weights[of_big].sum() == pytest.approx(1900, rel=0.24)
    assert set(found.features) == {"chat"}
    # With one rate for all, a small customer is lucky to be there.
    one = drawn(engine, "default", 500, ONE_RATE)
    assert np.allclose(one.chances, 0.25)
    assert sum(each != "big" for each in one.customers) < 60


def test_weighted_back_shares_are_right_on_average(embedded: Engine, control: Control) -> None:
    dice = np.random.default_rng(3)
    estimates = []
    for at in range(12):
        calls = lopsided(f"p{at}", 400)
        kept = dice.random(400) < 0.5
        fill(embedded, control, f"p{at}", [each for row, each in enumerate(calls) if kept[row // 2]], 0.5)
        found = drawn(embedded, f"p{at}", 120)
        about = found.vectors[:, 1] > 0
        estimates.append((found.weights.sum(), found.weights[about].sum(), about.mean()))
        assert 80 < len(found) < 170
    truth = np.array([len(calls), sum(topic for *_, topic in calls)])
    made = np.array(estimates)
    error = made[:, :2].std(axis=0, ddof=1) / len(made) ** 0.5
    assert (np.abs(made[:, :2].mean(axis=0) - truth) < 3 * error).all()
    assert (error < 0.1 * truth).all()
    # Unweighted, the small customers' topic would seem far too large.
    assert made[:, 2].mean() > truth[1] / truth[0] + 3 * made[:, 2].std(ddof=1) / len(made) ** 0.5


def test_a_rare_feature_is_whole_wherever_it_comes_up(embedded: Engine, control: Control) -> None:
    calls: list[Call] = [(f"s{at}", "acme", "chat", 0) for at in range(300) for _ in range(3)]
    calls[1::100] = [(session, "acme", "export", 2) for session, *_ in calls[1::100]]
    fill(embedded, control, "default", calls)
    found = drawn(embedded, "default", 120)
    sessions = {session for session, _, feature, _ in calls if feature == "export"}
    assert found.features.count("export") == len(sessions) == 9
    for session in set(found.sessions):
        assert found.sessions.count(session) == 3
        assert (session in sessions) == (found.chances[found.sessions.index(session)] == 1.0)


def test_of_a_very_long_session_some_calls_are_drawn(embedded: Engine, control: Control) -> None:
    calls: list[Call] = [("batch", "acme", "night", at % 7) for at in range(400)]
    fill(embedded, control, "default", [*calls, *[("", "acme", "chat", 1)] * 50])
    found = drawn(embedded, "default", 200, longest=40)
    counted = Counter(found.features)
    assert (counted["night"], counted["chat"]) == (40, 50)
    assert found.weights.sum() == pytest.approx(450)


def test_what_has_no_vector_is_not_drawn(embedded: Engine, control: Control) -> None:
    fill(embedded, control, "default", lopsided("s", 200)[:100])
    embedded.command("DELETE FROM embedding_rows WHERE trace_id < '00000000000000000000000000000032'")
    assert len(drawn(embedded, "default", 1000)) == 50
    assert len(sampling.sample(embedded, "default", "m", 3, START, END, 100)) == 0
    assert len(sampling.sample(embedded, "default", "other", 2, START, END, 100)) == 0


@pytest.mark.parametrize("power", [STRATIFIED, ONE_RATE, 1.0])
def test_the_level_is_that_of_which_most_come_out(power: float) -> None:
    dice = np.random.default_rng(1)
    for most in (1, 50, 5_000, 40_000):
        sizes = np.unique(dice.integers(1, 100_000, 200))
        calls = sizes * dice.integers(1, 3, len(sizes))
        chances = np.minimum(1.0, level(sizes, calls, most, power) / sizes**power)
        assert (calls * chances).sum() == pytest.approx(most)
    assert level([4, 9], [8, 9], 17, STRATIFIED) == 3.0
    assert level([], [], 10, power) == 1.0
