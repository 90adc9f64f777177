"""False alarms and power of every test, with fixed seeds. Null: sessions can be exchanged between the windows."""

from __future__ import annotations

import numpy as np
import pytest

from spanledger_analytics.methods.drift import categories, embeddings, scalars
from spanledger_analytics.methods.drift.monitoring import Monitor, alarms
from tests.analytics.methods.drift.made_up import Rows, rate, rows

TIMES = 200
# 200 repetitions at .05: 10 expected; 2 or fewer, or 20 and more, have a probability of less than 1 % together.
LEAST, MOST = 3 / TIMES, 19 / TIMES


def pairs(
    times: int, *, size: int = 40, alike: float = 1.0, new: float = 0.0, shift: float = 0.0
) -> list[tuple[Rows, Rows]]:
    return [
        (rows(seed, size, alike=alike), rows(seed, size // 2, first=size, alike=alike, new=new, shift=shift))
        for seed in range(times)
    ]


def of_embeddings(one: Rows, two: Rows, seed: int) -> embeddings.Result:
    return embeddings.compare(
        one.vectors,
        two.vectors,
        reference_blocks=one.sessions,
        current_blocks=two.sessions,
        seed=seed,
        repetitions=79,
    )


def of_numbers(one: Rows, two: Rows, seed: int) -> scalars.Distribution:
    return scalars.compare(
        one.numbers,
        two.numbers,
        reference_blocks=one.sessions,
        current_blocks=two.sessions,
        seed=seed,
        repetitions=79,
    )


def of_topics(one: Rows, two: Rows, seed: int) -> categories.Shares:
    return categories.compare(
        one.topics,
        two.topics,
        reference_blocks=one.sessions,
        current_blocks=two.sessions,
        seed=seed,
        repetitions=79,
    )


@pytest.mark.parametrize("method", [of_embeddings, of_numbers, of_topics])
@pytest.mark.parametrize("alike", [pytest.param(0.0, marks=pytest.mark.long), 1.0])
def test_false_alarms_are_as_many_as_said_though_rows_of_a_session_resemble_each_other(method, alike: float) -> None:
    found = [method(one, two, seed).p for seed, (one, two) in enumerate(pairs(TIMES, alike=alike))]
    assert LEAST <= rate(found) <= MOST


def test_every_row_for_itself_would_alarm_nearly_always() -> None:
    found: list[float] = []
    for seed, (one, two) in enumerate(pairs(40)):
        blocks = np.arange(len(one.sessions) + len(two.sessions))
        found.append(
            embeddings.compare(
                one.vectors,
                two.vectors,
                reference_blocks=blocks[: len(one.sessions)],
                current_blocks=blocks[len(one.sessions) :],
                seed=seed,
                repetitions=79,
            ).p
        )
    assert rate(found) > 0.8


@pytest.mark.parametrize(
    ("method", "new", "shift"), [(of_embeddings, 0.3, 0.0), (of_numbers, 0.0, 1.0), (of_topics, 0.25, 0.0)]
)
def test_a_plain_change_is_found(method, new: float, shift: float) -> None:
    found = [method(one, two, seed).p for seed, (one, two) in enumerate(pairs(30, size=100, new=new, shift=shift))]
    assert rate(found) >= 0.8


def test_a_monitor_keeps_silent_over_a_quarter_of_uniform_p_values_and_hears_a_change_at_once() -> None:
    dice = np.random.default_rng(4)
    streams = dice.uniform(size=(2_000, 90))
    share = np.mean([bool(alarms(stream)) for stream in streams.tolist()])
    assert 0.01 < share <= 0.05
    assert np.mean((streams <= 0.05).any(axis=1)) > 0.95
    assert alarms([*streams[0].tolist(), Monitor().resolution]) == [90]
    assert alarms([0.5, 0.0005, 0.0004, 0.6]) == [2]
