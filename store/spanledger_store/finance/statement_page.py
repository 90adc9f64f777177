"""A statement as a page for people, on screen and on paper, and as a table for programs: pure, from its JSON form."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_store.amounts import change, dollars
from spanledger_store.reports.calls import COST_CLASSES, TOKEN_CLASSES

Document = Mapping[str, Any]
# A spreadsheet would run a cell that begins like this as a formula.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
_CLASS_NAMES: Final = {
    "input": "Input", "cache_read": "Input read from cache", "cache_write": "Input written to cache",
    "output": "Output", "reasoning": "Reasoning (priced as output)", "other": "Other",
}  # fmt: skip

_CLASSES: Final = {"t": ' class="t"', "wide": ' class="wide"', "t wide": ' class="t wide"'}

# Nothing is loaded from anywhere: the page must look the same in ten years, and open without a network.
_STYLE: Final = """
:root{color-scheme:light;--ink:#1c1d21;--soft:#5d6068;--line:#d9dbe0;--bar:#4a5bd4}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);background:#fff;margin:0 auto;
max-width:52rem;padding:2.5rem 1.5rem}
header{display:flex;flex-wrap:wrap;justify-content:space-between;gap:1rem 3rem;border-bottom:2px solid var(--ink);
padding-bottom:1.2rem}
h1{font-size:1.75rem;line-height:1.2;margin:.2rem 0;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:2.2rem 0 .5rem;break-after:avoid}
p{margin:.35rem 0}.soft{color:var(--soft)}.due{text-align:right}
.due strong{display:block;font-size:1.75rem;line-height:1.2;font-variant-numeric:tabular-nums}
.note{border-left:3px solid var(--bar);padding:.1rem 0 .1rem .8rem;margin:1rem 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.32rem .5rem;text-align:right;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:.85rem;vertical-align:bottom}.t{text-align:left}
figcaption span:nth-child(2){white-space:normal}
td.t:first-child{overflow-wrap:anywhere;min-width:6rem}
tfoot td{font-weight:600;border-bottom:0;border-top:1.5px solid var(--ink)}
tr{break-inside:avoid}thead{display:table-header-group}tfoot{display:table-row-group}
th:first-child,td:first-child{padding-left:0}th:last-child,td:last-child{padding-right:0}
figure{margin:1.5rem 0 0;break-inside:avoid}svg{display:block;width:100%;height:7rem}rect{fill:var(--bar)}
figcaption{display:flex;gap:.7rem;white-space:nowrap;justify-content:space-between;color:var(--soft);font-size:.85rem}
footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.8rem;color:var(--soft);font-size:.85rem;
overflow-wrap:anywhere}
@page{size:A4;margin:16mm 15mm 18mm}
@media print{body{font-size:10pt;max-width:none;padding:0}.due strong,h1{font-size:18pt}
rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
@media screen and (max-width:48rem){body{font-size:13px;padding:1.5rem 1rem}.wide{display:none}.due{text-align:left}
th,td{padding:.3rem .25rem}}
"""


def page(document: Document) -> str:
    """One HTML document without scripts or requests; amounts are to the cent, and exact in their `value`."""
    title = f"Statement for {document['customer']}, {_month(document['month'])}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"{_header(document)}{_notes(document)}{_summary(document)}{_days(document)}{_adjustments(document)}"
        f"{_models(document)}{_features(document)}{_classes(document)}{_footer(document)}</body></html>\n"
    )


def table(document: Document) -> str:
    """CSV: the lines by provider, model and feature, then adjustments; `cost_usd` adds up to what is due, exactly."""
    tokens, costs = [f"{name}_tokens" for name in TOKEN_CLASSES], [f"{name}_cost_usd" for name in COST_CLASSES]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["customer", "month", "section", "provider", "model", "feature", "of_month", "reason", "calls",
                     "errors", "unpriced_calls", "cache_hits", *tokens, "cost_usd", *costs])  # fmt: skip
    start = [_cell(document["customer"]), document["month"]]
    for each in document["lines"]:
        named = [_cell(each[name]) for name in ("provider", "model", "feature")]
        counts = [each[name] for name in ("calls", "errors", "unpriced_calls", "cache_hits")]
        used = [each["tokens"][name] for name in TOKEN_CLASSES]
        # A line without a price costs nothing that is known: empty, not 0.
        paid = "" if each["cost_usd"] is None else each["cost_usd"]
        parts = [each["costs_usd"][name] for name in COST_CLASSES]
        writer.writerow([*start, "usage", *named, "", "", *counts, *used, paid, *parts])
    for each in document["adjustments"]:
        empty = [""] * len(tokens)
        writer.writerow([*start, "adjustment", "", "", "", each["month"], each["reason"], each["calls"], "",
                         each["unpriced_calls"], "", *empty, each["difference_usd"], *[""] * len(costs)])  # fmt: skip
    return out.getvalue()


def _header(document: Document) -> str:
    zone = ZoneInfo(document["zone"])
    first, end = (datetime.fromisoformat(document[name]).astimezone(zone) for name in ("from", "to"))
    stretch = f"{first:%-d %B %Y} to {_last(end):%-d %B %Y} ({escape(document['zone'])})"
    return (
        f'<header><div><p class="soft">Statement of usage, {_month(document["month"])}</p>'
        f'<h1>{escape(document["customer"])}</h1><p class="soft">{stretch}</p></div>'
        f'<div class="due"><p class="soft">Due</p><strong>{_money(document["due_usd"])}</strong>'
        f'<p class="soft">US dollars</p></div></header>'
    )


def _notes(document: Document) -> str:
    found: list[str] = []
    if not document["complete"]:
        found.append(f"The month has not ended: this is what was used until {_moment(document, 'made_at')}.")
    if sent := document["sent"]:
        since = Decimal(sent["since_usd"])
        what = f"since then {change(since)}" if since else "nothing has changed since"
        at = datetime.fromisoformat(sent["sent_at"]).astimezone(ZoneInfo(document["zone"]))
        found.append(f"Sent on {at:%-d %B %Y} with a total of {_money(sent['total_usd'])}; {what}.")
    if unpriced := document["total"]["unpriced_calls"]:
        calls = document["total"]["calls"]
        found.append(f"{unpriced:,} of {calls:,} calls have no price yet and are not in the amounts.")
    return "".join(f'<p class="note">{each}</p>' for each in found)


def _summary(document: Document) -> str:
    rows = [("Usage of the month", _money(document["total"]["cost_usd"]))]
    if document["adjustments"]:
        rows.append(("Adjustments of earlier months", _money(document["adjusted_usd"])))
    body = "".join(f'<tr><td class="t">{name}</td><td>{amount}</td></tr>' for name, amount in rows)
    foot = f'<tr><td class="t">Due</td><td>{_money(document["due_usd"])}</td></tr>'
    return f"<h2>Summary</h2><table><tbody>{body}</tbody><tfoot>{foot}</tfoot></table>"


def _days(document: Document) -> str:
    """Bars of each day's cost: a picture only, so floats will do."""
    zone = ZoneInfo(document["zone"])
    first = datetime.fromisoformat(document["from"]).astimezone(zone).date()
    last = _last(datetime.fromisoformat(document["to"]).astimezone(zone)).date()
    costs = {each["day"]: float(each["cost_usd"] or 0) for each in document["days"]}
    highest = max(costs.values(), default=0.0)
    if not highest:
        return ""
    bars: list[str] = []
    for at in range((last - first).days + 1):
        day = date.fromordinal(first.toordinal() + at)
        height = 100 * costs.get(day.isoformat(), 0.0) / highest
        bars.append(f'<rect x="{at * 10 + 1}" y="{100 - height:.2f}" width="8" height="{height:.2f}"/>')
    best = max(document["days"], key=lambda each: Decimal(each["cost_usd"] or 0))
    told = f"the dearest day {date.fromisoformat(best['day']):%-d %B}: {_money(best['cost_usd'])}"
    return (
        f'<figure><svg viewBox="0 0 {len(bars) * 10} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="Cost by day">{"".join(bars)}</svg>'
        f"<figcaption><span>{first:%-d %b}</span><span>Cost by day, {told}</span><span>{last:%-d %b}</span>"
        "</figcaption></figure>"
    )


def _adjustments(document: Document) -> str:
    if not document["adjustments"]:
        return ""
    rows = [
        (_month(each["month"]), each["reason"], _money(each["told_usd"]), _money(each["now_usd"]),
         _money(each["difference_usd"], change))
        for each in document["adjustments"]
    ]  # fmt: skip
    heads = ("t:Month", "t:Because of", "wide:Stated", "wide:Now", "Difference")
    return _section("Adjustments", heads, rows, ("Together", "", "", "", _money(document["adjusted_usd"], change)))


def _models(document: Document) -> str:
    rows = [
        (each["model"] or "(no model)", each["provider"], _count(each["calls"]), _prompt(each), _cached(each),
         _answer(each), _money(each["cost_usd"]))
        for each in document["models"]
    ]  # fmt: skip
    total = document["total"]
    heads = ("t:Model", "t wide:Provider", "Calls", "Input tokens", "wide:Cached", "wide:Output tokens", "Cost")
    foot = ("Together", "", _count(total["calls"]), _prompt(total), _cached(total), _answer(total))
    return _section("By model", heads, rows, (*foot, _money(total["cost_usd"])))


def _features(document: Document) -> str:
    rows = [
        (each["feature"] or "(no feature)", _count(each["calls"]), _prompt(each), _answer(each),
         _money(each["cost_usd"]))
        for each in document["features"]
    ]  # fmt: skip
    total = document["total"]
    foot = ("Together", _count(total["calls"]), _prompt(total), _answer(total), _money(total["cost_usd"]))
    return _section("By feature", ("t:Feature", "Calls", "Input tokens", "wide:Output tokens", "Cost"), rows, foot)


def _classes(document: Document) -> str:
    total = document["total"]
    rows = [
        (_CLASS_NAMES[name], _count(total["tokens"][name]),
         _money(total["costs_usd"][name]) if name in COST_CLASSES else "")
        for name in TOKEN_CLASSES
        if total["tokens"][name] or Decimal(total["costs_usd"].get(name, 0))
    ]  # fmt: skip
    foot = ("Together", _count(sum(total["tokens"].values())), _money(total["cost_usd"]))
    return _section("By class of tokens", ("t:Class", "Tokens", "Cost"), rows, foot)


def _footer(document: Document) -> str:
    exact = "unknown" if document["due_usd"] is None else f"{document['due_usd']} USD"
    return (
        f"<footer><p>Amounts are rounded for reading; sums are of exact ones. Due, with every digit: {exact}.</p>"
        f"<p>Made on {_moment(document, 'made_at')} from the ledger of project {escape(document['project'])}.</p>"
        "</footer>"
    )


def _section(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], foot: Sequence[str]) -> str:
    """A table; a head that begins with `t` is of text, one with `wide` is left out on a telephone."""
    kinds = [head.rpartition(":")[0] for head in heads]
    names = [head.rpartition(":")[2] for head in heads]

    def row(cells: Sequence[str], tag: str) -> str:
        # Numbers are markup of ours; what is text is anybody's.
        shown = (
            f"<{tag}{_CLASSES.get(kind, '')}>{escape(cell) if kind.startswith('t') else cell}</{tag}>"
            for cell, kind in zip(cells, kinds, strict=True)
        )
        return f"<tr>{''.join(shown)}</tr>"

    body = "".join(row(each, "td") for each in rows)
    return (
        f"<h2>{title}</h2><table><thead>{row(names, 'th')}</thead><tbody>{body}</tbody>"
        f"<tfoot>{row(foot, 'td')}</tfoot></table>"
    )


def _money(amount: str | None, form: Callable[[Decimal], str] = dollars) -> str:
    return "unpriced" if amount is None else f'<data value="{amount}">{form(Decimal(amount))}</data>'


def _count(number: int) -> str:
    return f"{number:,}"


def _prompt(each: Document) -> str:
    tokens = each["tokens"]
    return _count(tokens["input"] + tokens["cache_read"] + tokens["cache_write"])


def _cached(each: Document) -> str:
    return _count(each["tokens"]["cache_read"])


def _answer(each: Document) -> str:
    return _count(each["tokens"]["output"] + each["tokens"]["reasoning"])


def _month(month: str) -> str:
    return f"{date.fromisoformat(f'{month}-01'):%B %Y}"


def _moment(document: Document, name: str) -> str:
    at = datetime.fromisoformat(document[name]).astimezone(ZoneInfo(document["zone"]))
    return f"{at:%-d %B %Y, %H:%M} ({escape(document['zone'])})"


def _last(end: datetime) -> datetime:
    """A moment of the last day of a stretch that ends at a midnight."""
    return end - timedelta(hours=2)


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text
