"""Whether calls have drifted: reads both sides of a comparison, and has the methods test them.

Three families of tests, each of sessions: of embeddings (what is asked, or answered), of everything that is measured,
and of the mix of customers and features. The first two are of what changed within customer x feature, so that a
customer who asks more is mix and no drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spanledger_analytics.methods import lexical
from spanledger_analytics.methods.drift import embeddings, measures
from spanledger_analytics.methods.drift.measures import Measures
from spanledger_analytics.methods.drift.windows import DriftInput
from spanledger_analytics.methods.languages import language
from spanledger_store import embedding
from spanledger_store.control import Control, clusters
from spanledger_store.control.clusters import Codebook
from spanledger_store.engine import Engine
from spanledger_store.reports import drift_calls, drift_columns
from spanledger_store.reports.drift_calls import Window
from spanledger_store.scope import Scope

EMBEDDING: Final = "embedding"
MEASURED: Final = "measured"
MIX: Final = "mix"
STRATA: Final = ("customer", "feature")
NUMBERS: Final = (
    "prompt_tokens", "completion_tokens", "input_length", "output_length", "duration_ns", "ttft_ns", "cost_usd",
)  # fmt: skip
NAMES: Final = ("model", "finish_reason", "status", "language", "tools", "topic")
_STRATUM: Final = "stratum"
# Longer answers are read so far.
_LONGEST: Final = 2_000
# An embedder is fitted to about so many of them, whosever they are.
_FITTED: Final = 4_000
_SEED: Final = 1
_FRIDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    `frame` has a row a call (block, stratum and what is measured; unknown is null); `vectors` are those of the rows for
    which `embedded`. `codebook` is what its topics are numbered by, `texts` what is compared where it is not the
    question.
    """

    scope: Scope
    window: Window
    frame: pl.DataFrame
    vectors: NDArray[np.float32]
    embedded: NDArray[np.bool_]
    model: str
    codebook: Codebook | None
    texts: tuple[str, ...] = ()

    @property
    def with_vectors(self) -> pl.DataFrame:
        """The rows that have a vector."""
        return self.frame.filter(pl.Series(self.embedded))


@dataclass(frozen=True, slots=True)
class Tested:
    """One family's test; pairs are (reference, current). `p` is None where there was too little to test, which `note`
    says; `result` then is None too."""

    family: str
    calls: tuple[int, int]
    sessions: tuple[int, int]
    result: embeddings.Result | Measures | None = None
    note: str = ""

    @property
    def p(self) -> float | None:
        """The p value over everything the family tests."""
        return None if self.result is None else self.result.p

    @property
    def leading(self) -> str:
        """What stood out most."""
        if self.result is None:
            return ""
        return self.result.leading.name if isinstance(self.result, Measures) else self.result.leading

    @property
    def effect(self) -> float | None:
        """The effect of what stood out most."""
        if self.result is None:
            return None
        if isinstance(self.result, Measures):
            return self.result.leading.effect
        return next(each.effect for each in self.result.statistics if each.name == self.result.leading)


def read(
    engine: Engine, control: Control, scope: Scope, model: tuple[str, int] | None, *, salt: str = "", whole: bool = True
) -> Side:
    """One side: a sample of a scope's sessions, another one for another `salt`, with vectors by `model` (name and
    dimensions; None for none), and unless it is not to be `whole` with everything that is measured."""
    window = drift_calls.window(engine, scope, *(model or ("", 0)), salt=salt)
    codebook = clusters.newest(control, scope.project) if whole else None
    frame = window.frame
    if whole:
        frame = described(engine, scope, window, drift_columns.columns(engine, scope, window), codebook)
    return side(scope, window, frame, model, codebook)


def described(
    engine: Engine, scope: Scope, window: Window, frame: pl.DataFrame, codebook: Codebook | None
) -> pl.DataFrame:
    """The frame of a scope's window with topics (by a codebook, null without one) and languages; what is unknown is
    null."""
    topics: pl.Series = pl.Series([None] * len(frame), dtype=pl.String)
    if codebook is not None:
        numbers = drift_calls.clusters(engine, scope, window, codebook.id)
        topics = pl.Series([str(each) if each >= 0 else None for each in numbers.tolist()], dtype=pl.String)
    tongues = [language(text) for text in frame["input_preview"].to_list()]
    return frame.with_columns(
        topic=topics,
        language=pl.Series(tongues, dtype=pl.String),
        finish_reason=pl.when(pl.col("finish_reason") != "").then("finish_reason"),
        model=pl.when(pl.col("model") != "").then("model"),
        cost_usd=pl.col("cost_usd").cast(pl.Float64),
    )


def side(
    scope: Scope, window: Window, frame: pl.DataFrame, model: tuple[str, int] | None, codebook: Codebook | None
) -> Side:
    """A side of a window's calls, by what is known of them."""
    frame = frame.with_columns(pl.concat_str(*STRATA, separator="\x1f").alias(_STRATUM))
    return Side(scope, window, frame, window.vectors, window.embedded, model[0] if model else "", codebook)


