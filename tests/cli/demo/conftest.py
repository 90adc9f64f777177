"""One month of plans, generated once and looked at by many tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from spanledger_cli.demo.events import Event, EventType, Story
from spanledger_cli.demo.plans import SpanPlan, TracePlan
from spanledger_cli.demo.story import story
from spanledger_cli.demo.traffic import traffic

END = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Month:
    """A story and all of its traces."""

    story: Story
    traces: tuple[TracePlan, ...]

    def event(self, kind: EventType) -> Event:
        (event,) = self.story.of_type(kind)
        return event

    def calls(self) -> list[tuple[TracePlan, SpanPlan]]:
        return [(trace, span) for trace in self.traces for span in trace.root.walk() if span.kind == "llm"]


@pytest.fixture(scope="session")
def month() -> Month:
    told = story(11, END, days=30, spans=60_000)
    return Month(told, tuple(traffic(told)))
