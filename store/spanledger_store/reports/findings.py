"""Findings as people see them: with what has been said of each, filtered by what a page or a command asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from spanledger_store import findings
from spanledger_store.control import Control
from spanledger_store.control import findings as words
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.sql import load

Examples = Mapping[str, Sequence[Mapping[str, Any]]]
# A server takes no parameter of more than 128 KiB.
_AT_ONCE: Final = 1_000


def report(
    engine: Engine,
    control: Control,
    project: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    kinds: Sequence[str] = ("anomaly",),
    states: Sequence[str] = ("open", "ended", "settled"),
    where: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Findings whose window touches [start, end), newest first, each with `feedback` (None where nobody said anything).

    `where` keeps those about a slice within it, such as all of one customer's.
    """
    said = words.said(control, project)
    found = findings.listing(engine, project, start=start, end=end, kinds=kinds, states=states)
    wanted = [each for each in found if all(each.slice.get(name) == value for name, value in (where or {}).items())]
    return [_shown(each, said) for each in _with_questions(engine, project, wanted)]


def one(engine: Engine, control: Control, project: str, finding_id: str) -> dict[str, Any]:
    """One finding with what was said of it. Raises FindingUnknown."""
    (found,) = _with_questions(engine, project, [findings.get(engine, project, finding_id)])
    return _shown(found, words.said(control, project))


def with_questions(
    engine: Engine, project: str, examples: Examples, start: datetime, end: datetime
) -> dict[str, list[dict[str, Any]]]:
    """Examples of a change, each a call of [start, end), with how its question begins: '' where that is no longer kept.

    What examples carry themselves stays: answers, which are read for a comparison alone.
    """
    return _asked(examples, _beginnings(engine, project, _traces(examples), start, end))


def _with_questions(engine: Engine, project: str, found: Sequence[Finding]) -> list[Finding]:
    """Findings keep their examples by reference, so that a text is gone everywhere once its content is."""
    showing = {each.id: _examples(each) for each in found if each.kind == "drift" and each.evidence.get("examples")}
    if not showing:
        return list(found)
    stretches = [_reach(each) for each in found if each.id in showing]
    start, end = min(first for first, _ in stretches), max(last for _, last in stretches)
    traces = sorted({trace for examples in showing.values() for trace in _traces(examples)})
    texts = _beginnings(engine, project, traces, start, end)
    return [
        replace(each, evidence={**each.evidence, "examples": _asked(showing[each.id], texts)})
        if each.id in showing
        else each
        for each in found
    ]


def _examples(finding: Finding) -> Examples:
    # Earlier releases wrote what was asked down beside the reference.
    return {
        name: [{key: value for key, value in each.items() if key != "asked"} for each in listed]
        for name, listed in finding.evidence["examples"].items()
    }


def _reach(finding: Finding) -> tuple[datetime, datetime]:
    """From the beginning of what a finding compares with to its end."""
    before = (finding.evidence.get("baseline") or {}).get("from")
    return min(finding.start, datetime.fromisoformat(before)) if before else finding.start, finding.end


def _traces(examples: Examples) -> list[str]:
    return sorted({str(each["trace_id"]) for listed in examples.values() for each in listed})


def _beginnings(
    engine: Engine, project: str, traces: Sequence[str], start: datetime, end: datetime
) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for at in range(0, len(traces), _AT_ONCE):
        parameters = {"project": project, "traces": list(traces[at : at + _AT_ONCE]), "start": start, "end": end}
        for trace, span, text in engine.rows(load("call_beginnings"), parameters):
            found[trace, span] = text
    return found


def _asked(examples: Examples, texts: Mapping[tuple[str, str], str]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{"asked": texts.get((str(each["trace_id"]), str(each["span_id"])), ""), **each} for each in listed]
        for name, listed in examples.items()
    }


def _shown(finding: Finding, said: Mapping[str, words.Feedback]) -> dict[str, Any]:
    told = said.get(finding.id)
    return finding.as_json() | {"feedback": None if told is None else told.as_json()}
