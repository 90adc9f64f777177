"""A change of spend in a sentence that a person would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal

from spanledger_analytics.methods.changes.culprits import Culprit, Kind, kind_of
from spanledger_analytics.methods.changes.decomposition import Decomposition, Driver, Term, total
from spanledger_analytics.methods.changes.rates import Rates

LABELS: Mapping[str, str] = {
    "new_customers": "New customers",
    "gone_customers": "Gone customers",
    "volume": "Number of calls",
    "errors": "Failed calls",
    "own_cache": "Answers from the own cache",
    "priced": "Calls that got a price",
    "tokens_input": "Input tokens per call",
    "tokens_cached": "Cached tokens per call",
    "tokens_output": "Output tokens per call",
    "tokens_other": "Other tokens per call",
    "cache_rate": "Cache rate of prompts",
    "price_input": "Price of input",
    "price_cached": "Price of cached input",
    "price_output": "Price of output",
    "price_other": "Other prices",
}

# Changes below this share of the spend before are none to a reader; an offsetting one must be worth naming.
_FLAT, _WORTH_NAMING = 0.01, 0.05
# Slices are named until they explain so much of the change.
_ENOUGH = 0.8
_DISTANCE = 1.75


def label(key: str) -> str:
    """A term's name for people."""
    return LABELS.get(key) or f"{key.removeprefix('mix_').replace('_', ' ').capitalize()} mix"


def sentence(
    whole: Decomposition, rates: tuple[Rates, Rates], culprits: Sequence[Culprit], start: datetime, end: datetime
) -> str:
    """What happened to spend in [start, end), what did it, and what would have been without it."""
    before, after, change = whole.before, whole.after, whole.change
    when = period(start, end)
    if not before and not after:
        return f"Nothing was spent {when} or in the period before it.{_unpriced(rates[1])}"
    if not before:
        return f"Spend of {dollars(after)} {when}, and none in the period before it.{_unpriced(rates[1])}"
    if not after:
        return f"Nothing was spent {when}, after {dollars(before)} in the period before it.{_unpriced(rates[1])}"
    if abs(change) < _of(before, _FLAT):
        return _flat(change, before, culprits, when) + _unpriced(rates[1])
    head = f"Spend {'rose' if change > 0 else 'fell'} by {dollars(abs(change))} ({percent(change, before)}) {when}"
    same_way = [each for each in culprits if (each.effect > 0) == (change > 0)]
    if not same_way:
        return f"{head}: {_everywhere(whole, rates)}.{_unpriced(rates[1])}"
    named: list[Culprit] = []
    for each in same_way[:3]:
        named.append(each)
        if sum(culprit.effect for culprit in named) / change >= Decimal(str(_ENOUGH)):
            break
    told = _joined([_told(each) for each in named])
    other = next((each for each in culprits if each not in same_way), None)
    if other is not None and abs(other.effect) * 2 >= abs(sum((each.effect for each in named), Decimal(0))):
        told += f", while {_told(other)}"
        named.append(other)
    rest = change - sum((each.effect for each in named), Decimal(0))
    return f"{head}: {told}; {_without(rest, before, len(named))}.{_unpriced(rates[1])}"


