"""The jobs of query clusters over a million calls of one project on the embedded engine: time and memory; JSON.

    python benchmarks/clusters_million.py [--calls 1000000 100000] [--folder DIR] [--block 20000] [--keep] [--write]

Each call's vector (float32, 384) is that of a random query of CLINC150 with noise of its own (cosine .95). Sessions
are five calls of one intent; calls lie evenly over 28 days. Calls, contents and vectors are written in blocks; that is
timed apart. Then each job runs in a process of its own, as a worker would run it: `refit` draws a sample of whole
sessions and makes the codebook, `killed` assigns and gets SIGKILL once half of the calls are done, `resumed` goes on in
another process until nothing is left, `emergence` looks for new topics.

Every process tells its seconds, CPU seconds (the engine's threads are in them) and greatest resident memory (the engine
is in it); `ready_mb` is that of a process that has opened the store and read nothing. `rows` above `calls` would be
calls that were assigned twice. ARI and coverage are of all calls against their intents. The stores are removed
afterwards unless --keep; disk counts parts that have been merged and not been removed yet.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow as pa  # noqa: E402
from benchmarks import clinc, documents  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from sklearn.metrics import adjusted_rand_score  # noqa: E402

from spanledger_analytics.jobs import assignment, emergence  # noqa: E402
from spanledger_analytics.jobs import clusters as job  # noqa: E402
from spanledger_analytics.methods.clusters.assigning import OUTSIDE  # noqa: E402
from spanledger_analytics.methods.clusters.neighbours import unit  # noqa: E402
from spanledger_store.control import Control, cluster_progress, projects  # noqa: E402
from spanledger_store.control import clusters as stored  # noqa: E402
from spanledger_store.engine import Engine  # noqa: E402
from spanledger_store.migrate import migrate  # noqa: E402
from spanledger_store.settings import StoreSettings  # noqa: E402

Rows = dict[str, Any]
NOW = datetime(2026, 3, 29, tzinfo=UTC)
DAYS, LENGTH, SEED, MODEL = 28, 5, 11, "all-MiniLM-L6-v2"
COSINE = 0.95
PROJECT = "default"


def intents_of(queries: clinc.Queries, sessions: int) -> NDArray[np.int64]:
    """The intent of each session: drawn by how many queries each has."""
    return np.random.default_rng(SEED).choice(queries.intents, sessions)


def filled(engine: Engine, control: Control, queries: clinc.Queries, calls: int, block: int) -> Rows:
    """Write the calls, block by block; seconds of it."""
    began, used = time.perf_counter(), time.process_time()
    projects.ensure(control, PROJECT)
    of = intents_of(queries, -(-calls // LENGTH))
    members = [np.flatnonzero(queries.intents == each) for each in range(int(queries.intents.max()) + 1)]
    size = np.array([len(each) for each in members])
    first_of = np.concatenate(([0], np.cumsum(size)[:-1]))
    listed = np.concatenate(members)
    texts = np.array(
        [json.dumps([{"role": "user", "parts": [{"type": "text", "content": each}]}]) for each in queries.texts]
    )
    step = timedelta(days=DAYS) / calls // timedelta(microseconds=1) * 1_000
    begin = int((NOW - timedelta(days=DAYS)).timestamp()) * 1_000_000_000
    for first in range(0, calls, block):
        dice = np.random.default_rng((SEED, first))
        number = np.arange(first, min(first + block, calls))
        session = number // LENGTH
        intent = of[session]
        rows = listed[first_of[intent] + dice.integers(size[intent])]
        noise = unit(dice.standard_normal((len(rows), queries.vectors.shape[1]), dtype=np.float32))
        vectors = unit(COSINE * queries.vectors[rows] + np.float32((1 - COSINE**2) ** 0.5) * noise)
        same = {
            "project_id": [PROJECT] * len(rows),
            "trace_id": [f"{each:032x}" for each in number.tolist()],
            "span_id": [f"{each:016x}" for each in number.tolist()],
            "start_time": pa.array(begin + number * step, pa.timestamp("ns", "UTC")),
            "ingested_at": pa.array(begin + number * step, pa.timestamp("ns", "UTC")),
        }
        flat = pa.ListArray.from_arrays(
            np.arange(0, vectors.size + 1, vectors.shape[1], dtype=np.int32), pa.array(vectors.ravel())
        )
        spans = {
            "session": [f"s{each}" for each in session.tolist()],
            "user": [f"u{each % 5000}" for each in session.tolist()],
            "customer": [f"c{each % 200}" for each in session.tolist()],
            "kind": ["llm"] * len(rows),
            "is_billable": [True] * len(rows),
            "call_count": pa.array(np.ones(len(rows), np.uint64)),
        }
        engine.insert_arrow("span_content_rows", pa.table(same | {"input": pa.array(texts[rows])}), {})
        engine.insert_arrow(
            "embedding_rows",
            pa.table(same | {"model": [MODEL] * len(rows), "vector": flat}),
            {"vector": "CAST(vector AS Array(BFloat16))"},
        )
        engine.insert_arrow("span_rows", pa.table(same | spans), {})
    seconds = time.perf_counter() - began
    return {
        "calls": calls,
        "seconds": round(seconds, 1),
        "cpu_s": round(time.process_time() - used, 1),
        "rows_s": round(calls / seconds),
    }


def assigned(engine: Engine, control: Control) -> Rows:
    """How many calls the newest codebook has assigned, and how often it has written of one."""
    kept = stored.newest(control, PROJECT)
    assert kept is not None
    ((calls, rows),) = engine.rows(
        "SELECT uniqExact(span_id), count() FROM assignment_rows WHERE codebook = {id:String}", {"id": kept.id}
    )
    return {"calls": int(calls), "rows": int(rows)}


def judged(engine: Engine, queries: clinc.Queries, calls: int) -> Rows:
    """All calls' clusters against their intents."""
    found = engine.query("SELECT span_id, cluster FROM assignments")
    numbers = found["span_id"].str.to_integer(base=16, dtype=pl.Int64).to_numpy()
    labels = np.full(calls, -1, dtype=np.int64)
    labels[numbers] = found["cluster"].to_numpy()
    truth = np.repeat(intents_of(queries, -(-calls // LENGTH)), LENGTH)[:calls]
    return {
        "assigned": int((labels >= 0).sum()),
        "coverage": round(float((labels != OUTSIDE).mean()), 4),
        "ari": round(float(adjusted_rand_score(truth, labels)), 4),
    }


def child(part: str, folder: Path, calls: int, block: int) -> None:
    """One process's work: lines of JSON, the last of which tells what it took."""
    began, used = time.perf_counter(), time.process_time()
    settings = StoreSettings(data=folder)
    with Engine(settings) as engine, Control.open(settings) as control:
        migrate(engine)
        done = parts(part, engine, control, calls, block)
        ready = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = done()
    told = {
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_s": round(time.process_time() - used, 1),
        "ready_mb": round(ready / 1024),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(answer | told), flush=True)


def parts(part: str, engine: Engine, control: Control, calls: int, block: int) -> Callable[[], Rows]:
    """What a process is to do, by name."""

    def fill() -> Rows:
        return filled(engine, control, clinc.load(), calls, block)

    def refit() -> Rows:
        kept = job.refit(engine, control, PROJECT, NOW)
        assert kept is not None
        return {"sampled": kept.calls, "clusters": kept.clusters, "stability": kept.details["stability"]}

    def assign() -> Rows:
        # As the scheduler does: a few seconds' work a turn, until nothing is left.
        turns = 0
        while assignment.run(engine, control, now=NOW):
            turns += 1
            kept = stored.newest(control, PROJECT)
            assert kept is not None
            known = cluster_progress.hours(control, kept.id, NOW - timedelta(days=DAYS + 1))
            print(json.dumps({"done": sum(each.embedded for each in known.values())}), flush=True)
        return {"turns": turns} | assigned(engine, control)

    def count() -> Rows:
        return assigned(engine, control)

    def emerge() -> Rows:
        return {"told": emergence.look(engine, control, PROJECT, NOW)}

    def judge() -> Rows:
        return judged(engine, clinc.load(), calls)

    return {"fill": fill, "refit": refit, "assign": assign, "count": count, "emergence": emerge, "judge": judge}[part]


def apart(part: str, folder: Path, calls: int, block: int, kill_at: int = 0) -> Rows:
    """A part in a process of its own; killed at the moment it says that `kill_at` calls are done."""
    command = [sys.executable, __file__, "--child", part, "--folder", str(folder), "--calls", str(calls)]
    began = time.perf_counter()
    last: Rows = {}
    with subprocess.Popen([*command, "--block", str(block)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last = json.loads(line)
            if kill_at and last.get("done", 0) >= kill_at:
                process.send_signal(signal.SIGKILL)
                break
    if not kill_at and process.returncode:
        raise SystemExit(f"{part} of {calls} calls in {folder} ended with {process.returncode}")
    return last if not kill_at else last | {"killed_after_s": round(time.perf_counter() - began, 1)}


def measure(calls: int, folder: Path, block: int) -> Rows:
    """Every part, one after another."""
    made: Rows = {}

    def told(name: str, row: Rows) -> None:
        made[name] = row
        print(json.dumps({"of": calls, name: row}), file=sys.stderr, flush=True)

    told("insert", apart("fill", folder, calls, block))
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    told("disk", {"bytes_a_call": round(size / calls)})
    told("refit", apart("refit", folder, calls, block))
    told("killed", apart("assign", folder, calls, block, kill_at=calls // 2))
    at_kill = apart("count", folder, calls, block)
    told("resumed", apart("assign", folder, calls, block))
    whole = made["resumed"]
    told("resumption", {"assigned_at_kill": at_kill["calls"], "assigned": whole["calls"], "of": calls})
    told("emergence", apart("emergence", folder, calls, block))
    told("judged", apart("judge", folder, calls, block))
    return made


def table(rows: dict[int, Rows]) -> str:
    """The figures as a table of the docs."""
    lines = [
        "| calls | written a s | fitted | fit s (CPU) | assigned a s | killed at | in the end | peak MB: fit, assign, "
        "emergence | ARI | coverage |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for calls, made in rows.items():
        refit, resumed, at_kill = made["refit"], made["resumed"], made["resumption"]["assigned_at_kill"]
        cells = (
            f"{calls:,}",
            f"{made['insert']['rows_s']:,}",
            f"{refit['sampled']:,}",
            f"{refit['seconds']:.0f} ({refit['cpu_s']:.0f})",
            f"{(resumed['calls'] - at_kill) / resumed['seconds']:,.0f}",
            f"{at_kill:,}",
            f"{resumed['calls']:,}",
            ", ".join(f"{made[each]['peak_mb']:,}" for each in ("refit", "resumed", "emergence")),
            f"{made['judged']['ari']:.3f}",
            f"{made['judged']['coverage']:.3f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where the stores are made (default: a temporary folder)")
    parser.add_argument("--block", type=int, default=20_000)
    parser.add_argument("--keep", action="store_true", help="leave the stores there")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/methods.md")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.folder, options.calls[0], options.block)
        return
    clinc.load()
    base = options.folder or Path(tempfile.mkdtemp(prefix="clusters_million_"))
    rows: dict[int, Rows] = {}
    try:
        for calls in options.calls:
            folder = base / str(calls)
            free, needed = shutil.disk_usage(base).free, 2_500 * calls
            if free < needed:
                raise SystemExit(
                    f"{base} has {free / 1e9:.1f} GB free, {calls:,} calls need {needed / 1e9:.1f}: take fewer"
                )
            folder.mkdir(parents=True)
            rows[calls] = measure(calls, folder, options.block)
            if not options.keep:
                shutil.rmtree(folder)
    finally:
        if not options.keep and options.folder is None:
            shutil.rmtree(base, ignore_errors=True)
    print(json.dumps({"days": DAYS, "cores": os.cpu_count(), "seed": SEED, "rows": rows}, indent=1))
    if options.write:
        documents.renew(documents.DOCS / "methods.md", "clusters million", table(rows))


if __name__ == "__main__":
    main()
