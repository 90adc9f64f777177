"""The price book in files: JSON as `prices export` writes it, and CSV with a line per price."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spanledger_cli.errors import Usage

COLUMNS = (
    "name", "kind", "project", "provider", "model", "customer", "feature", "service", "start", "end", "rates",
    "percent", "amount", "gpus", "share", "note",
)  # fmt: skip


def read(path: Path) -> list[dict[str, Any]]:
    """The prices in a file, as the API takes them. Raises Usage naming file, line and value."""
    from spanledger.pricebook import PriceInvalid, read_price

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{path} cannot be read: {error}.") from error
    found = _from_json(path, text) if text.lstrip()[:1] in ("[", "{") else _from_csv(path, text)
    made: list[dict[str, Any]] = []
    for place, values in found:
        try:
            made.append(read_price(values).as_json())
        except PriceInvalid as error:
            raise Usage(f"{path}, {place}: {error}") from error
    if not made:
        raise Usage(f"{path} holds no price; a CSV begins with the line {','.join(COLUMNS)}.")
    return made


def as_csv(prices: Sequence[Mapping[str, Any]]) -> str:
    """Prices as `read` takes them back."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in prices:
        values = {**each, "rates": rates_text(each["rates"], ";")}
        writer.writerow(["" if values[name] is None else values[name] for name in COLUMNS])
    return out.getvalue()


def as_json(prices: Sequence[Mapping[str, Any]]) -> str:
    """Prices as `read` takes them back."""
    kept = [{name: each[name] for name in COLUMNS if each[name] not in (None, "", {})} for each in prices]
    return "[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in kept) + "\n]\n" if kept else "[]\n"


def rates_text(rates: Mapping[str, str], separator: str = ", ") -> str:
    """`input=2.25, output=9`."""
    return separator.join(f"{unit}={rate}" for unit, rate in rates.items())


def rates_of(text: str, what: str) -> dict[str, str]:
    """What `rates_text` wrote. Raises Usage."""
    found: dict[str, str] = {}
    for part in text.replace(",", ";").split(";"):
        if not part.strip():
            continue
        unit, equals, rate = part.partition("=")
        if not equals:
            raise Usage(f"{what} {part.strip()!r} is no rate; write unit=dollars, such as input=2.50.")
        found[unit.strip()] = rate.strip()
    return found


def _from_json(path: Path, text: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        # What is written as a number is read with all its digits.
        held = json.loads(text, parse_float=str)
    except ValueError as error:
        raise Usage(f"{path} is no JSON: {error}.") from error
    rows = held.get("prices", [held]) if isinstance(held, dict) else held
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Usage(f"{path} holds something else than prices; write a list of objects, as `prices export` does.")
    return [(f"price {number}", row) for number, row in enumerate(rows, 1)]


def _from_csv(path: Path, text: str) -> list[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text))
    unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
    if unknown:
        raise Usage(f"{path} has a column {unknown[0]!r}; use {', '.join(COLUMNS)}.")
    found: list[tuple[str, dict[str, Any]]] = []
    for row in reader:
        place = f"line {reader.line_num}"
        if None in row:
            raise Usage(f"{path}, {place}: it has more values than there are columns; put commas in quotes.")
        values: dict[str, Any] = {name: value for name, value in row.items() if value not in (None, "")}
        if "rates" in values:
            values["rates"] = rates_of(values["rates"], f"{path}, {place}:")
        found.append((place, values))
    return found
