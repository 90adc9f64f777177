"""What `import spanledger` brings into a program: little, since it lives in other people's."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Each takes longer to import than all of the SDK: paid by programs that call `init`, on the export thread if it can be.
HEAVY = {"opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto", "google.protobuf", "requests", "urllib3",
         "pydantic", "genai_prices", "asyncio", "sqlite3", "http.client"}  # fmt: skip


def loaded(code: str) -> set[str]:
    """Modules of a fresh program that has run `code`."""
    said = f"import json, sys; before = set(sys.modules)\n{code}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    # Isolated: nothing that a developer's environment loads into every program.
    done = subprocess.run([sys.executable, "-I", "-c", said], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_the_import_loads_nothing_heavy() -> None:
    modules = loaded("import spanledger")
    assert "spanledger" in modules
    assert modules & HEAVY == set()


def test_observing_without_init_loads_nothing_heavy() -> None:
    code = "import spanledger\n@spanledger.observe\ndef work(): return 1\nwith spanledger.context(customer='a'): work()"
    assert loaded(code) & HEAVY == set()


def test_the_base_install_is_the_sdk_s_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {line.split(">=")[0] for line in project["dependencies"]} == {
        "opentelemetry-api",
        "opentelemetry-sdk",
        "opentelemetry-proto",
        "requests",
    }
