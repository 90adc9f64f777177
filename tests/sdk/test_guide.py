"""The examples of docs/team.md that are complete programs run, without a collector."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .sink import Sink

GUIDE = (Path(__file__).parents[2] / "docs/team.md").read_text()


def example(section: str) -> str:
    body = GUIDE.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    found = re.search(r"```python\n(.*?)```", body, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "section",
    [
        "What it can be put on",
        "Privacy",
        "Budgets in the program",
        "Testing your instrumentation",
        "Context",
        "Scores and feedback",
        "Guardrails",
    ],
)
def test_an_example_runs(section: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example(section)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_serverless_example_delivers(sink: Sink) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example("Serverless, forks and notebooks") + "import os\nos._exit(0)\n"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "SPANLEDGER_ENDPOINT": sink.url},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [span.name for span in sink.spans] == ["handler"]
