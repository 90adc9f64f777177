"""How long a program's end takes while its endpoint is broken, without and with a buffer on disk.

    python -m benchmarks.sdk_exit [--calls 8000] [--only NAME ...]

Run it from the repository. For each way to break (tests/sdk/faulty.py) a program makes its calls and ends; `seconds` is
from the last call to the end of the process, `lost` and `kept` are what its last line of log says. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

from tests.sdk.faulty import ENVIRONMENT, FAULTS

PROGRAM = """
import spanledger, sys, time
spanledger.init()
@spanledger.observe
def work(text): ...
for _ in range(int(sys.argv[1])): work("x" * 1000)
print(time.time(), flush=True)
"""


def run(fault: str, calls: int, buffer: str | None) -> dict[str, Any]:
    """One program on one broken endpoint."""
    made: Any = FAULTS[fault]()
    with made as (endpoint, environment):
        environment = {**ENVIRONMENT, **environment, "SPANLEDGER_ENDPOINT": endpoint}
        if buffer is not None:
            environment["SPANLEDGER_BUFFER_DIR"] = buffer
        command = [sys.executable, "-c", PROGRAM, str(calls)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        ended = time.time()
    lost = re.search(r"(\d+) of \d+ spans were lost", done.stderr)
    kept = re.search(r"(\d+) spans are kept in", done.stderr)
    return {
        "fault": fault,
        "buffer": buffer is not None,
        "calls": calls,
        "seconds": round(ended - float(done.stdout), 2),
        "lost": int(lost[1]) if lost else 0,
        "kept": int(kept[1]) if kept else 0,
        "lines_of_log": len(done.stderr.splitlines()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=8000)
    parser.add_argument("--only", nargs="*", choices=FAULTS, help="these faults alone")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for fault in options.only or FAULTS:
        rows.append(run(fault, options.calls, None))
        with tempfile.TemporaryDirectory(prefix="sdk-exit-") as directory:
            rows.append(run(fault, options.calls, directory))
        print(json.dumps(rows[-2]), json.dumps(rows[-1]), sep="\n", file=sys.stderr)
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
