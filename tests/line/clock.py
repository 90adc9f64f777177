"""`spanledger` with a clock that others turn: seconds to add are read from the file named by CLOCK_OFFSET.

It stands for a machine whose clock is set while the program runs. The monotonic clock goes on, as it does there.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_file = Path(os.environ["CLOCK_OFFSET"])
_time_ns = time.time_ns


def _shifted_ns() -> int:
    return _time_ns() + int(_file.read_text() or 0) * 1_000_000_000


def _shifted() -> float:
    return _shifted_ns() / 1e9


time.time_ns, time.time = _shifted_ns, _shifted

if __name__ == "__main__":
    from spanledger_cli.entry import main

    main()
