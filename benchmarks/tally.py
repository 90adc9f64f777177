"""What the spool's account costs: CPU per request of putting and forgetting, with and without it, as JSON.

    python benchmarks/tally.py [--requests 2000] [--spans 100]

Both run in one process, in turns, and each number is the least of five.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from spanledger_collector.spool import Spool


class Silent:
    """Counts nothing."""

    def add(self, *_: Any, **__: int) -> None:
        """Nothing."""

    def write(self, _: Any) -> None:
        """Nothing."""

    def drop(self) -> None:
        """Nothing."""


def cpu(requests: int, spans: int, *, counted: bool) -> float:
    """CPU seconds per request."""
    with tempfile.TemporaryDirectory(prefix="spanledger-tally-") as directory:
        spool = Spool(Path(directory) / "spool.db", 1 << 31)
        if not counted:
            setattr(spool, "_tally", Silent())  # noqa: B010 - the account is no option of the spool
            spool._writer.submit(lambda file: file.execute("DROP INDEX entries_slots")).result()  # pyright: ignore[reportPrivateUsage]
        bodies = [os.urandom(32) * 1000 for _ in range(requests)]
        started = time.process_time()
        for at in range(0, requests, 8):
            waiting = [
                spool.put(project="p", key="k", body=body, spans=spans, received_at=time.time_ns())
                for body in bodies[at : at + 8]
            ]
            for future in waiting:
                future.result()
            if at % 80 == 0:
                spool.done(spool.take(0, 10_000))
        spent = time.process_time() - started
        spool.close()
        return spent / requests


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--spans", type=int, default=100)
    options = parser.parse_args()
    runs = [[cpu(options.requests, options.spans, counted=counted) for counted in (False, True)] for _ in range(5)]
    without, with_it = (min(run[i] for run in runs) * 1e6 for i in (0, 1))
    print(
        json.dumps(
            {
                "without_us_per_request": round(without, 1),
                "with_us_per_request": round(with_it, 1),
                "account_us_per_span": round((with_it - without) / options.spans, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