def answered(engine: Engine, sides: tuple[Side, Side]) -> tuple[Side, Side]:
    """Both sides with vectors of what was answered instead: by a lexical embedder that is fitted to both together, so
    that it knows nothing of which is which. Raises DriftInput where too few answers are kept."""
    texts = [
        [embedding.asked(each)[:_LONGEST] for each in drift_columns.outputs(engine, side.scope, side.window)]
        for side in sides
    ]
    try:
        distinct = sorted({text for side in texts for text in side if text})
        embedder = lexical.fit(distinct[:: max(1, -(-len(distinct) // _FITTED))], _SEED)
    except lexical.LexicalInvalid as error:
        kept = sum(bool(text) for side in texts for text in side)
        raise DriftInput(
            f"what was answered is kept of {kept} calls, too little to compare ({error}) Applications send it with "
            "SPANLEDGER_CAPTURE_CONTENT=on; everything else is compared all the same."
        ) from error
    made: list[Side] = []
    for side, said in zip(sides, texts, strict=True):
        vectors = embedder.embed(said)
        there = vectors.any(axis=1)
        made.append(
            replace(side, vectors=vectors[there], embedded=there, model="lexical, of both sides", texts=tuple(said))
        )
    return made[0], made[1]


def asked(reference: Side, current: Side, *, seed: int = 0, resolution: float | None = None) -> Tested:
    """Whether what was asked (or answered) differs, by the sides' vectors."""
    frames = reference.with_vectors, current.with_vectors

    def test() -> embeddings.Result:
        return embeddings.compare(
            reference.vectors, current.vectors, **_blocks(frames), **_strata(frames), seed=seed, resolution=resolution
        )

    lacking = nothing_to_compare(reference, current) or without_vectors(reference, current)
    return _tested(EMBEDDING, frames, test, lacking)


def measured(
    reference: Side, current: Side, *, seed: int = 0, resolution: float | None = None, without: tuple[str, ...] = ()
) -> Tested:
    """Whether anything that is measured differs; `without` these quantities, which are known to."""
    frames = reference.frame, current.frame
    names = quantities(frames, without)

    def test() -> Measures:
        sides = [{name: values(frame, name) for name in names} for frame in frames]
        return measures.compare(
            sides[0], sides[1], **_blocks(frames), **_strata(frames), seed=seed, resolution=resolution
        )

    return _tested(MEASURED, frames, test, nothing_to_compare(reference, current))


def mix(reference: Side, current: Side, *, seed: int = 0, resolution: float | None = None) -> Tested:
    """Whether customers and features have other shares of the calls."""
    frames = reference.frame, current.frame

    def test() -> Measures:
        sides = [{MIX: values(frame, _STRATUM)} for frame in frames]
        return measures.compare(sides[0], sides[1], **_blocks(frames), seed=seed, resolution=resolution)

    return _tested(MIX, frames, test, nothing_to_compare(reference, current))


def nothing_to_compare(reference: Side, current: Side) -> str:
    """Which of both sides has no calls, in words; '' where both have some."""
    if reference.frame.is_empty() and current.frame.is_empty():
        return "there are no calls, neither to compare nor to compare with"
    if reference.frame.is_empty():
        return "there are no calls to compare with: the reference is empty"
    return "there are no calls to compare: only the reference has some" if current.frame.is_empty() else ""


def without_vectors(reference: Side, current: Side) -> str:
    """Which of both sides has no embedding, in words; '' where both have some."""
    if not current.model:
        return (
            "no call has an embedding: they are sent by applications, or made by the job `embedding` (`spanledger "
            "embeddings status` says how it stands)"
        )
    sides = (("the reference", reference), ("the calls that are compared", current))
    missing = [name for name, side in sides if not side.embedded.any()]
    if not missing:
        return ""
    return (
        f"no embedding by {current.model} of {' and of '.join(missing)}: `spanledger embeddings status` says what is "
        "embedded"
    )


def same_days(side: Side, *, weekend: bool) -> Side:
    """The side's calls of Saturdays and Sundays (UTC), or of the other days; without vectors."""
    at = pl.from_epoch("start", time_unit="ns").dt.weekday() > _FRIDAY
    frame = side.frame.filter(at == weekend)
    return replace(side, frame=frame, vectors=side.vectors[:0], embedded=np.zeros(len(frame), bool))


def quantities(frames: tuple[pl.DataFrame, pl.DataFrame], without: tuple[str, ...] = ()) -> list[str]:
    """What of both frames can be tested: the numbers, names and scores that both have."""
    scores = [each for each in frames[0].columns if each.startswith(drift_columns.SCORE) and each in frames[1].columns]
    return [each for each in (*NUMBERS, *NAMES, *scores) if each not in without]


def values(frame: pl.DataFrame, name: str) -> NDArray[Any]:
    """A column as the methods take it: NaN, or None, for what is not known."""
    column = frame[name]
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.array(column.to_list(), dtype=object)


def _blocks(frames: tuple[pl.DataFrame, pl.DataFrame]) -> Mapping[str, Any]:
    return {"reference_blocks": frames[0]["block"].to_numpy(), "current_blocks": frames[1]["block"].to_numpy()}


def _strata(frames: tuple[pl.DataFrame, pl.DataFrame]) -> Mapping[str, Any]:
    codes = [frame[_STRATUM].hash().to_numpy() for frame in frames]
    return {"reference_strata": codes[0], "current_strata": codes[1]}


def _tested(
    family: str,
    frames: tuple[pl.DataFrame, pl.DataFrame],
    test: Callable[[], embeddings.Result | Measures],
    lacking: str,
) -> Tested:
    calls = len(frames[0]), len(frames[1])
    sessions = frames[0]["block"].n_unique(), frames[1]["block"].n_unique()
    if lacking:
        return Tested(family, calls, sessions, None, lacking)
    try:
        return Tested(family, calls, sessions, test())
    except DriftInput as error:
        return Tested(family, calls, sessions, None, str(error))
