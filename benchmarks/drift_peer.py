"""Runs in Evidently's own environment: which of the windows in a file its embedding drift methods call drifted.

    PYTHON drift_peer.py IN.npz

IN has `before_I` and `after_I` (rows x dimensions) for each repetition I. Prints, as JSON, each method's share of
repetitions with drift: as set up by default, and with its bootstrap (at its default quantile) where it has one.
"""

from __future__ import annotations

import json
import sys
import warnings

import numpy as np
import pandas as pd
from evidently.legacy.metrics.data_drift import embedding_drift_methods as methods


def main() -> None:
    """Read, ask each method about each pair of windows, print."""
    warnings.simplefilter("ignore")
    held = np.load(sys.argv[1])
    asked = {
        "model": methods.model(),
        "model, bootstrap": methods.model(bootstrap=True),
        "distance": methods.distance(),
        "distance, bootstrap": methods.distance(bootstrap=True),
        "ratio": methods.ratio(),
        "mmd": methods.mmd(),
        "mmd, bootstrap": methods.mmd(bootstrap=True),
    }
    drifted: dict[str, list[bool]] = {name: [] for name in asked}
    for key in held.files:
        if not key.startswith("before_"):
            continue
        before = pd.DataFrame(held[key])
        after = pd.DataFrame(held[key.replace("before_", "after_")])
        for name, method in asked.items():
            # Some of them write into what they are given.
            drifted[name].append(bool(method(after.copy(), before.copy())[1]))
    print(json.dumps({name: round(float(np.mean(each)), 3) for name, each in drifted.items()}))


if __name__ == "__main__":
    main()
