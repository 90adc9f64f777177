"""Tries every library of table.py with the real packages: `python -m tests.sdk.frameworks.run [LIBRARY|PROGRAM ...]`.

Each unchanged program runs under `spanledger-run` in an environment of its own against the local fake provider; what
it sends goes through the collector's own normaliser, and must be one billable call with exact tokens and cost, in one
unbroken trace. `--write-docs` keeps the outcome in results.json and writes docs/frameworks.md from it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.sdk.frameworks import page
from tests.sdk.frameworks.environments import NotInstallable, python_of, version_in
from tests.sdk.frameworks.receiving import Received, receiving
from tests.sdk.frameworks.table import CASES, CHARGES, TRIALS, Charge, Trial
from tests.sdk.provider import Provider, serving

PROGRAMS = Path(__file__).parent / "programs"
NO_SUCH_CASE = 77
PATIENCE = 120


def variables(trial: Trial, case: str, url: str, endpoint: str) -> dict[str, str]:
    """All that the program's process knows of the world."""
    ways = "down" if case == "error" else "mistral" if trial.answers == "mistral" else "x"
    base = f"{url}/{ways}"
    return {
        "PATH": os.environ["PATH"],
        "HOME": tempfile.mkdtemp(),
        "FAKE_URL": base,
        "OPENAI_API_KEY": "not-a-key",
        "OPENAI_BASE_URL": f"{base}/v1",
        "OPENAI_API_BASE": f"{base}/v1",
        "ANTHROPIC_API_KEY": "not-a-key",
        "ANTHROPIC_BASE_URL": base,
        "SPANLEDGER_ENDPOINT": endpoint,
        "CREWAI_DISABLE_TELEMETRY": "true",
        "CREWAI_TESTING": "true",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
    }


def attempt(trial: Trial, case: str, python: Path, provider: Provider) -> tuple[str, set[str]]:
    """One case: `ok`, `–` where the library has no such thing, or what is wrong; and who made the spans."""
    program = PROGRAMS / f"{trial.program}.py"
    with receiving() as received:
        given = variables(trial, case, provider, received.url)
        try:
            done = subprocess.run(
                [python, "-m", "spanledger.run", program, case],
                env=given, cwd=given["HOME"], capture_output=True, text=True, timeout=PATIENCE,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"did not end within {PATIENCE} s", set()
        if done.returncode == NO_SUCH_CASE:
            return "–", set()
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return f"the program failed: {' '.join(lines[-2:])[-200:]}", received.scopes()
        if not received.requests:
            return f"nothing arrived: {(done.stderr.splitlines() or ['nothing was said'])[-1][:300]}", set()
        return verdict(trial, case, received), received.scopes()


def verdict(trial: Trial, case: str, received: Received) -> str:
    """What the collector makes of it, against what the provider charged."""
    rows = received.rows()
    wrong = [*_chain(rows)]
    billable = [row for row in rows if row["is_billable"]]
    if case == "error":
        if not any(row["status"] == "error" for row in rows):
            wrong.append("no span tells the error")
        if any(row["input_tokens"] for row in rows):
            wrong.append("tokens of a failed call")
        if len(billable) > max(1, trial.calls):
            wrong.append(f"{len(billable)} billable calls")
        return "; ".join(wrong) or "ok"
    charges = CHARGES[trial.answers]
    charge = charges.get(case, charges[""])
    if len(billable) != trial.calls:
        wrong.append(f"{len(billable)} billable calls: {', '.join(row['name'] for row in billable)}")
    for row in billable:
        wrong += _amounts(row, charge)
    return "; ".join(dict.fromkeys(wrong)) or "ok"


def _amounts(row: dict[str, Any], charge: Charge) -> list[str]:
    given = sum(row[name] or 0 for name in ("input_tokens", "cache_read_tokens", "cache_write_tokens"))
    made = sum(row[name] or 0 for name in ("output_tokens", "reasoning_tokens"))
    wrong: list[str] = []
    if (given, made) != (charge.input, charge.output):
        wrong.append(f"{given}/{made} tokens, not {charge.input}/{charge.output}")
    elif charge.cost is not None and row["cost_usd"] != Decimal(charge.cost):
        wrong.append(f"cost {row['cost_usd']}, not {charge.cost}")
    return wrong


def _chain(rows: list[dict[str, Any]]) -> list[str]:
    known = {row["span_id"] for row in rows}
    wrong: list[str] = []
    # MCP's own span of a notification stands alone: what counts is where models, tools and agents are.
    traces = {row["trace_id"] for row in rows if row["kind"] != "span"}
    if len(traces) > 1:
        wrong.append(f"{len(traces)} traces")
    if any(row["parent_span_id"] and row["parent_span_id"] not in known for row in rows):
        wrong.append("a parent that did not arrive")
    return wrong


def tried(trial: Trial) -> dict[str, Any]:
    """The whole outcome of one trial, as results.json keeps it."""
    outcome: dict[str, Any] = {
        "library": trial.library,
        "package": trial.package,
        "instrumentation": trial.instrumentation,
        "day": datetime.now(tz=UTC).date().isoformat(),
    }
    try:
        python = python_of(trial)
    except NotInstallable as problem:
        return {**outcome, "cases": dict.fromkeys(CASES, f"not installed: {problem}"), "scopes": []}
    cases: dict[str, str] = {}
    scopes: set[str] = set()
    with serving() as provider:
        for case in CASES:
            cases[case], made = attempt(trial, case, python, provider)
            scopes |= made
    return {
        **outcome,
        "version": version_in(python, trial.package),
        "instrumentation_version": version_in(python, trial.instrumentation),
        "cases": cases,
        "scopes": sorted(scopes),
    }


def main(arguments: list[str]) -> int:
    wanted = {word for word in arguments if not word.startswith("-")}
    outcomes: dict[str, Any] = {}
    for trial in TRIALS:
        if wanted and not wanted & {trial.library, trial.program, trial.name}:
            continue
        outcomes[trial.name] = outcome = tried(trial)
        print(f"{trial.name} {outcome.get('version', '')}  {', '.join(outcome['scopes'])}", flush=True)
        for case, result in outcome["cases"].items():
            print(f"  {case:7} {result}", flush=True)
    if "--write-docs" in arguments:
        page.keep(outcomes)
        page.write()
    return int(any(result not in ("ok", "–") for outcome in outcomes.values() for result in outcome["cases"].values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
