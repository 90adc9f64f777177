"""The FOCUS export before the FinOps Foundation's own validator, in an environment of its own.

`focus-validator` is installed into a cache folder, never into the project: it wants Python 3.12, and packages of its
own. It brings the rules of FOCUS 1.2 along. What it asks of a dataset depends on what its provider supports; all that
this export claims is named in SUPPORTED. Prints JSON: rules that passed, failed and were skipped, the failed by name.

    python benchmarks/focus_validation.py                        # an export of a small demo, made for this
    python benchmarks/focus_validation.py --file focus.parquet   # one that is there
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

VERSION = "1.2"
# What the export has columns for: unit prices (a public list), token counts, sub accounts (customers), tags.
SUPPORTED = (
    "ACCOUNT_NAMING_SUPPORTED", "NEGOTIATED_PRICING_SUPPORTED", "PUBLIC_PRICE_LIST_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED", "UNIT_PRICING_SUPPORTED", "SUB_ACCOUNT_SUPPORTED", "TAGGING_SUPPORTED",
)  # fmt: skip
# Rules that the validator's rule set states without the condition they have in the specification.
KNOWN = {
    "InvoiceId-C-005-C": "asks for an InvoiceId in every row, InvoiceId-C-004-C for none in any; a ledger has none",
}
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spanledger" / "focus-validator"
# It pins NumPy 1.26, which newer ones would have to build; and does not pin pyarrow, whose newer ones want NumPy 2.
PYTHON = "python3.12"
PACKAGES = ("focus-validator>=2.2", "pyarrow<22")


def main() -> None:
    """Validate a file, or an export made for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, action="append", help="a .parquet or .csv; may be given more than once")
    parser.add_argument("--environment", type=Path, default=CACHE, help="where the validator is, or is put")
    parser.add_argument("--python", default=PYTHON, help="a Python 3.12, to install it with")
    options = parser.parse_args()
    validator = installed(options.environment, options.python)
    with tempfile.TemporaryDirectory(prefix="focus-") as work:
        files = options.file or exported(Path(work))
        found = {path.name: validated(validator, path, Path(work)) for path in files}
    told = {"validator": version(validator), "focus": VERSION, "supported": SUPPORTED, "files": found}
    print(json.dumps(told, indent=1))
    if any(not known(rule) for each in found.values() for rule in each["failed"]):
        sys.exit(1)


def installed(environment: Path, python: str) -> Path:
    """The validator's command, installed at first."""
    command = environment / "bin" / "focus-validator"
    if command.exists():
        return command
    try:
        subprocess.run([python, "-m", "venv", str(environment)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"focus-validator needs Python 3.12, and {python!r} does not start: {error}. Name one with --python.")
    subprocess.run([environment / "bin" / "pip", "install", "--quiet", "--prefer-binary", *PACKAGES], check=True)
    return command


def exported(work: Path) -> list[Path]:
    """A FOCUS file of each form, of three demo days."""
    command = [sys.executable, "-m", "spanledger_cli"]
    data = ["--data", str(work / "data")]
    run = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([*command, "demo", "--no-serve", "--days", "3", "--spans", "2000", *data], **run)
    asked = "SELECT toDate(min(hour)) AS first, toDate(max(hour)) + 1 AS last FROM ledger"
    (row,) = json.loads(
        subprocess.run(
            [*command, "query", asked, "--format", "json", *data], check=True, capture_output=True, text=True
        ).stdout
    )
    files = [work / "focus.parquet", work / "focus.csv"]
    for path in files:
        period = ["--from", row["first"], "--to", row["last"]]
        subprocess.run([*command, "export", "focus", *period, "--out", str(path), *data], **run)
    return files


def validated(validator: Path, path: Path, work: Path) -> dict[str, Any]:
    """What the validator says of a file: counts, and each rule that failed with its message."""
    report = work / f"{path.name}.xml"
    done = subprocess.run(
        [
            validator, "--data-file", path.absolute(), "--validate-version", VERSION, "--block-download",
            "--applicability-criteria", ",".join(SUPPORTED), "--output-type", "unittest",
            "--output-destination", report,
        ],
        # It looks for its tables beside its package.
        cwd=next(validator.parents[1].glob("lib/python*/site-packages")), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not report.exists():
        sys.exit(f"focus-validator wrote no report about {path}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    cases = list(ElementTree.parse(report).iter("testcase"))  # written by the validator a moment ago
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    failed = {case.get("name", ""): clean(case) for case in bad}
    skipped = sum(case.find("skipped") is not None for case in cases)
    return {
        "rules": len(cases),
        "passed": len(cases) - len(failed) - skipped,
        "failed": {rule: why for rule, why in failed.items() if not known(rule)},
        "known": {rule: KNOWN[known(rule)] for rule in failed if known(rule)},
        "skipped": skipped,
    }


def known(rule: str) -> str:
    """The rule of KNOWN that a test case is about, '' for none."""
    return next((name for name in KNOWN if rule.startswith(name)), "")


def clean(case: ElementTree.Element) -> str:
    """Why a rule failed, on one line."""
    found = case.find("failure") if case.find("failure") is not None else case.find("error")
    text = "" if found is None else f"{found.get('message') or ''} {found.text or ''}"
    return re.sub(r"\s+", " ", text).strip()[:300]


def version(validator: Path) -> str:
    """The installed release."""
    show = [validator.parent / "pip", "show", "focus-validator"]
    listed = subprocess.run(show, capture_output=True, text=True, check=True)
    return re.search(r"^Version: (\S+)", listed.stdout, re.MULTILINE)[1]  # type: ignore[index]


if __name__ == "__main__":
    main()
