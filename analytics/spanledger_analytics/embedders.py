"""The embedder that a project has chosen: the lexical one that was fitted to its texts, or a model by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger import embedders as named
from spanledger_analytics.methods import lexical
from spanledger_store import embedding
from spanledger_store.control import Control, embeddings
from spanledger_store.control.embeddings import LEXICAL, EmbeddingInvalid, Fitted, Settings
from spanledger_store.engine import Engine

Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]
Progress = Callable[[str, int, int], None]

FIT_TEXTS: Final = 30_000
# A long text says at its beginning what it is about, and all of these are in memory at once.
_FIT_CHARS: Final = 2_000
SEED: Final = 20_260_101
# When another is fitted: enough words met, and clearly more of them new than it expected; or so many more texts than it
# was made of that it would be a better one.
_ENOUGH_WORDS: Final = 5_000
_WORSE: Final = 1.5
_WORSE_BY: Final = 0.03
_GROWN: Final = 8
_REST: Final = timedelta(hours=24)
_loaded: OrderedDict[tuple[str, str], lexical.Embedder] = OrderedDict()
_OPEN: Final = 4


def is_outgrown(of: Fitted, now: datetime) -> bool:
    """Whether a lexical embedder no longer knows its project's words; not asked again within a day of a fit.

    The share of new words is held against what Good and Turing's estimate expected when it was fitted.
    """
    if now - of.fitted_at < _REST:
        return False
    worse = of.words >= _ENOUGH_WORDS and of.unseen / of.words > _WORSE * of.expected_unseen + _WORSE_BY
    return worse or (of.texts < FIT_TEXTS // 2 and of.met >= _GROWN * of.texts)


def chosen(
    engine: Engine, control: Control, settings: Settings, now: datetime, progress: Progress = lambda *_: None
) -> tuple[str, Embed] | None:
    """(model's name, embedder) of a project; None while it has too few texts to fit a lexical one to.

    Raises EmbeddingInvalid naming what is missing for the one that was chosen.
    """
    if settings.embedder != LEXICAL:
        made, model, problem = named.chosen(settings.embedder, settings.revealed())
        if made is None or model is None:
            raise EmbeddingInvalid((problem or f"embedder={settings.embedder!r} embeds nothing").partition(";")[0])
        return model, _checked(made, model)
    fitted = embeddings.fitted(control, settings.project)
    if fitted is None or is_outgrown(fitted, now):
        texts = embedding.sample(engine, settings.project, now - timedelta(days=settings.days), FIT_TEXTS)
        try:
            fresh = lexical.fit([text[:_FIT_CHARS] for text in texts], SEED, progress=progress)
        except lexical.LexicalInvalid:
            if fitted is None:
                return None
        else:
            fitted = embeddings.keep(control, settings.project, now, fresh.texts, fresh.expected_unseen, fresh.dumps())
    return fitted.model, _lexical(control, fitted)


def _lexical(control: Control, fitted: Fitted) -> Embed:
    key = (fitted.project, fitted.model)
    held = _loaded.get(key)
    if held is None:
        raw = embeddings.body(control, fitted.project, fitted.model)
        if raw is None:
            raise EmbeddingInvalid(f"the lexical embedder {fitted.model} is gone; it is fitted anew at the next run.")
        held = _loaded[key] = lexical.loads(raw)
        while len(_loaded) > _OPEN:
            _loaded.popitem(last=False)

    def embed(texts: Sequence[str]) -> Floats:
        vectors, words, unseen = held.look(texts)
        embeddings.met(control, fitted, words, unseen, len(texts))
        return vectors

    return embed


def _checked(made: named.Embedder, model: str) -> Embed:
    def embed(texts: Sequence[str]) -> Floats:
        listed = [list(vector) for vector in made(list(texts))]
        sizes = {len(vector) for vector in listed}
        if len(listed) != len(texts) or len(sizes) > 1 or 0 in sizes:
            raise EmbeddingInvalid(
                f"{model} gave {len(listed)} vectors of {sorted(sizes)} values for {len(texts)} texts."
            )
        vectors = np.asarray(listed, dtype=np.float32).reshape(len(texts), -1)
        if not np.isfinite(vectors).all():
            raise EmbeddingInvalid(f"{model} gave a vector with values that are no numbers.")
        return vectors

    return embed
