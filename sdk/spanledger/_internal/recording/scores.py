"""Scores as plain dicts, and the stand-in of their queue in a recording."""

from __future__ import annotations

from typing import TypedDict

from spanledger._internal.delivery.account import Stats
from spanledger._internal.scores.evaluation import Evaluation


class CapturedScore(TypedDict):
    """One score or feedback as the collector would receive it.

    | key | |
    |---|---|
    | name, source | what was judged, and by whom |
    | value | a number; None where there is only a label |
    | label, explanation | "" where there is none |
    | trace_id, span_id | hex digits; None where it names only a response, or a whole trace |
    | response_id | None where it names none |
    """

    name: str
    value: float | None
    label: str
    explanation: str
    source: str
    time_ns: int
    trace_id: str | None
    span_id: str | None
    response_id: str | None


def scored(evaluation: Evaluation) -> CapturedScore:
    """Return the evaluation as a dict."""
    return CapturedScore(
        name=evaluation.name,
        value=evaluation.value,
        label=evaluation.label,
        explanation=evaluation.explanation,
        source=evaluation.source,
        time_ns=evaluation.time_ns,
        trace_id=evaluation.trace_id or None,
        span_id=evaluation.span_id or None,
        response_id=evaluation.response_id or None,
    )


class Kept:
    """Keeps scores where others send them: queue and exporter in one, for a recording."""

    has_address = True

    def __init__(self) -> None:
        self.taken: list[Evaluation] = []
        self.queue = self.exporter = self

    def put(self, evaluation: Evaluation, weight: int) -> None:
        """Keep one."""
        del weight
        self.taken.append(evaluation)

    def ensure_started(self) -> None:
        """Start nothing."""

    def leave_to_parent(self) -> None:
        """In a forked child: what was kept so far stays."""

    def flush(self, timeout: float) -> bool:
        """True: nothing waits here."""
        del timeout
        return True

    def stats(self) -> Stats:
        """All were taken."""
        count = len(self.taken)
        return Stats(ended=count, sent=count, acknowledged=count)
