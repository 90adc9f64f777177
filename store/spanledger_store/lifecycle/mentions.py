"""Traces by which findings and events show what they mean, and taking deleted ones out of them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from string import Template
from typing import Any, Final, cast

from spanledger_store import findings
from spanledger_store.control import Control, clusters
from spanledger_store.engine import Engine
from spanledger_store.sql import load

_TRACE: Final = "trace_id"
_PAIR: Final = 2
_GONE: Final = object()


def forget(engine: Engine, control: Control, project: str, run: str) -> int:
    """Take the traces that a deletion has noted out of every version of the project's findings and out of its clusters'
    events; how many findings named any. What they say besides stays."""
    rows = engine.rows(load("deletion_mentions"), {"project": project, "run": run})
    ids, gone = sorted({row[0] for row in rows}), {trace for row in rows for trace in row[1]}
    if ids:
        held = findings.listing(engine, project, ids=ids)
        findings.write(engine, [replace(each, evidence=without(each.evidence, gone)) for each in held])
        params = {"project": project, "ids": ids, "gone": sorted(gone)}
        sql = Template(load("deletion_apply")).substitute(table=findings.TABLE, matched=load("deletion_mentioning"))
        engine.command(sql, params, {"mutations_sync": 2})
    told = clusters.events(control, project)
    if any(each.details for each in told):
        noted = {row[0] for row in engine.rows(load("deletion_traces"), {"run": run})}
        changed = [
            replace(each, details=kept) for each in told if (kept := without(each.details, noted)) != each.details
        ]
        clusters.retell(control, changed)
    return len(ids)


def without(evidence: Mapping[str, Any], gone: Set[str]) -> dict[str, Any]:
    """Evidence without these traces: what stands in a list and is one, or is of one, is left out of it, and any other
    becomes ''.

    >>> without({"examples": [{"trace_id": "a"}, {"trace_id": "b"}], "traces": ["a"], "n": 1}, {"a"})
    {'examples': [{'trace_id': 'b'}], 'traces': [], 'n': 1}
    """
    return {name: "" if (kept := _kept(value, gone)) is _GONE else kept for name, value in evidence.items()}


def _kept(value: Any, gone: Set[str]) -> Any:
    if isinstance(value, str):
        return _GONE if value in gone else value
    if isinstance(value, list):
        listed = cast("list[Any]", value)
        # A call is told as the pair of its trace and its span; a span's id has half the length.
        if (
            len(listed) == 2
            and isinstance(listed[0], str)
            and listed[0] in gone
            and len(str(listed[1])) < len(str(listed[0]))
        ):
            return _GONE
        return [kept for each in listed if (kept := _kept(each, gone)) is not _GONE]
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        return _GONE if held.get(_TRACE) in gone else without(held, gone)
    return value
