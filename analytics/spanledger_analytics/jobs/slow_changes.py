"""The daily half of the anomaly job: what drifts by a few per cent a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from spanledger_analytics.methods.anomalies import telling
from spanledger_analytics.methods.anomalies.cells import Cells
from spanledger_analytics.methods.anomalies.creeping import DAYS, Slow, creeping
from spanledger_store import findings
from spanledger_store.control import findings as words
from spanledger_store.control.findings import Verdict
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing, Calendar
from spanledger_store.scope import Dimension, Scope

METHOD: Final = "creep"
_DAY: Final = 86_400
# A slow start is found a day earlier or later as data comes in.
_SAME: Final = timedelta(days=10)


def look(
    engine: Engine,
    project: str,
    now: datetime,
    stored: Sequence[Finding],
    explained: Sequence[Finding],
    said: Mapping[str, words.Feedback],
    spent_a_day: float,
) -> list[Finding]:
    """The project's slow changes as of yesterday, and those of before that are over.

    `stored` are the findings there are, `explained` those of sudden changes, whose slices are left out.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = Bucketing(ZoneInfo("UTC"), calendar=Calendar.DAY)
    scope = Scope(project, today - timedelta(days=DAYS), today)
    lines = books(engine, scope, (Dimension.CUSTOMER, Dimension.FEATURE), days).rename({"bucket": "at"})
    mine = [each for each in stored if each.method == METHOD]
    slow: list[Slow] = []
    if not lines.is_empty():
        cells = Cells.of(lines, _DAY, ("customer", "feature"))
        where = [each.slice for each in explained if each.state != "withdrawn"]
        slow = creeping(cells, int(today.timestamp()) // _DAY, explained=where)
    told = [_finding(project, each, mine, now, said, spent_a_day) for each in slow]
    ids = {each.id for each in told}
    return [*told, *(_ended(each) for each in mine if each.state in ("open", "known") and each.id not in ids)]


def _finding(
    project: str,
    slow: Slow,
    stored: Sequence[Finding],
    now: datetime,
    said: Mapping[str, words.Feedback],
    spent_a_day: float,
) -> Finding:
    start = datetime.fromtimestamp(slow.start * _DAY, UTC)
    seen = datetime.fromtimestamp(slow.seen * _DAY, UTC)
    before = next((each for each in stored if _same(each, slow, start)), None)
    start = before.start if before else start
    impact = slow.actual - slow.expected
    name = before.id if before else findings.identity(project, "anomaly", slow.where, start, METHOD)
    verdict = said[name].verdict if name in said else Verdict.CONFIRMED
    width = 1.96 * slow.deviation
    return Finding(
        project_id=project,
        id=name,
        kind="anomaly",
        method=METHOD,
        slice=dict(slow.where),
        start=start,
        end=seen,
        grain="day",
        first_detected_at=before.first_detected_at if before else seen,
        detected_at=now,
        severity=telling.severity(impact, spent_a_day, slow.sign),
        actual=_rounded(slow.actual),
        expected=_rounded(slow.expected),
        lower=_rounded(max(slow.expected - width, 0.0)),
        upper=_rounded(slow.expected + width),
        unit="USD",
        impact_usd=Decimal(repr(_rounded(impact))).quantize(Decimal("1e-6")),
        score=_rounded(slow.score),
        p_value=slow.p_value,
        confidence=min(1.0 - slow.p_value, 0.9999),
        evidence={
            "sentence": _sentence(slow, impact),
            "channel": "spend",
            "sign": slow.sign,
            "factor": _rounded(slow.actual / slow.expected) if slow.expected > 0 else None,
        },
        state="open" if verdict is Verdict.CONFIRMED else "known",
    )


def _same(finding: Finding, slow: Slow, start: datetime) -> bool:
    near = abs(finding.start - start) <= _SAME or finding.state in ("open", "known")
    return dict(finding.slice) == dict(slow.where) and finding.evidence.get("sign") == slow.sign and near


def _ended(finding: Finding) -> Finding:
    return replace(finding, state="ended")


def _sentence(slow: Slow, impact: float) -> str:
    since = datetime.fromtimestamp(slow.start * _DAY, UTC)
    way = "rising" if slow.sign > 0 else "falling"
    more = "more" if impact >= 0 else "less"
    return (
        f"{telling.subject(slow.where)}: spend has been {way} slowly since {since:%Y-%m-%d}, "
        f"{telling.money(abs(impact))} {more} than the four weeks before would make it."
    )


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")
