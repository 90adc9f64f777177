from __future__ import annotations

import time

import pytest

from spanledger_collector.admission import admit
from tests.collector.otlp_builder import request, span

NOW = time.time_ns()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "trace_id"),
        ({"trace_id": bytes(16)}, "trace_id"),
        ({"span_id": b"short"}, "span_id"),
        ({"start": 0, "end": 0}, "outside 2000 to 2100"),
    ],
)
def test_a_span_that_cannot_be_stored_is_refused_with_its_reason(fields: dict[str, object], reason: str) -> None:
    sent = request(span(name="good"), span(name="bad", **fields), span(name="fine"))
    verdict = admit(sent, NOW)
    assert (verdict.accepted, verdict.rejected) == (2, 1)
    assert reason in verdict.message
    assert [each.name for each in sent.resource_spans[0].scope_spans[0].spans] == ["good", "fine"]
    assert verdict.refused is not None
    kept = verdict.refused.resource_spans[0]
    assert [each.name for each in kept.scope_spans[0].spans] == ["bad"]
    assert kept.resource.attributes[0].value.string_value == "tests"


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"start": NOW, "end": NOW - 1}, "unknown duration"),
        ({"start": NOW - 400 * 86_400 * 10**9}, "more than a year"),
    ],
)
def test_an_odd_time_is_stored_as_sent_with_a_warning(fields: dict[str, int], warning: str) -> None:
    verdict = admit(request(span(**fields)), NOW)
    assert (verdict.accepted, verdict.rejected, verdict.refused) == (1, 0, None)
    assert warning in verdict.message


def test_sound_spans_need_no_words() -> None:
    assert admit(request(span(), span()), NOW).message == ""
