"""The state of a page, read from its URL and written back to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from spanledger_dashboard import ranges
from spanledger_store.scope import Dimension, Scope

GLOBAL_KEYS = ("project", "range", "from", "to", "tz", "cmp", "live")
DIMENSIONS = frozenset(d.value for d in Dimension)
MAX_VALUES = 100
NONE = "(none)"


@dataclass(frozen=True, slots=True)
class View:
    """What one page shows. Every field comes from the URL; `now` is when it was read.

    `View.parse({"path": "/spend", "search": "?range=30d&customer=Acme&by=model"}, default_project="default")`
    """

    path: str
    pairs: tuple[tuple[str, str], ...]
    project: str
    zone: ZoneInfo
    range: ranges.Range
    compare: bool
    live: int
    filters: Mapping[Dimension, tuple[str, ...]]
    now: datetime
    _params: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, data: Mapping[str, Any], default_project: str, now: datetime | None = None) -> View:
        """The view a URL stands for. Raises BadView where it stands for none."""
        pairs = tuple(parse_qsl(str(data.get("search") or "").lstrip("?")))
        params = dict(pairs)
        zone = ranges.zone_named(params.get("tz", ""))
        moment = now or datetime.now(UTC)
        if params.get("from") and params.get("to"):
            stretch = ranges.absolute(params["from"], params["to"], zone)
        else:
            stretch = ranges.preset(params.get("range", ranges.DEFAULT), moment, zone)
        filters: dict[Dimension, tuple[str, ...]] = {}
        for key, value in pairs:
            if key in DIMENSIONS and len(filters.get(Dimension(key), ())) < MAX_VALUES:
                filters[Dimension(key)] = (*filters.get(Dimension(key), ()), known(value))
        live = params.get("live", "")
        return cls(
            path=str(data.get("path") or "/"),
            pairs=pairs,
            project=params.get("project") or default_project,
            zone=zone,
            range=stretch,
            compare=params.get("cmp") != "0",
            live=int(live) if live in {"10", "30"} else 0,
            filters=MappingProxyType(filters),
            now=moment,
            _params=MappingProxyType(params),
        )

    @property
    def scope(self) -> Scope:
        """The project, stretch and filters as the reports take them."""
        return Scope(self.project, self.range.start, self.range.end, self.filters)

    @property
    def preset(self) -> str:
        """The chosen preset, '' where the range is absolute."""
        return "" if "from" in self._params else self._params.get("range", ranges.DEFAULT)

    def get(self, key: str, default: str = "") -> str:
        """A parameter that belongs to one page alone."""
        return self._params.get(key, default)

    def choice(self, key: str, allowed: Mapping[str, Any] | tuple[str, ...], default: str) -> str:
        """A parameter that is one of `allowed`; anything else reads as `default`."""
        value = self._params.get(key, default)
        return value if value in allowed else default

    def href(self, path: str | None = None, **changes: str | None) -> str:
        """A link that changes these parameters and keeps the others.

        To another page only the global ones and the filters travel along.
        """
        same = path is None or path == self.path
        names = {*GLOBAL_KEYS, *DIMENSIONS}
        pairs = [(k, v) for k, v in self.pairs if k not in changes and (same or k in names)]
        pairs += [(k, v) for k, v in changes.items() if v is not None]
        return _link(path or self.path, pairs)

    def toggled(self, dimension: Dimension, value: str, path: str | None = None) -> str:
        """A link that adds this filter value, or removes it where it is set."""
        pair = (dimension.value, written(value))
        pairs = [p for p in self.pairs if p != pair]
        if len(pairs) == len(self.pairs):
            pairs.append(pair)
        if path is not None and path != self.path:
            names = {*GLOBAL_KEYS, *DIMENSIONS}
            pairs = [p for p in pairs if p[0] in names]
        return _link(path or self.path, pairs)

    def only(self, dimension: Dimension, value: str, path: str | None = None, **changes: str | None) -> str:
        """A link on which this dimension has this value and no other."""
        return self.href(path, **{dimension.value: written(value)}, **changes)

    def calls(
        self, path: str, within: Mapping[str, str | Sequence[str]], start: datetime, end: datetime, **more: str
    ) -> str:
        """A link to the calls of a slice (dimension -> value, or alternatives) in a stretch of time.

        Filters of other dimensions stay; `more` are parameters of the page.
        """
        first, last = (moment.astimezone(self.zone) for moment in (start, end))
        times = {"from": f"{first:%Y-%m-%dT%H:%M}", "to": f"{last:%Y-%m-%dT%H:%M}"}
        named = {name: [values] if isinstance(values, str) else values for name, values in within.items()}
        named = {name: values for name, values in named.items() if name in DIMENSIONS}
        kept = {*GLOBAL_KEYS, *DIMENSIONS} - {"range", *times, *named}
        pairs = [pair for pair in self.pairs if pair[0] in kept and pair[0] not in more]
        pairs += [(name, written(value)) for name, values in named.items() for value in values]
        return _link(path, [*pairs, *times.items(), *more.items()])


def known(text: str) -> str:
    """A filter value as the store spells it: the URL writes `(none)` for what nobody is named for."""
    return "" if text == NONE else text


def written(value: str) -> str:
    """A stored value as the URL spells it."""
    return value or NONE


def _link(path: str, pairs: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path
