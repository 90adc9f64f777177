"""The books: hours recomputed from deduplicated spans, and from what is frozen of spans that have expired."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from string import Template

from spanledger_store.engine import Engine
from spanledger_store.sql import load

HOURS_PER_STATEMENT = 200


def of_spans(where: str) -> str:
    """SQL of the ledger's rows, with `identities`, as the sum of the spans for which `where` holds.

    Only spans that are not frozen: the sum of these rows and of `frozen` counts every call once.
    """
    return beside_frozen("ledger_of_spans", where)


def beside_frozen(name: str, where: str) -> str:
    """The named statement about the spans for which `where` holds, with the identities of frozen calls among them."""
    frozen = Template(load("ledger_frozen")).substitute(spans=where)
    return Template(load(name)).substitute(spans=where, frozen=frozen, identity=load("span_identity"))


def differences() -> str:
    """SQL of the hours whose ledger is not the sum of its calls, with what it lacks."""
    return Template(load("ledger_differences")).substitute(of_spans=of_spans("true"))


def over_hours(name: str) -> str:
    """The named statement about `{hours}` of `{project}`, which begin at `{first}` and are over at `{end}`."""
    return Template(load(name)).substitute(of_spans=of_spans(load("ledger_hours")))


def recompute(engine: Engine, hours: Sequence[tuple[str, datetime]]) -> None:
    """Make the ledger of each (project, UTC hour) equal the sum of that hour's billable spans, exactly.

    Idempotent, and right whatever the hour held before: late, repeated, repriced, deleted and expired spans included.
    A reader sees an hour as it was or as it is, never in between.
    """
    by_project: defaultdict[str, set[datetime]] = defaultdict(set)
    for project, hour in hours:
        by_project[project].add(hour)
    for project, wanted in by_project.items():
        ordered = sorted(wanted)
        for start in range(0, len(ordered), HOURS_PER_STATEMENT):
            chunk = ordered[start : start + HOURS_PER_STATEMENT]
            engine.command(
                over_hours("ledger_recompute"),
                {
                    "project": project,
                    "hours": chunk,
                    "first": chunk[0],
                    "end": chunk[-1] + timedelta(hours=1),
                },
            )
