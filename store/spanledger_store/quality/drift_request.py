"""What people ask to have compared for drift, in words, made into two scopes; the same for command line, API, pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from spanledger_store.control import Control, baselines, projects
from spanledger_store.control.baselines import SLICES, VERSIONS
from spanledger_store.errors import StoreError
from spanledger_store.reports import comparing
from spanledger_store.scope import Dimension, Scope

LOOKED_BACK: Final = timedelta(days=7)
SAME: Final = "same"
"""The same time: for versions that ran beside each other."""


class ComparisonInvalid(StoreError):
    """A comparison that cannot be; the message names the value, and what can."""


class Of(StrEnum):
    """Whose embeddings are compared: what was asked, or what was answered."""

    INPUTS = "inputs"
    OUTPUTS = "outputs"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two scopes beside each other; `against` says in words what the reference is, `versions` what the sides differ
    in by definition."""

    current: Scope
    reference: Scope
    of: Of = Of.INPUTS
    against: str = comparing.PREVIOUS
    versions: tuple[str, ...] = field(default=())


CompareDrift = Callable[[Comparison], dict[str, Any]]
"""Whether both sides of a comparison differ, and in what, ready for JSON.

The methods are not the store's: whoever composes the parts hands this to those who answer questions.
"""


def comparison(
    control: Control,
    *,
    project: str,
    start: str | None = None,
    end: str | None = None,
    against: str | None = None,
    of: str = Of.INPUTS,
    filters: Mapping[str, Sequence[str]] | None = None,
    other: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Comparison:
    """The comparison that these words make.

    `start` and `end` are dates or ISO times (UTC without a zone), else the seven days up to the last full hour.
    `against` is `previous` (the stretch before, of equal length), `week` (the same hours a week earlier), FROM..TO,
    `same` (the same time) or the name of a pinned baseline; without it `same` where `other` names a version, else
    `previous`. `filters` narrow both sides; a version that `other` names is the reference's, and that among the filters
    then the other side's alone. Raises ComparisonInvalid, ProjectUnknown and BaselineUnknown.
    """
    projects.get(control, project)
    last = _moment(end, "to") if end else (now or datetime.now(UTC)).replace(minute=0, second=0, microsecond=0)
    first = _moment(start, "from") if start else last - LOOKED_BACK
    if not first < last:
        raise ComparisonInvalid(f"from {first.isoformat()} is not before to {last.isoformat()}; swap them.")
    if of not in list(Of):
        raise ComparisonInvalid(f"{of!r} cannot be compared; choose from: {', '.join(Of)}.")
    both = {name: tuple(values) for name, values in (filters or {}).items() if values}
    if unknown := [name for name in both if name not in SLICES]:
        raise ComparisonInvalid(f"calls cannot be narrowed by {unknown[0]!r}; choose from: {', '.join(SLICES)}.")
    theirs = {name: value for name, value in (other or {}).items() if value}
    if unknown := [name for name in theirs if name not in VERSIONS]:
        raise ComparisonInvalid(f"{unknown[0]!r} is no version to compare; choose from: {', '.join(VERSIONS)}.")
    for name, value in theirs.items():
        if both.get(name) == (value,):
            raise ComparisonInvalid(f"{name} {value!r} stands on both sides; name another one to compare it with.")
    said = against or (SAME if theirs else comparing.PREVIOUS)
    current = _scope(project, first, last, both)
    if said == SAME:
        if not theirs:
            raise ComparisonInvalid("against the same time nothing differs: name a version that does, or another time.")
        begins, ends = first, last
    elif said in baselines.RESERVED or ".." in said:
        try:
            reference = comparing.against(current, said)
        except ValueError as error:
            raise ComparisonInvalid(f"{error}.") from error
        begins, ends = reference.start, reference.end
    else:
        pinned = baselines.get(control, project, said)
        begins, ends = pinned.start, pinned.end
        for name, value in pinned.slice.items():
            if both.setdefault(name, (value,)) != (value,):
                raise ComparisonInvalid(f"baseline {said!r} is of {name} {value!r}; leave {name} out of the filters.")
        theirs = {**pinned.versions, **theirs}
        current = _scope(project, first, last, both)
    ours = {**both, **{name: (value,) for name, value in theirs.items()}}
    return Comparison(current, _scope(project, begins, ends, ours), Of(of), said, tuple(sorted(theirs)))


def _scope(project: str, start: datetime, end: datetime, filters: Mapping[str, tuple[str, ...]]) -> Scope:
    return Scope(project, start, end, {Dimension(name): values for name, values in filters.items()})


def _moment(text: str, what: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ComparisonInvalid(f"{what} {text!r} is no time; use 2026-01-31 or 2026-01-31T08:00.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
