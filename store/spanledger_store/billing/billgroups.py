"""Which models of the ledger a bill's items are about: what can only be compared together is one group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from spanledger_store.billing.billnames import Key, is_model, key_of, key_of_line

ALL_MODELS: Final = "(all models)"
"""The group of a provider whose bill tells neither items nor models."""


class Item(NamedTuple):
    """What a bill calls a thing: who sends the bill, the model where it names one, and the item's words."""

    issuer: str
    model: str
    sku: str

    @property
    def text(self) -> str:
        """What people are shown."""
        return self.sku or self.model or "(no item)"


@dataclass(frozen=True, slots=True)
class Groups:
    """The group of each item of a bill and of each (issuer, model) of the ledger."""

    items: Mapping[Item, str]
    models: Mapping[tuple[str, str], str]


def group(items: Iterable[Item], models: Iterable[tuple[str, str]], rules: Sequence[tuple[str, str]] = ()) -> Groups:
    """Put every item and model into a group; those in one group cannot be told apart by their names.

    A rule (pattern, model) decides for items whose words fit its pattern, whatever they are called. An item with a date
    is the ledger's model of that date; one without is every model of its name. An item that names no model the ledger
    may know is a group of its own. A provider whose bill has an item without any words is one group as a whole.
    """
    billed: defaultdict[str, set[Item]] = defaultdict(set)
    booked: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        billed[item.issuer].add(item)
    for issuer, model in models:
        booked[issuer].add(model)
    of_items: dict[Item, str] = {}
    of_models: dict[tuple[str, str], str] = {}
    for issuer in sorted(billed.keys() | booked.keys()):
        here, there = sorted(billed[issuer]), sorted(booked[issuer])
        if any(not item.sku and not item.model for item in here):
            of_items |= dict.fromkeys(here, ALL_MODELS)
            of_models |= {(issuer, model): ALL_MODELS for model in there}
            continue
        sets = _joined(here, there, rules)
        for members in sets:
            known = sorted(each for each in members if isinstance(each, str))
            called = sorted(each.text for each in members if isinstance(each, Item))
            name = ", ".join(known) if known else called[0]
            for each in members:
                if isinstance(each, Item):
                    of_items[each] = name
                else:
                    of_models[(issuer, each)] = name
    return Groups(of_items, of_models)


def _joined(items: Sequence[Item], models: Sequence[str], rules: Sequence[tuple[str, str]]) -> list[list[Item | str]]:
    parent: dict[Item | str, Item | str] = {each: each for each in (*items, *models)}

    def root(each: Item | str) -> Item | str:
        while parent[each] != each:
            each = parent[each]
        return each

    def join(one: Item | str, other: Item | str) -> None:
        parent[root(one)] = root(other)

    keys = {model: key_of(model) for model in models}
    named: dict[Item, Key] = {}
    ruled: dict[str, Item] = {}
    for item in items:
        if (target := _ruled(item, rules)) is not None:
            if target in keys:
                join(item, target)
            elif target in ruled:
                join(item, ruled[target])
            else:
                ruled[target] = item
            continue
        exact = next((model for model in models if item.model and model.casefold() == item.model.casefold()), None)
        key = key_of(item.model) if item.model else key_of_line(item.sku)
        if key is None:
            continue
        found = [exact] if exact is not None else _fitting(key, keys)
        if found or is_model(key):
            named[item] = key
        for model in found:
            join(item, model)
    # Two items of one model belong together also where the ledger does not know it.
    by_key: dict[Key, Item] = {}
    for item, key in named.items():
        join(item, by_key.setdefault(key, item))
    # An application may know a model by a name without its date, and a bill tell several.
    for model, key in keys.items():
        if key is not None and not key.date:
            for item, other in named.items():
                if other.family == key:
                    join(item, model)
    sets: defaultdict[Item | str, list[Item | str]] = defaultdict(list)
    for each in parent:
        sets[root(each)].append(each)
    return list(sets.values())


def _fitting(key: Key, keys: Mapping[str, Key | None]) -> list[str]:
    known = [(model, other) for model, other in keys.items() if other is not None]
    family = [(model, other) for model, other in known if other.family == key.family]
    family = family or [(model, other) for model, other in known if other.core == key.family]
    if not key.date:
        return [model for model, _ in family]
    same = [model for model, other in family if _same_date(key.date, other.date)]
    return same or [model for model, other in family if not other.date]


def _same_date(one: str, other: str) -> bool:
    return bool(one and other) and (one.endswith(other) or other.endswith(one))


def _ruled(item: Item, rules: Sequence[tuple[str, str]]) -> str | None:
    words = (item.sku.casefold(), item.model.casefold())
    for pattern, model in rules:
        if any(each and fnmatchcase(each, pattern.casefold()) for each in words):
            return model
    return None
