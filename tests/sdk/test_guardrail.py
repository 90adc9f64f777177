"""Guardrails: what they decided is on their span, and what they check goes on as if they were not there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import spanledger
from spanledger import semconv
from spanledger.testing import Recorder, capture

ACTION, REASON = semconv.GUARDRAIL_ACTION, semconv.GUARDRAIL_REASON
CATEGORY, SCORE = semconv.GUARDRAIL_CATEGORY, semconv.GUARDRAIL_SCORE


class Refused(Exception):
    """What a check raises to block."""


def said(recorded: Recorder) -> dict[str, Any]:
    (span,) = recorded.spans
    assert (span["kind"], span["attributes"][semconv.GUARDRAIL_NAME]) == ("guardrail", span["name"])
    keys = (ACTION, REASON, CATEGORY, SCORE)
    return {key.rpartition(".")[2]: span["attributes"][key] for key in keys if key in span["attributes"]}


def test_a_block_says_what_it_decided() -> None:
    with capture() as recorded, spanledger.guardrail("cards", category="personal data") as check:
        check.blocked("2 card numbers", score=0.99)
        assert not check
    expected = {"action": "blocked", "reason": "2 card numbers", "category": "personal data", "score": 0.99}
    assert said(recorded) == expected


def test_what_says_nothing_has_passed_and_a_changed_text_is_modified() -> None:
    with capture() as recorded, spanledger.guardrail("cards") as check:
        assert check
    assert said(recorded) == {"action": "passed"}
    with capture() as recorded, spanledger.guardrail("cards") as check:
        check.modified("masked", category="card")
        assert check
    assert said(recorded) == {"action": "modified", "reason": "masked", "category": "card"}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (True, {"action": "passed", "category": "tone"}),
        (None, {"action": "passed", "category": "tone"}),
        (0, {"action": "passed", "category": "tone"}),
        (False, {"action": "blocked", "category": "tone"}),
        (
            spanledger.Verdict("blocked", "rude", category="insult", score=1),
            {"action": "blocked", "reason": "rude", "category": "insult", "score": 1.0},
        ),
    ],
)
def test_a_function_says_it_by_its_result(result: object, expected: dict[str, Any]) -> None:
    @spanledger.guardrail("toxicity", category="tone")
    def toxicity(text: str) -> object:
        return result

    @spanledger.guardrail("toxicity", category="tone")
    async def later(text: str) -> object:
        await asyncio.sleep(0)
        return result

    for call in (lambda: toxicity("x"), lambda: asyncio.run(later("x"))):
        with capture() as recorded:
            assert call() is result
        assert said(recorded) == expected
        assert recorded[0]["input"] is not None
    assert toxicity.__name__ == "toxicity"
    assert toxicity("x") is result  # not observed


@pytest.mark.parametrize("content", ["on", "off"])
def test_an_exception_blocks_where_it_is_meant_to(content: Any) -> None:
    @spanledger.guardrail("tone", blocks=Refused)
    def tone(error: Exception) -> None:
        raise error

    with capture(capture_content=content) as recorded, pytest.raises(Refused):
        tone(Refused("bad word"))
    expected = "Refused: bad word" if content == "on" else "Refused"
    assert said(recorded) == {"action": "blocked", "reason": expected}
    assert recorded[0]["status"] == "error"
    with capture() as recorded, pytest.raises(ValueError, match="broken"):
        tone(ValueError("broken"))
    assert said(recorded) == {}
    assert recorded[0]["error"] == "ValueError: broken"
    with capture() as recorded, pytest.raises(Refused), spanledger.guardrail("tone", blocks=Refused):
        raise Refused("again")
    assert said(recorded) == {"action": "blocked", "reason": "Refused: again"}


def test_methods_async_blocks_and_what_is_called_inside() -> None:
    @spanledger.observe(kind="llm")
    def judge() -> None: ...

    class Checks:
        @spanledger.guardrail("plain")
        def plain(self, text: str) -> bool:
            judge()
            return False

        @spanledger.guardrail("static")
        @staticmethod
        def static(text: str) -> bool:
            return False

    async def block() -> None:
        async with spanledger.guardrail("async") as check:
            check.blocked()

    with capture() as recorded:
        Checks().plain("x")
        Checks.static("x")
        asyncio.run(block())
    assert {span["name"]: span["attributes"].get(ACTION) for span in recorded} == {
        "judge" if "<locals>" not in recorded[0]["name"] else recorded[0]["name"]: None,
        "plain": "blocked",
        "static": "blocked",
        "async": "blocked",
    }
    assert recorded[0]["parent"] == "plain"


def test_what_cannot_be_used_is_named_and_nothing_raises(caplog: pytest.LogCaptureFixture) -> None:
    with capture() as recorded, spanledger.guardrail("g") as check:
        check.set("perhaps", None, score=float("nan"))
    assert said(recorded) == {"action": "passed"}
    assert "'perhaps'" in caplog.text
    assert "nan" in caplog.text
    with spanledger.guardrail("nobody looks") as check:
        check.blocked()
    assert not check
