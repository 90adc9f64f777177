"""What real instrumentations send beside their spans, as captured: events meet their spans, metrics count the calls."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from spanledger_analytics.jobs import joining, ledger
from spanledger_collector import otlp
from tests.collector.conftest import Line

FIXTURES = Path(__file__).parent / "beside"
ASKED = {"system": "Be brief.", "user": "What is two and two?"}
MADE = "Two and two is four."


def messages(case: str) -> dict[str, list[bytes]]:
    """The requests that the case sent, by signal."""
    document = json.loads((FIXTURES / f"{case}.json").read_text())
    return {
        name: [json_format.ParseDict(each, signal.request()).SerializeToString() for each in document[name]]
        for name, signal in otlp.SIGNALS.items()
    }


@pytest.mark.parametrize("order", list(itertools.permutations(("traces", "logs"))))
@pytest.mark.parametrize("case", ["openai_v2_older", "genai_openai_latest"])
def test_a_call_told_in_three_signals_is_one_whole(line: Line, case: str, order: tuple[str, str]) -> None:
    sent = messages(case)
    engine, control = line.collector.engine, line.collector.control
    for signal in (*order, "metrics"):
        assert sent[signal], f"{case} has no {signal}"
        for body in sent[signal]:
            headers = {"content-type": "application/x-protobuf"}
            assert line.client.post(f"/v1/{signal}", content=body, headers=headers).status_code == 200
        line.settle()
        for _ in range(2):
            ledger.run(engine, control)
            joining.run(engine, control)
    asked, made, system = engine.rows("SELECT input, output, system_instructions FROM span_content")[0]
    told: list[Any] = [*json.loads(asked), *([{"role": "system", "parts": json.loads(system)}] if system else [])]
    assert {each["role"]: each["parts"][0]["content"] for each in told} == ASKED
    assert [each["parts"][0]["content"] for each in json.loads(made)] == [MADE]
    assert engine.rows("SELECT input_preview, output_preview, model, is_billable, cost_usd > 0 FROM spans") == [
        (ASKED["user"], MADE, "gpt-4o-2024-08-06", True, True)
    ]
    assert engine.rows("SELECT sum(calls) FROM ledger") == [(1,)]
    at = engine.rows("SELECT toUnixTimestamp(min(start_time)) FROM spans")[0][0]
    stamps = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at + shift)) for shift in (-7200, 7200)]
    found = line.client.get("/api/v1/coverage", params={"start": stamps[0], "end": stamps[1]}).json()["hours"]
    names = ("calls", "input_tokens", "output_tokens")
    assert [[sum(row[f"{side}_{name}"] or 0 for row in found) for name in names] for side in ("metric", "span")] == [
        [1, 1200, 80],
        [1, 1200, 80],
    ]
