"""What the SDK says of calls is on their trace, whichever comes first and however the call is named."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from spanledger._internal.scores.evaluation import Evaluation, encode
from spanledger_analytics.jobs import joining, ledger
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.reports import trace
from tests.collector.conftest import Line, open_line
from tests.collector.otlp_builder import chat, request, span


@pytest.fixture
def both(engine: Engine, control: Control) -> Iterator[Line]:
    """A collector on each engine."""
    yield from open_line(engine, control)


@pytest.mark.parametrize("order", list(itertools.permutations(("call", "scores"))))
def test_scores_are_on_the_trace_with_who_judged(both: Line, order: tuple[str, str]) -> None:
    call = span(chat(**{"gen_ai.response.id": "resp-1"}))
    trace_id, span_id, at = call.trace_id.hex(), call.span_id.hex(), call.start_time_unix_nano + 5
    said = [
        Evaluation("correct", 0.5, "", "So so.", "judge", at, trace_id, span_id, ""),
        Evaluation("whole", 1.0, "true", "", "", at + 1, trace_id, "", ""),
        Evaluation("feedback", 0.0, "down", "Wrong.", "user", at + 2, "", "", "resp-1"),
        Evaluation("length", None, "long", "", "", at + 3, "", "", "resp-1"),
    ]
    engine, control = both.collector.engine, both.collector.control
    headers = {"content-type": "application/x-protobuf"}
    for step in order:
        if step == "call":
            assert both.post(request(call).SerializeToString()).status_code == 200
        else:
            assert both.client.post("/v1/logs", content=encode(said, None), headers=headers).status_code == 200
        both.settle()
        for _ in range(2):
            ledger.run(engine, control)
            joining.run(engine, control)
    found = trace.scores(engine, "default", trace_id)
    assert sorted(found.select("name", "span_id", "value", "label", "explanation", "source").rows()) == [
        ("correct", span_id, 0.5, "", "So so.", "judge"),
        ("feedback", span_id, 0.0, "down", "Wrong.", "user"),
        ("length", span_id, None, "long", "", "spanledger"),
        ("whole", "", 1.0, "true", "", "spanledger"),
    ]
