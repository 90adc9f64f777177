"""Test the instrumentation of a program: observed calls as plain dicts, without a collector.

    from spanledger.testing import capture

    def test_the_answer_is_observed():
        with capture() as recorded:
            answer("Where is my order?")
        span = recorded.named("answer")
        assert (span["kind"], span["usage"]["output_tokens"]) == ("llm", 12)

`spanledger.testing.pytest` holds the same as a fixture; only that module imports pytest.
"""

from __future__ import annotations

from spanledger._internal.recording.received import CapturedSpan
from spanledger._internal.recording.recorder import Recorder, capture
from spanledger._internal.recording.replaying import ReplayError
from spanledger._internal.recording.scores import CapturedScore
from spanledger.testing.replay import replay

__all__ = ["CapturedScore", "CapturedSpan", "Recorder", "ReplayError", "capture", "replay"]
