"""Every fault of tests/line/faults.py, for as long as it takes to hurt; results as JSON and as the table of the docs.

    python -m benchmarks.faults [--seconds 120] [--only NAME ...] [--json faults.json] [--write-docs]

Run it from the repository. Faults that this machine does not let it make (a full disk needs the right to mount) are
named with the reason. `--write-docs` puts the table into docs/reliability.md. Exit code 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import documents
from tests.line.faults import FAULTS, Impossible

COLUMNS = ("fault", "happened", "sent", "acknowledged", "stored", "quarantined", "lost", "equal", "message")
TITLES = ("fault", "what happened", "sent", "acknowledged", "stored", "quarantined", "lost", "tokens, cost and ledger",
          "message shown")  # fmt: skip


def run(name: str, seconds: float) -> dict[str, Any]:
    """One fault on a new directory, as a row of the table."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        try:
            outcome = FAULTS[name](Path(directory), seconds)
        except Impossible as reason:
            return {"fault": name, "skipped": str(reason)}
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            return {"fault": name, "failed": str(error).replace(directory, "DIR")}
        row = {"fault": name, **asdict(outcome), "lost": outcome.lost}
        row["message"] = outcome.message.replace(directory, "DIR")
        row["seconds"] = round(time.monotonic() - started, 1)
        return row


def good(row: dict[str, Any]) -> bool:
    """True where nothing is missing, double or unequal, or the fault could not be made here."""
    if "skipped" in row:
        return True
    return "failed" not in row and row["sent"] == row["acknowledged"] and row["lost"] == 0 and row["equal"]


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| " + " | ".join(TITLES) + " |", "|" + "---|" * len(TITLES)]
    for row in rows:
        if "happened" in row:
            cells = [_cell(row[name]) for name in COLUMNS]
        else:
            reason = f"not run: {row['skipped']}" if "skipped" in row else f"failed: {row['failed']}"
            cells = [row["fault"], _cell(reason), *[""] * (len(COLUMNS) - 2)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "equal" if value else "differ"
    if isinstance(value, int):
        return f"{value:,}"
    return " ".join(str(value).split()).replace("|", "/")[:400]


def main() -> int:
    """Run, print, and say by the exit code whether everything adds up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="how long a fault lasts, where it lasts")
    parser.add_argument("--only", nargs="*", choices=FAULTS, help="these faults alone")
    parser.add_argument("--json", type=Path, help="write the result to this file as well")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/reliability.md")
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in chosen.only or FAULTS:
        rows.append(run(name, chosen.seconds))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    found = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "seconds": chosen.seconds,
        "faults": rows,
    }
    text = json.dumps(found, indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")
    if chosen.write_docs:
        documents.renew(documents.DOCS / "reliability.md", "faults", table(rows))
    return 0 if all(good(row) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
