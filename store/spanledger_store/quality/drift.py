"""Looks at drift as they were made: what was compared with what, and the evidence since the baseline began.

drift.write(engine, "default", [Look(...)])
drift.newest(engine, "default")
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from spanledger_store.engine import Engine
from spanledger_store.sql import load

TABLE: Final = "drift_rows"
_LIMIT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison of a window with its baseline.

    | field | |
    |---|---|
    | slice | dimension -> value that the calls have |
    | quantity | what was tested: `embedding`, `measured` or `mix`, with `@NAME` against a pinned baseline |
    | p_value, effect, leading | of the test; None where there was too little to test, which `note` says |
    | evidence, threshold, looks, since, alarmed | the monitor after this look |
    """

    slice: Mapping[str, str]
    quantity: str
    start: datetime
    end: datetime
    baseline_start: datetime
    baseline_end: datetime
    model: str
    calls: int
    baseline_calls: int
    sessions: int
    baseline_sessions: int
    p_value: float | None
    effect: float | None
    leading: str
    evidence: float
    threshold: float
    looks: int
    since: int
    alarmed: bool
    note: str = ""

    @property
    def family(self) -> str:
        """What was tested, whatever the baseline."""
        return self.quantity.partition("@")[0]

    @property
    def baseline(self) -> str:
        """The name of the pinned baseline; '' for all calls before."""
        return self.quantity.partition("@")[2]

    @property
    def key(self) -> tuple[str, str]:
        """What the look is at: slice and quantity."""
        return slice_key(self.slice), self.quantity

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it."""
        out: dict[str, Any] = asdict(self) | {"family": self.family, "baseline": self.baseline}
        for name in ("start", "end", "baseline_start", "baseline_end"):
            out[name] = out[name].isoformat()
        return out


def quantity(family: str, baseline: str = "") -> str:
    """What a look is stored under: a family of tests, against a pinned baseline where one is named."""
    return f"{family}@{baseline}" if baseline else family


def slice_key(slice_: Mapping[str, str]) -> str:
    """A slice as one text, whatever the order it was told in."""
    return json.dumps(dict(sorted(slice_.items())), ensure_ascii=False, separators=(",", ":"))


def write(engine: Engine, project: str, looks: Sequence[Look]) -> None:
    """Store looks in place of those at the same slice, quantity and start."""
    if not looks:
        return
    count, now = len(looks), time.time_ns()
    names = [name for name in Look.__slots__ if name != "slice"]
    columns: dict[str, Sequence[Any]] = {
        "project_id": [project] * count,
        "slice": [dict(each.slice) for each in looks],
        "slice_key": [slice_key(each.slice) for each in looks],
        **{name: [getattr(each, name) for each in looks] for name in names},
        "made_at": [now] * count,
    }
    told = hashlib.blake2b(repr([asdict(each) for each in looks]).encode(), digest_size=16).hexdigest()
    engine.insert(TABLE, columns, f"drift-{told}-{now}")


def listing(engine: Engine, project: str, start: datetime, end: datetime, quantities: Sequence[str] = ()) -> list[Look]:
    """Looks at windows that begin in [start, end), oldest first."""
    params = {"project": project, "start": start, "end": end, "quantities": list(quantities), "limit": _LIMIT}
    return [_look(row) for row in engine.rows(load("drift_looks"), params)]


def newest(engine: Engine, project: str) -> dict[tuple[str, str], Look]:
    """(slice key, quantity) -> the newest look at it."""
    found = [_look(row) for row in engine.rows(load("drift_newest"), {"project": project})]
    return {each.key: each for each in found}


def forget(engine: Engine, project: str, baseline: str, before: datetime) -> int:
    """Delete looks against the baseline of this name that were made before then, when another had it; how many."""
    params = {"project": project, "baseline": baseline, "before": before}
    matched = load("drift_forgotten")
    count = int(engine.rows(f"SELECT count() FROM {TABLE} WHERE {matched}", params)[0][0])  # noqa: S608 - a fragment of ours
    if count:
        engine.command(f"ALTER TABLE {TABLE} DELETE WHERE {matched}", params, {"mutations_sync": 2})
    return count


def _look(row: Sequence[Any]) -> Look:
    slice_, quantity, *moments = row[:6]
    return Look(slice_, quantity, *(each.replace(tzinfo=UTC) for each in moments), *row[6:])
