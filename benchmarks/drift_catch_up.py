"""CPU and memory of the drift job's first catch-up of a month, what it finds, and whether looks stay the same, as JSON.

    spanledger demo --no-serve --data ./month
    OMP_NUM_THREADS=1 python benchmarks/drift_catch_up.py ./month [--keep looks.json] [--against looks.json] [--profile]

The store of a demo is copied, its looks and findings of drift forgotten, and all its days looked at again. *looks* are
compared field by field with those that another run kept. *told* stands beside what the demo's truth says.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import shutil
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from spanledger_analytics.jobs import drift as job
from spanledger_store import findings
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.quality import drift
from spanledger_store.settings import StoreSettings

SHOWN = 30


def looked(data: Path, end: datetime, profile: cProfile.Profile | None) -> dict[str, Any]:
    """All looks at a store's days before `end`, made again, with what they took; and what is told of them."""
    with Engine(StoreSettings(data=data)) as engine, Control.open(StoreSettings(data=data)) as control:
        migrate(engine)
        engine.command("TRUNCATE TABLE drift_rows")
        engine.command("ALTER TABLE finding_rows DELETE WHERE kind = 'drift'", {}, {"mutations_sync": 2})
        before, began = time.process_time(), time.monotonic()
        if profile is not None:
            profile.enable()
        made = job.look(engine, control, "default", end + timedelta(hours=1))
        if profile is not None:
            profile.disable()
        took = {"cpu_s": time.process_time() - before, "wall_s": time.monotonic() - began}
        told = findings.listing(engine, "default", kinds=("drift",))
        return {
            "made": made,
            **{name: round(value, 1) for name, value in took.items()},
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "told": [
                {"state": each.state, "slice": dict(each.slice), "again": each.evidence.get("again", []),
                 "sentence": each.evidence["sentence"]}
                for each in told
            ],
            "looks": [each.as_json() for each in drift.listing(engine, "default", end - timedelta(days=90), end)],
        }  # fmt: skip


def differences(looks: list[dict[str, Any]], others: list[dict[str, Any]]) -> dict[str, int]:
    """How many looks are the same in every field, and how many are not or are on one side only."""
    one, two = ({(e["quantity"], str(e["slice"]), e["start"]): e for e in each} for each in (looks, others))
    same = sum(one[key] == two[key] for key in one.keys() & two.keys())
    return {"same": same, "differ": len(one.keys() & two.keys()) - same, "alone": len(one.keys() ^ two.keys())}


def main() -> None:
    """Copy, look, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a demo's data directory that nothing runs in")
    parser.add_argument("--keep", type=Path, help="write the looks there")
    parser.add_argument("--against", type=Path, help="compare with the looks that were kept there")
    parser.add_argument("--profile", action="store_true", help="print where the time goes, to stderr")
    chosen = parser.parse_args()
    truth = json.loads((chosen.data / "demo_truth.json").read_text(encoding="utf-8"))
    profile = cProfile.Profile() if chosen.profile else None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "data"
        # What a server leaves behind that ended is no part of what is stored.
        shutil.copytree(
            chosen.data, copy, symlinks=True, ignore=shutil.ignore_patterns("lock", "up.json", "*.exclusive")
        )
        found = looked(copy, datetime.fromisoformat(truth["end"]), profile)
    looks = found.pop("looks")
    if chosen.keep:
        chosen.keep.write_text(json.dumps(looks) + "\n", encoding="utf-8")
    if chosen.against:
        found["against"] = differences(looks, json.loads(chosen.against.read_text(encoding="utf-8")))
    if profile is not None:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(SHOWN)
    print(json.dumps(found | {"truth": [each["sentence"] for each in truth["events"]]}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
