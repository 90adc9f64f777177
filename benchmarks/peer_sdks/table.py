"""The result of `sdk_peers.py` as the tables of docs/sdk-overhead.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKS = ("<!-- sdk-peers: begin -->", "<!-- sdk-peers: end -->")
NAMES = {
    "otel": "OpenTelemetry alone",
    "spanledger": "**Spanledger**",
    "langfuse": "Langfuse",
    "opik": "Opik",
    "traceloop": "Traceloop",
    "openlit": "OpenLIT",
    "mlflow": "MLflow",
    "logfire": "Logfire",
    "phoenix": "Phoenix",
}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A figure: what it is called, where it stands, how it is written. Less is better but for `more`."""

    head: str
    value: Callable[[Row], float]
    shown: str
    more: bool = False

    def cell(self, row: Row, best: float) -> str:
        """The figure; bold where nobody does better, as far as can be read."""
        text = self.shown.format(self.value(row))
        if self.head.startswith("exit") and row[f"exit_{self.head.split()[-1]}"]["capped"]:
            text = f"> {text}"
        return f"**{text}**" if text == self.shown.format(best) else text

    def best(self, rows: Sequence[Row]) -> float:
        """The best figure of all."""
        return (max if self.more else min)(self.value(row) for row in rows)


COLUMNS = (
    Column("sync p50 µs", lambda row: row["sync_p50"], "{:.0f}"),
    Column("sync mean µs", lambda row: row["sync_mean"], "{:.0f}"),
    Column("async p50 µs", lambda row: row["async_p50"], "{:.0f}"),
    Column("async mean µs", lambda row: row["async_mean"], "{:.0f}"),
    Column("CPU µs/call", lambda row: row["cpu_us"], "{:.0f}"),
    Column("lost of a tight loop", lambda row: row["loss"]["lost"], "{:,}"),
    Column("import s", lambda row: row["import_s"], "{:.2f}"),
    Column("first call s", lambda row: row["ready_s"], "{:.2f}"),
    Column("installed MB", lambda row: row["mb"], "{:.0f}"),
    Column("exit s, endpoint refused", lambda row: row["exit_refused"]["seconds"], "{:.1f}"),
    Column("exit s, endpoint hanging", lambda row: row["exit_hanging"]["seconds"], "{:.1f}"),
    Column("recovered %", lambda row: 100 * row["recovered"]["arrived"] / row["recovered"]["calls"], "{:.1f}", True),
)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def figures(rows: Sequence[Row]) -> list[str]:
    """The table of all figures."""
    best = [column.best(rows) for column in COLUMNS]
    lines = [_line(["SDK", *(column.head for column in COLUMNS)]), "|---|" + "---:|" * len(COLUMNS)]
    for row in rows:
        cells = [column.cell(row, least) for column, least in zip(COLUMNS, best, strict=True)]
        lines.append(_line([f"{NAMES[row['sdk']]} {row['version']}", *cells]))
    return lines


def captured(rows: Sequence[Row]) -> list[str]:
    """What each SDK sent of the call, as found in the requests, and what the tight loop took."""
    facts = ("prompt", "answer", "model", "tokens", "cost")
    loop = ("calls of the tight loop", "the loop, s", "until all is sent, s", "MB sent")
    heads = (*facts, *loop, "MB of memory for 1,000 waiting calls", "packages")
    lines = [_line(["SDK", *heads]), "|---|" + "---|" * len(facts) + "---:|" * 6]
    for row in rows:
        loss = row["loss"]
        memory = row["exit_hanging"].get("mb_per_1000")
        found = ["yes" if loss["captured"][fact] else "no" for fact in facts]
        lines.append(_line([
            NAMES[row["sdk"]], *found, f"{loss['calls']:,}", f"{loss['loop_s']:.1f}", f"{loss['drained_s']:.1f}",
            f"{loss['bytes'] / 2**20:.1f}", "?" if memory is None else f"{memory:.1f}", str(row["packages"]),
        ]))  # fmt: skip
    return lines


def not_first(rows: Sequence[Row]) -> list[str]:
    """Where somebody is better than Spanledger, said by the script so that nobody forgets to."""
    ours = next((row for row in rows if row["sdk"] == "spanledger"), None)
    if ours is None:
        return []
    lines: list[str] = []
    for column in COLUMNS:
        mine = column.value(ours)
        better = [row for row in rows if (column.value(row) > mine if column.more else column.value(row) < mine)]
        better = [row for row in better if column.shown.format(column.value(row)) != column.shown.format(mine)]
        if better:
            better.sort(key=column.value, reverse=column.more)
            names = ", ".join(f"{NAMES[row['sdk']]} {column.shown.format(column.value(row))}" for row in better)
            lines.append(f"- {column.head}: {column.shown.format(mine)}, behind {names}.")
    return ["Where Spanledger is not first:", "", *lines] if lines else ["Spanledger is first in every column."]


def render(result: Mapping[str, Any]) -> str:
    """All that stands between the marks."""
    rows: Sequence[Row] = result["rows"]
    bare = next((row for row in rows if row["sdk"] == "otel"), None)
    ours = next((row for row in rows if row["sdk"] == "spanledger"), None)
    about = (
        f"Measured on {result['date']}: Python {result['python']}, {result['cores']} cores, load {result['load']:.1f} "
        f"at the start, best of {result['rounds']} alternating rounds, exits waited for {result['cap']:.0f} s at most."
    )
    parts = [about, "", *figures(rows), "", *not_first(rows), ""]
    if bare is not None and ours is not None:
        ratio = ours["sync_p50"] / bare["sync_p50"], ours["async_p50"] / bare["async_p50"]
        parts += [
            f"Spanledger's call costs {ratio[0]:.2f} times the bare span's (p50), {ratio[1]:.2f} times in async code.",
            "",
        ]
    return "\n".join([*parts, *captured(rows)])


def write(page: Path, result: Mapping[str, Any]) -> None:
    """Put the tables between the page's marks."""
    head, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, found, tail = rest.partition(MARKS[1])
    if not found:
        raise SystemExit(f"{page} has no marks {MARKS[0]} ... {MARKS[1]}")
    page.write_text(f"{head}{MARKS[0]}\n{render(result)}\n{MARKS[1]}{tail}", encoding="utf-8")
