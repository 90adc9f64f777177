"""What log records tell of a span, joined to it, whichever of them arrives first.

Records mark their trace (or the response they name) when they are written; a span marks its hour, as the ledger needs
it anyway, and `candidates` finds what in such an hour still lacks something. So each side looks for the other after
it can itself be seen: whichever comes second finds the first, and nothing has to wait or to be tried again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Template
from typing import Any

from spanledger_store.columns import HOUR_NS
from spanledger_store.control import Control, dirty
from spanledger_store.control.joins import Waiting
from spanledger_store.engine import Engine
from spanledger_store.sql import load

# A record is told during its span or soon after it; a span may run for a day.
AROUND_HOURS = 25
# Evaluations may be made days after the call; they are looked for by an index that the ids of a batch share.
RESPONSE_HOURS = 7 * 24
SUBJECTS_PER_STATEMENT = 100
# Characters of messages put together for one span; each record's own content was cut when it arrived.
LIMIT_CHARS = 262_144


@dataclass(frozen=True, slots=True)
class _Window:
    """Where to look, in nanoseconds: records from `told_first`, spans from `first`."""

    told_first: int
    told_end: int
    first: int
    end: int

    @classmethod
    def of(cls, hour: int, back: int) -> _Window:
        return cls(
            (hour - AROUND_HOURS) * HOUR_NS,
            (hour + AROUND_HOURS + 1) * HOUR_NS,
            (hour - back) * HOUR_NS,
            (hour + 2) * HOUR_NS,
        )

    def params(self) -> dict[str, int]:
        return {"told_first": self.told_first, "told_end": self.told_end, "first": self.first, "end": self.end}


def candidates(engine: Engine, hours: Iterable[tuple[str, datetime]]) -> set[Waiting]:
    """What is to be joined among the spans of these (project, UTC hour) pairs, because they lack it."""
    by_project: defaultdict[str, set[int]] = defaultdict(set)
    for project, hour in hours:
        by_project[project].add(int(hour.timestamp()) // 3600)
    found: set[Waiting] = set()
    for project, wanted in by_project.items():
        for run in _runs(sorted(wanted)):
            first, end = run[0] * HOUR_NS, (run[-1] + 1) * HOUR_NS
            told = {"told_first": first - HOUR_NS, "told_end": end + AROUND_HOURS * HOUR_NS}
            if not engine.rows(
                load("joining_under_way"),
                {"project": project, "first": told["told_first"], "end": told["told_end"]},
            )[0][0]:
                continue
            params = {"project": project, "first": first, "end": end, "hours": run, **told}
            for hour, kind, subject in engine.rows(load("joining_candidates"), params):
                found.add(Waiting(project, hour, kind, subject))
    return found


def _runs(hours: Sequence[int]) -> list[list[int]]:
    """Hours in groups of neighbours, so that one late span does not widen the search to everything since."""
    runs: list[list[int]] = []
    for hour in hours:
        if runs and hour - runs[-1][-1] <= AROUND_HOURS:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    return runs


def join(engine: Engine, control: Control, subjects: Iterable[Waiting]) -> int:
    """Complete the spans and scores that these subjects are about; how many hours of spans got new previews.

    Idempotent, and may be cut short anywhere. No money changes: a span is written again with everything it had.
    Subjects whose span is not stored yet change nothing; `candidates` names them again once it is.
    """
    traces: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    responses: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for each in subjects:
        (traces if each.kind == "trace" else responses)[each.project_id, each.hour].add(each.subject)
    for (project, hour), named in responses.items():
        for chunk in _chunks(named):
            traces[project, hour] |= _link(engine, project, _Window.of(hour, RESPONSE_HOURS), chunk)
    changed = 0
    for (project, hour), named in traces.items():
        for chunk in _chunks(named):
            changed += _complete(engine, control, project, _Window.of(hour, AROUND_HOURS), chunk)
    return changed


def _chunks(named: set[str]) -> list[list[str]]:
    ordered = sorted(named)
    return [ordered[at : at + SUBJECTS_PER_STATEMENT] for at in range(0, len(ordered), SUBJECTS_PER_STATEMENT)]


def _link(engine: Engine, project: str, window: _Window, responses: Sequence[str]) -> set[str]:
    """Give records that name only a response their span's ids, and evaluations a score; the traces concerned."""
    params: dict[str, Any] = {"project": project, "responses": responses, **window.params()}
    known: Sequence[Any] = engine.rows(load("joining_responses"), params)
    if not known:
        return set()
    params |= {
        "responses": [response for response, _ in known],
        "traces": [span[0] for _, span in known],
        "spans": [span[1] for _, span in known],
    }
    # Scores first: a record that has its ids is not looked at again.
    engine.command(load("joining_scores"), params)
    engine.command(load("joining_linked"), params)
    return set(params["traces"])


def _complete(engine: Engine, control: Control, project: str, window: _Window, traces: Sequence[str]) -> int:
    params: dict[str, Any] = {"project": project, "traces": traces, "limit": LIMIT_CHARS, **window.params()}
    told = load("joining_told")
    engine.command(_filled("joining_contents", {"told": told}), params)
    parts = {f"from_{part}": _filled("joining_preview_from", {"part": part}) for part in ("input", "output")}
    parts["matched"] = _filled("joining_matched", {"told": told, **parts})
    hours = [hour.replace(tzinfo=UTC) for (hour,) in engine.rows(_filled("joining_hours", parts), params)]
    if hours:
        engine.command(_filled("joining_previews", parts), params)
        # Whatever writes spans marks their hours: a deletion that ran meanwhile is then put right in the ledger.
        dirty.mark(control, [(project, hour) for hour in hours])
    return len(hours)


def _filled(name: str, parts: Mapping[str, str]) -> str:
    return Template(load(name)).substitute(parts)
