"""Whether calls have drifted: reads two windows of them and puts the methods' answers together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from spanledger_analytics.methods.drift import categories, contrast, embeddings
from spanledger_analytics.methods.drift.windows import DriftInput
from spanledger_store import embedding, findings
from spanledger_store.control import Control, clusters
from spanledger_store.drift import Look
from spanledger_store.engine import Engine
from spanledger_store.findings import Finding
from spanledger_store.reports import drift_calls, trace
from spanledger_store.reports.clusters import names
from spanledger_store.reports.drift_calls import Window
from spanledger_store.reports.scope import Scope

KIND: Final = "drift"
METHOD: Final = "session permutation"
_STRATA: Final = ("customer", "feature")
_EXAMPLES: Final = 5
_TOPICS: Final = 8


@dataclass(frozen=True, slots=True)
class Compared:
    """Two windows of calls side by side, each pair (reference, current).

    `result` is of the test on embeddings within customer x feature; None where there was too little to test, which
    `note` says. `calls` and `sessions` are those with a vector that were read.
    """

    scopes: tuple[Scope, Scope]
    model: str
    reference: Window
    current: Window
    calls: tuple[int, int]
    sessions: tuple[int, int]
    result: embeddings.Result | None
    note: str = ""

    @property
    def p(self) -> float | None:
        """The p value of the test."""
        return None if self.result is None else self.result.p

    @property
    def leading(self) -> str:
        """What stood out most."""
        return "" if self.result is None else self.result.leading

    @property
    def effect(self) -> float | None:
        """The effect of what stood out most."""
        return None if self.result is None else _effect(self.result)


def compare(
    engine: Engine,
    current: Scope,
    reference: Scope,
    model: tuple[str, int],
    *,
    seed: int = 0,
    resolution: float | None = None,
) -> Compared:
    """Whether what was asked in `current` differs from `reference`, by embeddings of one model (name, dimensions)."""
    before = drift_calls.window(engine, reference, *model)
    after = drift_calls.window(engine, current, *model)
    sides = (_side(before), _side(after))
    calls = (len(sides[0]), len(sides[1]))
    sessions = (sides[0]["block"].n_unique(), sides[1]["block"].n_unique())
    try:
        result = embeddings.compare(
            before.vectors,
            after.vectors,
            reference_blocks=sides[0]["block"].to_numpy(),
            current_blocks=sides[1]["block"].to_numpy(),
            reference_strata=sides[0]["stratum"].to_numpy(),
            current_strata=sides[1]["stratum"].to_numpy(),
            seed=seed,
            resolution=resolution,
        )
    except DriftInput as error:
        return Compared((reference, current), model[0], before, after, calls, sessions, None, str(error))
    return Compared((reference, current), model[0], before, after, calls, sessions, result)


def _side(window: Window) -> pl.DataFrame:
    frame = window.frame.filter(pl.Series(window.embedded))
    return frame.with_columns(stratum=pl.struct(_STRATA).hash())


def _effect(result: embeddings.Result) -> float:
    return next(each.effect for each in result.statistics if each.name == result.leading)


def finding(engine: Engine, control: Control, since: Scope, look: Look, found: Compared, now: datetime) -> Finding:
    """What an alarm tells: how far what was asked has moved, in which calls it shows most, and what it did beside."""
    assert found.result is not None
    result, where = found.result, dict(look.slice)
    reference = found.scopes[0]
    return Finding(
        project_id=since.project,
        id=findings.identity(since.project, KIND, where, since.start, look.quantity),
        kind=KIND,
        method=METHOD,
        slice=where,
        start=since.start,
        end=since.end,
        grain="day",
        first_detected_at=now,
        detected_at=now,
        severity="high" if look.effect is not None and look.effect >= 0.2 else "medium",
        actual=None,
        expected=None,
        lower=None,
        upper=None,
        unit="",
        impact_usd=None,
        score=float(look.effect or 0.0),
        p_value=result.p,
        confidence=1.0 - result.p,
        evidence={
            "sentence": _sentence(where, result, since),
            "quantity": look.quantity,
            "leading": result.leading,
            "statistics": [{"name": s.name, "p": s.p, "effect": s.effect} for s in result.statistics],
            "sessions": {"reference": result.blocks[0], "current": result.blocks[1]},
            "calls": {"reference": result.rows[0], "current": result.rows[1]},
            "effective_calls": {
                "reference": round(result.effective[0], 1), "current": round(result.effective[1], 1),
            },
            "baseline": {"from": reference.start.isoformat(), "to": reference.end.isoformat()},
            "model": look.model,
            "evidence": look.evidence,
            "threshold": look.threshold,
            "examples": _examples(engine, since.project, found),
            "topics": _topics(engine, control, found),
            "measured": _measured(found),
        },
    )  # fmt: skip


def _sentence(where: dict[str, str], result: embeddings.Result, since: Scope) -> str:
    subject = " of ".join(f"{name} {value}" for name, value in where.items()) or "all calls"
    return (
        f"What is asked in {subject} has changed since {since.start:%-d %b}: seen in {result.blocks[1]:,} sessions"
        f" beside {result.blocks[0]:,} before (p = {result.p:.2g})."
    )


def _examples(engine: Engine, project: str, found: Compared) -> dict[str, list[dict[str, str]]]:
    """What shows best what is new, what is as ever and what has gone: calls with what was asked, where it is kept."""
    sides = (_side(found.reference), _side(found.current))
    before, after = (side["block"].to_numpy() for side in sides)
    vectors = (found.reference.vectors, found.current.vectors)
    scores = contrast.contrast(*vectors, reference_blocks=before, current_blocks=after)
    best = contrast.examples(scores, *vectors, reference_blocks=before, current_blocks=after, count=_EXAMPLES)
    told: dict[str, list[dict[str, str]]] = {}
    for name, side, rows in (
        ("new", sides[1], best.new),
        ("usual", sides[1], best.usual),
        ("gone", sides[0], best.gone),
    ):
        chosen = [side.row(row, named=True) for row in rows.tolist()]
        told[name] = [
            {
                "trace_id": each["trace_id"],
                "span_id": each["span_id"],
                "asked": _asked(engine, project, each["trace_id"], each["span_id"]),
            }
            for each in chosen
        ]
    return told


def _asked(engine: Engine, project: str, trace_id: str, span_id: str) -> str:
    """What a call was asked; '' where that is no longer kept."""
    return next((embedding.asked(each.input) for each in trace.contents(engine, project, trace_id, span_id)), "")


def _topics(engine: Engine, control: Control, found: Compared) -> list[dict[str, Any]]:
    """Clusters whose share of calls has changed, the surest first; none where there is no codebook of these vectors."""
    project = found.scopes[0].project
    codebook = clusters.newest(control, project)
    if codebook is None or codebook.model != found.model:
        return []
    known = names(engine, control, project)
    held: list[pl.DataFrame] = []
    for scope, window in zip(found.scopes, (found.reference, found.current), strict=True):
        numbers = drift_calls.clusters(engine, scope, window.among, codebook.id, window.frame)
        held.append(window.frame.select("block", cluster=pl.Series(numbers)).filter(pl.col("cluster") >= 0))
    try:
        shares = categories.compare(
            held[0]["cluster"].to_numpy(),
            held[1]["cluster"].to_numpy(),
            reference_blocks=held[0]["block"].to_numpy(),
            current_blocks=held[1]["block"].to_numpy(),
        )
    except DriftInput:
        return []
    return [
        {
            "cluster": each.name,
            "name": known.name(int(str(each.name))),
            "before": each.before,
            "after": each.after,
            "p": each.p,
        }
        for each in shares.shares[:_TOPICS]
        if each.name is not None
    ]


def _measured(found: Compared) -> dict[str, dict[str, float | None]]:
    """What a call cost, took and how often it failed, before and after; means over the calls where it is known."""
    told: dict[str, dict[str, float | None]] = {}
    for name, expression in (
        ("cost_usd", pl.col("cost_usd").cast(pl.Float64).mean()),
        ("duration_s", pl.col("duration_ns").mean() / 1e9),
        ("error_share", (pl.col("status") == "error").mean()),
        ("prompt_tokens", pl.col("prompt_tokens").mean()),
        ("completion_tokens", pl.col("completion_tokens").mean()),
    ):
        both = [side.frame.select(expression).item() for side in (found.reference, found.current)]
        told[name] = dict(zip(("reference", "current"), (None if x is None else float(x) for x in both), strict=True))
    return told
