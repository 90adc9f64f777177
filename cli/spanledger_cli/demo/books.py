"""What the store holds of a demo, and whether its books agree with its spans, asked over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final

from spanledger_cli.demo.company import SERVICE
from spanledger_cli.demo.events import Story
from spanledger_cli.demo.volume import utc
from spanledger_cli.running import Running

PROJECT: Final = "default"


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """One customer's month; `cost` None where none of its calls has a price."""

    customer: str
    calls: int
    errors: int
    unpriced: int
    tokens: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Books:
    """Counts of the stored spans, and every sum of the ledger beside the same sum over the spans."""

    spans: int
    traces: int
    sessions: int
    ledger: tuple[Any, ...]
    from_spans: tuple[Any, ...]
    customers: tuple[CustomerLine, ...]

    @property
    def agree(self) -> bool:
        """True if every sum of the ledger equals that of the spans exactly."""
        return self.ledger == self.from_spans

    @property
    def spend(self) -> Decimal:
        """US dollars of the month, from the ledger."""
        return Decimal(self.ledger[-1])

    @property
    def calls(self) -> int:
        """Billable calls of the month, from the ledger."""
        return int(self.ledger[0])


def rows_stored(up: Running, story: Story) -> int:
    """Rows that have arrived so far, cheaply: a span that was sent twice may count twice."""
    return int(_ask(up, "rows", story)[0][0])


def read(up: Running, story: Story) -> Books:
    """The demo's books as they are now."""
    spans, traces, sessions = (int(count) for count in _ask(up, "spans", story)[0])
    sums = {row[0]: tuple(str(value) for value in row[1:]) for row in _ask(up, "sums", story)}
    return Books(
        spans=spans,
        traces=traces,
        sessions=sessions,
        ledger=sums["ledger"],
        from_spans=sums["spans"],
        customers=tuple(_line(row) for row in _ask(up, "customers", story)),
    )


def _line(row: list[Any]) -> CustomerLine:
    calls, errors, unpriced, tokens = (int(value) for value in row[1:5])
    return CustomerLine(row[0], calls, errors, unpriced, tokens, None if row[5] is None else Decimal(row[5]))


def _ask(up: Running, name: str, story: Story) -> list[list[Any]]:
    sql = files("spanledger_cli.demo").joinpath("queries", f"{name}.sql").read_text("utf-8")
    form = "%Y-%m-%d %H:%M:%S"
    params = {
        "project": PROJECT,
        "service": SERVICE,
        "start": utc(story.start_ns).strftime(form),
        "end": utc(story.end_ns).strftime(form),
    }
    used = {name: value for name, value in params.items() if f"{{{name}:" in sql}
    return up.post("/api/v1/query", {"sql": sql, "params": used})["rows"]
