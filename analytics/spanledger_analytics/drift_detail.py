"""What a change consists of, once a test has rejected: examples, topics, quantities, mix, and what it did beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from spanledger_analytics import drifting
from spanledger_analytics.drifting import Side, Tested
from spanledger_analytics.methods.drift import categories, contrast, scalars
from spanledger_analytics.methods.drift import mix as mixes
from spanledger_analytics.methods.drift.measures import Measures, Quantity
from spanledger_analytics.methods.drift.windows import DriftInput
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.reports.clusters import names
from spanledger_store.reports.drift_columns import SCORE

_EXAMPLES: Final = 5
_SHARES: Final = 8
_NAMED: Final = 0.05
"""Changes are named where their p value, corrected for all that were tested (family-wise), is no larger."""
_SCALE: Final[Mapping[str, float]] = {"duration_ns": 1e-9, "ttft_ns": 1e-9}
"""What values are multiplied by where they are told: durations in seconds."""
BESIDE: Final[Mapping[str, str]] = {
    "cost_usd": "cost_usd", "duration_s": "duration_ns", "error_share": "status", "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
}  # fmt: skip
"""What a change is set beside, by the column it is read from."""

Told = dict[str, Any]


def examples(sides: tuple[Side, Side]) -> tuple[dict[str, list[dict[str, str]]], dict[str, float]]:
    """Calls that show best what is new, what is as ever and what has gone, by reference: what was asked is read when
    they are shown (only of answers, which are compared and kept nowhere, the words are here); and how well a classifier
    tells the sides apart (area under the curve with its 95 % interval)."""
    frames = [side.with_vectors for side in sides]
    blocks = [frame["block"].to_numpy() for frame in frames]
    vectors = sides[0].vectors, sides[1].vectors
    scores = contrast.contrast(*vectors, reference_blocks=blocks[0], current_blocks=blocks[1])
    best = contrast.examples(scores, *vectors, reference_blocks=blocks[0], current_blocks=blocks[1], count=_EXAMPLES)
    told: dict[str, list[dict[str, str]]] = {}
    for name, at, rows in (("new", 1, best.new), ("usual", 1, best.usual), ("gone", 0, best.gone)):
        places = np.flatnonzero(sides[at].embedded)
        chosen = [(frames[at].row(row, named=True), int(places[row])) for row in rows.tolist()]
        told[name] = [
            {
                "trace_id": each["trace_id"],
                "span_id": each["span_id"],
                **({"asked": sides[at].texts[place]} if sides[at].texts else {}),
            }
            for each, place in chosen
        ]
    return told, {"accuracy": scores.accuracy, "low": scores.low, "high": scores.high}


def topics(engine: Engine, control: Control, sides: tuple[Side, Side]) -> list[Told]:
    """Clusters that grew, shrank, came or went within customers and features, as `sure` has them; none where there is
    no codebook of these vectors."""
    codebook = sides[1].codebook
    if codebook is None or (codebook.model != sides[1].model and not sides[1].texts):
        return []
    held = [side.frame.filter(pl.col("topic").is_not_null()) for side in sides]
    try:
        shares = categories.compare(
            held[0]["topic"].to_numpy(),
            held[1]["topic"].to_numpy(),
            reference_blocks=held[0]["block"].to_numpy(),
            current_blocks=held[1]["block"].to_numpy(),
            reference_strata=held[0]["stratum"].hash().to_numpy(),
            current_strata=held[1]["stratum"].hash().to_numpy(),
        )
    except DriftInput:
        return []
    known = names(engine, control, sides[1].scope.project)
    return [
        {
            "cluster": int(str(each.name)), "name": known.name(int(str(each.name))), "before": each.before,
            "after": each.after, "p": each.p, "sure": each.p <= _NAMED, "what": _became(each.before, each.after),
        }
        for each in sure(shares)
    ]  # fmt: skip


def sure(found: categories.Shares) -> list[categories.Share]:
    """The shares that changed, the surest first: those whose p value, corrected for all that were tested (Westfall and
    Young 1993), is at most .05, eight at most; where there is none, the one that stood out most, alone."""
    named = [each for each in found.shares if each.name is not None]
    return [each for each in named if each.p <= _NAMED][:_SHARES] or named[:1]


def _became(before: float, after: float) -> str:
    if not before:
        return "appeared"
    return "gone" if not after else "grew" if after > before else "shrank"


def quantities(
    engine: Engine, control: Control, tested: Tested, sides: tuple[Side, Side], *, all_of_them: bool = False
) -> list[Told]:
    """The quantities that changed, the surest first, each with its p values, effect and what became of it; with
    `all_of_them` also those that did not, without that."""
    if not isinstance(tested.result, Measures):
        return []
    told: list[Told] = []
    for each in tested.result.quantities:
        changed = each.p_corrected <= _NAMED
        if changed or all_of_them:
            line = _line(each) | {"changed": changed}
            told.append(line | (_became_of(engine, control, each, sides) if changed else {}))
    return told


def _line(each: Quantity) -> Told:
    known = {"reference": each.known[0], "current": each.known[1]}
    return {"name": each.name, "p": each.p, "p_corrected": each.p_corrected, "effect": each.effect, "known": known}


def _became_of(engine: Engine, control: Control, each: Quantity, sides: tuple[Side, Side]) -> Told:
    held = [side.frame.filter(pl.col(each.name).is_not_null()) for side in sides]
    windows: dict[str, Any] = {
        "reference_blocks": held[0]["block"].to_numpy(), "current_blocks": held[1]["block"].to_numpy(),
        "reference_strata": held[0]["stratum"].hash().to_numpy(),
        "current_strata": held[1]["stratum"].hash().to_numpy(),
    }  # fmt: skip
    both = [drifting.values(frame, each.name) for frame in held]
    try:
        if held[0][each.name].dtype.is_numeric():
            return _numbers(scalars.compare(both[0], both[1], **windows), _SCALE.get(each.name, 1.0))
        shares = categories.compare(both[0].astype(str), both[1].astype(str), **windows)
        return _names(engine, control, each.name, shares, sides)
    except DriftInput:
        # The quantity is known of too few sessions to say more of it.
        return {}


def _numbers(found: scalars.Distribution, scale: float) -> Told:
    return {
        "mean": {"reference": found.means[0] * scale, "current": found.means[1] * scale},
        "distance": found.distance * scale,
        "stability_index": found.stability_index,
        "quantiles": [
            {
                "level": q.level, "before": q.before * scale, "after": q.after * scale,
                "low": q.low * scale, "high": q.high * scale,
            }
            for q in found.quantiles
        ],
    }  # fmt: skip


def _names(engine: Engine, control: Control, name: str, found: categories.Shares, sides: tuple[Side, Side]) -> Told:
    known = names(engine, control, sides[1].scope.project) if name == "topic" else None
    return {
        "divergence": found.divergence,
        "stability_index": found.stability_index,
        "shares": [
            {
                "name": known.name(int(str(s.name))) if known is not None else str(s.name), "before": s.before,
                "after": s.after, "low": s.low, "high": s.high, "p": s.p, "sure": s.p <= _NAMED,
            }
            for s in sure(found)
        ],
    }  # fmt: skip


def mix(sides: tuple[Side, Side]) -> list[Told]:
    """Customers x features whose share of the calls changed, as `sure` has them."""
    frames = [side.frame for side in sides]
    try:
        found = mixes.compare(
            frames[0]["stratum"].to_numpy(),
            frames[1]["stratum"].to_numpy(),
            reference_blocks=frames[0]["block"].to_numpy(),
            current_blocks=frames[1]["block"].to_numpy(),
        )
    except DriftInput:
        return []
    told: list[Told] = []
    for each in sure(found):
        slice_ = dict(zip(drifting.STRATA, str(each.name).split("\x1f"), strict=True))
        told.append(
            {"slice": slice_, "before": each.before, "after": each.after, "low": each.low, "high": each.high,
             "p": each.p, "sure": each.p <= _NAMED}
        )  # fmt: skip
    return told


def beside(sides: tuple[Side, Side], *, scores: bool = True) -> dict[str, dict[str, float | None]]:
    """What a call cost, took and was scored and how often it failed: means where known, before and after, and the part
    of the change that the mix of customers and features explains (None where nothing can be told)."""
    frames = [side.frame for side in sides]
    columns: dict[str, str] = dict(BESIDE)
    if scores:
        columns |= {each: each for each in drifting.quantities((frames[0], frames[1])) if each.startswith(SCORE)}
    return {name: _means(frames, column) for name, column in columns.items()}


def _means(frames: Sequence[pl.DataFrame], column: str) -> dict[str, float | None]:
    value = (pl.col(column) == "error").cast(pl.Float64) if column == "status" else pl.col(column).cast(pl.Float64)
    held = [frame.select("stratum", value=value * _SCALE.get(column, 1.0)).drop_nulls("value") for frame in frames]
    means = [None if each.is_empty() else float(np.mean(each["value"].to_numpy())) for each in held]
    if None in means:
        return {"reference": means[0], "current": means[1], "by_mix": None}
    codes = [each["stratum"].hash().to_numpy() for each in held]
    split = mixes.split(held[0]["value"].to_numpy(), held[1]["value"].to_numpy(), codes[0], codes[1])
    return {"reference": means[0], "current": means[1], "by_mix": float(split.mix[0])}
