"""Findings as people see them: with what has been said of each, filtered by what a page or a command asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from spanledger_store import findings
from spanledger_store.control import Control
from spanledger_store.control import findings as words
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding


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
    return [
        _shown(each, said)
        for each in found
        if all(each.slice.get(name) == value for name, value in (where or {}).items())
    ]


def one(engine: Engine, control: Control, project: str, finding_id: str) -> dict[str, Any]:
    """One finding with what was said of it. Raises FindingUnknown."""
    return _shown(findings.get(engine, project, finding_id), words.said(control, project))


def _shown(finding: Finding, said: Mapping[str, words.Feedback]) -> dict[str, Any]:
    told = said.get(finding.id)
    return finding.as_json() | {"feedback": None if told is None else told.as_json()}
