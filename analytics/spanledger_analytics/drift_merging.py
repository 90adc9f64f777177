"""Alarms of one change are one finding: while it goes on in a slice, and where a narrower slice explains a wider one's.

A baseline that began anew a day or two ago is of the change itself, which may still be building up; what differs from
it within MERGED goes on with the finding that stands. Of a wider slice and a narrower one that explains it, the
narrower stands, whichever came first: where it comes later it takes the wider's place, with the moment at which that
was first told (`first_detected_at`), so that nobody is told of the change a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from spanledger_analytics.drifting import Side, Tested
from spanledger_store.findings import Finding
from spanledger_store.quality.drift import Look, quantity

MERGED: Final = timedelta(days=3)
"""An alarm so long after the end of a finding of the same slice and quantity is of the same change."""
EXPLAINED: Final = 0.01
"""Without what a narrower finding is of, a wider alarm's p value is to be larger than this to be explained by it."""
EXPLAINED_BY: Final = "explained_by"
"""In the evidence of a finding that was withdrawn: the id of the narrower one in its place."""
EXPLAINS: Final = "explains"
"""In the evidence of a finding: the wider ones whose place it has taken."""
_RANKS: Final = ("low", "medium", "high")


def of_quantity(finding: Finding) -> str:
    """What a finding of drift was found by, as its looks are stored under."""
    return quantity(str(finding.evidence["quantity"]), str(finding.evidence["baseline"]["name"]))


def goes_on(standing: Sequence[Finding], look: Look, since: datetime) -> Finding | None:
    """The finding that an alarm since then goes on with: the last of its slice and quantity, if it ended lately; of
    those that began before the alarm ended."""
    same = [each for each in standing if dict(each.slice) == dict(look.slice) and of_quantity(each) == look.quantity]
    last = max(same, key=lambda each: each.end, default=None)
    return last if last is not None and since - last.end <= MERGED else None


def merged(before: Finding, look: Look, made: Finding) -> Finding:
    """The finding as it stood, until the end of this alarm: it began when it began, and shows what it showed, unless
    both are of one beginning or what is found now goes further."""
    again = sorted({*before.evidence.get("again", ()), look.start.isoformat()})
    severity = max(before.severity, made.severity, key=_RANKS.index)
    if made.id == before.id:
        kept = {name: before.evidence[name] for name in (EXPLAINS,) if name in before.evidence}
        return replace(
            made,
            first_detected_at=before.first_detected_at,
            severity=severity,
            evidence={**made.evidence, **kept},
        )
    return replace(
        before,
        end=max(before.end, made.end),
        detected_at=made.detected_at,
        # It may have been taken for over.
        state="open",
        severity=severity,
        evidence={**before.evidence, "again": again},
    )


def standing(found: Sequence[Finding]) -> list[Finding]:
    """Those that have not been taken back, as where a narrower finding has taken the place of one."""
    return [each for each in found if each.state != "withdrawn" and EXPLAINED_BY not in each.evidence]


def narrower(standing: Sequence[Finding], slice_: Mapping[str, str], quantity: str, since: datetime) -> list[Finding]:
    """Findings of slices within this one by the same quantity that had not ended long before an alarm since then."""
    return [each for each in standing if _is_within(each.slice, slice_) and _is_near(each, quantity, since)]


def wider(standing: Sequence[Finding], look: Look, since: datetime) -> list[Finding]:
    """Findings of slices around that of a look by the same quantity, and the same model's vectors, that had not ended
    long before its alarm."""
    same = [each for each in standing if each.evidence.get("model", "") == look.model]
    return [each for each in same if _is_within(look.slice, each.slice) and _is_near(each, look.quantity, since)]


def taken_over(told: Finding, outer: Sequence[Finding]) -> list[Finding]:
    """The finding in the place of wider ones that it explains, and these, withdrawn: each names the other."""
    if not outer:
        return [told]
    named = {each["id"]: each for each in told.evidence.get(EXPLAINS, ())}
    named |= {
        each.id: {"id": each.id, "slice": dict(each.slice), "start": each.start.isoformat()} for each in outer
    }  # fmt: skip
    evidence = {**told.evidence, EXPLAINS: list(named.values())}
    first = min(each.first_detected_at for each in (told, *outer))
    return [
        replace(told, first_detected_at=first, evidence=evidence),
        *(replace(each, state="withdrawn", evidence={**each.evidence, EXPLAINED_BY: told.id}) for each in outer),
    ]


def explained(sides: tuple[Side, Side], inner: Sequence[Finding], test: Callable[[tuple[Side, Side]], Tested]) -> bool:
    """Whether nothing is left of an alarm in the calls that these findings are not of."""
    if not inner:
        return False
    left = tuple(_without(side, [each.slice for each in inner]) for side in sides)
    p = test((left[0], left[1])).p
    return p is None or p > EXPLAINED


def _without(side: Side, slices: Sequence[Mapping[str, str]]) -> Side:
    """The side's calls that are in none of these slices."""
    inside = [pl.all_horizontal(pl.col(name) == value for name, value in each.items()) for each in slices]
    kept = side.frame.select(~pl.any_horizontal(inside).fill_null(value=False)).to_series().to_numpy()
    return replace(
        side,
        frame=side.frame.filter(pl.Series(kept)),
        vectors=side.vectors[kept[side.embedded]],
        embedded=side.embedded[kept],
    )


def _is_within(inner: Mapping[str, str], outer: Mapping[str, str]) -> bool:
    return len(inner) > len(outer) and all(inner.get(name) == value for name, value in outer.items())


def _is_near(finding: Finding, quantity: str, since: datetime) -> bool:
    return of_quantity(finding) == quantity and since - finding.end <= MERGED
