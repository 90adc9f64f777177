"""Whether two sets of calls that somebody names differ, and in what: periods, versions, or a pinned baseline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from spanledger_analytics import drift_detail, drift_words, drifting
from spanledger_analytics.drifting import Side, Tested
from spanledger_analytics.methods.drift import embeddings
from spanledger_analytics.methods.drift.windows import DriftInput
from spanledger_store import embedding
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.quality.drift_request import Comparison, Of
from spanledger_store.reports import findings
from spanledger_store.scope import Scope

LEVEL: Final = 0.05
_RESOLUTION: Final = 0.002
_SEED: Final = 1
_MODELS: Final = timedelta(days=60)
_SHOWN: Final = 3


def answer(engine: Engine, control: Control, asked: Comparison) -> dict[str, Any]:
    """Both sides, the three families of tests, and after a rejection what changed; ready for JSON.

    Of two tests, of embeddings and of what is measured, at most one project of twenty in which nothing differs hears
    of a difference (Holm 1979). The mix of customers and features is told apart from both.
    """
    project = asked.current.project
    sides: tuple[Side, Side] = _sides(engine, control, asked)
    lacking = drifting.nothing_to_compare(*sides)
    of_embeddings = Tested(drifting.EMBEDDING, (0, 0), (0, 0), None, lacking)
    if asked.of is Of.OUTPUTS and not lacking:
        try:
            sides = drifting.answered(engine, sides)
        except DriftInput as error:
            of_embeddings = Tested(drifting.EMBEDDING, (0, 0), (0, 0), None, str(error))
    if asked.of is Of.INPUTS or sides[0].texts:
        of_embeddings = drifting.asked(*sides, seed=_SEED, resolution=_RESOLUTION)
    of_measured = drifting.measured(*sides, seed=_SEED, resolution=_RESOLUTION, without=asked.versions)
    of_mix = drifting.mix(*sides, seed=_SEED, resolution=_RESOLUTION)
    corrected = _holm(of_embeddings.p, of_measured.p)
    told: dict[str, Any] = {
        "project": project,
        "of": asked.of.value,
        "against": asked.against,
        "versions": list(asked.versions),
        "current": _side(sides[1]),
        "reference": _side(sides[0]),
        "model": sides[1].model,
        "embeddings": _told(of_embeddings, corrected[0]),
        "measured": _told(of_measured, corrected[1])
        | {"quantities": drift_detail.quantities(engine, control, of_measured, sides, all_of_them=True)},
        "mix": _told(of_mix, of_mix.p) | {"shares": drift_detail.mix(sides)},
        "beside": drift_detail.beside(sides),
        "examples": {},
        "classifier": None,
        "topics": [],
    }
    if isinstance(of_embeddings.result, embeddings.Result):
        statistics = [{"name": s.name, "p": s.p, "effect": s.effect} for s in of_embeddings.result.statistics]
        told["embeddings"]["statistics"] = statistics
    if told["embeddings"]["changed"]:
        shown, told["classifier"] = drift_detail.examples(sides)
        times = [moment for side in sides for moment in (side.scope.start, side.scope.end)]
        told["examples"] = findings.with_questions(engine, project, shown, min(times), max(times))
        told["topics"] = drift_detail.topics(engine, control, sides)
    return told | {
        "changed": told["embeddings"]["changed"] or told["measured"]["changed"],
        "sentence": _sentence(asked, told),
    }


def _sides(engine: Engine, control: Control, asked: Comparison) -> tuple[Side, Side]:
    since = min(asked.reference.start, asked.current.end - _MODELS)
    models = embedding.models(engine, asked.current.project, since) if asked.of is Of.INPUTS else []
    model = next(((each.model, each.dimensions) for each in models if each.dimensions is not None), None)
    return (
        drifting.read(engine, control, asked.reference, model),
        drifting.read(engine, control, asked.current, model),
    )


def _holm(*p_values: float | None) -> list[float | None]:
    """Each p value corrected for all that there are."""
    order = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    made: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, at) in enumerate(order):
        highest = max(highest, min(p * (len(order) - rank), 1.0))
        made[at] = highest
    return made


def _side(side: Side) -> dict[str, Any]:
    return {
        **_stretch(side.scope),
        "calls": side.window.calls,
        "read": len(side.frame),
        "sessions": side.frame["block"].n_unique(),
    }


def _stretch(scope: Scope) -> dict[str, Any]:
    slice_ = {each.value: list(values) for each, values in scope.filters.items() if values}
    return {"from": scope.start.isoformat(), "to": scope.end.isoformat(), "slice": slice_}


def _told(tested: Tested, corrected: float | None) -> dict[str, Any]:
    result = tested.result
    return {
        "p": tested.p,
        "p_corrected": corrected,
        "changed": corrected is not None and corrected <= LEVEL,
        "effect": tested.effect,
        "leading": tested.leading,
        "sessions": None if result is None else {"reference": result.blocks[0], "current": result.blocks[1]},
        "calls": None if result is None else {"reference": result.rows[0], "current": result.rows[1]},
        "effective_calls": None
        if result is None
        else {"reference": round(result.effective[0], 1), "current": round(result.effective[1], 1)},
        "left_out": None if result is None else result.left_out,
        "note": tested.note,
    }


def _sentence(asked: Comparison, told: Mapping[str, Any]) -> str:
    parts: list[str] = []
    kind = "What is asked" if asked.of is Of.INPUTS else "What is answered"
    tested = [told[name]["p"] is not None for name in ("embeddings", "measured")]
    if not any(tested):
        return "There is too little on one side to compare them."
    if told["embeddings"]["changed"]:
        parts.append(f"{kind} differs (effect {told['embeddings']['effect']:.2f})")
    changed = [drift_words.name(each["name"]) for each in told["measured"]["quantities"] if each["changed"]]
    if told["measured"]["changed"]:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        parts.append(f"{', '.join(changed[:_SHOWN]) or drift_words.name(told['measured']['leading'])}{more} differ")
    if not parts:
        parts.append("Nothing differs by more than sessions do by chance")
    if told["mix"]["changed"]:
        parts.append("customers and features have other shares, which is mix")
    sessions = told["measured"]["sessions"] or told["embeddings"]["sessions"]
    seen = f" ({sessions['current']:,} sessions beside {sessions['reference']:,})"
    told_of = "; ".join(parts) + seen + "."
    return told_of[:1].upper() + told_of[1:]