def period(start: datetime, end: datetime) -> str:
    """`on 2026-10-12`, or from when to when; days are UTC."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    if first.time() == last.time() == time():
        days = (last.date() - first.date()).days
        final = datetime.fromtimestamp(last.timestamp() - 1, UTC).date()
        return f"on {first:%Y-%m-%d}" if days == 1 else f"from {first:%Y-%m-%d} to {final:%Y-%m-%d}"
    return f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"


def subject(named: Mapping[str, str]) -> str:
    """A slice as one speaks of it: `acme's chat on gpt-5`."""
    rest = dict(named)
    customer, feature, model = (rest.pop(name, None) for name in ("customer", "feature", "model"))
    thing = feature or ("calls without a feature" if feature == "" else "")
    if customer:
        words = f"{customer}'s {thing or 'calls'}" if thing or model is not None else customer
    else:
        words = thing or ("calls" if model is not None or customer is not None else "")
        words += " without a customer" if customer == "" else ""
    if model is not None:
        words = f"{words} on {model or 'no model'}" if words and words != "calls" else model or "calls without a model"
    others = ", ".join(f"{name.replace('_', ' ')} {value or 'unknown'}" for name, value in rest.items())
    return f"{words} ({others})" if words and others else words or others


def reason(each: Culprit) -> str:
    """What about these calls has changed: `used 3.1 times the tokens per call`."""
    if not each.before.calls:
        return "is new"
    if not each.after.calls:
        return "is gone"
    return doing(
        each.driver, [term for term in each.terms.terms if kind_of(term) is each.kind], each.before, each.after
    )


def doing(driver: Driver, terms: Sequence[Term], before: Rates, after: Rates) -> str:
    """What calls that have changed in this way do, in words; `terms` are those that count."""
    effect = total(term.amount for term in terms if term.driver is driver)
    up = effect > 0
    if driver is Driver.VOLUME:
        return f"made {times(after.calls, before.calls)} calls"
    if driver is Driver.TOKENS and before.tokens_per_call and after.tokens_per_call:
        return f"used {times(after.tokens_per_call, before.tokens_per_call)} tokens per call"
    if driver is Driver.CACHE_RATE and before.cache_rate is not None and after.cache_rate is not None:
        return (
            f"had {_share(after.cache_rate)} of its prompts in the provider's cache, after {_share(before.cache_rate)}"
        )
    if driver is Driver.ERRORS and before.failed is not None and after.failed is not None:
        return f"had {_share(after.failed)} of its calls fail, after {_share(before.failed)}"
    if driver is Driver.OWN_CACHE and before.own_cache is not None and after.own_cache is not None:
        return f"answered {_share(after.own_cache)} from its own cache, after {_share(before.own_cache)}"
    if driver is Driver.PRICED:
        return "has a price for calls that had none" if up else "has calls without a price that had one"
    if driver is Driver.CUSTOMERS:
        return "has customers that are new" if up else "has lost customers"
    if driver is Driver.PRICE:
        return f"paid {percent(effect, after.cost - effect).lstrip('+-')} {'more' if up else 'less'} per token"
    mixes = [term for term in terms if term.driver is Driver.MIX]
    most = max(mixes, key=lambda term: term.amount if up else -term.amount)
    return f"moved to {'dearer' if up else 'cheaper'} {most.key.removeprefix('mix_').replace('_', ' ')}s"


def dollars(amount: Decimal) -> str:
    """`$412`, `$4.12`, `$0.0041`: what one would say."""
    size = abs(amount)
    if size >= 100 or not size:
        return f"${size:,.0f}"
    if size >= Decimal("0.1"):
        return f"${size:,.2f}"
    return f"${size:.2g}" if size >= Decimal("0.0001") else "less than $0.0001"


def percent(part: Decimal, whole: Decimal) -> str:
    """`+31 %`, signed; of little with a decimal."""
    if not whole:
        return ""
    share = float(part / whole) * 100
    return f"{share:+,.0f} %" if abs(share) >= 10 else f"{share:+.1f} %"


def times(now: float, then: float) -> str:
    """`3.1 times the`, `40 % more` or `60 % fewer`: how many there are beside before."""
    ratio = now / then
    if ratio >= _DISTANCE:
        return f"{ratio:.1f} times the"
    return f"{_share(abs(ratio - 1))} {'more' if ratio >= 1 else 'fewer'}"


def _share(of_one: float) -> str:
    return f"{of_one * 100:.0f} %"


def _told(each: Culprit) -> str:
    said = f"{subject(each.slice)} {reason(each)}"
    if each.kind is not Kind.QUANTITY:
        since = [("prompt" if name == "prompt_version" else name, value) for name, value in each.since.items()]
        if since:
            said += f" since {since[0][0]} {since[0][1]}"
    return f"{said} ({'+' if each.effect > 0 else '-'}{dollars(each.effect)})"


def _everywhere(whole: Decomposition, rates: tuple[Rates, Rates]) -> str:
    said = doing(whole.leading, whole.terms, *rates).replace(" its ", " their ")
    return f"no slice stands out, together they {said.replace('has ', 'have ', 1)}"


def _flat(change: Decimal, before: Decimal, culprits: Sequence[Culprit], when: str) -> str:
    said = f"Spend hardly changed {when}"
    if change:
        said += f" ({'+' if change > 0 else '-'}{dollars(change)}, {percent(change, before)})"
    worth = [each for each in culprits if abs(each.effect) >= _of(before, _WORTH_NAMING)]
    up, down = ([each for each in worth if (each.effect > 0) is rising] for rising in (True, False))
    if up and down:
        return f"{said}, but changes offset each other: {_joined([_told(up[0]), _told(down[0])])}."
    return f"{said}."


def _without(rest: Decimal, before: Decimal, named: int) -> str:
    it = "it" if named == 1 else "them"
    if abs(rest) < _of(before, _FLAT):
        return f"without {it} spend would have been flat"
    return f"without {it} spend would have {'risen' if rest > 0 else 'fallen'} by {dollars(abs(rest))}"


def _unpriced(rates: Rates) -> str:
    if not rates.unpriced_calls:
        return ""
    return f" {rates.unpriced_calls:,} calls have no price and are in none of these sums."


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _of(amount: Decimal, share: float) -> Decimal:
    return abs(amount) * Decimal(str(share))
