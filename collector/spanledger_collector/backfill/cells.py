"""A row's values by name, however its source spells the name, read as the types that spans want."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from spanledger_collector.admission import EARLIEST_NS, LATEST_NS
from spanledger_collector.backfill.errors import RowRefused
from spanledger_collector.normalise import values as v

_NS = 1_000_000_000
# Later than this as seconds, so milliseconds.
_MILLISECONDS_FROM = 100_000_000_000
# Names of what was counted, and of the bucket's time, which is told in more than one way.
_NO_LABEL = re.compile(
    r"(^|_)(tokens|requests|amount|images|characters|seconds)$|^(start|end)(_time|ing_at)|^num_|_iso$|^deleted$"
)


class Cells:
    """One row. `start_time`, `startTime` and `Start Time` are one name; of several names the first with a value counts.

    What is absent, null or empty text is None (`text`: ''). What is there and cannot be read raises RowRefused with
    the name and the value: nothing unreadable becomes unknown in silence.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._folded = {_fold(key): value for key, value in values.items()}

    def get(self, *names: str) -> Any:
        """The first value that is there; text that holds JSON is what it holds."""
        for name in names:
            value = self._folded.get(_fold(name))
            if value is not None and value != "":
                return _parsed(value)
        return None

    def text(self, *names: str) -> str:
        """The value as text, '' where there is none."""
        return v.text(_plain(self.get(*names)))

    def inside(self, *names: str) -> Cells:
        """The object under this name, empty where there is none."""
        value = self.get(*names)
        return Cells(value if isinstance(value, dict) else {})

    def at(self, path: str) -> str:
        """The text at a name, or at a dotted path through objects."""
        if found := self.text(path):
            return found
        head, dot, rest = path.partition(".")
        return self.inside(head).at(rest) if dot else ""

    def count(self, *names: str) -> int | None:
        """A whole number from 0."""
        return self._read(names, lambda value: v.count(_plain(value)), "a whole number from 0")

    def money(self, *names: str) -> Decimal | None:
        """US dollars, to 12 places."""
        return self._read(names, v.dollars, "an amount of US dollars")

    def cents(self, *names: str) -> Decimal | None:
        """US dollars, told in cents."""
        return self._read(names, _cents, "an amount of US cents")

    def content(self, *names: str) -> str:
        """Text as it is, objects and lists as JSON; '' for nothing, and for an empty object."""
        value = _plain(self.get(*names))
        return v.text(value) if value or isinstance(value, bool | int | float) else ""

    def moment(self, *names: str) -> int | None:
        """Nanoseconds since 1970: from an ISO time (without a zone: UTC), or from seconds or milliseconds."""
        return self._read(names, _moment, "a time between 2000 and 2100")

    def flag(self, *names: str) -> bool | None:
        """True or false; another word is unknown."""
        return v.flag(self.get(*names))

    def words(self, *names: str) -> list[str]:
        """A list of texts."""
        return v.words(self.get(*names)) or []

    def labels(self) -> Iterator[tuple[str, str]]:
        """Every text and flag in the row, with its path: in a bucket, what it was grouped by."""
        for path, value in _labels(self._values, ""):
            if not _NO_LABEL.search(path.rpartition(".")[2]):
                yield path, value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: str) -> bool:
        return _fold(name) in self._folded

    def _read(self, names: tuple[str, ...], reader: v.Reader, wanted: str) -> Any:
        value = self.get(*names)
        if value is None:
            return None
        found = reader(value)
        if found is None:
            name = next(name for name in names if self.get(name) is not None)
            raise RowRefused(f"{name} is {v.text(_plain(value))[:60]!r}, not {wanted}")
        return found


# The same few names, for every row of a file; bounded, because they come from outside.
@lru_cache(maxsize=4096)
def _fold(name: str) -> str:
    return name.replace("_", "").replace(" ", "").lower()


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[0] in "{[":
        try:
            return json.loads(value, parse_float=Decimal)
        except (ValueError, RecursionError):
            return value
    return value


def _plain(value: Any) -> Any:
    """Numbers as those who write JSON know them."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < v.LARGEST_COUNT else float(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _cents(value: Any) -> Decimal | None:
    try:
        return v.dollars(Decimal(str(value)).scaleb(-2))
    except InvalidOperation:
        return None


def _moment(value: Any) -> int | None:
    if isinstance(value, str) and value.replace(".", "", 1).isdigit() and value.isascii():
        value = Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        scale = _NS // 1000 if value >= _MILLISECONDS_FROM else _NS
        found = int(value * scale)
    else:
        found = v.moment(value)
    return found if found is not None and EARLIEST_NS <= found < LATEST_NS else None


def _labels(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _labels(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, bool | str) and value != "":
        yield path, v.text(value)
