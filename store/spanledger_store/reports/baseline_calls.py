"""Whether a baseline that somebody wants to pin has calls to compare with: one that has none takes its share of the
level for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from string import Template

from spanledger_store.control.baselines import Baseline, BaselineInvalid
from spanledger_store.engine import Engine
from spanledger_store.scope import Dimension, Scope
from spanledger_store.sql import load


def check(engine: Engine, baseline: Baseline, now: datetime) -> None:
    """Raises BaselineInvalid for a baseline of the future, or of values that no call of its stretch has."""
    if baseline.start >= now:
        raise BaselineInvalid(
            f"a baseline from {baseline.start.isoformat()} on has no calls yet, it is {now:%Y-%m-%dT%H:%MZ}; name a "
            "stretch that has begun."
        )
    about = {**baseline.slice, **baseline.versions}
    if _any(engine, baseline, about):
        return
    stretch = f"from {baseline.start.isoformat()} to {baseline.end.isoformat()}"
    if not about or not _any(engine, baseline, {}):
        raise BaselineInvalid(f"project {baseline.project!r} has no calls {stretch}; name a stretch that has some.")
    alone = [(name, value) for name, value in about.items() if not _any(engine, baseline, {name: value})]
    if alone:
        name, value = alone[0]
        raise BaselineInvalid(
            f"no call {stretch} has the {name.replace('_', ' ')} {value!r}; name a value that calls of then have: "
            f"spanledger spend --by {name}."
        )
    told = ", ".join(f"{name} {value!r}" for name, value in about.items())
    raise BaselineInvalid(f"no call {stretch} has all of {told}; leave one of them out.")


def _any(engine: Engine, baseline: Baseline, about: Mapping[str, str]) -> bool:
    filters = {Dimension(name): (value,) for name, value in about.items()}
    scope = Scope(baseline.project, baseline.start, baseline.end, filters)
    sql = Template(load("baseline_calls")).substitute(where=" AND ".join(["true", *scope.conditions()]))
    return bool(engine.rows(sql, scope.params()))
