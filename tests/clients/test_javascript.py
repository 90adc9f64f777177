"""The OpenTelemetry SDK of JavaScript with its three exporters, from npm (versions in js/package.json)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import Ledger
from tests.clients.installing import installed
from tests.clients.story import check, ids

CALLS = 300

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def place() -> Path:
    return installed("js", ["node", "npm"], [["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]])


@pytest.mark.long
@pytest.mark.parametrize("protocol", ["proto", "json", "grpc"])
def test_the_javascript_sdk(place: Path, ledger: Ledger, protocol: str) -> None:
    command = ["node", "send.mjs", protocol, ledger.endpoint(protocol), str(CALLS), ledger.key]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    sent = ids(done.stdout)
    assert len(sent) == CALLS
    check(ledger.up, "javascript", sent)
