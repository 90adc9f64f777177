"""Advice on models and on the class of service: the same tokens of the same days at other prices of the list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from spanledger_store.outlook.advice import Advice, Calls, Kind, Quality, Sample, examples, grouped, total

Scores = Mapping[tuple[str, str], Mapping[str, Sample]]
"""(feature, model) -> name -> scores over sessions."""

MOST_CANDIDATES: Final = 3
EMBEDDINGS: Final = "embeddings"
NO_SCORES: Final = (
    "no score of these calls is known, so what quality is at stake is not: send some with spanledger.score()"
)


def cheaper(rows: Sequence[Calls], scores: Scores, named: Collection[str] = ()) -> list[Advice]:
    """Cheaper models for each feature's calls of a model: those in use for the same operation, and those named.

    A candidate must have a price for all of the calls, on each of their days. Vectors of other models cannot be mixed
    with those that are kept, so calls for embeddings are left as they are. Of several, those come first whose scores
    in the same feature show no difference; then those that answer in the feature already; then those of the same
    provider; last those whose scores differ. Within each the most saved comes first.
    """
    fit = [row for row in rows if row.fit and row.origin != "class" and row.operation != EMBEDDINGS]
    used: dict[str, set[tuple[str, str]]] = {}
    for row in fit:
        used.setdefault(row.operation, set()).add((row.provider, row.model))
    answers = {(row.feature, row.model) for row in fit}
    found: list[Advice] = []
    groups = grouped(fit, "feature", "provider", "model", "operation")
    for (feature, provider, model, operation), group in groups.items():
        others = sorted(used[operation] - {(provider, model)})
        known = {each for _, each in others} | {model}
        others += [("", name) for name in sorted(named) if name not in known]
        lines: list[tuple[int, Advice]] = []
        for other in others:
            line = _instead(group, other, scores, feature, model)
            if line is not None:
                is_near = 1 if (feature, line.candidate) in answers else 2 if other[0] == provider else 3
                lines.append((_rank(line, is_near), line))
        lines.sort(key=lambda each: (each[0], -(each[1].saved_usd or Decimal(0)), each[1].candidate))
        kept = _kept([line for _, line in lines], named)
        found += [replace(line, is_best=not number) for number, line in enumerate(kept)]
    return found


def _kept(lines: Sequence[Advice], named: Collection[str]) -> list[Advice]:
    """The first few, and what was asked for."""
    return [line for number, line in enumerate(lines) if number < MOST_CANDIDATES or line.candidate in named]


def _instead(group: Sequence[Calls], other: tuple[str, str], scores: Scores, feature: str, model: str) -> Advice | None:
    provider, candidate = other
    costs: list[Decimal] = []
    for row in group:
        priced = row.priced(provider, candidate)
        if priced is None:
            return None
        costs.append(priced[0])
    before, after = total(row.cost for row in group), total(costs)
    if after >= before:
        return None
    here, there = scores.get((feature, model), {}), scores.get((feature, candidate), {})
    quality = tuple(Quality(name, sample, there.get(name)) for name, sample in sorted(here.items()))
    missing: list[str] = []
    if not quality:
        missing.append(NO_SCORES)
    elif not any(each.there for each in quality):
        missing.append(f"{candidate} has no scores in this feature: try it on a part of the calls first")
    basis = (
        f"The same tokens at the list's prices of {candidate} on the days of the calls; it is not known whether it "
        "would have answered with as many."
    )
    return Advice(
        kind=Kind.MODEL, feature=feature, provider=group[0].provider, model=model, candidate=candidate,
        calls=sum(row.calls for row in group), cost_usd=before, saved_usd=before - after, basis=basis,
        missing=tuple(missing), quality=quality, examples=examples(group),
    )  # fmt: skip


def _rank(line: Advice, is_near: int) -> int:
    said = {each.verdict for each in line.quality}
    if said & {"lower", "higher"}:
        return 4
    return 0 if "no difference shown" in said else is_near


def batched(rows: Iterable[Calls], chosen: Collection[str] = ()) -> list[Advice]:
    """What the batch class would have saved on calls that nobody waited for.

    A call could wait where no time to first token was streamed and no session is named, or where its feature is
    `chosen` by the user. A provider without a known price for batches has no number.
    """
    found: list[Advice] = []
    able = [row for row in rows if row.fit and row.origin != "class" and (not row.waits or row.feature in chosen)]
    for (feature, provider, model), group in grouped(able, "feature", "provider", "model").items():
        basis = (
            "All calls of this feature, which you say can wait for up to a day."
            if feature in chosen
            else "Calls without a session and without a streamed answer: nobody seems to have waited for them."
        )
        cost, missing = total(row.cost for row in group), ""
        saved: Decimal | None = None
        if any(row.origin == "own" for row in group):
            missing = "these calls have a price of your own: what its batch class costs is not known"
        else:
            costs = [row.priced(provider, model, "batch") for row in group]
            if any(each is None or "standard price" in each[1] for each in costs):
                missing = f"no price of {provider or model} for batches is known"
            else:
                saved = cost - total(each[0] for each in costs if each is not None)
        if saved is not None and saved <= 0:
            continue
        found.append(
            Advice(
                kind=Kind.BATCH, feature=feature, provider=provider, model=model, candidate="",
                calls=sum(row.calls for row in group), cost_usd=cost, saved_usd=saved, basis=basis,
                missing=(missing,) if missing else (), examples=examples(group),
            )
        )  # fmt: skip
    return found
