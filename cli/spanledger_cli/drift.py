"""`spanledger drift`: whether calls have changed, since when, and whether any two sets of them differ."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from spanledger_cli import drift_baselines
from spanledger_cli.asking import of_store, requests
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, console, write_document, write_rows
from spanledger_cli.reprice import moment
from spanledger_store import moments

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine

app = typer.Typer(no_args_is_help=True, help="Changes of what is asked and measured, and comparisons.")
app.add_typer(drift_baselines.app, name="baselines")

_PATH = "/api/v1/drift"
_FOUND: list[Column] = [
    ("id", "String"), ("state", "String"), ("since", "String"), ("slice", "String"), ("effect", "Float64"),
    ("p_value", "Nullable(Float64)"), ("what", "String"),
]  # fmt: skip
_LOOKS: list[Column] = [
    ("day", "String"), ("slice", "String"), ("quantity", "String"), ("sessions", "UInt64"),
    ("baseline_sessions", "UInt64"), ("p_value", "Nullable(Float64)"), ("effect", "Nullable(Float64)"),
    ("leading", "String"), ("evidence", "Float64"), ("threshold", "Float64"), ("alarmed", "Bool"), ("note", "String"),
]  # fmt: skip
_TESTS: list[Column] = [
    ("what", "String"), ("differs", "String"), ("p", "Nullable(Float64)"), ("effect", "Nullable(Float64)"),
    ("before", "String"), ("now", "String"),
]  # fmt: skip
_SECONDS = ("duration_ns", "ttft_ns")
_DAYS = 30

FromOption = Annotated[str | None, typer.Option("--from", metavar="TIME", help="UTC without a zone.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Not included; else now.")]


@app.command(name="list")
def list_(
    start: FromOption = None,
    end: ToOption = None,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """List changes of what is asked and measured, newest first: since when, in which slice, how far.

    JSON has all of it: each statistic, sessions on both sides, the questions that are least like before.

    Example: spanledger drift list --format json
    """

    def here(engine: Any, control: Any, first: datetime | None, last: datetime | None) -> Any:
        from spanledger_store.control import projects
        from spanledger_store.reports.findings import report

        projects.get(control, project)
        return report(engine, control, project, start=first, end=last, kinds=("drift",))

    found = _answer("", start, end, project, data, here)
    rows = [
        [x["id"], x["state"], x["start"][:10], _slice(x["slice"]), round(x["score"], 4), x["p_value"],
         x["evidence"]["sentence"]]
        for x in found
    ]  # fmt: skip
    if form is Format.JSON:
        write_document(found)
    else:
        write_rows(_FOUND, rows, form)


@app.command()
def looks(
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"UTC without a zone; else {_DAYS} days before --to.")
    ] = None,
    end: ToOption = None,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """List every day that was compared with its baseline: an alarm is raised where evidence reaches its threshold.

    Example: spanledger drift looks --from 2026-11-01
    """

    def here(engine: Any, control: Any, first: datetime | None, last: datetime | None) -> Any:
        from spanledger_store.control import projects
        from spanledger_store.quality import drift

        projects.get(control, project)
        begins, ends = moments.stretch(first, last, timedelta(days=_DAYS))
        listed = drift.listing(engine, project, begins, ends)
        return [each.as_json() for each in listed]

    found = _answer("/looks", start, end, project, data, here)
    if form is Format.JSON:
        write_document(found)
        return
    rows = [[x["start"][:10], _slice(x["slice"]), *(x[name] for name, _ in _LOOKS[2:])] for x in found]
    write_rows(_LOOKS, [[_short(value) for value in row] for row in rows], form)


@app.command()
def compare(
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="UTC without a zone; else a week before --to.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Not included; else the last hour.")] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="WHAT",
            help="previous (the stretch before of equal length), week (the same hours a week earlier), FROM..TO, same "
            "(the same time), or the name of a pinned baseline. Else previous; with another version, same.",
        ),
    ] = None,
    of: Annotated[str, typer.Option("--of", help="Whose embeddings: inputs or outputs.")] = "inputs",
    customer: Annotated[str, drift_baselines.only("customer")] = "",
    feature: Annotated[str, drift_baselines.only("feature")] = "",
    environment: Annotated[str, drift_baselines.only("environment")] = "",
    release: Annotated[str, drift_baselines.only("release")] = "",
    against_release: Annotated[str, drift_baselines.theirs("release")] = "",
    model: Annotated[str, drift_baselines.only("model")] = "",
    against_model: Annotated[str, drift_baselines.theirs("model")] = "",
    prompt_version: Annotated[str, drift_baselines.only("prompt version")] = "",
    against_prompt_version: Annotated[str, drift_baselines.theirs("prompt version")] = "",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Compare two periods, or two versions, of calls: what is asked or answered, what is measured, and the mix.

    Judged by sessions, within customer and feature. JSON has all of it: quantiles, shares, examples, topics, what it
    did to cost, time, failures and scores, and how much of that is mix.

    Example: spanledger drift compare --against week
    """
    filters = {
        "customer": customer, "feature": feature, "environment": environment, "release": release, "model": model,
        "prompt_version": prompt_version,
    }  # fmt: skip
    other = {"release": against_release, "model": against_model, "prompt_version": against_prompt_version}
    asked: dict[str, Any] = {
        "project": project, "against": against, "of": of,
        "filters": {name: [value] for name, value in filters.items() if value},
        "other": {name: value for name, value in other.items() if value},
    }  # fmt: skip

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_analytics import drift_comparing
        from spanledger_store.reports.asked import comparison

        wanted = comparison(control, start=start, end=end, **asked)
        return drift_comparing.answer(engine, control, wanted)

    body = {**asked, "from": start, "to": end}
    found = of_store(store_settings(data), lambda up: up.post(f"{_PATH}/compare", body), here, "comparing")
    if form is Format.JSON:
        write_document(found)
        return
    if form is Format.TABLE:
        console().print(found["sentence"], markup=False)
    write_rows(_TESTS, _tests(found), form)
    for note in {found[name]["note"] for name in ("embeddings", "measured", "mix")} - {""}:
        console(sys.stderr).print(f"note: {note}", markup=False)


