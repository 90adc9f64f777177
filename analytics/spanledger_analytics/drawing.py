"""The map of a codebook's clusters, drawn in a process of its own.

umap-learn compiles itself at its first import (some 15 s of CPU, kept on disk; 2 s later) and takes 160 MB and more.
A process that serves pages should hold neither, nor wait for the compiler: a refit starts another, once a week.
"""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.placing import Floats, continued, layout, turned

logger = logging.getLogger(__name__)

FEWEST: Final = 16
"""Clusters of which UMAP is made; of fewer, each is a neighbour of all others, and distances alone say more."""

_SECONDS: Final = 300.0
_COMMAND: Final = (sys.executable, "-P", "-m", "spanledger_analytics.drawing")
_THREADS: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def drawn(
    centroids: NDArray[Any], earlier: Floats | None = None, rows: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Places of clusters (rows x 2) around (0, 0), at a mean distance of 1; the same for the same input.

    `earlier` are the former places of `rows`, where there are such: these stay about where they were. Where umap-learn
    is missing or fails, places follow from distances alone (`placing.layout`), and a warning says so.
    """
    if earlier is None or rows is None or not len(rows):
        begin = layout(centroids)
        made = _by_umap(centroids, begin)
        return begin if made is None else made
    made = _by_umap(centroids, continued(centroids, earlier, rows))
    return turned(layout(centroids) if made is None else made, earlier, rows)


def _by_umap(centroids: NDArray[Any], begin: Floats) -> Floats | None:
    """Places from a process of its own; None of few clusters, and where that fails."""
    if len(centroids) < FEWEST:
        return None
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, centroids=np.asarray(centroids, dtype=np.float32), begin=begin)
    try:
        done = subprocess.run(
            _COMMAND, input=sink.getvalue(), capture_output=True, timeout=_SECONDS, env=os.environ | _THREADS
        )
        if done.returncode == 0:
            places = np.load(io.BytesIO(done.stdout), allow_pickle=False)
            if places.shape == (len(centroids), 2) and np.isfinite(places).all():
                return places
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        why = said[0]
    except (OSError, ValueError, EOFError, subprocess.TimeoutExpired) as error:
        why = str(error)
    logger.warning(
        "The map of %d clusters is of distances alone: UMAP failed with %s. Install umap-learn (it is in the extra "
        "'analytics'); on a read-only disk, let NUMBA_CACHE_DIR name a folder that can be written.",
        len(centroids),
        why,
    )
    return None


def main() -> None:
    """The other process: arrays come on its input, places go to its output, whatever a library prints elsewhere."""
    source, target = sys.stdin.buffer.read(), sys.stdout.buffer
    sys.stdout = sys.stderr
    # Here and not above: this is what the other process is for.
    from spanledger_analytics.methods import umap_layout

    with np.load(io.BytesIO(source), allow_pickle=False) as held:
        places = umap_layout.layout(held["centroids"], held["begin"])
    np.save(target, places, allow_pickle=False)
    target.flush()


if __name__ == "__main__":
    main()
