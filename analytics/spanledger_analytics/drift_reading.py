"""Sides of comparisons for the drift job: from calls that are read once for all looks, where these take little room."""

from __future__ import annotations

from dataclasses import replace

from spanledger_analytics import drifting
from spanledger_analytics.drifting import Side
from spanledger_store.control import Control, clusters
from spanledger_store.control.clusters import Codebook
from spanledger_store.engine import Engine
from spanledger_store.reports import drift_held
from spanledger_store.reports.drift_held import Held
from spanledger_store.scope import Scope


class Reader:
    """Reads sides within a stretch of a project as `drifting.read` does, the same ones.

    All calls of the stretch are read, and their languages detected, when the first side is asked for; where they would
    take too much room, or a side is not of the stretch, it is read by itself.
    """

    def __init__(self, engine: Engine, control: Control, stretch: Scope, model: tuple[str, int] | None) -> None:
        self._engine = engine
        self._control = control
        self._stretch = stretch
        self._model = model
        self._is_read = False
        self._held: Held | None = None
        self._codebook: Codebook | None = None

    def read(self, scope: Scope, model: tuple[str, int] | None, *, salt: str, whole: bool) -> Side:
        """One side, as `drifting.read` reads it."""
        if not self._is_read:
            self._hold()
        held = self._held
        if held is None or not held.holds(scope) or model not in (None, self._model):
            return drifting.read(self._engine, self._control, scope, model, salt=salt, whole=whole)
        window = held.of(self._engine, scope, salt, vectors=model is not None)
        frame = held.columns(scope, window) if whole else window.frame
        return drifting.side(scope, window, frame, model, self._codebook if whole else None)

    def _hold(self) -> None:
        self._is_read = True
        held = drift_held.hold(self._engine, self._stretch, *(self._model or ("", 0)))
        if held is None:
            return
        self._codebook = clusters.newest(self._control, self._stretch.project)
        frame = drifting.described(self._engine, self._stretch, held.window, held.window.frame, self._codebook)
        # Texts were read for their languages, and take more room than all else.
        self._held = replace(held, window=replace(held.window, frame=frame.drop("input_preview")))