def _tests(found: dict[str, Any]) -> list[list[Any]]:
    """One line for each test, each quantity, and each thing that is set beside."""
    rows: list[list[Any]] = []
    for name, told in ((found["of"], found["embeddings"]), ("customers and features", found["mix"])):
        rows.append([name, _differs(told), told["p_corrected"], told["effect"], "", ""])
    for each in found["measured"]["quantities"]:
        sides = _sides(each)
        rows.append([each["name"], _differs(each), each["p_corrected"], each["effect"], *sides])
    for name, both in found["beside"].items():
        rows.append([f"mean {name}", "", None, None, _told(both["reference"]), _told(both["current"])])
    return [[_short(value) for value in row] for row in rows]


def _differs(told: dict[str, Any]) -> str:
    if told.get("p") is None:
        return "not tested"
    return "yes" if told["changed"] else "no"


def _sides(each: dict[str, Any]) -> tuple[str, str]:
    """Medians, or the share that changed most surely."""
    if quantiles := each.get("quantiles"):
        unit = " s" if each["name"] in _SECONDS else ""
        return f"{_told(quantiles[0]['before'])}{unit}", f"{_told(quantiles[0]['after'])}{unit}"
    if shares := each.get("shares"):
        first = shares[0]
        return f"{first['name'] or 'none'} {first['before']:.1%}", f"{first['name'] or 'none'} {first['after']:.1%}"
    return "", ""


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _answer(path: str, start: str | None, end: str | None, project: str, data: Any, here: Any) -> Any:
    first = None if start is None else moment(start, "--from")
    last = None if end is None else moment(end, "--to")
    with requests():
        moments.ordered(first, last)
    times = {"from": first and first.isoformat(), "to": last and last.isoformat()}
    asked = urlencode({"project": project} | {name: value for name, value in times.items() if value})
    return of_store(
        store_settings(data),
        lambda up: up.get(f"{_PATH}{path}?{asked}"),
        lambda engine, control: here(engine, control, first, last),
    )


def _slice(where: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in where.items()) or "everything"


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
