"""The rows of an export, whatever holds them: JSON, JSON lines or CSV, plain or gzipped, in pages or not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TextIO

from spanledger_collector.backfill.errors import FileRefused

_GZIP = b"\x1f\x8b"
# Content may be in a cell; the module's own limit of 128 KiB is for cells of tables.
_LONGEST_CELL = 1 << 28
# What holds rows: a page, a bucket, a trace. What a page says beside them is about the page.
_HOLDERS = ("data", "results", "observations")


@dataclass(frozen=True, slots=True)
class Row:
    """One row and where it is; `damage` says why it could not be read, and then there are no values."""

    where: str
    values: Mapping[str, Any]
    damage: str = ""


def rows(path: Path) -> Iterator[Row]:
    """Every row of the file, in order. Numbers with a point are Decimal: amounts stay what was written.

    JSON is read as a whole, JSON lines and CSV line by line. Raises FileRefused.
    """
    try:
        with _opened(path) as file:
            yield from _rows(file, path)
    except UnicodeDecodeError as error:
        raise FileRefused(f"{path} is not text in UTF-8: {error.reason} at byte {error.start}.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileRefused(f"{path} is a damaged gzip file: {error}. Export it again.") from error
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror or error}.") from error


def _opened(path: Path) -> TextIO:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    if packed:
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(file: TextIO, path: Path) -> Iterator[Row]:
    filled = (line.lstrip() for line in file if line.strip())
    first, second = next(filled, ""), next(filled, "")
    if not first:
        raise FileRefused(f"{path} is empty.")
    file.seek(0)
    if first[0] not in "{[":
        yield from _table(file, path)
    elif first[0] == "{" and (second[:1] == "{" or _is_whole(first)):
        yield from _lines(file)
    else:
        yield from _document(file, path)


def _is_whole(line: str) -> bool:
    try:
        return isinstance(_parsed(line), dict)
    except ValueError:
        return False


def _lines(file: TextIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        where = f"line {number}"
        try:
            value = _parsed(line)
        except (ValueError, RecursionError) as error:
            yield Row(where, {}, f"it is not JSON: {error}")
        else:
            yield from _unfolded(value, where, {})


def _document(file: TextIO, path: Path) -> Iterator[Row]:
    try:
        value = _parsed(file.read())
    except json.JSONDecodeError as error:
        raise FileRefused(
            f"{path} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}. It may be cut short: "
            "export it again."
        ) from error
    except (ValueError, RecursionError) as error:
        raise FileRefused(f"{path} is not JSON: {error}.") from error
    yield from _unfolded(value, "", {})


def _table(file: TextIO, path: Path) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(file)
    header = next(reader)
    if len(header) < 2 or len(set(header)) < len(header):
        raise FileRefused(f"{path} is neither JSON nor CSV with a header: its first line is {','.join(header)[:60]!r}.")
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(f"line {reader.line_num}", {}, f"it is not CSV: {error}")
            continue
        where = f"line {reader.line_num}"
        if not cells:
            continue
        if len(cells) != len(header):
            yield Row(where, {}, f"it has {len(cells)} cells where the header has {len(header)}")
        else:
            yield Row(where, dict(zip(header, cells, strict=True)))


def _unfolded(value: Any, where: str, around: Mapping[str, Any]) -> Iterator[Row]:
    """The rows inside pages, buckets and traces, each with what its bucket or trace says."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unfolded(item, f"{where}[{number}]", around)
    elif not isinstance(value, dict):
        yield Row(where or "the document", {}, f"it is {json.dumps(value, default=str)[:60]}, not an object")
    elif holder := next((name for name in _HOLDERS if isinstance(value.get(name), list)), None):
        inner: list[Any] = value[holder]
        outside = {} if holder == "data" else {**around, **{key: item for key, item in value.items() if key != holder}}
        if holder == "observations":
            if not all(isinstance(item, dict) for item in inner):
                yield Row(where, value)  # a list of traces names their observations, and does not hold them
                return
            outside = {"trace": outside}
        path = f"{where}.{holder}" if where else holder
        yield from _unfolded(inner, path, outside)
    else:
        yield Row(where or "the document", {**around, **value})


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=_no_number)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
