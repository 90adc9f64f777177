"""What a demo tells when it is done."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.table import Table

from spanledger_cli.demo import truth, volume
from spanledger_cli.demo.books import Books
from spanledger_cli.demo.events import Story
from spanledger_cli.output import console


def show(story: Story, found: Books, seconds: float | None, data: Path) -> None:
    """Print the month: its size, its spend per customer, whether the books agree, and its story."""
    out = console()
    took = "" if seconds is None else f" in {seconds:.0f} s"
    period = f"{volume.iso(story.start_ns)[:16]}Z to {volume.iso(story.end_ns)[:16]}Z"
    out.print(f"\nPlumbottle, {period}, seed {story.seed}", markup=False)
    out.print(
        f"{found.spans:,} spans, {found.traces:,} traces, {found.sessions:,} sessions, {found.calls:,} calls{took}\n",
        markup=False,
    )
    # As many decimals as the longest amount has: aligned, and still exact.
    amounts = [line.cost for line in found.customers if line.cost is not None]
    places = max((-int(amount.normalize().as_tuple().exponent) for amount in [*amounts, found.spend]), default=2)
    places = max(places, 2)
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, header_style="bold", pad_edge=False)
    table.add_column("customer", footer="total")
    for name, index in (("calls", 0), ("errors", 1), ("unpriced", 2)):
        table.add_column(name, justify="right", footer=f"{int(found.ledger[index]):,}")
    table.add_column("tokens", justify="right", footer=f"{sum(line.tokens for line in found.customers):,}")
    table.add_column("cost USD", justify="right", footer=f"{found.spend:,.{places}f}")
    for line in found.customers:
        table.add_row(
            line.customer or "(unattributed)",
            *(f"{count:,}" for count in (line.calls, line.errors, line.unpriced, line.tokens)),
            "unpriced" if line.cost is None else f"{line.cost:,.{places}f}",
        )
    out.print(table)
    same = "equals" if found.agree else "DIFFERS FROM"
    out.print(f"The ledger {same} the sum of its spans: {found.spend} and {found.from_spans[-1]} USD.\n", markup=False)
    for event in story.events:
        mark = "incident" if event.is_incident else "harmless"
        out.print(f"{volume.iso(event.start_ns)[:16]}Z  {mark}  {event.sentence}", markup=False)
    out.print(f"\nThe truth is in {data / truth.FILE}", markup=False)
