"""Why spend has changed: reads two periods of the ledger and puts the methods' answers together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from spanledger_analytics.methods.changes.culprits import Culprit, culprits
from spanledger_analytics.methods.changes.decomposition import Decomposition, Driver, Term, decompose
from spanledger_analytics.methods.changes.rates import Rates, rates
from spanledger_analytics.methods.changes.sentence import label, reason, sentence, subject
from spanledger_store.engine import Engine
from spanledger_store.reports.comparing import compared
from spanledger_store.scope import Dimension, Scope

# Told beside a culprit where they are new in it; never what a change is looked for in, unless asked for.
VERSIONS = (Dimension.PROMPT_VERSION, Dimension.RELEASE)
# Of the customers, and of the lines that carry a term most.
_CUSTOMERS, _LINES = 20, 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """A change of spend, decomposed; `culprits` have the most certain money first, `sentence` says it in words."""

    scope: Scope
    against: Scope
    by: tuple[Dimension, ...]
    terms: Decomposition
    rates: tuple[Rates, Rates]
    culprits: tuple[Culprit, ...]
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON: money as decimal strings, shares as numbers, unknown as None.

        Every term and every culprit has the `filters` and the `period` of the calls that it is about.
        """
        whole = self.terms
        return {
            "project": self.scope.project,
            "period": _period(self.scope),
            "against": _period(self.against),
            "filters": _filters(self.scope),
            "by": [each.value for each in self.by],
            "before": _money(whole.before),
            "after": _money(whole.after),
            "change": _money(whole.change),
            "relative": _share(whole.change, whole.before),
            "sentence": self.sentence,
            "rates": {"before": _rates(self.rates[0]), "after": _rates(self.rates[1])},
            "terms": [self._term(term) for term in whole.terms],
            "culprits": [self._culprit(each) for each in self.culprits],
        }

    def _term(self, term: Term) -> dict[str, Any]:
        names = [each.value for each in self.by]
        lines = whole = self.terms.lines.select(*names, amount=pl.col(term.key)).filter(pl.col("amount") != 0)
        lines = lines.sort(pl.col("amount").abs(), descending=True, maintain_order=True).head(_LINES)
        filters = _filters(self.scope)
        if term.driver is Driver.CUSTOMERS and whole.height:
            sums = whole.group_by("customer").agg(pl.col("amount").sum().abs())
            sums = sums.sort("amount", "customer", descending=True)
            filters |= {"customer": sums["customer"].head(_CUSTOMERS).to_list()}
        scope = self.against if term.key == "gone_customers" else self.scope
        return {
            "key": term.key,
            "driver": term.driver.value,
            "label": label(term.key),
            "amount": _money(term.amount),
            "share": _share(term.amount, self.terms.change),
            "filters": filters,
            "period": _period(scope),
            "lines": [
                {"slice": {name: row[name] for name in names}, "amount": round(row["amount"], 6)}
                for row in lines.iter_rows(named=True)
            ],
        }

    def _culprit(self, each: Culprit) -> dict[str, Any]:
        scope = self.scope if each.after.calls else self.against
        return {
            "slice": dict(each.slice),
            "subject": subject(each.slice),
            "kind": each.kind.value,
            "reason": reason(each),
            "since": dict(each.since),
            "driver": each.driver.value,
            "effect": _money(each.effect),
            "change": _money(each.terms.change),
            "explained": each.explained,
            "surprise": each.surprise,
            "distance": each.distance,
            "before": _rates(each.before),
            "after": _rates(each.after),
            "terms": [
                {"key": term.key, "driver": term.driver.value, "label": label(term.key), "amount": _money(term.amount)}
                for term in each.terms.terms
            ],
            "filters": _filters(scope) | {name: [value] for name, value in each.slice.items()},
            "period": _period(scope),
        }


def explain(engine: Engine, scope: Scope, against: Scope, by: Sequence[Dimension]) -> Explanation:
    """Why the spend of `scope` is not that of `against`.

    `by` are the dimensions that mixes are told of, in the order in which they are nested, and that culprits may name.
    Raises ValueError for what the ledger cannot answer: other dimensions, and periods that cut UTC hours.
    """
    before, after = compared(engine, scope, against, [*by, *(each for each in VERSIONS if each not in by)])
    names = [each.value for each in by]
    whole = decompose(before, after, names)
    both = (rates(before), rates(after))
    found = tuple(culprits(before, after, names, [each.value for each in VERSIONS if each not in by]))
    said = sentence(whole, both, found, scope.start, scope.end)
    return Explanation(scope, against, tuple(by), whole, both, found, said)


def answer(engine: Engine, scope: Scope, against: Scope, by: Sequence[Dimension]) -> dict[str, Any]:
    """`explain`, ready for JSON."""
    return explain(engine, scope, against, by).as_json()


def _period(scope: Scope) -> dict[str, str]:
    return {"from": scope.start.isoformat(), "to": scope.end.isoformat()}


def _filters(scope: Scope) -> dict[str, list[str]]:
    return {dimension.value: list(values) for dimension, values in scope.filters.items() if values}


def _money(amount: Decimal) -> str:
    return f"{amount:f}"


def _share(part: Decimal, whole: Decimal) -> float | None:
    return float(part / whole) if whole else None


def _rates(found: Rates) -> Mapping[str, Any]:
    return asdict(found) | {"cost": _money(found.cost)}
