"""A type checker sees the same signature with and without `@observe`."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import spanledger

CHECKER = Path(sys.executable).parent / "basedpyright"
CASES = Path(__file__).parent / "typing"
SDK = Path(spanledger.__file__).parents[1]

pytestmark = pytest.mark.skipif(not CHECKER.exists(), reason="basedpyright is not installed beside this Python")


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the checker says about the cases, in one run: it takes seconds to start."""
    folder = tmp_path_factory.mktemp("typing")
    settings = {
        "include": [str(CASES)],
        "extraPaths": [str(SDK)],
        "typeCheckingMode": "standard",
        "pythonVersion": "3.11",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [CHECKER, "--project", folder, "--pythonpath", sys.executable, "--outputjson"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    return json.loads(done.stdout)["generalDiagnostics"]


def of(findings: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [finding for finding in findings if Path(finding["file"]).name == name]


def test_signatures_survive(findings: list[dict[str, Any]]) -> None:
    said = of(findings, "signatures.py")
    assert [finding for finding in said if finding["severity"] == "error"] == []
    revealed = [finding["message"] for finding in said if finding["severity"] == "information"]
    assert [re.sub(r'^Type of ".*?" is ', "", message) for message in revealed] == [
        '"(a: int, *, b: str = "") -> float"',
        '"(a: int) -> CoroutineType[Any, Any, str]"',
        '"(a: int) -> Generator[int, str, bytes]"',
        '"(a: int) -> AsyncGenerator[int, str]"',
        '"(a: int) -> list[int]"',
        '"(a: int) -> str"',
    ]


def test_mistakes_are_found(findings: list[dict[str, Any]]) -> None:
    lines = (CASES / "mistakes.py").read_text().splitlines()
    expected = {
        (number, marked[1]) for number, line in enumerate(lines) if (marked := re.search(r"# error: (\w+)", line))
    }
    said = of(findings, "mistakes.py")
    found = {(f["range"]["start"]["line"], f["rule"]) for f in said if f["severity"] == "error"}
    assert found == expected
