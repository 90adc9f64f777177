"""What an alarm of drift tells: a finding with how far it goes, in what it shows most, and what it did beside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from spanledger_analytics import drift_detail, drift_words
from spanledger_analytics.drifting import EMBEDDING, MEASURED, MIX, Side, Tested
from spanledger_analytics.methods.drift import embeddings
from spanledger_store import findings
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding, Severity
from spanledger_store.quality.drift import Look
from spanledger_store.scope import Scope

KIND: Final = "drift"
METHOD: Final = "session permutation"
_LARGE: Final = 0.2
_NAMED: Final = 3


def finding(
    engine: Engine,
    control: Control,
    since: Scope,
    look: Look,
    tested: Tested,
    sides: tuple[Side, Side],
    now: datetime,
    *,
    pinned: str = "",
) -> Finding:
    """What is told of an alarm since the beginning of `since`; `pinned` is the id of the pinned baseline that the look
    was against, by which one that is pinned anew under the same name is told apart."""
    assert tested.result is not None
    result, where, reference = tested.result, dict(look.slice), sides[0].scope
    evidence: dict[str, Any] = {
        "quantity": look.family,
        "leading": tested.leading,
        "sessions": {"reference": result.blocks[0], "current": result.blocks[1]},
        "calls": {"reference": result.rows[0], "current": result.rows[1]},
        "effective_calls": {"reference": round(result.effective[0], 1), "current": round(result.effective[1], 1)},
        "baseline": {
            "name": look.baseline, "id": pinned, "from": reference.start.isoformat(), "to": reference.end.isoformat(),
        },
        "model": look.model,
        "evidence": look.evidence,
        "threshold": look.threshold,
        **_what(engine, control, tested, sides),
    }  # fmt: skip
    return Finding(
        project_id=since.project,
        id=findings.identity(since.project, KIND, where, since.start, f"{look.quantity} {pinned}".strip()),
        kind=KIND,
        method=METHOD,
        slice=where,
        start=since.start,
        end=since.end,
        grain="day",
        first_detected_at=now,
        detected_at=now,
        severity=_severity(tested),
        actual=None,
        expected=None,
        lower=None,
        upper=None,
        unit="",
        impact_usd=None,
        score=float(look.effect or 0.0),
        p_value=result.p,
        confidence=1.0 - result.p,
        evidence={"sentence": _sentence(where, look, tested, since, evidence), **evidence},
    )


def _what(engine: Engine, control: Control, tested: Tested, sides: tuple[Side, Side]) -> dict[str, Any]:
    told: dict[str, Any] = {"measured": drift_detail.beside(sides)}
    if tested.family == EMBEDDING and isinstance(tested.result, embeddings.Result):
        shown, classifier = drift_detail.examples(sides)
        told |= {
            "statistics": [{"name": s.name, "p": s.p, "effect": s.effect} for s in tested.result.statistics],
            "examples": shown,
            "classifier": classifier,
            "topics": drift_detail.topics(engine, control, sides),
        }
    elif tested.family == MEASURED:
        told["changes"] = drift_detail.quantities(engine, control, tested, sides)
    else:
        told["mix"] = drift_detail.mix(sides)
    return told


def _severity(tested: Tested) -> Severity:
    if tested.family == MIX:
        return "low"
    return "high" if tested.effect is not None and tested.effect >= _LARGE else "medium"


def _sentence(where: Mapping[str, str], look: Look, tested: Tested, since: Scope, evidence: Mapping[str, Any]) -> str:
    assert tested.result is not None
    subject = " of ".join(f"{name} {value}" for name, value in where.items()) or "all calls"
    against = f"of the baseline {look.baseline}" if look.baseline else "before"
    before, now = tested.result.blocks
    seen = f"seen in {now:,} sessions beside {before:,} {against} (p = {tested.result.p:.2g})."
    day = f"{since.start:%-d %b}"
    if tested.family == EMBEDDING:
        return f"What is asked in {subject} has changed since {day}: {seen}"
    if tested.family == MEASURED:
        changes = evidence["changes"]
        listed = [drift_words.name(each["name"]) for each in changes] or [drift_words.name(tested.leading)]
        more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
        became = [(listed[at], told) for at, each in enumerate(changes[:_NAMED]) if (told := drift_words.became(each))]
        became = [told if len(listed) == 1 else f"{name} {told}" for name, told in became]
        what = f"{', '.join(listed[:_NAMED])}{more} of {subject} changed since {day}"
        return f"{_capital('; '.join([f'{what}: {became[0]}', *became[1:]]) if became else what)}; {seen}"
    return f"Customers and features have other shares of {subject} since {day}, which is mix and no drift: {seen}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
