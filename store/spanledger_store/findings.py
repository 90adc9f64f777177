"""Findings: what analytics found out of the ordinary, one shape for every kind.

findings.write(engine, [Finding(...)])
findings.listing(engine, "default", kinds=("anomaly",), states=("open",))
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from string import Template
from typing import Any, Final, Literal

from spanledger_store.control import Control
from spanledger_store.control import findings as words
from spanledger_store.engine import Engine
from spanledger_store.scope import Scope
from spanledger_store.sql import load

TABLE: Final = "finding_rows"
State = Literal["open", "ended", "settled", "known", "withdrawn"]
Severity = Literal["low", "medium", "high"]
_EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_LIMIT: Final = 10_000
_FIELDS: Final = (
    "project_id", "id", "kind", "method", "slice", "start", "end", "grain", "first_detected_at", "detected_at",
    "severity", "actual", "expected", "lower", "upper", "unit", "impact_usd", "score", "p_value", "confidence",
    "evidence", "state",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Something out of the ordinary, in the data of [start, end) of a slice.

    | field | |
    |---|---|
    | kind, method | what it is (anomaly, drift, regression, incident), and what found it |
    | slice | dimension -> value; without any, the whole project |
    | actual, expected, lower, upper, unit | the sum over the window, and the band that 95 % of such sums lie in |
    | impact_usd | what it has cost (or, below 0, saved) so far; None where it is not about money |
    | score, p_value, confidence | size in standard scores, its chance without a cause, and 1 - p after calibration |
    | evidence | JSON-ready: a sentence, culprits with shares, example traces, the series around it |
    | state | open; ended; settled (lasted so long that it is the usual now); known (people said so); withdrawn |
    | | (late data, or a plan, took it back) |
    """

    project_id: str
    id: str
    kind: str
    method: str
    slice: Mapping[str, str]
    start: datetime
    end: datetime
    grain: str
    first_detected_at: datetime
    detected_at: datetime
    severity: Severity
    actual: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    unit: str
    impact_usd: Decimal | None
    score: float
    p_value: float | None
    confidence: float
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    state: State = "open"

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it; money is a string of all its digits."""
        out = asdict(self)
        for name in ("start", "end", "first_detected_at", "detected_at"):
            out[name] = out[name].isoformat()
        out["impact_usd"] = None if self.impact_usd is None else f"{self.impact_usd:f}"
        return out


def identity(project: str, kind: str, slice_: Mapping[str, str], start: datetime, more: str = "") -> str:
    """The id of a finding: the same for the same kind, slice and start; `more` tells apart what these do not."""
    told = json.dumps([project, kind, dict(sorted(slice_.items())), start.astimezone(UTC).isoformat(), more])
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def write(engine: Engine, findings: Sequence[Finding]) -> int:
    """Store findings in place of those of the same ids; how many are new or differ from what was stored.

    The moment of a repeated detection alone is no difference, so that the same result written twice changes nothing.
    """
    if not findings:
        return 0
    held: dict[str, Finding] = {}
    for project in sorted({each.project_id for each in findings}):
        ids = tuple(each.id for each in findings if each.project_id == project)
        held.update({each.id: each for each in listing(engine, project, ids=ids)})
    changed = [each for each in findings if each.id not in held or _told(each) != _told(held[each.id])]
    if not changed:
        return 0
    revision = time.time_ns()
    rows = [asdict(each) | {"evidence": _dumped(each.evidence), "revision": revision} for each in changed]
    columns = {name: [row[name] for row in rows] for name in (*_FIELDS, "revision")}
    engine.insert(TABLE, columns, f"findings-{revision}-{rows[0]['id']}")
    return len(changed)


def listing(
    engine: Engine,
    project: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    kinds: Sequence[str] = (),
    states: Sequence[str] = (),
    ids: Sequence[str] = (),
    limit: int = _LIMIT,
) -> list[Finding]:
    """A project's findings whose window touches [start, end), newest first."""
    params = {
        "project": project, "start": start or _EVER[0], "end": end or _EVER[1], "kinds": list(kinds),
        "states": list(states), "ids": list(ids), "limit": limit,
    }  # fmt: skip
    return [_finding(row) for row in engine.rows(load("findings"), params)]


def get(engine: Engine, project: str, finding_id: str) -> Finding:
    """The finding of this id. Raises FindingUnknown."""
    found = listing(engine, project, ids=(finding_id,))
    if not found:
        raise words.FindingUnknown(
            f"project {project!r} has no finding {finding_id!r}. `spanledger anomalies list` names those there are."
        )
    return found[0]


def examples(engine: Engine, scope: Scope, limit: int = 5) -> list[str]:
    """Ids of the traces in a scope that cost most, the dearest first."""
    sql = Template(load("finding_examples")).substitute(where=" AND ".join(["true", *scope.conditions()]))
    return [row[0] for row in engine.rows(sql, scope.params(limit=limit))]


def forget(engine: Engine, control: Control, project: str, customer: str) -> int:
    """Delete findings about a customer or that name it, and what people said and planned of it; how many findings."""
    params = {"project": project, "value": customer, "named": json.dumps(customer, ensure_ascii=False)}
    matched = load("deletion_findings")
    gone = [row[0] for row in engine.rows(f"SELECT DISTINCT id FROM {TABLE} WHERE {matched}", params)]  # noqa: S608 - a fragment of ours
    if gone:
        engine.command(f"ALTER TABLE {TABLE} DELETE WHERE {matched}", params, {"mutations_sync": 2})
    words.forget(control, project, customer, gone)
    return len(gone)


def _told(finding: Finding) -> dict[str, Any]:
    return asdict(finding) | {"detected_at": None, "first_detected_at": None, "evidence": _dumped(finding.evidence)}


def _dumped(evidence: Mapping[str, Any]) -> str:
    return json.dumps(dict(evidence), ensure_ascii=False, sort_keys=True)


def _finding(row: Sequence[Any]) -> Finding:
    values = dict(zip(_FIELDS, row, strict=True))
    for name in ("start", "end", "first_detected_at", "detected_at"):
        values[name] = _moment(values[name])
    values["evidence"] = json.loads(values["evidence"])
    return Finding(**values)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(int(value) / 1e9, UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
