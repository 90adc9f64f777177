"""What an installation of a size needs, from measured constants: python benchmarks/capacity.py

    python benchmarks/capacity.py [--constants FILE] [--spans-per-day 1e6,1e7,1e8,1e9] [--markdown docs/capacity.md]

The constants, where each was measured, and what is assumed are in benchmarks/capacity.json; copy it, put in your own
figures and prices, and name it with --constants. With --markdown the tables replace those between the marks of a page.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import documents

Constants = Mapping[str, float]
CONSTANTS = Path(__file__).with_suffix(".json")
SIZES = "1e6,1e7,1e8,1e9"
DAY, HOUR = 86_400, 3_600
GB, TB = 1e9, 1e12
GRANULE, KEY_BYTES = 8192, 80
# A month of rows has this many days on average.
MONTH = 30.4


def plan(spans_per_day: float, c: Constants) -> dict[str, float]:
    """Every figure of one size, by name; sizes in bytes, money in USD a month."""
    peak = spans_per_day / DAY * c["busy_hour_factor"]
    collector_cores = math.ceil(peak * c["collector_cpu_us_per_span"] / 1e6 / c["utilisation"])
    spool = peak * HOUR * c["wire_bytes_per_span"] * c["spool_ratio"]
    spans = spans_per_day * c["span_days"] * c["span_bytes"]
    content = spans_per_day * c["content_days"] * c["content_chars_per_span"] * c["content_bytes_per_char"]
    vectors = spans_per_day * c["content_days"] * c["embedded_share"] * c["embedding_bytes_384"]
    slices = min(c["slices_per_hour"], spans_per_day / 24 * c["billable_share"])
    books = 24 * slices * (c["ledger_days"] * c["ledger_row_bytes"])
    frozen_days = max(0, c["ledger_days"] - c["span_days"])
    books += frozen_days * (24 * slices * c["frozen_row_bytes"])
    books += frozen_days * spans_per_day * c["billable_share"] * c["identity_bytes"]
    copy = spans + content + vectors + books
    usable = c["server_disk_tb"] * TB * c["disk_fill"]
    recompute_cores = peak * HOUR / 2 * c["recompute_cpu_us_per_span"] / 1e6 / 60
    store_cores = peak / c["insert_spans_s_per_core"] / c["utilisation"] + recompute_cores
    shards = max(1, math.ceil(copy / usable), math.ceil(store_cores / c["server_cores"]))
    servers = shards * c["replicas"]
    month_bytes = spans_per_day * MONTH * c["span_bytes"] / shards
    months = c["span_days"] / MONTH
    return {
        "spans_s": spans_per_day / DAY,
        "peak_s": peak,
        "collector_cores": collector_cores,
        "spool": spool,
        "inserts_s": max(peak / c["batch_spans"], min(1.0, peak)),
        "spans": spans,
        "content": content,
        "vectors": vectors,
        "books": books,
        "copy": copy,
        "shards": shards,
        "servers": servers,
        "disk": copy * c["replicas"],
        "parts": months * max(1, math.ceil(month_bytes / (c["largest_part_gb"] * GB))) + c["young_parts"],
        "store_cores": store_cores,
        "index": spans_per_day * c["span_days"] / shards / GRANULE * KEY_BYTES,
        "freeze": spans_per_day * c["billable_share"] * c["identity_bytes"] * 3,
        "cost_servers": servers * c["server_usd_month"],
        "cost_disk": copy * c["replicas"] / c["disk_fill"] / TB * c["disk_usd_tb_month"],
        "cost_collectors": collector_cores * c["collector_core_usd_month"],
    }


def number(value: float) -> str:
    """Two figures that count, without false precision."""
    if value >= 100:
        digits = len(str(int(value)))
        return f"{round(value, 2 - digits):,.0f}"
    return f"{value:.1f}" if value < 10 and value != int(value) else f"{value:.0f}"


def size(value: float) -> str:
    """Bytes in the unit that suits them."""
    for unit, scale in (("TB", TB), ("GB", GB), ("MB", 1e6)):
        if value >= scale:
            return f"{number(value / scale)} {unit}"
    return f"{number(value / 1e3)} kB"


def money(value: float) -> str:
    """USD, rounded."""
    return f"${number(value)}"


ROWS: Sequence[tuple[str, str, Callable[[float], str]]] = (
    ("spans a second, mean", "spans_s", number),
    ("spans a second, busiest hour", "peak_s", number),
    ("collector cores", "collector_cores", number),
    ("spool for an hour without store, in the busiest hour", "spool", size),
    ("inserts a second, busiest hour", "inserts_s", number),
    ("disk of one copy: spans", "spans", size),
    ("disk of one copy: content", "content", size),
    ("disk of one copy: vectors", "vectors", size),
    ("disk of one copy: books", "books", size),
    ("store cores busy in the busiest hour, all shards", "store_cores", number),
    ("shards", "shards", number),
    ("ClickHouse servers, replicas included", "servers", number),
    ("disk in use, replicas included", "disk", size),
    ("parts of the table of spans, one shard", "parts", number),
    ("primary index of spans in memory, one server", "index", size),
    ("memory to freeze a day of expired calls, one server", "freeze", size),
    ("USD a month: servers", "cost_servers", money),
    ("USD a month: disk", "cost_disk", money),
    ("USD a month: collectors", "cost_collectors", money),
)


def table(sizes: Sequence[float], constants: Constants) -> str:
    """The plans side by side, as Markdown."""
    plans = [plan(each, constants) for each in sizes]
    head = "| | " + " | ".join(f"{each:,.0f} spans a day" for each in sizes) + " |"
    lines = [head, "|---|" + "---:|" * len(sizes)]
    lines += [f"| {label} | " + " | ".join(shown(each[key]) for each in plans) + " |" for label, key, shown in ROWS]
    return "\n".join(lines)


def inputs(document: Mapping[str, Mapping[str, Sequence[object]]]) -> str:
    """Every constant with where it comes from, as Markdown."""
    lines = ["| constant | value | kind | from |", "|---|---:|---|---|"]
    for kind, group in document.items():
        lines += [f"| `{name}` | {value} | {kind.removesuffix('s')} | {why} |" for name, (value, why) in group.items()]
    return "\n".join(lines)


def main() -> None:
    """Print the tables, or put them into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--constants", type=Path, default=CONSTANTS)
    parser.add_argument("--spans-per-day", default=SIZES)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    document = json.loads(options.constants.read_text(encoding="utf-8"))
    constants = {name: float(value) for group in document.values() for name, (value, _) in group.items()}
    made = {
        "plan": table([float(each) for each in options.spans_per_day.split(",")], constants),
        "constants": inputs(document),
    }
    if options.markdown is None:
        print("\n\n".join(made.values()))
        return
    for name, text in made.items():
        documents.renew(options.markdown, name, text)


if __name__ == "__main__":
    main()
