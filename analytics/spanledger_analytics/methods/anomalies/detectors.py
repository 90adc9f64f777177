"""Every detector of anomalies in plain series, in one shape and under one set of tests.

Each takes series x values and gives series x scores: 0 where nothing is odd or nothing can be told, farther from 0 the
odder. The detector of changes in the ledger (`anomalies.detect`) takes lines instead and is tested beside these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.anomalies.creep import GAP, REFERENCE, creep
from spanledger_analytics.methods.anomalies.peers import against_peers
from spanledger_analytics.methods.anomalies.rhythm import departures
from spanledger_analytics.methods.anomalies.streaming import strangeness

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector; `needs` is the number of values before which it says nothing."""

    name: str
    scores: Callable[[Floats], Floats]
    needs: int


def _streams(values: Floats) -> Floats:
    return np.array([strangeness(row, 100) for row in values]).reshape(values.shape)


def _peers(values: Floats) -> Floats:
    columns = [against_peers(values[:, : now + 1], 0.0) for now in range(values.shape[1])]
    return np.stack(columns, axis=1) if columns else np.zeros_like(values)


DETECTORS: Final[Sequence[Detector]] = (
    Detector("strangeness", _streams, 100),
    Detector("departures", departures, 14 * 24),
    Detector("creep", creep, REFERENCE + GAP),
    Detector("peers", _peers, 0),
)
