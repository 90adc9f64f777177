"""docs/frameworks.md, made of what the last runs found (results.json)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from spanledger._internal.instrument.libraries import NAMES
from tests.sdk.frameworks.environments import ROOT
from tests.sdk.frameworks.table import CASES, TRIALS

RESULTS = Path(__file__).parent / "results.json"
PAGE = ROOT / "docs" / "frameworks.md"
HEAD = """\
# Frameworks observed without a change of code

`spanledger-run app.py` and `spanledger.init(instrument="auto")` look for installed instrumentations of the libraries
below and use one of each: OpenTelemetry's own (`genai`), then OpenInference, then OpenLLMetry. Where none is installed,
OpenAI's and Anthropic's clients are wrapped by Spanledger itself. [For teams](team.md#without-changing-code) says how.

This page is written by `python -m tests.sdk.frameworks.run --write-docs` (`make frameworks`), from runs of the real
packages against a local fake provider. Each case is an unchanged program, under `spanledger-run`, in an environment of
its own; **ok** means that the collector made of it exactly the billable calls there were, with exact tokens, in one
unbroken trace, and of a failed call an error without tokens. Costs are compared for models of OpenAI, Anthropic and
Google; of Mistral, Cohere and Bedrock only tokens are. **–** was not tried, mostly for want of such a call.
Where another instrumentation is named and *spanledger* made spans too, the framework calls through OpenAI's client,
which is observed as well; where *spanledger* made all, the instrumentation says nothing of plain model calls.

"""


def keep(outcomes: dict[str, Any]) -> None:
    """Add these outcomes to those of earlier runs."""
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    names = [trial.name for trial in TRIALS]
    merged = {**before, **outcomes}
    RESULTS.write_text(json.dumps({name: merged[name] for name in names if name in merged}, indent=1) + "\n")


def write() -> None:
    """Write the page anew."""
    PAGE.write_text(rendered(json.loads(RESULTS.read_text())))


def rendered(results: dict[str, Any]) -> str:
    """The page's text."""
    notes: list[str] = []
    lines = [
        f"| library | version | instrumentation | spans by | {' | '.join(CASES)} | tested |",
        f"|{'---|' * (len(CASES) + 5)}",
    ]
    for outcome in results.values():
        cells = [_cell(outcome["cases"][case], notes) for case in CASES]
        who = outcome["instrumentation"]
        if who is None:
            by = "its own" if outcome["library"] == "pydantic-ai" else "Spanledger's wrapping"
        else:
            by = f"{who} {outcome.get('instrumentation_version', '')}".strip()
        package = f"{re.split('[<=]', outcome['package'])[0]} {outcome.get('version', '')}".strip()
        made = ", ".join(_short(scope) for scope in outcome["scopes"]) or "nobody"
        lines.append(f"| {outcome['library']} | {package} | {by} | {made} | {' | '.join(cells)} | {outcome['day']} |")
    missing = [name for name in NAMES if name not in {outcome["library"] for outcome in results.values()}]
    text = HEAD + "\n".join(lines) + "\n"
    if missing:
        text += f"\nNot tried yet: {', '.join(missing)}.\n"
    if notes:
        text += "\n" + "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1)) + "\n"
    return text


def _short(scope: str) -> str:
    """A scope's name without what all of its kind begin with."""
    return scope.replace("opentelemetry.instrumentation.", "").replace(
        "openinference.instrumentation.", "openinference."
    )


def _cell(result: str, notes: list[str]) -> str:
    if result in ("ok", "–"):
        return result
    note = result.replace("|", "\\|").replace("<", "\\<")
    if note not in notes:
        notes.append(note)
    return f"note {notes.index(note) + 1}"
